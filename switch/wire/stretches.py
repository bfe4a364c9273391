"""In which order the elements of a message stand on the wire, and where in its bytes those of a document do."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from switch.wire.dialect import Dialect
from switch.wire.element import Element
from switch.wire.vocabulary import Document

_FIRST: Final = {"h": -3, "t": -2, "p": -1}
_LAST: Final = 1_000


class Stretch(NamedTuple):
    """An element in a message's bytes."""

    de: str
    element: Element
    start: int
    """of its data, behind its length"""
    end: int
    """behind it"""


def wire_order(de: str) -> int:
    """A key to sort elements by: header, MTI, bitmaps, 2 to 128; what is no element stands behind them."""
    return _FIRST.get(de) or (int(de) if de.isdecimal() else _LAST)


def stretches(dialect: Dialect, document: Document) -> Iterator[Stretch]:
    """Where each element stands in the message that `document` was decoded from, or in its beginning: a partial one will do.

    Up to the first element that the dialect does not have.
    """
    at = 0
    for de in sorted(document, key=wire_order):
        e = dialect.elements.get(de)
        if e is None:
            return
        value, start = document[de], at + e.length_bytes
        at = start + (len(value) if e.text is not None else (len(value) + 1) // 2)
        yield Stretch(de, e, start, at)
