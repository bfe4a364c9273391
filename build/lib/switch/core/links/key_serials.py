"""Key serial numbers of terminals that derive a key a transaction (DUKPT, ANSI X9.24): where messages have them.

In: a place as a network file names it: an element (`62`), or a subelement of DE48 (`48.72`). In a document in internal format
the number stands in DE53, which says how a PIN was made and goes to no other link.
"""

from collections.abc import Callable

from switch.core.messages.internal import with_private, without_private
from switch.wire.vocabulary import DE, Document

_SUBELEMENT = DE.PRIVATE_48 + "."


def reader(inward: Callable[[Document], Document], place: str) -> Callable[[Document], Document]:
    """`inward` of a link, with the serial number taken from its place."""

    def read(document: Document) -> Document:
        internal = dict(inward(document))
        rest, serial = "", ""
        if place.startswith(_SUBELEMENT):
            rest, serial = without_private(internal.pop(DE.PRIVATE_48, ""), place.removeprefix(_SUBELEMENT))
        else:
            serial = internal.pop(place, "")
        if rest:
            internal[DE.PRIVATE_48] = rest
        internal.pop(DE.SECURITY, None)
        if serial:
            internal[DE.SECURITY] = serial
        return internal

    return read


def find(document: Document, place: str) -> str:
    """The serial number of a message in its link's form; "" where it has none."""
    if not place.startswith(_SUBELEMENT):
        return document.get(place, "")
    return without_private(document.get(DE.PRIVATE_48, ""), place.removeprefix(_SUBELEMENT))[1]


def put(document: Document, place: str, serial: str) -> Document:
    """The document of a terminal with its serial number, in hex, in that place."""
    if not place.startswith(_SUBELEMENT):
        return {**document, place: serial}
    name = place.removeprefix(_SUBELEMENT)
    return {**document, DE.PRIVATE_48: with_private(document.get(DE.PRIVATE_48, ""), name, serial)}
