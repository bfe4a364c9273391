"""What elements of a message say to whoever remembers it: what kind it is, what it leaves."""

from typing import Final

from switch.wire.vocabulary import DE, Document, Processing

INQUIRIES: Final = frozenset({Processing.BALANCE, Processing.VERIFICATION})
"""Transaction types (DE3, first two digits) that move no money: never reversed."""

_DIRECTIONS: Final[dict[str, int]] = {Processing.REFUND: -1, **dict.fromkeys(INQUIRIES, 0)}


def is_inquiry(elements: Document) -> bool:
    """True for a balance inquiry or a card verification (DE3): there is nothing of it to reverse."""
    return elements.get(DE.PROCESSING_CODE, "")[:2] in INQUIRIES


def direction_of(elements: Document) -> int:
    """Which way an amount moves the cardholder's money: 1 out of the account; -1 a refund; 0 an inquiry moves none."""
    return _DIRECTIONS.get(elements.get(DE.PROCESSING_CODE, "")[:2], 1)


POS: Final = "pos"
ATM: Final = "atm"
WEB: Final = "web"
MOTO: Final = "moto"
CHANNELS: Final = (POS, ATM, WEB, MOTO)
"""Where a payment was made: at a terminal, a cash machine, on the web, by mail or telephone."""
_WEB_ENTRY: Final = "81"
_WEB_CONDITION: Final = "59"
_MOTO_CONDITION: Final = "08"


def channel_of(elements: Document) -> str:
    """Where a payment was made: cash is a cash machine's (DE3); then the web (DE22 81…, DE25 59), then mail or telephone order
    (DE25 08); all else is a terminal's."""
    if elements.get(DE.PROCESSING_CODE, "")[:2] == Processing.CASH:
        return ATM
    condition = elements.get(DE.CONDITION_CODE)
    if condition == _WEB_CONDITION or elements.get(DE.ENTRY_MODE, "")[:2] == _WEB_ENTRY:
        return WEB
    return MOTO if condition == _MOTO_CONDITION else POS


def left_of(reversal: Document) -> int:
    """What stands of a payment after a partial reversal (DE95), minor units; 0: nothing, all of it is taken back."""
    actual = reversal.get(DE.REPLACEMENT, "")[:12]
    return int(actual) if actual.isascii() and actual.isdecimal() else 0
