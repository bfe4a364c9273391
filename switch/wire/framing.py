"""Stream -> frames -> stream: where one message ends and the next begins.

`make_framing(name, frame_bytes_max)` gives an object per connection. Bytes go in as the socket brought them, whole messages
come out, an unfinished one is kept. Nothing here looks into a message, except for what a framing itself puts there: the TPDU
id and the BASE I header, which stay part of the message (`document["h"]`).

A length that cannot be right ends the stream: there is no telling where the next message would begin.
"""

import struct
from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Final, NamedTuple, Protocol

_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")

TPDU_BYTES: Final = 5
BASE1_BYTES: Final = 22
BASE1_REJECT_BYTES: Final = 26
"""A BASE I header of a rejected message: the usual one, a second bitmap (2 bytes), a reject code (2 bytes)."""

_SHOWN_BYTES: Final = 4
"""Shown of a stream that went wrong: no more, it may stand in the middle of a PAN."""

_HINTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"GET ", "is the peer speaking HTTP?"),
    (b"POST", "is the peer speaking HTTP?"),
    (b"HEAD", "is the peer speaking HTTP?"),
    (b"PUT ", "is the peer speaking HTTP?"),
    (b"OPTI", "is the peer speaking HTTP?"),
    (b"HTTP", "is the peer speaking HTTP?"),
    (b"SSH-", "is the peer speaking SSH?"),
    (b"\x16\x03", "this is how TLS begins: the peer speaks TLS on a plain link"),
)


_STX, _ETX, _NAK = 0x02, 0x03, 0x15
_BETWEEN: Final = frozenset({0x04, 0x05, 0x06})


class FramingError(ValueError):
    """The stream cannot be cut into messages any further.

    `offset` is the byte of the stream (0: first byte since the connection came up) where it went wrong, `expected` and `found`
    say what should be there and what is (hex), `frames` holds the whole messages of the same `feed` that came before it.
    """

    def __init__(self, message: str, *, offset: int, expected: str, found: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.expected = expected
        self.found = found
        self.frames: list[bytes] = []


class Framing(Protocol):
    """One direction of one connection. Reading and writing share nothing but the name."""

    keepalives: int
    """frames of length zero that came: many hosts send them on an idle line; they deliver nothing"""

    @property
    def waiting(self) -> int:
        """Bytes held of a frame that has begun and not ended; 0: the stream stands between two frames."""

    @property
    def begun(self) -> bytes:
        """Those bytes: another framing of the same name that is fed them goes on where this one is."""

    def feed(self, data: bytes) -> list[bytes]:
        """The whole messages that `data` completes, in order, without their length header.

        FramingError: a length is unreadable, above `frame_bytes_max` or contradicts the message. Messages before it are in the
        error's `frames`. The object is dead then: each further `feed` raises the same error, with no frames.
        """

    def frame(self, message: bytes) -> bytes:
        """`message` as it goes on the stream. FramingError: longer than `frame_bytes_max` or than the length header can say."""


class _Flaw(NamedTuple):
    """What a framing has against a whole message: where in it, and why."""

    at: int
    expected: str
    found: str


class _Counted:
    """A length header, then so many bytes. Subclasses say how the header is read and written."""

    name = "length2"
    head = 2
    """bytes of the header"""
    bias = 0
    """what to add to the header's number to get the message's bytes: minus the header's own where it counts itself"""
    ceiling = 0xFFFF
    """the largest number the header can say"""

    def __init__(self, frame_bytes_max: int) -> None:
        self.keepalives = 0
        self._limit = min(frame_bytes_max, self.ceiling + self.bias)
        self._rest = b""
        self._start = 0
        self._error: FramingError | None = None
        self._measure: Callable[[bytes, int], tuple[int]] = self._reader()
        self._header: Callable[[int], bytes] = self._writer()
        self._check: Callable[[bytes], _Flaw | None] | None = self._checker()

    @property
    def waiting(self) -> int:
        return len(self._rest)

    @property
    def begun(self) -> bytes:
        return self._rest

    def feed(self, data: bytes) -> list[bytes]:
        if self._error is not None:
            self._error.frames = []
            raise self._error
        if self._rest:
            data = self._rest + data
        frames: list[bytes] = []
        measure, check, head, bias, limit = self._measure, self._check, self.head, self.bias, self._limit
        at, end = 0, len(data)
        while end - at >= head:
            body = measure(data, at)[0] + bias
            if not 0 < body <= limit:
                if body:
                    self._fail(self._bad_length(data, at, body), frames)
                self.keepalives += 1
                at += head
                continue
            stop = at + head + body
            if stop > end:
                break
            message = data[at + head : stop]
            if check is not None:
                flaw = check(message)
                if flaw is not None:
                    self._fail(self._bad_message(at + head, flaw), frames)
            frames.append(message)
            at = stop
        self._start += at
        self._rest = data[at:] if at < end else b""
        return frames

    def frame(self, message: bytes) -> bytes:
        size = len(message)
        if size > self._limit:
            raise FramingError(
                f"a message of {size} bytes does not fit {self.name} framing: the limit is {self._limit}",
                offset=0,
                expected=f"up to {self._limit} bytes",
                found=f"{size} bytes",
            )
        return self._header(size - self.bias) + message

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        """How a length is read at an offset: a 1-tuple (as struct gives it), or (-1,) where it is none at all."""
        return _U16.unpack_from

    def _checker(self) -> Callable[[bytes], _Flaw | None] | None:
        """What the framing itself asks of a message, or None."""
        return None

    def _writer(self) -> Callable[[int], bytes]:
        """How a length is written."""
        return _U16.pack

    def _describe(self, header: bytes, body: int) -> str:
        """The header in words: what it reads as."""
        del header
        return f"reads as {body - self.bias}"

    def _fail(self, error: FramingError, frames: list[bytes]) -> None:
        self._rest, self._error = b"", error
        error.frames = frames
        raise error

    def _bad_length(self, data: bytes, at: int, body: int) -> FramingError:
        header = data[at : at + self.head]
        sentence = f"length header {header.hex(' ')} {self._describe(header, body)}; "
        sentence += f"a {self.name} length is {1 - self.bias} to {self._limit - self.bias}"
        hint = _hint(data[at:])
        return FramingError(
            sentence + (f": {hint}" if hint else ""),
            offset=self._start + at,
            expected=f"a {self.name} length from {1 - self.bias} to {self._limit - self.bias}",
            found=data[at : at + _SHOWN_BYTES].hex(" "),
        )

    def _bad_message(self, at: int, flaw: _Flaw) -> FramingError:
        offset = self._start + at + flaw.at
        return FramingError(
            f"{self.name} frame, byte {flaw.at}: expected {flaw.expected}, found {flaw.found}",
            offset=offset,
            expected=flaw.expected,
            found=flaw.found,
        )


def _hint(data: bytes) -> str:
    """A guess at what the peer is really sending, or ""."""
    for start, hint in _HINTS:
        if data.startswith(start):
            return f"the bytes are the text {start.decode().strip()!r}; {hint}" if start[0] > 0x1F else hint
    text = bytes(b for b in data[:4] if 0x20 <= b < 0x7F)
    if len(text) < 2:
        return ""
    words = f"the bytes are the text {text.decode()!r}"
    if len(text) == 4 and text.isdigit():
        kind = "an MTI without a length header" if text[:2] in {b"01", b"02", b"04", b"08", b"12", b"18"} else "ascii4"
        return f"{words}; does the peer use another framing ({kind})?"
    return words


class Length2(_Counted):
    """2-byte big-endian length that does not count itself: the commonest."""


class Length2Inclusive(_Counted):
    """2-byte big-endian length that counts its own two bytes."""

    name = "length2-inclusive"
    bias = -2


class Length4(_Counted):
    """4-byte big-endian length that does not count itself."""

    name = "length4"
    head = 4
    ceiling = 0xFFFF_FFFF

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        return _U32.unpack_from

    def _writer(self) -> Callable[[int], bytes]:
        return _U32.pack


class Length4Inclusive(Length4):
    """4-byte big-endian length that counts its own four bytes."""

    name = "length4-inclusive"
    bias = -4


class Visa4(_Counted):
    """2-byte big-endian length, then two zero bytes: how Visa-style links lead a message."""

    name = "visa4"
    head = 4

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        unpack = _U32.unpack_from

        def measure(data: bytes, at: int) -> tuple[int]:
            number: int = unpack(data, at)[0]
            return (-1,) if number & 0xFFFF else (number >> 16,)

        return measure

    def _writer(self) -> Callable[[int], bytes]:
        return lambda number: _U16.pack(number) + b"\0\0"

    def _describe(self, header: bytes, body: int) -> str:
        return "does not end in two zero bytes" if header[2:] != b"\0\0" else super()._describe(header, body)


class Ascii4(_Counted):
    """Length as 4 ASCII digits that do not count themselves."""

    name = "ascii4"
    head = 4
    ceiling = 9_999

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        def measure(data: bytes, at: int) -> tuple[int]:
            digits = data[at : at + 4]
            return (int(digits),) if digits.isdigit() else (-1,)

        return measure

    def _writer(self) -> Callable[[int], bytes]:
        return lambda number: b"%04d" % number

    def _describe(self, header: bytes, body: int) -> str:
        return super()._describe(header, body) if header.isdigit() else "is not four ASCII digits"


class Bcd2(_Counted):
    """Length as 4 BCD digits in 2 bytes that do not count themselves."""

    name = "bcd2"
    ceiling = 9_999

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        def measure(data: bytes, at: int) -> tuple[int]:
            digits = data[at : at + 2].hex()
            return (int(digits),) if digits.isdigit() else (-1,)

        return measure

    def _writer(self) -> Callable[[int], bytes]:
        return lambda number: bytes.fromhex(f"{number:04d}")

    def _describe(self, header: bytes, body: int) -> str:
        return super()._describe(header, body) if header.hex().isdigit() else "is not four BCD digits"


class Tpdu(_Counted):
    """`length2` around a message that begins with a TPDU: id 60 to 6F, destination NII, source NII (2 bytes each)."""

    name = "tpdu"

    def _checker(self) -> Callable[[bytes], _Flaw | None]:
        def check(message: bytes) -> _Flaw | None:
            if message[0] & 0xF0 != 0x60:
                return _Flaw(0, "a TPDU id from 60 to 6f", message[:_SHOWN_BYTES].hex(" "))
            if len(message) < TPDU_BYTES:
                return _Flaw(len(message), f"a TPDU of {TPDU_BYTES} bytes", f"a frame of {len(message)}")
            return None

        return check


class Base1(Visa4):
    """`visa4` around a message that begins with a BASE I header of 22 bytes.

    Its total-length field (bytes 3 and 4, counting header and message) is written when sending; when receiving it may be zero,
    else it must agree with the frame. The 26-byte header of a rejected message passes too: what comes after the 22 bytes is
    the dialect's to judge.
    """

    name = "base1"

    def _checker(self) -> Callable[[bytes], _Flaw | None]:
        unpack = _U16.unpack_from

        def check(message: bytes) -> _Flaw | None:
            length = len(message)
            if message[0] not in {BASE1_BYTES, BASE1_REJECT_BYTES}:
                return _Flaw(0, "a BASE I header length of 16 (or 1a, rejected)", message[:_SHOWN_BYTES].hex(" "))
            if length < message[0]:
                return _Flaw(length, f"a BASE I header of {message[0]} bytes", f"a frame of {length}")
            total = unpack(message, 3)[0]
            if total and total != length:
                return _Flaw(3, f"the frame's own length {length:04x} ({length})", f"{total:04x} ({total})")
            return None

        return check

    def frame(self, message: bytes) -> bytes:
        """`message`, its total-length field filled in, as it goes on the stream."""
        if len(message) < BASE1_BYTES:
            raise FramingError(
                f"base1 framing sends messages that begin with a BASE I header: {len(message)} bytes are too few",
                offset=0,
                expected=f"at least {BASE1_BYTES} bytes",
                found=message[:_SHOWN_BYTES].hex(" "),
            )
        return super().frame(message[:3] + _U16.pack(len(message) & 0xFFFF) + message[5:])


class StxEtx:
    """`02`, the message, `03`, and an LRC: the XOR of the message's bytes and the `03`. How terminals on serial lines speak.

    Nothing is escaped, so a message that holds a byte `03` cannot be sent: the framing is for dialects of text. Between frames
    ENQ (05), ACK (06) and EOT (04) count as keep-alives, as an empty frame does; a NAK (15) ends the stream, for nothing here
    sends a frame twice. None of the four is ever sent: a line that waits for an ACK needs a converter in front.
    """

    name = "stxetx"
    head = 1
    """bytes before the message"""

    def __init__(self, frame_bytes_max: int) -> None:
        self.keepalives = 0
        self._limit = frame_bytes_max
        self._rest = b""
        self._start = 0
        self._error: FramingError | None = None

    @property
    def waiting(self) -> int:
        """As `Framing.waiting`."""
        return len(self._rest)

    @property
    def begun(self) -> bytes:
        """As `Framing.begun`."""
        return self._rest

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`; each byte is searched once."""
        if self._error is not None:
            self._error.frames = []
            raise self._error
        sought = max(
            1, len(self._rest)
        )  # no ETX in what was held, but for the last byte: its LRC may have been missing
        data = self._rest + data if self._rest else data
        frames: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if data[at] != _STX:
                if data[at] not in _BETWEEN:
                    self._fail(self._no_start(data, at), frames)
                self.keepalives += 1
                at += 1
                continue
            etx = data.find(_ETX, at + sought - 1 if at == 0 else at + 1, at + self._limit + 2)
            if etx < 0 and end - at > self._limit + 1:
                self._fail(
                    self._wrong(at + self._limit + 1, f"03 within {self._limit} bytes of the 02", "none"), frames
                )
            if etx < 0 or etx + 1 == end:
                break
            message = data[at + 1 : etx]
            lrc = _lrc(message)
            if data[etx + 1] != lrc:
                self._fail(self._wrong(etx + 1, f"the LRC {lrc:02x}", f"{data[etx + 1]:02x}"), frames)
            if message:
                frames.append(message)
            else:
                self.keepalives += 1
            at = etx + 2
        self._start += at
        self._rest = data[at:] if at < end else b""
        return frames

    def frame(self, message: bytes) -> bytes:
        """As `Framing.frame`; FramingError also where a byte 03 is in the message."""
        etx = message.find(_ETX)
        if len(message) > self._limit or etx >= 0:
            found = f"{len(message)} bytes" if etx < 0 else f"a byte 03 at {etx}"
            wanted = f"up to {self._limit} bytes" if etx < 0 else "no byte 03, which ends a frame"
            why = f"the limit is {self._limit}" if etx < 0 else "it is for dialects of text"
            raise FramingError(
                f"a message of {found} does not fit {self.name} framing: {why}", offset=0, expected=wanted, found=found
            )
        return b"\x02" + message + b"\x03" + bytes([_lrc(message)])

    def _fail(self, error: FramingError, frames: list[bytes]) -> None:
        self._rest, self._error = b"", error
        error.frames = frames
        raise error

    def _no_start(self, data: bytes, at: int) -> FramingError:
        if data[at] == _NAK:
            return self._wrong(at, "a frame", "15 (NAK): the peer refused what it was sent")
        hint = _hint(data[at:])
        shown = data[at : at + _SHOWN_BYTES].hex(" ")
        return self._wrong(at, "02 before a message", shown, f": {hint}" if hint else "")

    def _wrong(self, at: int, expected: str, found: str, hint: str = "") -> FramingError:
        message = f"{self.name} frame: expected {expected}, found {found}{hint}"
        return FramingError(message, offset=self._start + at, expected=expected, found=found)


def _lrc(message: bytes) -> int:
    """XOR of the message's bytes and the ETX behind them."""
    return reduce(xor, message, _ETX)


FRAMINGS: Final[dict[str, type[_Counted] | type[StxEtx]]] = {
    kind.name: kind
    for kind in (Length2, Length2Inclusive, Length4, Length4Inclusive, Visa4, Ascii4, Bcd2, Tpdu, Base1, StxEtx)
}
"""Name in dialect and network files -> class. Mastercard's 2-byte length is `length2`."""


def make_framing(name: str, frame_bytes_max: int) -> Framing:
    """A framing for one connection, by its name in `FRAMINGS`; ValueError: there is none of that name.

    `frame_bytes_max` bounds a message, its header of the framing not counted (`Limits.frame_bytes`).
    """
    kind = FRAMINGS.get(name)
    if kind is None:
        raise ValueError(f"no framing is called {name!r}; there are {', '.join(FRAMINGS)}")
    return kind(frame_bytes_max)
