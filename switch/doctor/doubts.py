"""What a careful engineer would ask about in a message that reads to its last byte: values that nobody means.

Rule: a doubt names the element and what is odd about it, and shows no more of it than a log may have.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from switch.doctor.plausible import looks_right
from switch.wire import Document
from switch.wire.pans import luhn_rest, misread_pan
from switch.wire.vocabulary import DE, NOT_SAID

_WHAT: Final = {
    DE.AMOUNT: "no amount that is met",
    DE.TRANSMISSION_TIME: "no date and time",
    DE.LOCAL_TIME: "no time",
    DE.LOCAL_DATE: "no date",
    DE.EXPIRY: "no month of expiry",
    DE.SETTLEMENT_DATE: "no date",
    DE.CONVERSION_DATE: "no date",
    DE.CAPTURE_DATE: "no date",
    DE.CURRENCY: "no currency of ISO 4217",
    DE.CURRENCY_SETTLEMENT: "no currency of ISO 4217",
    DE.CURRENCY_BILLING: "no currency of ISO 4217",
}
_NUMBERS: Final = frozenset(
    {DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.TRANSMISSION_TIME, DE.STAN, DE.LOCAL_TIME, DE.LOCAL_DATE, DE.EXPIRY}
)
"""Digits in every specification."""
_TRACK_SIGNS: Final = str.maketrans("dD=", "===")
_ASKS: Final = ("100", "200", "300")
"""an MTI behind its edition: of requests that have no answer yet to tell of, as advices and reversals may"""


def doubts(documents: Sequence[Document]) -> tuple[str, ...]:
    """What is odd in these messages, each once, in order; none for what looks like any other."""
    found: dict[str, None] = {}
    for document in documents:
        odd = list(_of(document))
        if odd and not _luhn(document.get(DE.PAN, "")):
            odd.append("DE2's check digit is wrong")
        found |= dict.fromkeys(odd)
    return tuple(found)


def _of(document: Document) -> Iterator[str]:
    mti = document.get(DE.MTI, "")
    if mti[1:] in _ASKS and DE.RESPONSE_CODE in document:
        yield f"DE39 stands in a {mti}, which asks"
    misread = misread_pan(document)
    for de, value in document.items():
        shown = "" if de in NOT_SAID or de in misread else f" ({value[:20]})"
        if de in (DE.MTI, DE.HEADER, DE.BITMAP, DE.BITMAP_SECONDARY):
            continue
        if not value.isprintable():
            yield f"DE{de} has control characters"
        elif de in _NUMBERS and not value.isdecimal() and value.strip():
            yield f"DE{de} has other characters than digits{shown}"
        elif de in _WHAT and value.strip("0 ") and not looks_right(de, value):
            yield f"DE{de} is {_WHAT[de]}{shown}"
    track = document.get(DE.TRACK2, "").translate(_TRACK_SIGNS).partition("=")[0]
    pan = document.get(DE.PAN, "")
    if pan and track and pan != track:
        yield "DE35 has another PAN than DE2"


def _luhn(pan: str) -> bool:
    """Whether a PAN's last digit is that of ISO/IEC 7812; true for what is no number."""
    return not (pan.isascii() and pan.isdecimal() and len(pan) > 1) or not luhn_rest(pan)
