"""What may stand around a message on a stream: the framings of a network file, and others that peers use and we do not speak.

`cuts` gives, for each, the messages it would make of the bytes, as spans.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from operator import xor
from typing import Final, NamedTuple, TypeAlias

Span: TypeAlias = tuple[int, int]
"""first byte, and the one behind the last"""

LOOKED_AT: Final = 4_096
"""bytes of a stream, no more"""
FRAMES_MAX: Final = 8
BODY_MIN: Final = 12
"""MTI in BCD, bitmap, one element of two bytes: no message is shorter"""
BODY_MAX: Final = 0xFFFF


class Kind(NamedTuple):
    """One way to frame. `measure(data, at)` -> bytes before the message, of it, and behind it; or None: it cannot be."""

    name: str
    """in a network file; "" where no framing of ours is it"""
    words: str
    measure: Callable[[bytes, int], tuple[int, int, int] | None]
    head: int = 0
    """bytes of a length header"""


class Cut(NamedTuple):
    """What a kind makes of a stream."""

    kind: Kind
    frames: tuple[Span, ...]
    """whole messages"""
    heads: tuple[int, ...]
    """where each one's length header begins"""
    rest: Span | None
    """an unfinished message at the end, as far as it came"""
    missing: int
    """bytes it still needs"""
    empty: int
    """lengths of zero that came between"""


def _binary(size: int, order: str, bias: int) -> Callable[[bytes, int], tuple[int, int, int] | None]:
    def measure(data: bytes, at: int) -> tuple[int, int, int] | None:
        number = int.from_bytes(data[at : at + size], "little" if order == "little" else "big")
        return size, number + bias if number else 0, 0

    return measure


def _digits(size: int, zero: int, bias: int) -> Callable[[bytes, int], tuple[int, int, int] | None]:
    """`size` digits of ASCII (`zero` 0x30) or EBCDIC (0xF0)."""

    def measure(data: bytes, at: int) -> tuple[int, int, int] | None:
        digits = data[at : at + size]
        if any(not zero <= byte <= zero + 9 for byte in digits):
            return None
        number = int("".join(str(byte - zero) for byte in digits))
        return size, number + bias if number else 0, 0

    return measure


def _hexadecimal(data: bytes, at: int) -> tuple[int, int, int] | None:
    digits = data[at : at + 4]
    if any(byte not in b"0123456789ABCDEFabcdef" for byte in digits):
        return None
    return 4, int(digits, 16), 0


def _packed(bias: int) -> Callable[[bytes, int], tuple[int, int, int] | None]:
    def measure(data: bytes, at: int) -> tuple[int, int, int] | None:
        digits = data[at : at + 2].hex()
        return (2, int(digits) + bias if int(digits) else 0, 0) if digits.isdecimal() else None

    return measure


def _visa4(data: bytes, at: int) -> tuple[int, int, int] | None:
    return (4, int.from_bytes(data[at : at + 2], "big"), 0) if data[at + 2 : at + 4] == b"\0\0" else None


def _etx_counted(data: bytes, at: int) -> tuple[int, int, int] | None:
    """A 2-byte length that counts an ETX behind the message, which may still come."""
    number = int.from_bytes(data[at : at + 2], "big")
    if not number:
        return 2, 0, 0
    return (2, number - 1, 1) if number > 1 and data[at + 1 + number : at + 2 + number] in (b"\x03", b"") else None


def _stx(lrc: bool) -> Callable[[bytes, int], tuple[int, int, int] | None]:
    def measure(data: bytes, at: int) -> tuple[int, int, int] | None:
        if data[at] != 0x02:
            return None
        end = data.find(b"\x03", at + 1)
        if end < 0:
            return 1, len(data) - at, 0
        message = data[at + 1 : end]
        if not lrc:
            return 1, len(message), 1
        if end + 1 == len(data):
            return 1, len(message), 2
        return (1, len(message), 2) if data[end + 1] == reduce(xor, message, 0x03) else None

    return measure


def _line(data: bytes, at: int) -> tuple[int, int, int] | None:
    end = data.find(b"\n", at)
    if end < 0:
        return None
    behind = 2 if data[end - 1 : end] == b"\r" else 1
    return 0, end + 1 - behind - at, behind


KINDS: Final[tuple[Kind, ...]] = (
    Kind("length2", "a 2-byte binary length", _binary(2, "big", 0), 2),
    Kind("length2-inclusive", "a 2-byte binary length that counts its own two bytes", _binary(2, "big", -2), 2),
    Kind("length4", "a 4-byte binary length", _binary(4, "big", 0), 4),
    Kind("length4-inclusive", "a 4-byte binary length that counts its own four bytes", _binary(4, "big", -4), 4),
    Kind("visa4", "a 2-byte binary length and two zero bytes", _visa4, 4),
    Kind("ascii4", "a length of 4 ASCII digits", _digits(4, 0x30, 0), 4),
    Kind("bcd2", "a length of 4 BCD digits in two bytes", _packed(0), 2),
    Kind("stxetx", "STX before and ETX with an LRC behind each message", _stx(lrc=True), 0),
    Kind("length2-little", "a 2-byte length with its low byte first", _binary(2, "little", 0), 2),
    Kind(
        "length2-little-inclusive",
        "a 2-byte length, low byte first, that counts its own two bytes",
        _binary(2, "little", -2),
        2,
    ),
    Kind("length4-little", "a 4-byte length with its low byte first", _binary(4, "little", 0), 4),
    Kind("ascii4-inclusive", "a length of 4 ASCII digits that counts its own four bytes", _digits(4, 0x30, -4), 4),
    Kind("hex4", "a length of 4 hexadecimal ASCII digits", _hexadecimal, 4),
    Kind("ebcdic4", "a length of 4 EBCDIC digits", _digits(4, 0xF0, 0), 4),
    Kind("ascii3", "a length of 3 ASCII digits", _digits(3, 0x30, 0), 3),
    Kind("ascii5", "a length of 5 ASCII digits", _digits(5, 0x30, 0), 5),
    Kind("ascii6", "a length of 6 ASCII digits", _digits(6, 0x30, 0), 6),
    Kind("bcd2-inclusive", "a length of 4 BCD digits that counts its own two bytes", _packed(-2), 2),
    Kind("length2-etx", "a 2-byte length that counts an ETX behind each message", _etx_counted, 2),
    Kind("length3", "a 3-byte binary length", _binary(3, "big", 0), 3),
    Kind("", "STX before and ETX behind each message, without an LRC", _stx(lrc=False), 0),
    Kind("", "a line end behind each message and no length", _line, 0),
)

NOTHING: Final = Kind("", "no length header", lambda data, at: (0, len(data) - at, 0), 0)
"""Messages one behind the other: only a dialect says where one ends."""
WHOLE: Final = Kind("", "nothing", lambda data, at: (0, len(data) - at, 0), 0)
"""Messages that somebody has cut already."""

BY_NAME: Final = {kind.name: kind for kind in KINDS if kind.name}
FRAMING_WORDS: Final = {kind.name: kind.words for kind in KINDS if kind.name} | {
    "tpdu": "a 2-byte binary length and a TPDU",
    "base1": "a 2-byte binary length, two zero bytes and a BASE I header",
}
LOOKS_LIKE: Final = {"tpdu": "length2", "base1": "visa4"}
"""framings that are another one, and look at the message's header besides"""


def cut(kind: Kind, data: bytes) -> Cut | None:
    """The messages a kind would make of `data`; None where it cannot be this kind at all."""
    frames: list[Span] = []
    heads: list[int] = []
    at, end, empty = 0, len(data), 0
    least = max(1, kind.head)
    while end - at >= least and len(frames) < FRAMES_MAX:
        measured = kind.measure(data, at)
        if measured is None:
            return None
        head, body, behind = measured
        if body == 0 and head:
            empty += 1
            at += head + behind
            if empty > 64:
                return None
            continue
        if not BODY_MIN <= body <= BODY_MAX:
            return None
        start, stop = at + head, at + head + body
        if stop + behind > end:
            return Cut(kind, tuple(frames), tuple(heads), (start, end), stop + behind - end, empty)
        frames.append((start, stop))
        heads.append(at)
        at = stop + behind
    rest = (at, end) if at < end and len(frames) < FRAMES_MAX else None
    return Cut(kind, tuple(frames), tuple(heads), rest, 0, empty)


def cuts(data: bytes) -> Iterator[Cut]:
    """Every kind that could be, with what it makes of `data`."""
    for kind in KINDS:
        made = cut(kind, data)
        if made is not None and (made.frames or made.rest is not None):
            yield made
