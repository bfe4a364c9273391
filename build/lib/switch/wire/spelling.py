"""Text with accents on a link that has ASCII only: spelled without them, a character for a character, so that lengths stay.

The rule: a letter with a mark becomes the letter (é e, Ç C); æ, ø, ß, þ, ð and the like their first letter; « » “ ” become ", ‘ ’
become ', dashes -, a no-break space a blank; what has no such spelling becomes ?.
"""

import unicodedata
from typing import Final

from switch.wire.vocabulary import Document

_ALONE: Final = str.maketrans(
    "ÆæØøßÞþÐðŁłŒœ«»“”‘’–—\u00ad\u00a0",
    'AaOosTtDdLlOo""""\'\'--- ',
)


def in_ascii(text: str) -> str:
    """The text in ASCII, as long as it was.

    >>> in_ascii("CAFÉ « L'ŒUVRE » à Fès, 5 €")
    'CAFE " L\\'OUVRE " a Fes, 5 ?'
    """
    return "".join(map(_one, text.translate(_ALONE)))


def _one(char: str) -> str:
    if char.isascii():
        return char
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() and base.isalpha() else "?"


def respelled(document: Document) -> tuple[Document, tuple[str, ...]]:
    """A document in ASCII, and which elements that changed; none: it is the same."""
    changed = tuple(de for de, value in document.items() if not value.isascii())
    return {de: in_ascii(value) if de in changed else value for de, value in document.items()}, changed
