"""Internal format <-> a dialect of family `cmi` that writes some elements in another form: most that are brought in from others.

| internal | link |
|---|---|
| (none) | h: the request's in an answer (a TPDU turned); else the dialect's `header`, a TPDU, or zeros |
| DE28-31, 97 sign as a letter | where they are bytes: the letter's byte, in the dialect's own text, before BCD digits |
| DE35, 36 separator = | D where they are half bytes |
| DE41, 42, 43 of 8, 15, 40 characters | longer ones end in blanks |
"""

from typing import Final

from switch.core.messages.family import UnreadableError
from switch.wire import Dialect
from switch.wire.vocabulary import DE, Document

SIGNED: Final = ("28", "29", "30", "31", "97")
"""x+n: a sign and digits."""
TRACKS: Final = (DE.TRACK2, DE.TRACK3)
ACCEPTOR: Final = {DE.TERMINAL: 8, DE.MERCHANT: 15, DE.MERCHANT_NAME: 40}
"""Elements of text whose size hosts disagree about, and what the internal format has."""
_OUTER: Final = frozenset({DE.HEADER, DE.BITMAP, DE.BITMAP_SECONDARY})
_SIGNS_IN: Final = {"43": "C", "44": "D", "C3": "C", "C4": "D"}
_TPDU_DIGITS: Final = 10


def tail(institution: str, digits: int) -> str:
    """The last digits of an id, led by zeros: how an institution is named in a header's shorter fields (assumed)."""
    return institution[-digits:].rjust(digits, "0")


def differs(dialect: Dialect) -> bool:
    """True where a dialect of family `cmi` needs this translator: neither `Direct` nor `Tpdu` do."""
    header = dialect.elements.get(DE.HEADER)
    tpdu = header is not None and header.digits == _TPDU_DIGITS and header.text is None
    if header is not None and (not tpdu or dialect.header):
        return True
    packed_tracks = header is None and bool(_bytes_of(dialect, TRACKS))
    return packed_tracks or bool(_wider(dialect)) or bool(_bytes_of(dialect, SIGNED))


def _bytes_of(dialect: Dialect, keys: tuple[str, ...]) -> frozenset[str]:
    """Those of some elements that the dialect has as bytes or half bytes."""
    return frozenset(de for de in keys if de in dialect.elements and dialect.elements[de].text is None)


def _wider(dialect: Dialect) -> dict[str, int]:
    """Those of `ACCEPTOR` that the dialect has longer, and how long."""
    there = ((de, dialect.elements[de]) for de in ACCEPTOR if de in dialect.elements)
    return {de: e.size for de, e in there if not e.length_bytes and e.text is not None and e.size > ACCEPTOR[de]}


class Variant:
    """Translator of such a link."""

    dropped: frozenset[str] = frozenset()

    def __init__(self, dialect: Dialect, own: str, peer: str) -> None:
        self._dialect = dialect
        self._signed, self._tracks = _bytes_of(dialect, SIGNED), _bytes_of(dialect, TRACKS)
        mti = dialect.elements.get(DE.TERMINAL, dialect.elements[DE.MTI]).text
        self._signs = {"C": "C3", "D": "C4"} if mti is not None and mti.to_latin else {"C": "43", "D": "44"}
        header = dialect.elements.get(DE.HEADER)
        self._digits = header.digits if header is not None else 0
        turned = f"60{tail(peer, 4)}{tail(own, 4)}"
        self._tpdu = header is not None and header.text is None and self._digits == _TPDU_DIGITS
        self._turns = self._tpdu or dialect.header[: self._digits].startswith("60")
        """an answer's header has the addresses of its request's turned round"""
        self._wider = _wider(dialect)
        self._header = dialect.header or (turned if self._tpdu else "0" * self._digits)

    def inward(self, document: Document) -> Document:
        """Without header and bitmaps, in the internal format's forms. UnreadableError: a sign that is none."""
        internal = {de: value for de, value in document.items() if de not in _OUTER}
        for de in self._signed & internal.keys():
            value = internal[de]
            sign = _SIGNS_IN.get(value[:2])
            if sign is None:
                name = self._dialect.names.get(de, "")
                raise UnreadableError(self._dialect.name, de, name, 0, "a sign, C or D", f"byte {value[:2]}", document)
            internal[de] = sign + value[2:]
        for de in self._tracks & internal.keys():
            internal[de] = internal[de].replace("D", "=")
        for de in self._wider.keys() & internal.keys():  # one that is longer still cannot be said on any other link
            internal[de] = internal[de].rstrip().ljust(ACCEPTOR[de])
        return internal

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """With a header where the dialect has one: the reference's, or the link's own."""
        link = dict(document)
        if self._digits:
            there = reference.get(DE.HEADER, "") if reference else ""
            if self._turns and len(there) >= _TPDU_DIGITS:
                there = f"{there[:2]}{there[6:10]}{there[2:6]}{there[10:]}"
            link[DE.HEADER] = there or self._header
        for de in self._signed & link.keys():
            link[de] = self._signs.get(link[de][:1], link[de][:1]) + link[de][1:]
        for de in self._tracks & link.keys():
            link[de] = link[de].replace("=", "D")
        for de in self._wider.keys() & link.keys():
            link[de] = link[de].ljust(self._wider[de])
        return link
