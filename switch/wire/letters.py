"""Letters in the text of a link of ASCII: read where a message is none for them alone.

`careful.decode` is what a message of the dialect is, and has been asked first: nothing here is on the way of a message that is
right. The bytes are not changed, nor is anything else of them read otherwise: each number, code and length still has to be one,
and the message has to end where its last element does.

Two ways of writing are known. ISO 8859-1, a letter a byte, is jPOS's text; UTF-8 whose lengths count its bytes reads the same
way. UTF-8 whose lengths count characters is what libraries write that take the length of a string (j8583: "L*VAR fields indicate
chars", its issue 84); it is tried where the other fails, as the message then does not end where it should. Strings of Java, .NET
and JavaScript count an emoji, and whatever else has four bytes of UTF-8, as two.
"""

from typing import Final, NamedTuple

from switch.wire.careful import Reader, Table, count
from switch.wire.dialect import Dialect
from switch.wire.element import Element
from switch.wire.errors import DecodeError
from switch.wire.vocabulary import Document

_TEXT: Final = ("a", "an", "ans")
_UNSAID: Final = frozenset(map(str, (*range(37, 45), 48)))
"""text in every edition, also where a dialect does not say what an element is made of"""
_BYTES: Final = 4
_CHARACTERS: Final = (1, 2)
"""as how many a length counts what has four bytes of UTF-8: Python, Go and C, where they count characters; Java and its like"""


class Place(NamedTuple):
    """The first letter of an element."""

    element: str
    offset: int
    """of its byte in the message, from 0"""
    byte: int


class Lettered(NamedTuple):
    """A message that has letters in its text."""

    document: Document
    """as `Dialect.decode` has it, and its text with its letters: ISO 8859-1's, or any of Unicode's where `by_character`"""
    places: tuple[Place, ...]
    """where they are, in the order of the message"""
    by_character: bool
    """it is UTF-8, and its lengths count characters"""


def read_with_letters(dialect: Dialect, data: bytes, error: DecodeError) -> Lettered | None:
    """A message that `dialect.decode` has refused with `error`, if letters in its text were all that is wrong with it; else None.

    Only elements of text are read so (content a, an or ans); no number, header, MTI or bitmap.
    """
    if data.isascii():
        return None
    e = dialect.elements.get(error.field)
    ways: tuple[int, ...] = ()
    if e is not None and is_lettered(e):
        ways = (_BYTES, *_CHARACTERS)
    elif any(_single(e) and not is_lettered(e) for e in dialect.elements.values()):
        ways = _CHARACTERS  # of ISO 8859-1, and what fails is whatever comes behind the letters
    for four_bytes in ways:
        reader = _Reader(dialect.codec.table, data, four_bytes)
        try:
            document = reader.message()
        except DecodeError:
            continue
        return Lettered(document, tuple(reader.places), four_bytes != _BYTES)
    return None


def decode_anyway(dialect: Dialect, data: bytes) -> Document:
    """As `dialect.decode`, and where that fails with letters in its text. Raises DecodeError."""
    try:
        return dialect.decode(data)
    except DecodeError as error:
        found = read_with_letters(dialect, data, error)
        if found is None:
            raise
        return found.document


def is_lettered(e: Element) -> bool:
    """True for an element of text in ASCII that may be read with letters."""
    return _single(e) and e.text is not None and e.text.ascii


def _single(e: Element) -> bool:
    """True for text in ASCII or ISO 8859-1."""
    if not e.key.isdecimal() or e.text is None or e.text.to_latin is not None:
        return False
    return e.content in _TEXT or (not e.content and e.key in _UNSAID)


class _Reader(Reader):
    """Reads text with letters; `places` has where the first of each element is.

    `four_bytes`: as how many a length counts a character of four bytes of UTF-8; `_BYTES`: as four, and any byte as one.
    """

    def __init__(self, table: Table, data: bytes, four_bytes: int) -> None:
        super().__init__(table, data)
        self._four_bytes = four_bytes
        self._by_character = four_bytes != _BYTES
        self.places: list[Place] = []

    def element(self, e: Element) -> None:
        """See Reader."""
        if not (_single(e) if self._by_character else is_lettered(e)):
            super().element(e)
            return
        n = self.length(e) if e.length_bytes else e.size
        at = self.pos
        chunk = self._characters(e, n) if self._by_character else self.take(e, n, count(n, e.unit))
        if not chunk.isascii():
            first = next(i for i, byte in enumerate(chunk) if byte > 0x7F)
            self.places.append(Place(e.key, at + first, chunk[first]))
        self.document[e.key] = chunk.decode("utf-8" if self._by_character else "latin-1")

    def _characters(self, e: Element, n: int) -> bytes:
        """The bytes of the next `n` characters of UTF-8."""
        end, left = self.pos, n
        while left > 0:
            byte = self.data[end] if end < len(self.data) else 0
            end += 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            left -= self._four_bytes if byte >= 0xF0 else 1
        if left < 0:
            raise self.fail(e.key, self.pos, count(n, e.unit), "a character half within it")
        at = self.pos
        chunk = self.take(e, end - at, count(n, e.unit))
        try:
            chunk.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"byte {chunk[error.start]:02X}"
            raise self.fail(e.key, at + error.start, "a character of UTF-8", found) from None
        return chunk
