"""A capture as bytes: what each side of each connection said, uncut and undecoded, for who does not know yet how to read it.

Reads what `talks` reads (pcapng, pcap, JSON lines, hex dumps), needs neither dialect nor framing for it, and takes anything else
for the bytes of one direction themselves.
"""

from pathlib import Path
from typing import Final, NamedTuple

from switch.capture.blocks import FRAMING, unblocked
from switch.capture.literals import cut
from switch.capture.pasted import pieces, text_of, unwrapped, written
from switch.capture.pcapng import MAGIC, CaptureError, Reading
from switch.capture.reassembly import conversations
from switch.capture.spoken import ABOUT, load_dialect, spoken
from switch.capture.talks import dialect_of, hex_pieces, lines_of
from switch.counting import counted
from switch.wire import Dialect

_QUOTES: Final = str.maketrans("", "", "\"'")
KEPT: Final = 64 << 10
"""bytes kept of a direction: who looks at a beginning needs no more"""


class Stream(NamedTuple):
    """One direction of one connection, from its beginning."""

    name: str
    from_client: bool | None
    """None: the file does not say"""
    data: bytes
    messages: tuple[tuple[int, int], ...] | None = None
    """where in `data` the messages are, if the file has them without frames"""
    framing: str = ""
    note: str = ""
    """what to bear in mind when reading it"""
    speaks: Dialect | None = None
    """what the file carries or names, None where it does not or where nobody here has it"""


def streams(path: Path, port: int = 0) -> list[Stream]:
    """What was said in a file, by direction. `port`: of conversations to read; 0: all. CaptureError: it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(4)
            if content[:2] in MAGIC:
                return _of_packets(path, port)
            content += file.read()
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}") from None
    return of_bytes(content, path.name)


def of_bytes(content: bytes, name: str) -> list[Stream]:
    """The same of a file's content that is no packet capture: JSON lines, hex, what `pasted` knows, or the bytes themselves."""
    text = text_of(content)
    if text is None:
        records = unblocked(content)
        if records is not None:
            return [Stream(name, None, records[:KEPT], framing=FRAMING)]
        return [Stream(name, None, content[:KEPT])]
    if text.lstrip().startswith('{"') and ('"hex"' in text or '"document"' in text):
        return _of_lines(text, name)
    several = several_of(text, name)
    if several is not None:
        return [several]
    pasted = written(text)
    if pasted is not None:
        return [Stream(name, None, pasted[:KEPT], note=left_out(text))]
    try:
        found = _of_hex(text.translate(_QUOTES), name)
    except CaptureError:
        return [Stream(name, None, alone(content)[:KEPT])]
    return [one._replace(data=unwrapped(one.data)) for one in found] if len(found) == 1 else found


def alone(content: bytes) -> bytes:
    """A text of one line without the line end that an editor puts behind it; all else as it is."""
    body = content.removesuffix(b"\n").removesuffix(b"\r")
    return body if body.isascii() and b"\n" not in body else content


def several_of(text: str, name: str) -> Stream | None:
    """The messages of a text that has each apart and without a frame; None: it has not."""
    several = pieces(text) if "dialect=" not in text else []
    return _joined(name, None, several, None, "") if several else None


def left_out(text: str) -> str:
    """What the program that printed the bytes has left out of them, in a sentence; "": nothing that is known."""
    found = cut(text)
    if found is None:
        return ""
    missing = (
        "some bytes are"
        if found.missing is None
        else f"{counted(found.missing, 'byte')} more {'is' if found.missing == 1 else 'are'}"
    )
    return f"{missing} not here: the program printed the beginning only; {found.whole} prints them all"


def _of_packets(path: Path, port: int) -> list[Stream]:
    reading = Reading(path)
    found = conversations(reading, port)
    if not found:
        where = f" with port {port}" if port else ""
        raise CaptureError(f"{path} has no TCP conversation{where} in which anything is said")
    made = []
    for conversation in found:
        about = dict(ABOUT.findall(conversation.interface.description))
        try:
            speaks = spoken(conversation.interface, str(path))
        except CaptureError:
            speaks = None  # of somebody else's file
        for side in (True, False):
            data, note = b"", "" if conversation.began_whole else "the capture began after the connection"
            for chunk in conversation.chunks:
                if chunk.from_client != side:
                    continue
                if chunk.missing:
                    note = f"{chunk.missing} bytes never came; what is behind them is not looked at"
                    break
                data += chunk.data
                if len(data) >= KEPT:
                    break
            if data:
                framing = about.get("framing", "")
                made.append(Stream(conversation.name, side, data[:KEPT], framing=framing, note=note, speaks=speaks))
    return made


def _of_lines(text: str, name: str) -> list[Stream]:
    found: dict[tuple[str, bool | None, Dialect | None, str], list[bytes]] = {}
    last: dict[str, tuple[Dialect | None, str]] = {}
    dialects: dict[str, Dialect] = {}
    for where, line in lines_of(text, name):
        before, framing = last.get(line.talk, (None, ""))
        goes_on = line.talk in last and not line.dialect and line.spec is None
        try:
            try:
                speaks = before if before is not None and goes_on else dialect_of(line, dialects, where)
            except CaptureError:
                if not line.hex:
                    raise
                speaks = None  # of somebody else's file
            data = bytes.fromhex(line.hex) if speaks is None or line.hex else speaks.encode(line.document or {})
        except CaptureError:
            raise
        except ValueError as error:  # no hex, a document that cannot be written
            raise CaptureError(f"{where}: {error}") from None
        framing = line.framing or (framing if speaks is before else "")
        last[line.talk] = speaks, framing
        side = {"client": True, "server": False}.get(line.from_)
        found.setdefault((line.talk, side, speaks, framing), []).append(data)
    return [_joined(talk, side, said, speaks, framing) for (talk, side, speaks, framing), said in found.items()]


def _of_hex(text: str, name: str) -> list[Stream]:
    """Lines of hex. Under a `# … dialect=` line, as `capture export --hex` writes them, each is a message without its frame."""
    made: list[Stream] = []
    for talk, about, said in hex_pieces(text, name):
        try:
            speaks = load_dialect(about["dialect"], name) if "dialect" in about else None
        except CaptureError:
            speaks = None  # of somebody else's file
        for side in (True, False, None):
            mine = [data for whose, data in said if whose is side]
            if not mine:
                continue
            if "dialect" in about:
                made.append(_joined(talk, side, mine, speaks, about.get("framing", "")))
            else:
                made.append(Stream(talk, side, b"".join(mine)[:KEPT]))
    if not made:
        raise CaptureError(f"{name} has no message in it")
    return made


def _joined(name: str, side: bool | None, pieces: list[bytes], speaks: Dialect | None, framing: str) -> Stream:
    """Messages one behind the other, and where each is."""
    at, spans = 0, []
    for piece in pieces:
        spans.append((at, at + len(piece)))
        at += len(piece)
    return Stream(name, side, b"".join(pieces)[:KEPT], messages=tuple(spans), framing=framing, speaks=speaks)
