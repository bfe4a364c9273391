"""Sums and times as a reader of French, Arabic or English writes them. Pure.

The forms are those of CLDR for Morocco: `1 240,50 MAD` with spaces that do not break, `1.240,50 د.م.` with the digits that are in
use there, `MAD 1,240.50`.
"""

import time
from typing import Final

from switch.money.currency import format_amount

_BLANK, _THIN = "\u00a0", "\u202f"
_SEPARATORS: Final = {"fr": (_THIN, ","), "ar": (".", ","), "en": (",", ".")}
"""of thousands, of decimals"""
_DIRHAM: Final = "د.م."


def amount_text(minor: int, currency: str, language: str) -> str:
    """A sum in minor units of a currency (numeric code).

    >>> amount_text(18000, "504", "fr").replace("\u00a0", "~")
    '180,00~MAD'
    >>> amount_text(124050, "504", "en").replace("\u00a0", "~")
    'MAD~1,240.50'
    """
    digits, _, name = format_amount(abs(minor), currency).partition(" ")
    whole, _, decimals = digits.partition(".")
    thousands, point = _SEPARATORS[language]
    grouped = f"{int(whole):,}".replace(",", thousands) + (point + decimals if decimals else "")
    sign = "\u2212" if minor < 0 else ""
    if language == "en":
        return f"{name}{_BLANK}{sign}{grouped}"
    return f"{sign}{grouped}{_BLANK}{_DIRHAM if language == 'ar' and name == 'MAD' else name}"


def time_text(us: int, *, seconds: bool = False) -> str:
    """A local time, as day.month.year and hours."""
    return time.strftime("%d.%m.%Y %H:%M:%S" if seconds else "%d.%m.%Y %H:%M", time.localtime(us // 1_000_000))
