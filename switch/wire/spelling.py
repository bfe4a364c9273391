"""Text with accents on a link that has ASCII only: spelled without them, a character for a character, so that lengths stay.

Also bytes 80 to 9F of a link in ISO 8859-1: they are orders to a terminal there, and who sends them means Windows-1252 or UTF-8.

The rule: a letter with a mark becomes the letter (é e, Ç C); æ, ø, ß, þ, ð and the like their first letter; « » “ ” become ", ‘ ’
become ', dashes -, … a dot, a no-break space a blank; what has no such spelling becomes ?.
"""

import re
import unicodedata
from typing import Final

from switch.wire.vocabulary import Document

_ALONE: Final = str.maketrans(
    "ÆæØøßÞþÐðŁłŒœ«»“”‘’–—\u00ad\u00a0",
    'AaOosTtDdLlOo""""\'\'--- ',
) | str.maketrans("‚„‹›…•", "'\"''.*")
_WINDOWS: Final = {code: bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xA0)}
_UNASSIGNED: Final = re.compile(r"[\x80-\x9f]+")


def in_ascii(text: str) -> str:
    """The text in ASCII, as long as it was.

    >>> in_ascii("CAFÉ « L'ŒUVRE » à Fès, 5 €")
    'CAFE " L\\'OUVRE " a Fes, 5 ?'
    """
    return "".join(map(_one, text.translate(_WINDOWS).translate(_ALONE)))


def without_controls_of_latin(text: str) -> str:
    """The text with its bytes 80 to 9F in ASCII, as Windows-1252 has them, and all else as it was.

    >>> without_controls_of_latin("L\x92ÉPICERIE \x965 \x80")
    "L'ÉPICERIE -5 ?"
    """
    return _UNASSIGNED.sub(lambda found: in_ascii(found[0]), text)


def _one(char: str) -> str:
    if char.isascii():
        return char
    base = unicodedata.normalize("NFD", char)[0]
    return base if base.isascii() and base.isalpha() else "?"


def respelled(document: Document) -> tuple[Document, tuple[str, ...]]:
    """A document in ASCII, and which elements that changed; none: it is the same."""
    changed = tuple(de for de, value in document.items() if not value.isascii())
    return {de: in_ascii(value) if de in changed else value for de, value in document.items()}, changed
