"""One dialect's message as another's: link form to internal format (`switch.core.messages.internal`) and back.

Each family has one translator, and each its table of elements it carries: what is not in the table is dropped, never moved
to where it would mean something else (`dropped`; docs/translate.md has all tables). A translator knows one link: its own
and its peer's ids, which go into the header. It holds no message; the request an answer belongs to is handed to it.
"""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from switch.core.messages.iso93 import Iso93
from switch.core.messages.mastercard import Mastercard
from switch.core.messages.variant import Variant, differs, tail
from switch.core.messages.visa import Visa
from switch.wire import Dialect
from switch.wire.vocabulary import DE, Document


class Translator(Protocol):
    """Between the codec of one link and the switch: documents of the link's dialect in, internal format out, and back."""

    dropped: frozenset[str]
    """elements of the internal format this link's dialect has no place for: they are left out of what is sent"""

    def inward(self, document: Document) -> Document:
        """A document as it came, in internal format. May be the same object; never changes its argument.

        `UnreadableError` (a DecodeError): an element's inside cannot be read. A partial document (what was decoded before an
        error) is as good as a whole one.
        """

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """An internal document as it goes on the link. Never changes its argument.

        `reference`: where `document` is an answer, the request as it came on this link; its header is turned round and
        the network's own elements are echoed. EncodeError: an element cannot be said on this link.
        """


class Direct:
    """Family `cmi` without a header: the link form is the internal format."""

    dropped: frozenset[str] = frozenset()

    def inward(self, document: Document) -> Document:
        """The same object."""
        return document

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """The same object."""
        del reference
        return document


class Tpdu:
    """Family `cmi` behind a TPDU: `60`, destination, source; turned round in an answer. Track 2 has D for its separator."""

    dropped: frozenset[str] = frozenset()

    def __init__(self, own: str, peer: str) -> None:
        self._header = f"60{tail(peer, 4)}{tail(own, 4)}"

    def inward(self, document: Document) -> Document:
        """Without header and bitmaps."""
        internal = {de: value for de, value in document.items() if de not in _OUTER}
        if DE.TRACK2 in internal:
            internal[DE.TRACK2] = internal[DE.TRACK2].replace("D", "=")
        return internal

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """With a TPDU: the reference's, turned round, or the link's own."""
        there = reference.get(DE.HEADER, "") if reference else ""
        header = f"{there[:2]}{there[6:10]}{there[2:6]}" if len(there) == 10 else self._header
        link = {DE.HEADER: header, **document}
        if DE.TRACK2 in link:
            link[DE.TRACK2] = link[DE.TRACK2].replace("=", "D")
        return link


_OUTER = frozenset({DE.HEADER, DE.BITMAP, DE.BITMAP_SECONDARY})


def _day_unknown() -> date:
    """The middle of 2000: every date without a year is near to it in that year."""
    return date(2000, 7, 1)


FAMILIES = ("cmi", "iso93", "visa", "mastercard")
"""Those there is a translator for."""


def translator_for(dialect: Dialect, own: str, peer: str, today: Callable[[], date] = _day_unknown) -> Translator:
    """The translator of a link that speaks `dialect`.

    `own`, `peer`: institution ids (digits) of the two ends, "" if unknown: their last digits are TPDU addresses (4) and BASE I
    station ids (6). `today`: for families whose dates have a year (iso93), which is that of the nearest such date; without it
    they are of 2000. ValueError: the dialect's family has no translator, or its file lacks a `subfields` annotation that the
    translation needs.
    """
    match dialect.family:
        case "cmi" if differs(dialect):
            return Variant(dialect, own, peer)
        case "cmi" if DE.HEADER in dialect.elements:
            return Tpdu(own, peer)
        case "cmi":
            return Direct()
        case "iso93":
            return Iso93(dialect, today)
        case "visa":
            return Visa(dialect, tail(own, 6), tail(peer, 6))
        case "mastercard":
            return Mastercard(dialect)
    there = ", ".join(FAMILIES)
    raise ValueError(f"dialect {dialect.name}: no translation for family {dialect.family!r} (there are {there})")
