"""A capture as messages: who said what when, on which connection, whatever kind of file it came from.

Read: pcapng and pcap (TCP streams put together, cut by the link's framing), JSON lines (as `capture export --jsonl` writes
them; `hex` or `document` will do), and hex dumps. What cannot be read is said beside what can: a hole, a stream that
cannot be cut any more, a message that does not decode.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from switch.capture.pasted import plain
from switch.capture.pcapng import MAGIC, CaptureError, Interface, Reading
from switch.capture.reassembly import Conversation, conversations
from switch.capture.spoken import ABOUT, everybody_has, known_framing, load_dialect, spoken, whole
from switch.wire import DecodeError, Dialect, DialectError, Document, EncodeError
from switch.wire.describe import describe_error
from switch.wire.framing import FramingError, make_framing
from switch.wire.vocabulary import DE, is_response

_MARKED: Final = re.compile(r"\s*([<>IO])\s*(?:\[[^\]]*\]\s*)?((?:[0-9A-Fa-f]{2}[\s:]?)+)\s*")
_DUMP: Final = re.compile(r"(\s*)([0-9A-Fa-f]{4,8})[:\s]\s*((?:[0-9A-Fa-f]{2}[ ]{0,2}){1,16})(?:\s.*|\|.*)?")
_PLAIN: Final = re.compile(r"\s*(?:[0-9A-Fa-f]{2}[\s:]?)+\s*")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Said(NamedTuple):
    """One message."""

    at_ns: int
    """since 1970; 0: not known"""
    from_client: bool
    data: bytes
    """without its frame"""
    document: Document
    """what was decoded of it"""
    wrong: str = ""
    """why it does not decode; "" where it does"""
    comment: str = ""

    @property
    def mti(self) -> str:
        """Message type, "" where it could not be read."""
        return self.document.get(DE.MTI, "")

    @property
    def asks(self) -> bool:
        """True for a request or advice, False for an answer."""
        return not is_response(self.mti)


class Talk(msgspec.Struct, kw_only=True):
    """The messages of one connection, in order."""

    name: str
    dialect: Dialect
    framing: str
    link: str = ""
    """the switch's name of the link, where it made the capture"""
    said: list[Said] = []
    troubles: list[str] = []
    """what could not be read, each a sentence"""


class Known(NamedTuple):
    """What the reader has been told; the file may say the rest."""

    dialect: Dialect | None = None
    framing: str = ""
    port: int = 0
    """of conversations to read; 0: all"""


def said(dialect: Dialect, data: bytes, at_ns: int, from_client: bool, comment: str = "") -> Said:
    """One message, decoded as far as it can be."""
    try:
        return Said(at_ns, from_client, data, dialect.decode(data), comment=comment)
    except DecodeError as error:
        return Said(at_ns, from_client, data, error.document, wrong=str(error), comment=comment)


def why_not(dialect: Dialect, message: Said) -> str:
    """A message that does not decode: the sentence, and the bytes around the place."""
    try:
        dialect.decode(message.data)
    except DecodeError as error:
        return describe_error(dialect, message.data, error)
    return ""


def load(path: Path, known: Known) -> list[Talk]:
    """The talks in a file. CaptureError: it cannot be read, is of no known kind, or nobody says how it speaks."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            if head[:2] in MAGIC:
                return list(_from_packets(path, known))
            text = (head + file.read()).decode("utf-8-sig")
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CaptureError(f"{path} is neither a capture nor text: it begins with {head.hex(' ')}") from None
    if text.lstrip().startswith("{"):
        return _from_lines(path, text, known)
    return _from_hex(path, plain(text), known)


# -- packets


def _from_packets(path: Path, known: Known) -> Iterator[Talk]:
    reading, dialects = Reading(path), dict[Interface, Dialect | None]()
    found = conversations(reading, known.port)
    if not found:
        where = f" with port {known.port}" if known.port else ""
        raise CaptureError(f"{path} has no TCP conversation{where} in which anything is said{_also(reading.trouble)}")
    for conversation in found:
        about = dict(ABOUT.findall(conversation.interface.description))
        dialect = known.dialect
        if dialect is None:
            if conversation.interface not in dialects:
                dialects[conversation.interface] = spoken(conversation.interface, str(path))
            dialect = dialects[conversation.interface]
        if dialect is None:
            raise CaptureError(f"{path} does not say in which dialect {conversation.name} speaks: give --dialect")
        framing = known_framing(known.framing or about.get("framing", "") or dialect.framing, str(path))
        link = conversation.interface.name if "dialect" in about else ""
        talk = Talk(name=conversation.name, dialect=dialect, framing=framing, link=link)
        _cut(conversation, talk)
        if reading.trouble:
            talk.troubles.append(reading.trouble)
        yield talk


def _also(trouble: str) -> str:
    return f"; {trouble}" if trouble else ""


def _cut(conversation: Conversation, talk: Talk) -> None:
    """Both directions of a conversation cut into messages, in the order they could be read."""
    framings = {side: make_framing(talk.framing) for side in (True, False)}
    who = {True: "the client's", False: "the server's"}
    broken: set[bool] = set()
    if not conversation.began_whole:
        talk.troubles.append("the capture began after the connection: its first bytes may be the end of a message")
    for chunk in conversation.chunks:
        side = chunk.from_client
        if chunk.missing:
            cut = framings[side].waiting
            talk.troubles.append(
                f"{chunk.missing} of {who[side]} bytes never came, after its message {_count(talk, side)}"
                + (f"; {cut} bytes of the message they cut are left out" if cut else "")
            )
            framings[side] = make_framing(talk.framing)
            broken.discard(side)
            continue
        if side in broken:
            continue
        try:
            frames = framings[side].feed(chunk.data)
        except FramingError as error:
            frames = error.frames
            broken.add(side)
            after = _count(talk, side) + len(frames)
            talk.troubles.append(f"{who[side]} stream is no {talk.framing} after its message {after}: {error}")
        talk.said += [said(talk.dialect, frame, chunk.at_ns, side, chunk.comment) for frame in frames]
    for side, framing in framings.items():
        if framing.waiting and side not in broken:
            talk.troubles.append(f"{framing.waiting} of {who[side]} bytes at the end are an unfinished message")


def _count(talk: Talk, side: bool) -> int:
    return sum(message.from_client == side for message in talk.said)


# -- JSON lines


def as_lines(talks: Iterable[Talk]) -> Iterator[str]:
    """Talks as JSON lines: one a message. The first of a dialect that is a file of one's own has all that file says (`spec`)."""
    told: dict[str, Dialect] = {}
    for talk in talks:
        spoken_as, name = talk.dialect, talk.dialect.name
        known = told.get(name) is spoken_as or (name not in told and everybody_has(spoken_as))
        told[name] = spoken_as
        for message in talk.said:
            line: dict[str, Any] = {"talk": talk.name, "from": "client" if message.from_client else "server"}
            if message.at_ns:
                line["at"] = stamp(message.at_ns)
            if talk.link:
                line["link"] = talk.link
            line |= {"dialect": name, "framing": talk.framing, "hex": message.data.hex().upper()}
            if not known:
                line["spec"], known = whole(spoken_as), True
            if message.comment:
                line["comment"] = message.comment
            if message.wrong:
                line["wrong"] = message.wrong
            else:
                line["document"] = message.document
            yield msgspec.json.encode(line).decode()


def stamp(at_ns: int) -> str:
    """`2026-09-21T14:13:21.000000001Z`."""
    seconds, ns = divmod(at_ns, 1_000_000_000)
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{ns:09d}Z"


def _unstamp(text: str, where: str) -> int:
    whole, _, fraction = text.rstrip("Z").partition(".")
    try:
        at = datetime.fromisoformat(f"{whole}+00:00") - _EPOCH
    except ValueError:
        at = timedelta(-1)
    if at < timedelta(0) or not f"0{fraction}".isdecimal():
        raise CaptureError(f"{where}: {text!r} is no time such as 2026-09-21T14:13:21.5Z")
    return (at.days * 86_400 + at.seconds) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


class Line(msgspec.Struct, rename={"from_": "from"}, forbid_unknown_fields=True):
    """What a line may have."""

    talk: str = "talk"
    from_: str = ""
    at: str = ""
    link: str = ""
    dialect: str = ""
    spec: dict[str, Any] | None = None
    """what `dialect` means in this line and those behind it"""
    framing: str = ""
    hex: str = ""
    comment: str = ""
    wrong: str = ""
    document: dict[str, str] | None = None


def dialect_of(line: Line, dialects: dict[str, Dialect], where: str) -> Dialect:
    """What a line is in; `dialects` has what lines before it said, by name, and learns. CaptureError: it does not load."""
    if line.spec is not None:
        if line.dialect in dialects and whole(dialects[line.dialect]) == line.spec:
            return dialects[line.dialect]
        try:
            dialects[line.dialect] = Dialect.from_spec(line.spec, f"{where}, `spec`")
        except DialectError as error:
            raise CaptureError(str(error)) from None
    elif not line.dialect:
        raise CaptureError(f"{where} does not say its dialect: give --dialect")
    elif line.dialect not in dialects:
        dialects[line.dialect] = load_dialect(line.dialect, where)
    return dialects[line.dialect]


def lines_of(text: str, name: str) -> Iterator[tuple[str, Line]]:
    """The lines of a file of messages, each behind where it stands. CaptureError: one is none."""
    for number, raw in enumerate(text.splitlines(), 1):
        if raw.strip():
            where = f"{name}, line {number}"
            try:
                line = msgspec.json.decode(raw, type=Line)
            except ValueError as error:  # msgspec's are; so is half of a pair of surrogates
                raise CaptureError(f"{where}: {error}") from None
            yield where, line


def _from_lines(path: Path, text: str, known: Known) -> list[Talk]:
    """A talk of one name in two dialects is two. A line that says no dialect is in that of the line before it of its talk."""
    talks: dict[tuple[str, Dialect, str], Talk] = {}
    dialects: dict[str, Dialect] = {}
    last: dict[str, Talk] = {}
    for where, line in lines_of(text, str(path)):
        before = last.get(line.talk)
        goes_on = before is not None and not line.dialect and line.spec is None
        dialect = known.dialect or (before.dialect if before and goes_on else dialect_of(line, dialects, where))
        same = before is not None and before.dialect is dialect
        said_framing = known.framing or line.framing or (before.framing if before and same else dialect.framing)
        framing = known_framing(said_framing, where)
        key = line.talk, dialect, framing
        if key not in talks:
            talks[key] = Talk(name=line.talk, dialect=dialect, framing=framing, link=line.link)
        last[line.talk] = talks[key]
        talks[key].said.append(_of_line(dialect, line, where))
    return list(talks.values())


def _of_line(dialect: Dialect, line: Line, where: str) -> Said:
    at_ns = _unstamp(line.at, where) if line.at else 0
    try:
        data = bytes.fromhex(line.hex) if line.hex else dialect.encode(line.document or {})
    except ValueError as error:
        what = str(error) if isinstance(error, EncodeError) else f"`hex` is no hex: {error}"
        raise CaptureError(f"{where}: {what}") from None
    if line.from_ not in ("client", "server", ""):
        raise CaptureError(f"{where}: `from` is client or server, not {line.from_!r}")
    message = said(dialect, data, at_ns, line.from_ == "client", line.comment)
    return message if line.from_ else message._replace(from_client=message.asks)


# -- hex


def as_hex(talks: Iterable[Talk]) -> Iterator[str]:
    """Talks as lines of hex: `>` the client's, `<` the server's. A dialect that is a file of one's own is named as a file."""
    named: dict[Dialect, str] = {}
    for talk in talks:
        if talk.dialect not in named:
            name = "_".join(talk.dialect.name.split())
            named[talk.dialect] = name if everybody_has(talk.dialect) else f"./{name}.json"
        about = f"dialect={named[talk.dialect]} framing={talk.framing}"
        yield f"# {talk.name} {about}" + (f" link={talk.link}" if talk.link else "")
        for message in talk.said:
            yield f"{'>' if message.from_client else '<'} {message.data.hex().upper()}"


def hex_pieces(text: str, file: str) -> Iterator[tuple[str, dict[str, str], list[tuple[bool | None, bytes]]]]:
    """The talks of a hex file: name, what its `#` line says, and whose bytes came (True the client's; None: it is not said).

    `>` and `<` lines, lines of nothing but hex, or dumps with offsets (the server's indented, as Wireshark writes them).
    CaptureError: a line is none of these.
    """
    about: dict[str, str] = {}
    name = Path(file).name
    pieces: list[tuple[bool | None, bytes]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            if pieces:
                yield name, about, pieces
                pieces = []
            about = dict(ABOUT.findall(line)) or about
            name = line.lstrip("# ").partition(" dialect=")[0] or name
        elif line.strip():
            _one_hex_line(line, pieces, f"{file}, line {number}")
    if pieces:
        yield name, about, pieces


def _from_hex(path: Path, text: str, known: Known) -> list[Talk]:
    talks = [_of_hex(path, name, about, pieces, known) for name, about, pieces in hex_pieces(text, str(path))]
    if not talks:
        raise CaptureError(f"{path} has no message in it")
    return talks


def _one_hex_line(line: str, pieces: list[tuple[bool | None, bytes]], where: str) -> None:
    marked, dump = _MARKED.fullmatch(line), _DUMP.fullmatch(line)
    if marked is not None:
        pieces.append((marked[1] in ">O", bytes.fromhex(marked[2].replace(":", " "))))
    elif dump is not None and " " in line.strip() and (pieces or not int(dump[2], 16) or not _PLAIN.fullmatch(line)):
        side, data = not dump[1], bytes.fromhex(dump[3])
        if int(dump[2], 16) and pieces and pieces[-1][0] == side:
            pieces[-1] = (side, pieces[-1][1] + data)
        else:
            pieces.append((side, data))
    elif _PLAIN.fullmatch(line):
        pieces.append((None, bytes.fromhex(line.replace(":", " "))))
    else:
        raise CaptureError(f"{where} is no hex: expected `> 3032…`, `< 3032…`, or a dump's `0000  30 32 …`")


def _of_hex(
    path: Path, name: str, about: dict[str, str], pieces: list[tuple[bool | None, bytes]], known: Known
) -> Talk:
    if known.dialect is None and "dialect" not in about:
        raise CaptureError(f"{path} does not say its dialect: give --dialect")
    dialect = known.dialect or load_dialect(about["dialect"], str(path))
    framing = known_framing(known.framing or about.get("framing", "") or dialect.framing, str(path))
    talk = Talk(name=name, dialect=dialect, framing=framing, link=about.get("link", ""))
    for number, (side, data) in enumerate(pieces, 1):
        for message in _unframed(dialect, framing, data, bool(known.framing), f"piece {number}", talk):
            told = said(dialect, message, 0, bool(side))
            talk.said.append(told if side is not None else told._replace(from_client=told.asks))
    return talk


def _unframed(dialect: Dialect, framing: str, data: bytes, surely: bool, what: str, talk: Talk) -> list[bytes]:
    """The messages in a piece of hex: the piece itself, unless it is framed, by word or by its looks."""
    if not surely and not said(dialect, data, 0, True).wrong:
        return [data]
    cutter = make_framing(framing)
    try:
        frames = cutter.feed(data)
    except FramingError as error:
        if not surely:
            return [data]
        talk.troubles.append(f"{what} cannot be read as {framing}: {error}")
        return error.frames
    if cutter.waiting:
        if not surely:
            return [data]
        talk.troubles.append(f"{what}: {cutter.waiting} bytes at the end are an unfinished message")
    return frames
