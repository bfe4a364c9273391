"""One data element as a dialect describes it, and the text encodings elements may use.

Rule: values only; whoever holds an `Element` holds one that was checked (`dialect.py`).
"""

import codecs
from functools import lru_cache
from typing import Final

import msgspec

CONTENTS: Final = ("n", "a", "an", "ans", "b", "z", "x+n")
"""What an element's value is made of; "" where the dialect does not say. Checked: n, b, z, x+n."""

DIGITS: Final = frozenset("0123456789")
HEX: Final = frozenset("0123456789ABCDEFabcdef")
TRACK: Final = "0123456789=D"
"""z: digits and a separator, `=` in text, `D` in nibbles"""
SIGNS: Final = ("C", "D")
SIGN_BYTES: Final = ("C3", "C4", "43", "44")
"""x+n in an element of bytes: the sign's byte in EBCDIC or ASCII"""


class Encoding(msgspec.Struct, frozen=True):
    """A single-byte text encoding. Every byte of an EBCDIC page or Latin-1 is a character; of ASCII, those below 128."""

    name: str
    ascii: bool
    to_latin: bytes | None
    """256 bytes: translates the encoding's bytes to Latin-1; None where they are the same"""
    from_latin: bytes | None


@lru_cache(maxsize=64)
def encoding(name: str) -> Encoding | None:
    """The encoding Python knows by `name`, or None: unknown, multi-byte, or with characters outside Latin-1."""
    try:
        known = codecs.lookup(name).name
        if known == "ascii":
            return Encoding(known, True, None, None)
        if known == "iso8859-1":
            return Encoding(known, False, None, None)
        table = bytes(range(256)).decode(known).encode("latin-1")
    except (LookupError, ValueError):
        return None
    if len(set(table)) != 256:
        return None
    return Encoding(known, False, table, bytes(table.index(i) for i in range(256)))


def known_encoding(name: str) -> Encoding:
    """The same of one that is there for sure; AssertionError: it is not."""
    found = encoding(name)
    assert found is not None, name
    return found


class Element(msgspec.Struct, frozen=True):
    """One entry of a dialect, in pyiso8583's terms."""

    key: str
    name: str
    content: str
    text: Encoding | None
    """how data is encoded; None: bytes, hex in a document"""
    length: Encoding | None
    """how a variable element's length is encoded; None: `length_bcd` says"""
    length_bcd: bool
    """where `length` is None: BCD, else binary"""
    length_bytes: int
    """0: fixed"""
    size: int
    """of a fixed element, or the longest of a variable one: nibbles where `nibbles`, else bytes"""
    nibbles: bool
    left_pad: str
    right_pad: str
    sensitive: bool
    mixed: bool = False
    """it has parts, and some of them, or some tags, are sensitive"""

    @property
    def digits(self) -> int:
        """Characters a value of full size has in a document."""
        return self.size if self.text or self.nibbles else self.size * 2

    @property
    def in_hex(self) -> bool:
        """True where a document has its bytes as hex digits, whatever a link does."""
        return self.content == "b" or (self.text is None and not self.nibbles)

    @property
    def unit(self) -> str:
        """What lengths count, as people read it."""
        if self.text:
            return "digits" if self.content == "n" else "characters"
        return "digits" if self.nibbles else "bytes"

    def odd(self, value: str) -> int:
        """Index of the first character of `value` that does not belong in this content; -1 if all do."""
        allowed: frozenset[str] | str
        start = 0
        if self.content == "n":
            allowed = DIGITS
        elif self.content == "z":
            allowed = TRACK
        elif self.content == "b" and self.text:
            allowed = HEX
        elif self.content == "x+n":
            allowed = DIGITS
            start = 1 if self.text else 2
            if value[:start] not in (SIGNS if self.text else SIGN_BYTES):
                return 0
        else:
            return -1
        return next((i for i in range(start, len(value)) if value[i] not in allowed), -1)

    def wants(self) -> str:
        """What `odd` found missing, as people read it."""
        if self.content == "n":
            return f"{self.digits} digits" if not self.length_bytes else "digits"
        if self.content == "z":
            return "track data (digits, = or D)"
        if self.content == "b":
            return "hex digits"
        return "a sign (C or D) and digits"
