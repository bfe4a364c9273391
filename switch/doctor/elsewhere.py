"""What stands in an element that is longer than the dialect says, where other specifications have it so: a year, or zeros.

Digits among digits do not tell which of several elements is longer; these do.
"""

import re
from typing import Final

from switch.wire.vocabulary import DE

_DATES: Final = frozenset(
    {
        DE.TRANSMISSION_TIME,
        DE.LOCAL_TIME,
        DE.LOCAL_DATE,
        DE.EXPIRY,
        DE.SETTLEMENT_DATE,
        DE.CONVERSION_DATE,
        DE.CAPTURE_DATE,
    }
)
"""With a year before them, or a century: ISO 8583:1993 and 2003."""
_HALF_BYTE: Final = (
    *(DE.ENTRY_MODE, DE.PAN_SEQUENCE, DE.NII, DE.ACQUIRER_COUNTRY),
    *(DE.CURRENCY, DE.CURRENCY_SETTLEMENT, DE.CURRENCY_BILLING),
)
_NUMBERS: Final = {DE.AMOUNT: (1, 4), DE.STAN: (2, 3, 6), DE.CONDITION_CODE: (2,), **dict.fromkeys(_HALF_BYTE, (1,))}
"""With so many zeros before them: amounts of 13 and 16 digits, numbers of 8, 9 and 12, codes that fill their last half byte."""
_DAY: Final = r"(0[1-9]|1[0-2])([0-2][0-9]|3[01])"
_YEAR: Final = re.compile(rf"(20)?[0-4][0-9]({_DAY})?")
"""A year, or a whole date before a time."""
_TOLD: Final = 3.0
"""how much likelier such a beginning makes it that the element is longer"""


def told(key: str, value: str, digits: int) -> float:
    """How much likelier what stands before a value's last `digits` characters makes its length: 1, or more."""
    more = value[: len(value) - digits]
    if key in _DATES:
        return _TOLD if _YEAR.fullmatch(more) else 1.0
    return _TOLD if len(more) in _NUMBERS.get(key, ()) and not more.strip("0") else 1.0
