"""Which messages of a talk belong together: an answer to its request, a message to the one that was captured in its place."""

from typing import Final

from switch.wire import Document
from switch.wire.vocabulary import DE

TELLING: Final = (
    DE.TRANSMISSION_TIME,
    DE.RRN,
    DE.TERMINAL,
    DE.MERCHANT,
    DE.ACQUIRER,
    DE.PAN,
    DE.AMOUNT,
    DE.NETWORK_CODE,
)
"""Elements that tell one message of a class from another."""


def answers(request: Document, document: Document) -> bool:
    """True where `document` may answer `request`: its class and its DE11."""
    asked, mti = request.get(DE.MTI, ""), document.get(DE.MTI, "")
    return asked[1:2] == mti[1:2] and request.get(DE.STAN) == document.get(DE.STAN)


def agreement(one: Document, other: Document) -> int:
    """In how many telling elements two messages agree."""
    return sum(de in one and one[de] == other.get(de) for de in (*TELLING, DE.STAN))


def same_class(one: Document, other: Document) -> bool:
    """True where both ask, or both answer, in messages of one class."""
    return one.get(DE.MTI, "")[1:3] == other.get(DE.MTI, "")[1:3]
