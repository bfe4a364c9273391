"""Stream -> frames -> stream: where one message ends and the next begins. The framings of network and dialect files, by name."""

import struct
from collections.abc import Callable
from typing import Final

from switch.wire.counted import SHOWN_BYTES, U16, Counted, Flaw, Framing, FramingError
from switch.wire.delimited import Gzip, StxEtx

__all__ = [
    "BASE1_BYTES",
    "BASE1_REJECT_BYTES",
    "FRAMINGS",
    "TPDU_BYTES",
    "Framing",
    "FramingError",
    "frames_alike",
    "make_framing",
]

_U32: Final = struct.Struct(">I")
_LITTLE16: Final = struct.Struct("<H")
_LITTLE32: Final = struct.Struct("<I")
_ZERO: Final = 0x30
ETX: Final = b"\x03"
_HEX: Final = b"0123456789ABCDEFabcdef"
_FROM_EBCDIC: Final = bytes(byte - 0xC0 if 0xF0 <= byte <= 0xF9 else 0 for byte in range(256))
_TO_EBCDIC: Final = bytes(byte + 0xC0 if 0x30 <= byte <= 0x39 else 0 for byte in range(256))

TPDU_BYTES: Final = 5
BASE1_BYTES: Final = 22
BASE1_REJECT_BYTES: Final = 26
"""A BASE I header of a rejected message: the usual one, a second bitmap (2 bytes), a reject code (2 bytes)."""


class Length2(Counted):
    """2-byte big-endian length that does not count itself: the commonest."""


class Length2Little(Counted):
    """2-byte length, low byte first."""

    name = "length2-little"

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        return _LITTLE16.unpack_from

    def _writer(self) -> Callable[[int], bytes]:
        return _LITTLE16.pack


class Length2LittleInclusive(Length2Little):
    """2-byte length, low byte first, that counts its own two bytes."""

    name = "length2-little-inclusive"
    bias = -2


class Length2Inclusive(Counted):
    """2-byte big-endian length that counts its own two bytes."""

    name = "length2-inclusive"
    bias = -2


class Length3(Counted):
    """3-byte big-endian length that does not count itself: jPOS's CMFChannel, since 3.0.1."""

    name = "length3"
    head = 3
    ceiling = 0xFF_FFFF

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        def measure(data: bytes, at: int) -> tuple[int]:
            return (int.from_bytes(data[at : at + 3], "big"),)

        return measure

    def _writer(self) -> Callable[[int], bytes]:
        return lambda number: number.to_bytes(3, "big")


class Length4(Counted):
    """4-byte big-endian length that does not count itself."""

    name = "length4"
    head = 4
    ceiling = 0xFFFF_FFFF

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        return _U32.unpack_from

    def _writer(self) -> Callable[[int], bytes]:
        return _U32.pack


class Length4Little(Length4):
    """4-byte length, low byte first."""

    name = "length4-little"

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        return _LITTLE32.unpack_from

    def _writer(self) -> Callable[[int], bytes]:
        return _LITTLE32.pack


class Length4Inclusive(Length4):
    """4-byte big-endian length that counts its own four bytes."""

    name = "length4-inclusive"
    bias = -4


class Visa4(Counted):
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
        return lambda number: U16.pack(number) + b"\0\0"

    def _describe(self, header: bytes, body: int) -> str:
        return "does not end in two zero bytes" if header[2:] != b"\0\0" else super()._describe(header, body)


class Ascii4(Counted):
    """Length as 4 ASCII digits that do not count themselves. Subclasses: of other widths and character sets."""

    name = "ascii4"
    head = 4
    ceiling = 9_999
    zero = 0x30

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        head, zero = self.head, self.zero

        def measure(data: bytes, at: int) -> tuple[int]:
            digits = data[at : at + head]
            if zero != _ZERO:
                digits = digits.translate(_FROM_EBCDIC)
            return (int(digits),) if digits.isdigit() else (-1,)

        return measure

    def _writer(self) -> Callable[[int], bytes]:
        head, zero = self.head, self.zero

        def write(number: int) -> bytes:
            digits = b"%0*d" % (head, number)
            return digits if zero == _ZERO else digits.translate(_TO_EBCDIC)

        return write

    def _describe(self, header: bytes, body: int) -> str:
        digits = header.translate(_FROM_EBCDIC) if self.zero != _ZERO else header
        charset = "EBCDIC" if self.zero != _ZERO else "ASCII"
        words = {3: "three", 4: "four", 5: "five", 6: "six"}[self.head]
        return super()._describe(header, body) if digits.isdigit() else f"is not {words} {charset} digits"


class Ascii4Inclusive(Ascii4):
    """The same, counting its own four bytes."""

    name = "ascii4-inclusive"
    bias = -4


class Ascii3(Ascii4):
    """Length as 3 ASCII digits."""

    name = "ascii3"
    head = 3
    ceiling = 999


class Ascii5(Ascii4):
    """Length as 5 ASCII digits."""

    name = "ascii5"
    head = 5
    ceiling = 99_999


class Ascii6(Ascii4):
    """Length as 6 ASCII digits."""

    name = "ascii6"
    head = 6
    ceiling = 999_999


class Ebcdic4(Ascii4):
    """Length as 4 EBCDIC digits."""

    name = "ebcdic4"
    zero = 0xF0


class Hex4(Counted):
    """Length as 4 hexadecimal ASCII digits, written in lower case: jPOS's HEXChannel."""

    name = "hex4"
    head = 4

    def _reader(self) -> Callable[[bytes, int], tuple[int]]:
        def measure(data: bytes, at: int) -> tuple[int]:
            digits = data[at : at + 4]
            return (int(digits, 16),) if all(byte in _HEX for byte in digits) else (-1,)

        return measure

    def _writer(self) -> Callable[[int], bytes]:
        return lambda number: b"%04x" % number

    def _describe(self, header: bytes, body: int) -> str:
        good = all(byte in _HEX for byte in header)
        return super()._describe(header, body) if good else "is not four hexadecimal digits"


class Bcd2(Counted):
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


class Bcd2Inclusive(Bcd2):
    """The same, counting its own two bytes."""

    name = "bcd2-inclusive"
    bias = -2


class Length2Etx(Counted):
    """2-byte big-endian length that counts an ETX (03) behind the message: jPOS's BASE24TCPChannel."""

    name = "length2-etx"

    def __init__(self, frame_bytes_max: int) -> None:
        super().__init__(min(frame_bytes_max, self.ceiling - 1) + 1)

    def feed(self, data: bytes) -> list[bytes]:
        """As `Framing.feed`; the ETX is none of the message."""
        try:
            return [frame[: len(frame) - 1] for frame in super().feed(data)]
        except FramingError as error:
            error.frames = [frame[: len(frame) - 1] for frame in error.frames]
            raise

    def frame(self, message: bytes) -> bytes:
        """As `Framing.frame`."""
        most = self._limit - len(ETX)
        if len(message) > most:
            said = f"a message of {len(message)} bytes does not fit {self.name} framing: the limit is {most}"
            raise FramingError(said, offset=0, expected=f"up to {most} bytes", found=f"{len(message)} bytes")
        return super().frame(message + ETX)

    def _checker(self) -> Callable[[bytes], Flaw | None]:
        def check(message: bytes) -> Flaw | None:
            if message.endswith(ETX) and len(message) > 1:
                return None
            found = f"{message[len(message) - 1]:02x}" if len(message) > 1 else "nothing before it"
            return Flaw(len(message) - 1, "a message and 03 (ETX) as the last byte that the length counts", found)

        return check


class Tpdu(Counted):
    """`length2` around a message that begins with a TPDU: id 60 to 6F, destination NII, source NII (2 bytes each)."""

    name = "tpdu"

    def _checker(self) -> Callable[[bytes], Flaw | None]:
        def check(message: bytes) -> Flaw | None:
            if message[0] & 0xF0 != 0x60:
                return Flaw(0, "a TPDU id from 60 to 6f", message[:SHOWN_BYTES].hex(" "))
            if len(message) < TPDU_BYTES:
                return Flaw(len(message), f"a TPDU of {TPDU_BYTES} bytes", f"a frame of {len(message)}")
            return None

        return check


class Base1(Visa4):
    """`visa4` around a message that begins with a BASE I header of 22 bytes.

    Its total-length field (bytes 3 and 4, counting header and message) is written when sending; when receiving it may be zero,
    else it must agree with the frame. The 26-byte header of a rejected message passes too: what comes after the 22 bytes is
    the dialect's to judge.
    """

    name = "base1"

    def _checker(self) -> Callable[[bytes], Flaw | None]:
        unpack = U16.unpack_from

        def check(message: bytes) -> Flaw | None:
            length = len(message)
            if message[0] not in {BASE1_BYTES, BASE1_REJECT_BYTES}:
                return Flaw(0, "a BASE I header length of 16 (or 1a, rejected)", message[:SHOWN_BYTES].hex(" "))
            if length < message[0]:
                return Flaw(length, f"a BASE I header of {message[0]} bytes", f"a frame of {length}")
            total = unpack(message, 3)[0]
            if total and total != length:
                return Flaw(3, f"the frame's own length {length:04x} ({length})", f"{total:04x} ({total})")
            return None

        return check

    def frame(self, message: bytes) -> bytes:
        """`message`, its total-length field filled in, as it goes on the stream."""
        if len(message) < BASE1_BYTES:
            raise FramingError(
                f"base1 framing sends messages that begin with a BASE I header: {len(message)} bytes are too few",
                offset=0,
                expected=f"at least {BASE1_BYTES} bytes",
                found=message[:SHOWN_BYTES].hex(" "),
            )
        return super().frame(message[:3] + U16.pack(len(message) & 0xFFFF) + message[5:])


FRAMINGS: Final[dict[str, type[Counted] | type[StxEtx] | type[Gzip]]] = {
    kind.name: kind
    for kind in (
        *(Length2, Length2Inclusive, Length4, Length4Inclusive, Visa4, Ascii4, Bcd2, Tpdu, Base1, StxEtx),
        *(Length2Little, Length2LittleInclusive, Length4Little, Ascii4Inclusive, Ascii3, Ascii5, Ascii6),
        *(Ebcdic4, Hex4, Bcd2Inclusive, Gzip, Length2Etx, Length3),
    )
}
"""Name in dialect and network files -> class. Mastercard's 2-byte length is `length2`."""


FRAME_BYTES_MAX: Final = 65_535
"""of a message: what a length of two bytes can say, and `Limits.frame_bytes` be at most"""


def make_framing(name: str, frame_bytes_max: int = FRAME_BYTES_MAX) -> Framing:
    """A framing for one connection, by its name in `FRAMINGS`; ValueError: there is none of that name.

    `frame_bytes_max` bounds a message, its header of the framing not counted: the switch's is `Limits.frame_bytes`; who only
    looks, or stands for somebody else, takes what there can be.
    """
    kind = FRAMINGS.get(name)
    if kind is None:
        raise ValueError(f"no framing is called {name!r}; there are {', '.join(FRAMINGS)}")
    return kind(frame_bytes_max)


def frames_alike(framing: Framing) -> bool:
    """True where a frame is a header, the same for all messages of one length, and the message as it is."""
    return isinstance(framing, Counted) and type(framing).frame is Counted.frame
