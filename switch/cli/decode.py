"""`cmi-switch decode`: explain a message, or show the byte where it goes wrong."""

import sys
from typing import TYPE_CHECKING, Any

import click

from switch.cli._files import existing_file

if TYPE_CHECKING:
    from switch.wire import Dialect
    from switch.wire.describe import Paint

_SEPARATORS = b" \t\r\n:,-"
_HEX = frozenset(b"0123456789abcdefABCDEF")
_FRAME_BYTES = 65_536
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
    list (0x30, 0x38 …), a literal (b'0800…', "\\x30…"), base64, a log's lines, or its own text; a file of either, or - for
    standard input.
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
    from switch.cli._network import paint
    from switch.wire import Dialect, DialectError
    from switch.wire.dialect import names

    try:
        dialects = [Dialect.load(name) for name in ([dialect_name] if dialect_name else names())]
    except DialectError as error:
        raise click.UsageError(str(error)) from None
    readings = _readings(message, raw)
    records = unblocked(readings[0])
    if records is not None:
        readings, framing = [records], framing or FRAMING
    shown = _Shown(dialects, framing, as_json, explicit=dialect_name is not None)
    best = next((data for data in readings if shown.fits(data)), readings[0])
    text, right = shown.text(best, paint)
    click.echo(text)
    if not right:
        sys.exit(1)


def _readings(message: str, raw: bool) -> list[bytes]:
    """The bytes the argument may stand for, the likelier first: a file of nothing but hex digits may be both."""
    from switch.capture import pasted

    path = existing_file(message) if message != "-" else None
    if message == "-":
        content = sys.stdin.buffer.read()
    elif path is not None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise click.UsageError(f"{message} cannot be read: {error.strerror}") from None
    else:
        content = message.encode("utf-8", "surrogateescape")
    if raw:
        return [content]
    found = pasted.readings(content.decode("ascii")) if content.isascii() else []
    if found:
        return found
    if message != "-" and path is None and not _like_text(message):
        return [_from_hex(message)]
    digits = content.translate(None, _SEPARATORS)
    if digits and len(digits) % 2 == 0 and all(b in _HEX for b in digits):
        return [bytes.fromhex(digits.decode()), content]
    return [content]


def _like_text(message: str) -> bool:
    """An argument long enough for a message, which begins with an MTI: hex, or the message itself."""
    return len(message) >= _TEXT_MIN and message[:4].isascii() and message[:4].isdecimal()


def _from_hex(message: str) -> bytes:
    digits = message.encode("utf-8", "surrogateescape").translate(None, _SEPARATORS)
    bad = next((i for i, b in enumerate(digits) if b not in _HEX), None)
    if bad is not None:
        what = message if len(message) <= 40 else message[:39] + "…"
        if "/" in message or "." in message:
            raise click.UsageError(f"there is no file {what}, and it is not hex")
        raise click.UsageError(f"not hex: digit {bad + 1} is {chr(digits[bad])!r}, and there is no file of that name")
    if not digits:
        raise click.UsageError("an empty message: give hex digits, a file, or - for standard input")
    if len(digits) % 2:
        raise click.UsageError(f"hex comes in pairs: found {len(digits)} digits; one is missing or too many")
    return bytes.fromhex(digits.decode())


class _Shown:
    """How the bytes read in each dialect under question."""

    def __init__(self, dialects: "list[Dialect]", framing: str | None, as_json: bool, *, explicit: bool) -> None:
        from switch.wire.framing import FRAMINGS

        if framing is not None and framing not in FRAMINGS:
            raise click.UsageError(f"no framing is called {framing!r}; there are {', '.join(FRAMINGS)}")
        self._dialects = dialects
        self._framing = framing
        self._json = as_json
        self._explicit = explicit

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
            return [data], ""
        from switch.wire.framing import FramingError, make_framing

        framing = make_framing(self._framing, _FRAME_BYTES)
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
