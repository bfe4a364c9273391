"""`cmi-switch decode`: explain a message, or show the byte where it goes wrong."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from switch.cli._dialects import asked_dialect, check_framing
from switch.cli._files import existing_file

if TYPE_CHECKING:
    from switch.wire import Dialect
    from switch.wire.describe import Paint

_SEPARATORS = str.maketrans("", "", " \t\r\n:,-\"'")
_HEX = frozenset("0123456789abcdefABCDEF")
_PACKETS = (b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
"""how files of packets begin: pcapng, and pcap in its orders of bytes"""
_TEXT_MIN = 20
"""characters of the shortest message as text: MTI and bitmap"""


@click.command("decode")
@click.argument("message", metavar="HEX|FILE|-")
@click.option(
    "--dialect",
    "dialect_name",
    metavar="NAME",
    help="A shipped dialect (`dialect --help` lists them), or a file's path.",
)
@click.option("--framing", metavar="NAME", help="What stands around each message: length2, tpdu, base1, ascii4 …")
@click.option("--raw", is_flag=True, help="It is the message's own bytes, even if they look like hex.")
@click.option("--json", "as_json", is_flag=True, help="Documents as JSON, one a line, secrets masked too.")
def command(message: str, dialect_name: str | None, framing: str | None, raw: bool, as_json: bool) -> None:
    """Explain an ISO 8583 message, element by element; where a bad one goes wrong, show the byte.

    The message is hex (spaces, colons, line ends may stand in it), a dump (xxd, hexdump, od, Wireshark, tcpdump, jPOS, Netty), a
    list (0x30, 0x38 …), a literal (b'0800…', "\\x30…"), a debugger's array, base64, a log's lines, a whole packet, or its own
    text; several, a line or a dump each; a file of either, or - for standard input.
    Without --dialect all shipped dialects are tried, and those that fit are named. With --framing every message of the
    stream is shown. Clearing files in blocks of 1014 bytes (Mastercard's IPM) are unblocked. The PAN is always masked; track
    data, PIN and card values are never shown.

    \b
    Examples:
      cmi-switch decode 0800822000000000000004000000000000001125093000000001301
      cmi-switch decode 30383030 --dialect cmi87        what is missing, and where
      cmi-switch decode capture.bin --framing length2
      xclip -o | cmi-switch decode - --dialect visa --json

    Exit code: 0 all could be read, 1 something could not, 2 a wrong option.
    """
    from switch.capture.blocks import FRAMING, unblocked
    from switch.capture.pasted import pieces, text_of
    from switch.capture.streams import left_out
    from switch.cli._network import paint
    from switch.wire.dialect import names

    dialects = [asked_dialect(name) for name in ([dialect_name] if dialect_name else names())]
    content = _content(message)
    text = None if raw else text_of(content)
    readings = [content] if raw else _readings(message, content, text)
    records = unblocked(readings[0])
    if records is not None:
        readings, framing = [records], framing or FRAMING
    several = pieces(text) if text is not None and framing is None else []
    shown = _Shown(dialects, framing, as_json, explicit=dialect_name is not None, several=several)
    best = next((data for data in readings if shown.fits(data)), readings[0])
    said, right = shown.text(best, paint)
    click.echo(said)
    if text is not None and (missing := left_out(text)):
        click.echo(missing, err=True)
    if not right:
        sys.exit(1)


def _content(message: str) -> bytes:
    """The bytes of the argument itself, of the file it names, or of standard input."""
    path = existing_file(message) if message != "-" else None
    if message == "-":
        return sys.stdin.buffer.read()
    if path is None:
        return message.encode("utf-8", "surrogateescape")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise click.UsageError(f"{message} cannot be read: {error.strerror}") from None
    if content[:4] in _PACKETS:
        say = f"{message} is a packet capture: cmi-switch capture show {message} --dialect NAME shows its messages"
        raise click.UsageError(f"{say}, and cmi-switch doctor {message} says which dialect it is")
    return content


def _readings(message: str, content: bytes, text: str | None) -> list[bytes]:
    """The bytes the argument may stand for, the likelier first: a file of nothing but hex digits may be both.

    `text`: what `content` is as text in ASCII; None: it is none.
    """
    from switch.capture import pasted
    from switch.capture.streams import alone

    found = pasted.readings(text) if text is not None else []
    if found:
        return found
    if text is not None and message != "-" and existing_file(message) is None and not _like_text(message):
        return [pasted.unwrapped(_from_hex(text, message))]
    digits = (text or "").translate(_SEPARATORS)
    if digits and len(digits) % 2 == 0 and all(c in _HEX for c in digits):
        return [pasted.unwrapped(bytes.fromhex(digits)), alone(pasted.unbroken(text or "").encode("ascii", "replace"))]
    return [content if text is None else alone(pasted.unbroken(text).encode("ascii", "replace"))]


def _like_text(message: str) -> bool:
    """An argument long enough for a message, which begins with an MTI: hex, or the message itself."""
    return len(message) >= _TEXT_MIN and message[:4].isascii() and message[:4].isdecimal()


def _from_hex(text: str, message: str) -> bytes:
    """The bytes of an argument that can be nothing but hex; `text`: without what copying has done to it."""
    digits = text.translate(_SEPARATORS)
    bad = next((i for i, c in enumerate(digits) if c not in _HEX), None)
    if bad is not None:
        what = message if len(message) <= 40 else message[:39] + "…"
        if "/" in message or "." in message:
            raise click.UsageError(f"there is no file {what}, and it is not hex")
        raise click.UsageError(f"not hex: digit {bad + 1} is {digits[bad]!r}, and there is no file of that name")
    if not digits:
        raise click.UsageError("an empty message: give hex digits, a file, or - for standard input")
    if len(digits) % 2:
        raise click.UsageError(f"hex comes in pairs: found {len(digits)} digits; one is missing or too many")
    return bytes.fromhex(digits)


class _Shown:
    """How the bytes read in each dialect under question."""

    def __init__(
        self,
        dialects: "list[Dialect]",
        framing: str | None,
        as_json: bool,
        *,
        explicit: bool,
        several: Sequence[bytes] = (),
    ) -> None:
        """`several`: the messages, where the text has them apart."""

        check_framing(framing)
        self._dialects = dialects
        self._framing = framing
        self._json = as_json
        self._explicit = explicit
        self._several = list(several)

    def fits(self, data: bytes) -> bool:
        """True where some dialect reads all of it."""
        return any(self._right(dialect, data) for dialect in self._dialects)

    def text(self, data: bytes, paint: "Paint") -> tuple[str, bool]:
        """What to print, and whether everything could be read."""
        fitting = [d for d in self._dialects if self._right(d, data)]
        if self._explicit:
            return self._explained(self._dialects[0], data, paint)
        if not fitting:
            return self._reasons(data), False
        head = f"fits {', '.join(d.name for d in fitting)}"
        if len(fitting) > 1:
            head += f"; shown as {fitting[0].name} (choose with --dialect)"
        text, right = self._explained(fitting[0], data, paint)
        if self._json:
            click.echo(head, err=True)
            return text, right
        return f"{head}\n\n{text}", right

    def _frames(self, data: bytes) -> tuple[list[bytes], str]:
        """The messages, and what is wrong with the stream ("": nothing)."""
        if self._framing is None:
            return self._several or [data], ""
        from switch.wire.framing import FramingError, make_framing

        framing = make_framing(self._framing)
        try:
            frames = framing.feed(data)
        except FramingError as error:
            return error.frames, f"the stream breaks at byte {error.offset}: {error}"
        if framing.waiting:
            begun = f"{framing.waiting} bytes of an unfinished {self._framing} frame at the end"
            return (
                frames,
                begun if frames else f"{begun}; is {self._framing} the framing, or is none around the message?",
            )
        return frames, "" if frames else "no message: keep-alives only"

    def _right(self, dialect: "Dialect", data: bytes) -> bool:
        from switch.wire import DecodeError

        frames, wrong = self._frames(data)
        if wrong:
            return False
        try:
            for frame in frames:
                dialect.decode(frame)
        except DecodeError:
            return False
        return True

    def _explained(self, dialect: "Dialect", data: bytes, paint: "Paint") -> tuple[str, bool]:
        from switch.wire import DecodeError
        from switch.wire.describe import as_shown, describe, describe_error

        frames, wrong = self._frames(data)
        right, blocks = not wrong, []
        for n, frame in enumerate(frames, 1):
            lead = f"message {n} of {len(frames)}, {len(frame)} bytes\n" if len(frames) > 1 and not self._json else ""
            try:
                document = dialect.decode(frame)
            except DecodeError as error:
                right = False
                block = describe_error(dialect, frame, error, paint)
                if self._json:
                    block = _json({"error": str(error), "field": error.field, "offset": error.offset,
                                   "expected": error.expected, "found": error.found})  # fmt: skip
            else:
                block = _json(as_shown(dialect, document)) if self._json else describe(dialect, document, paint)
            blocks.append(lead + block)
        if wrong:
            blocks.append(_json({"error": wrong}) if self._json else wrong)
        return ("\n" if self._json else "\n\n").join(blocks), right

    def _reasons(self, data: bytes) -> str:
        """No dialect fits: why not, each in a line; and what may be around the message."""
        from switch.wire import DecodeError
        from switch.wire.framing import FRAMINGS

        frames, wrong = self._frames(data)
        if wrong:
            return wrong
        lines = []
        for dialect in self._dialects:
            try:
                for frame in frames:
                    dialect.decode(frame)
            except DecodeError as error:
                lines.append(f"  {error}")
        if self._framing is None:
            for name in FRAMINGS:
                around = _Shown(self._dialects, name, False, explicit=False)
                fitting = [d.name for d in self._dialects if around._right(d, data)]
                if fitting:
                    lines.append(f"with --framing {name} it fits {', '.join(fitting)}")
        return "\n".join(["fits no dialect:", *lines, "name one with --dialect to see the bytes"])


def _json(value: dict[str, Any]) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
