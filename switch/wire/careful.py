"""Decode and encode one element after another: slowly, and with the exact error.

The compiled codec (`layout_source.py`) does the same for messages that are right; whatever it stumbles over comes here. So this
is the definition of a message of the dialect: the checks of pyiso8583, and those `docs/wire.md` lists beyond them.
"""

import json
from binascii import Error as HexError
from binascii import a2b_hex
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import msgspec

from switch.wire.element import HEX, Element, Encoding
from switch.wire.errors import DecodeError, EncodeError
from switch.wire.vocabulary import Document, mask_pan

_Fail: TypeAlias = Callable[[int, str, str], EncodeError]

TERTIARY = 65
"""A set bit 65 says that a third bitmap follows; no dialect here has elements above 128."""


class Table(msgspec.Struct, frozen=True):
    """A dialect as the codec needs it. `elements` has "t", "p", "1", and "h" where messages have a header."""

    dialect: str
    elements: dict[str, Element]
    both: bool = False
    """both bitmaps in every message, and bit 1 says nothing: a bitmap of 16 bytes"""


def count(n: int, unit: str) -> str:
    """`1 byte`, `12 digits`."""
    return f"{n} {unit[:-1] if n == 1 else unit}"


def shown(element: Element, value: str, index: int) -> str:
    """A value as an error may show it: of a sensitive one, or one with sensitive parts, the wrong character only (before it may
    stand a CVV2, or a card's number); a PAN masked, others around what is wrong."""
    if element.sensitive or element.mixed:
        return f"{quoted(value[index : index + 1], 0)} (the rest is not shown)"
    return quoted(mask_pan(value), len(value)) if element.key == "2" else quoted(value, index)


def quoted(value: str, index: int) -> str:
    """Text in quotes, on one line: ten characters at most where it is long, that at `index` among them.

    Where a peer's bitmap is wrong, a PAN or track is read as some other element: no error may show the whole of it.
    """
    if len(value) > 12 and index < len(value):
        start, end = max(0, index - 8), index + 2
        value = "…" * (start > 0) + value[start:end] + "…" * (end < len(value))
    return json.dumps(value, ensure_ascii=not value.replace("…", "").isprintable())


class Reader:
    """Where decoding stands. Each method reads something at `pos`, moves behind it, or raises DecodeError."""

    def __init__(self, table: Table, data: bytes) -> None:
        self.table = table
        self.data = data
        self.pos = 0
        self.document: Document = {}

    def fail(self, key: str, at: int, expected: str, found: str) -> DecodeError:
        """The error to raise, with what was read before it."""
        element = self.table.elements.get(key)
        return DecodeError(self.table.dialect, key, element.name if element else "", at, expected, found, self.document)

    def take(self, e: Element, n: int, expected: str) -> bytes:
        """The next `n` bytes."""
        chunk = self.data[self.pos : self.pos + n]
        if len(chunk) != n:
            raise self.fail(e.key, self.pos, expected, f"{count(len(chunk), 'bytes')} before the message ends")
        self.pos += n
        return chunk

    def text(self, e: Element, encoding: Encoding, chunk: bytes, at: int) -> str:
        """A chunk that stood at `at`, as characters."""
        if encoding.ascii and not chunk.isascii():
            bad = next(i for i, byte in enumerate(chunk) if byte > 127)
            raise self.fail(e.key, at + bad, "an ASCII character", f"byte {chunk[bad]:02X}")
        return (chunk.translate(encoding.to_latin) if encoding.to_latin else chunk).decode("latin-1")

    def length(self, e: Element) -> int:
        """The length in front of a variable element, in the element's own unit."""
        at, n = self.pos, e.length_bytes
        chunk = self.take(e, n, f"{count(n, 'bytes')} of length")
        if e.length is None and not e.length_bcd:
            return self.bounded(e, int.from_bytes(chunk, "big"), at)
        digits = chunk.hex() if e.length is None else self.text(e, e.length, chunk, at)
        if not (digits.isascii() and digits.isdecimal()):
            bad = next(i for i, c in enumerate(digits) if c not in "0123456789")
            where = at + (bad // 2 if e.length is None else bad)
            raise self.fail(e.key, where, f"a length of {count(len(digits), 'digits')}", quoted(digits.upper(), 0))
        return self.bounded(e, int(digits), at)

    def bounded(self, e: Element, n: int, at: int) -> int:
        """A length, if the element may have it."""
        if n > e.size:
            raise self.fail(e.key, at, f"a length up to {e.size}", str(n))
        return n

    def unpad(self, e: Element, value: str, at: int) -> str:
        """A nibble element's value without its pad; `value` has one nibble too many."""
        if e.left_pad and value[0] == e.left_pad:
            return value[1:]
        if e.right_pad and value[-1] == e.right_pad:
            return value[:-1]
        wrong, where = (value[0], at) if e.left_pad else (value[-1], at + len(value) // 2 - 1)
        pad = e.left_pad or e.right_pad
        expected = f'"{pad}" to fill half a byte' if pad else "an even number of digits"
        found = quoted(wrong, 0) if pad else str(len(value) - 1)
        raise self.fail(e.key, where, expected, found)

    def element(self, e: Element) -> None:
        """One element, into the document."""
        n = self.length(e) if e.length_bytes else e.size
        at = self.pos
        chunk = self.take(e, (n + 1) // 2 if e.nibbles else n, count(n, e.unit))
        left = 0
        if e.text:
            value = self.text(e, e.text, chunk, at)
        else:
            value = chunk.hex().upper()
            if e.nibbles and n & 1:
                left = int(bool(e.left_pad))
                value = self.unpad(e, value, at)
        self.check(e, value, at, left)
        self.document[e.key] = value

    def check(self, e: Element, value: str, at: int, left: int = 0) -> None:
        """The value's content; `left`: nibbles in front of it."""
        bad = e.odd(value)
        if bad >= 0:
            raise self.fail(e.key, at + (bad if e.text else (bad + left) // 2), e.wants(), shown(e, value, bad))
        if e.content == "b" and e.text and len(value) & 1:
            raise self.fail(e.key, at, "an even number of hex digits", str(len(value)))

    def bitmap(self, key: str, base: int) -> Iterable[int]:
        """Numbers of the elements a bitmap announces."""
        e = self.table.elements[key]
        at = self.pos
        chunk = self.take(e, e.size, "16 hex digits" if e.text else "8 bytes")
        value = self.text(e, e.text, chunk, at) if e.text else chunk.hex().upper()
        bad = next((i for i, c in enumerate(value) if c not in HEX), -1)
        if bad >= 0:
            raise self.fail(key, at + bad, "16 hex digits", quoted(value, bad))
        self.document[key] = value
        bits = int(value, 16)
        numbers = [base + i for i in range(1, 65) if bits >> (64 - i) & 1]
        for number in numbers:
            byte = at + (number - base - 1) // (4 if e.text else 8)
            if number == 1 and self.table.both:
                raise self.fail(key, byte, "no bit 1 in a bitmap that always has 16 bytes", "bit 1 set")
            if number == TERTIARY:
                raise self.fail(key, byte, "no third bitmap", "bit 65 set")
            if str(number) not in self.table.elements:
                raise self.fail(str(number), byte, f"an element of {self.table.dialect}", f"bit {number} set")
        return numbers

    def message(self) -> Document:
        """The whole of the data, header included, as one message."""
        elements = self.table.elements
        if "h" in elements:
            self.element(elements["h"])
        self.element(elements["t"])
        numbers = list(self.bitmap("p", 0))
        if self.table.both:
            numbers.extend(self.bitmap("1", 64))
        elif numbers and numbers[0] == 1:
            numbers[:1] = []
            numbers.extend(self.bitmap("1", 64))
        for number in numbers:
            self.element(elements[str(number)])
        if self.pos != len(self.data):
            last, more = str(numbers[-1]) if numbers else "p", count(len(self.data) - self.pos, "bytes")
            raise self.fail(last, self.pos, "the end of the message", f"{more} more")
        return self.document


def decode(table: Table, data: bytes) -> Document:
    """Bytes of one message, header included, as a document. Raises DecodeError."""
    return Reader(table, data).message()


def numbers_of(table: Table, document: Document) -> list[int]:
    """The data elements a document has, ascending. Raises EncodeError for a key that is none."""
    if not isinstance(document, Mapping):
        raise EncodeError(table.dialect, "", "", 0, "a dict of str", type(document).__name__, {})
    numbers = []
    for key in document:
        if key in ("h", "t", "p", "1"):
            continue
        if key not in table.elements or key == str(TERTIARY):
            raise EncodeError(
                table.dialect, str(key), "", 0, f"an element of {table.dialect}", f"key {key!r}", document
            )
        numbers.append(int(key))
    return sorted(numbers)


def bitmaps_of(numbers: Iterable[int], both: bool = False) -> tuple[str, str]:
    """Primary and secondary bitmap as 16 upper-case hex digits each; the secondary is "" where no element needs it.

    `both`: as `Table` has it.
    """
    bits = 0
    for number in numbers:
        bits |= 1 << (128 - number)
    if both:
        value = f"{bits:032X}"
        return value[:16], value[16:]
    if bits & 0xFFFF_FFFF_FFFF_FFFF:
        value = f"{bits | 1 << 127:032X}"
        return value[:16], value[16:]
    return f"{bits >> 64:016X}", ""


def encode(table: Table, document: Document) -> bytes:
    """A document as bytes of one message. Raises EncodeError. The document is not changed."""
    numbers = numbers_of(table, document)
    elements = table.elements
    primary, secondary = bitmaps_of(numbers, table.both)
    parts = [_encode_element(table, elements["h"], document)] if "h" in elements else []
    parts.append(_encode_element(table, elements["t"], document))
    parts.append(bitmap_bytes(elements["p"], primary))
    if secondary:
        parts.append(bitmap_bytes(elements["1"], secondary))
    parts.extend(_encode_element(table, elements[str(number)], document) for number in numbers)
    return b"".join(parts)


def bitmap_bytes(e: Element, digits: str) -> bytes:
    """16 hex digits as the dialect writes a bitmap."""
    return to_bytes(e.text, digits) if e.text else a2b_hex(digits)


def to_bytes(encoding: Encoding, text: str) -> bytes:
    """Text in a dialect's encoding. Raises UnicodeEncodeError (a ValueError)."""
    chunk = text.encode("ascii" if encoding.ascii else "latin-1")
    return chunk.translate(encoding.from_latin) if encoding.from_latin else chunk


def length_prefix(e: Element, n: int) -> bytes:
    """The length in front of a variable element's data."""
    if e.length:
        return to_bytes(e.length, f"{n:0{e.length_bytes}d}")
    if e.length_bcd:
        return a2b_hex(f"{n:0{e.length_bytes * 2}d}")
    return n.to_bytes(e.length_bytes, "big")


def _encode_element(table: Table, e: Element, document: Document) -> bytes:
    def fail(at: int, expected: str, found: str) -> EncodeError:
        return EncodeError(table.dialect, e.key, e.name, at, expected, found, document)

    value = document.get(e.key)
    if not isinstance(value, str):
        expected = "a str" if e.key in document else "a value"
        raise fail(0, expected, type(value).__name__ if e.key in document else "none")
    bad = e.odd(value)
    if bad >= 0:
        raise fail(bad, e.wants(), shown(e, value, bad))
    if e.content == "b" and e.text and len(value) & 1:
        raise fail(len(value), "an even number of hex digits", str(len(value)))
    data = _data(e, value, fail)
    n = len(value) if e.nibbles or e.text else len(data)
    if e.length_bytes:
        if n > e.size:
            raise fail(0, f"at most {count(e.size, e.unit)}", str(n))
        return length_prefix(e, n) + data
    if n != e.size:
        raise fail(0, count(e.size, e.unit), str(n))
    return data


def _data(e: Element, value: str, fail: _Fail) -> bytes:
    """An element's value without its length."""
    if e.text:
        try:
            return to_bytes(e.text, value)
        except UnicodeEncodeError as error:
            raise fail(error.start, f"a character of {e.text.name}", f"U+{ord(value[error.start]):04X}") from None
    digits = value
    if e.nibbles and len(value) & 1:
        if not (e.left_pad or e.right_pad):
            raise fail(len(value), "an even number of digits", str(len(value)))
        digits = e.left_pad + value + e.right_pad
    try:
        return a2b_hex(digits)
    except (HexError, ValueError):
        bad = next((i for i, c in enumerate(value) if c not in HEX), -1)
        if bad < 0:
            raise fail(len(value), "an even number of hex digits", str(len(value))) from None
        raise fail(bad, "hex digits", shown(e, value, bad)) from None
