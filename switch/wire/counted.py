"""What every framing has, and those that are a length header and so many bytes.

`framing.make_framing(name, frame_bytes_max)` gives an object per connection. Bytes go in as the socket brought them, whole
messages come out, an unfinished one is kept. A length of zero is a keep-alive, and so is one that counts nothing but itself.
Nothing here looks into a message, except for what a framing itself puts there: the TPDU id and the BASE I header, which stay part
of the message (`document["h"]`).

A length that cannot be right ends the stream: there is no telling where the next message would begin.
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn, Protocol

U16: Final = struct.Struct(">H")
SHOWN_BYTES: Final = 4
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


class FramingError(ValueError):
    """The stream cannot be cut into messages any further.

    `offset` is the byte of the stream (0: first byte since the connection came up) where it went wrong, `expected` and `found`
    say what should be there and what is (hex), `frames` holds the whole messages of the same `feed` that came before it, `rest`
    the bytes behind those, from the frame that went wrong on.
    """

    def __init__(self, message: str, *, offset: int, expected: str, found: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.expected = expected
        self.found = found
        self.frames: list[bytes] = []
        self.rest = b""


class Framing(Protocol):
    """One direction of one connection. Reading and writing share nothing but the name."""

    name: str
    """as dialect and network files call it"""
    head: int
    """bytes before a message"""
    keepalives: int
    """frames of length zero that came: many hosts send them on an idle line; they deliver nothing"""
    packed: bool
    """a message's bytes are compressed on the stream: what is left of one cannot be looked into"""
    keepalive: bytes
    """the newest of them, as it came"""

    @property
    def waiting(self) -> int:
        """Bytes held of a frame that has begun and not ended; 0: the stream stands between two frames."""

    @property
    def begun(self) -> bytes:
        """Those bytes: another framing of the same name that is fed them goes on where this one is."""

    def feed(self, data: bytes) -> list[bytes]:
        """The whole messages that `data` completes, in order, without their length header.

        FramingError: a length is unreadable, above `frame_bytes_max` or contradicts the message. Messages before it are in the
        error's `frames`. The object is dead then: each further `feed` raises the same error, with no frames and `data` as `rest`.
        """

    def frame(self, message: bytes) -> bytes:
        """`message` as it goes on the stream. FramingError: longer than `frame_bytes_max` or than the length header can say."""


class Flaw(NamedTuple):
    """What a framing has against a whole message: where in it, and why."""

    at: int
    expected: str
    found: str


class Cutter:
    """What a framing holds of its stream: bytes of a message that has begun, where they are, and why it is dead."""

    packed = False

    def __init__(self, limit: int) -> None:
        self.keepalives = 0
        self.keepalive = b""
        self._limit = limit
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

    def _fail(self, error: FramingError, frames: list[bytes], rest: bytes) -> NoReturn:
        self._rest, self._error = b"", error
        error.frames, error.rest = frames, rest
        raise error

    def _fail_again(self, error: FramingError, data: bytes) -> NoReturn:
        error.frames, error.rest = [], data
        raise error


class Counted(Cutter):
    """A length header, then so many bytes. Subclasses say how the header is read and written."""

    name = "length2"
    head = 2
    """bytes of the header"""
    bias = 0
    """what to add to the header's number to get the message's bytes: minus the header's own where it counts itself"""
    ceiling = 0xFFFF
    """the largest number the header can say"""

    def __init__(self, frame_bytes_max: int) -> None:
        super().__init__(min(frame_bytes_max, self.ceiling + self.bias))
        self._measure: Callable[[bytes, int], tuple[int]] = self._reader()
        self._header: Callable[[int], bytes] = self._writer()
        self._check: Callable[[bytes], Flaw | None] | None = self._checker()

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`."""
        if self._error is not None:
            self._fail_again(self._error, data)
        if self._rest:
            data = self._rest + data
        frames: list[bytes] = []
        measure, check, head, bias, limit = self._measure, self._check, self.head, self.bias, self._limit
        at, end = 0, len(data)
        while end - at >= head:
            body = measure(data, at)[0] + bias
            if not 0 < body <= limit:
                if body and body != bias:
                    self._fail(self._bad_length(data, at, body), frames, data[at:])
                self.keepalives += 1
                self.keepalive = data[at : at + head]
                at += head
                continue
            stop = at + head + body
            if stop > end:
                break
            message = data[at + head : stop]
            if check is not None:
                flaw = check(message)
                if flaw is not None:
                    self._fail(self._bad_message(at + head, flaw), frames, data[at:])
            frames.append(message)
            at = stop
        self._start += at
        self._rest = data[at:] if at < end else b""
        return frames

    def frame(self, message: bytes) -> bytes:
        """As `Framing.frame`."""
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
        return U16.unpack_from

    def _checker(self) -> Callable[[bytes], Flaw | None] | None:
        """What the framing itself asks of a message, or None."""
        return None

    def _writer(self) -> Callable[[int], bytes]:
        """How a length is written."""
        return U16.pack

    def _describe(self, header: bytes, body: int) -> str:
        """The header in words: what it reads as."""
        del header
        return f"reads as {body - self.bias}"

    def _bad_length(self, data: bytes, at: int, body: int) -> FramingError:
        header = data[at : at + self.head]
        sentence = f"length header {header.hex(' ')} {self._describe(header, body)}; "
        sentence += f"a {self.name} length is {1 - self.bias} to {self._limit - self.bias}"
        hint = hint_at(data[at:])
        return FramingError(
            sentence + (f": {hint}" if hint else ""),
            offset=self._start + at,
            expected=f"a {self.name} length from {1 - self.bias} to {self._limit - self.bias}",
            found=data[at : at + SHOWN_BYTES].hex(" "),
        )

    def _bad_message(self, at: int, flaw: Flaw) -> FramingError:
        offset = self._start + at + flaw.at
        return FramingError(
            f"{self.name} frame, byte {flaw.at}: expected {flaw.expected}, found {flaw.found}",
            offset=offset,
            expected=flaw.expected,
            found=flaw.found,
        )


def hint_at(data: bytes) -> str:
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
