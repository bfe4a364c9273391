"""Dialects as the doctor tries them: without their message header, and with one habit or another changed.

Habits are what a whole dialect does alike: bitmaps raw or as hex digits, text in ASCII or EBCDIC, numbers a digit a byte or
packed, binary elements raw or as hex digits. A peer that speaks "your dialect, but with binary bitmaps" is found so.
"""

from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

import msgspec

from switch.wire import DecodeError, Dialect, Document
from switch.wire.careful import Reader, Table
from switch.wire.element import Element, Encoding, known_encoding

_HEX: Final = frozenset(b"0123456789ABCDEFabcdef")
_EBCDIC_HEX: Final = frozenset("0123456789ABCDEFabcdef".encode("cp037"))
ASCII_MTI, EBCDIC_MTI, PACKED_MTI = "ASCII", "EBCDIC", "BCD"


_CHARSETS: Final = {"ascii": known_encoding("ascii"), "cp037": known_encoding("cp037")}


class Habits(NamedTuple):
    """What a dialect does alike in all of its elements."""

    bitmap: str
    """`raw` or `hex`"""
    charset: str
    """`ascii` or `ebcdic`"""
    digits: str
    """`text` or `packed`"""
    binary: str
    """`raw` or `hex`"""


class Spoken(msgspec.Struct, frozen=True):
    """A dialect to try: its table without a header, and how it differs from the dialect's file."""

    dialect: Dialect
    table: Table
    header: int
    """bytes of the message header that the dialect's file says; 0: none"""
    habits: Habits
    changed: tuple[str, ...]
    """names of the habits that are not the dialect's own"""
    mti: str
    bitmap_raw: bool


def header_bytes(dialect: Dialect) -> int:
    """Bytes before the MTI that a dialect expects."""
    element = dialect.elements.get("h")
    if element is None:
        return 0
    return (element.size + 1) // 2 if element.nibbles else element.size


def habits_of(dialect: Dialect) -> Habits:
    """What a dialect does in most of its elements."""
    elements = [e for k, e in dialect.elements.items() if k not in ("h", "t", "p", "1")]
    texts = [e.text for e in elements if e.text is not None]
    ebcdic = sum(text.to_latin is not None for text in texts) * 2 > len(texts)
    numbers = [e for e in elements if e.content == "n"]
    packed = sum(e.nibbles for e in numbers) * 2 > len(numbers)
    binaries = [e for e in elements if e.content == "b"]
    raw = sum(e.text is None for e in binaries) * 2 > len(binaries)
    return Habits(
        "hex" if dialect.elements["p"].text else "raw",
        "ebcdic" if ebcdic else "ascii",
        "packed" if packed else "text",
        "raw" if raw else "hex",
    )


def own(dialect: Dialect) -> Spoken:
    """The dialect as its file has it."""
    return _spoken(dialect, dict(dialect.elements), habits_of(dialect), ())


def variants(dialect: Dialect) -> Iterator[Spoken]:
    """The dialect with other habits: one changed, two, three, four."""
    mine = habits_of(dialect)
    choices = product(("raw", "hex"), ("ascii", "ebcdic"), ("text", "packed"), ("raw", "hex"))
    for wanted in sorted(
        (Habits(*c) for c in choices), key=lambda h: sum(a != b for a, b in zip(h, mine, strict=True))
    ):
        changed = tuple(name for name, a, b in zip(Habits._fields, wanted, mine, strict=True) if a != b)
        if changed:
            elements = {key: _vary(e, wanted, changed) for key, e in dialect.elements.items() if key != "h"}
            yield _spoken(dialect, elements, wanted, changed)


def _spoken(dialect: Dialect, elements: dict[str, Element], habits: Habits, changed: tuple[str, ...]) -> Spoken:
    elements.pop("h", None)
    text = elements["t"].text
    mti = PACKED_MTI if text is None else EBCDIC_MTI if text.to_latin is not None else ASCII_MTI
    raw = elements["p"].text is None
    return Spoken(
        dialect, Table(dialect.name, elements, dialect.both), header_bytes(dialect), habits, changed, mti, raw
    )


def _vary(e: Element, wanted: Habits, changed: tuple[str, ...]) -> Element:
    """An element with the habits named in `changed` as `wanted` has them."""
    charset = _CHARSETS["cp037" if wanted.charset == "ebcdic" else "ascii"]
    if e.key in ("p", "1"):
        raw = wanted.bitmap == "raw" if "bitmap" in changed else e.text is None
        return (
            msgspec.structs.replace(e, text=None, size=8) if raw else msgspec.structs.replace(e, text=charset, size=16)
        )
    if "charset" in changed:
        e = msgspec.structs.replace(e, text=e.text and charset, length=e.length and charset)
    if "binary" in changed and e.content == "b" and not e.nibbles:
        e = _binary(e, wanted.binary, charset)
    if "digits" in changed:
        e = _digits(e, wanted.digits, charset)
    return e


def _binary(e: Element, wanted: str, charset: Encoding) -> Element:
    if wanted == "raw" and e.text is not None:
        return msgspec.structs.replace(e, text=None, size=e.size // 2)
    if wanted == "hex" and e.text is None:
        return msgspec.structs.replace(e, text=charset, size=min(e.size * 2, _most(e)))
    return e


def _most(e: Element) -> int:
    """The longest that an element's length can say."""
    if not e.length_bytes:
        return 9_999
    if e.length is None and not e.length_bcd:
        return int(256**e.length_bytes) - 1
    return int(10 ** (e.length_bytes * (1 if e.length else 2))) - 1


def _digits(e: Element, wanted: str, charset: Encoding) -> Element:
    if e.key == "t":
        return msgspec.structs.replace(e, text=charset if wanted == "text" else None, size=4 if wanted == "text" else 2)
    if wanted == "packed":
        if e.content in ("n", "z") and e.text is not None:
            pads = {"left_pad": "0", "right_pad": ""} if e.content == "n" else {"left_pad": "", "right_pad": "F"}
            e = msgspec.structs.replace(e, text=None, nibbles=True, **pads)
        if e.length is not None:
            e = msgspec.structs.replace(e, length=None, length_bcd=True, length_bytes=(e.length_bytes + 1) // 2)
        return e
    if e.nibbles:
        e = msgspec.structs.replace(e, text=charset, nibbles=False, left_pad="", right_pad="")
    if e.length_bytes and e.length is None:
        digits = 2 if e.size <= 99 else 3
        e = msgspec.structs.replace(e, length=charset, length_bcd=False, length_bytes=digits)
    return e


# -- reading


class Walk(NamedTuple):
    """How far a table reads the bytes, from an MTI on."""

    document: Document
    starts: dict[str, int]
    """element -> where it begins, its length included"""
    end: int
    """behind what was read"""
    error: DecodeError | None
    """why it goes no further; a message may end before the bytes do"""
    numbers: tuple[int, ...]
    """the elements that the bitmaps announce"""


def walk(table: Table, data: bytes, at: int = 0) -> Walk:
    """Read one message that begins at `at`, however much stands behind it."""
    reader = Reader(table, data)
    reader.pos = at
    starts: dict[str, int] = {}
    numbers: list[int] = []
    elements = table.elements
    try:
        reader.element(elements["t"])
        starts["p"] = reader.pos
        numbers = list(reader.bitmap("p", 0))
        if table.both or (numbers and numbers[0] == 1):
            numbers = [n for n in numbers if n > 1]
            starts["1"] = reader.pos
            numbers.extend(reader.bitmap("1", 64))
        for number in numbers:
            key = str(number)
            starts[key] = reader.pos
            reader.element(elements[key])
    except DecodeError as error:
        return Walk(reader.document, starts, reader.pos, error, tuple(numbers))
    return Walk(reader.document, starts, reader.pos, None, tuple(numbers))


def mtis_at(data: bytes, at: int) -> Iterator[str]:
    """In which forms an MTI and a bitmap may stand at `at`: cheap, and mostly in none."""
    first = data[at : at + 4]
    if len(first) < 4:
        return
    if 0x30 <= first[0] <= 0x39 and 0x31 <= first[1] <= 0x38 and 0x30 <= first[2] <= 0x39 and 0x30 <= first[3] <= 0x39:
        yield ASCII_MTI
    if 0xF0 <= first[0] <= 0xF9 and 0xF1 <= first[1] <= 0xF8 and 0xF0 <= first[2] <= 0xF9 and 0xF0 <= first[3] <= 0xF9:
        yield EBCDIC_MTI
    if first[0] >> 4 <= 2 and 1 <= first[0] & 15 <= 8 and first[1] >> 4 <= 9 and first[1] & 15 <= 9:
        yield PACKED_MTI


def bitmaps_at(data: bytes, at: int) -> tuple[int, int]:
    """What stands at `at` as a raw bitmap, and as one of hex digits; 0: it cannot be one."""
    raw = int.from_bytes(data[at : at + 8], "big") if len(data) >= at + 8 else 0
    digits = data[at : at + 16]
    if len(digits) < 16:
        return raw, 0
    if all(b in _HEX for b in digits):
        return raw, int(digits, 16)
    return raw, int(digits.decode("cp037"), 16) if all(b in _EBCDIC_HEX for b in digits) else 0
