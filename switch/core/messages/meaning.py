"""What elements of a message say to whoever remembers it: what kind it is, what it leaves."""

from typing import Final

from switch.wire.vocabulary import DE, Document, Processing

INQUIRIES: Final = frozenset({Processing.BALANCE, Processing.VERIFICATION})
"""Transaction types (DE3, first two digits) that move no money: never reversed."""


def is_inquiry(elements: Document) -> bool:
    """True for a balance inquiry or a card verification (DE3): there is nothing of it to reverse."""
    return elements.get(DE.PROCESSING_CODE, "")[:2] in INQUIRIES


def direction_of(elements: Document) -> int:
    """Which way an amount moves the cardholder's money: 1 out of the account; -1 a refund; 0 an inquiry moves none."""
    kind = elements.get(DE.PROCESSING_CODE, "00")[:2]
    return 0 if kind in INQUIRIES else -1 if kind == Processing.REFUND else 1


def left_of(reversal: Document) -> int:
    """What stands of a payment after a partial reversal (DE95), minor units; 0: nothing, all of it is taken back."""
    actual = reversal.get(DE.REPLACEMENT, "")[:12]
    return int(actual) if actual.isascii() and actual.isdecimal() else 0
