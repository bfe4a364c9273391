"""The window of a business day, as records and answers name it: `2026-11-27/1`, the day and the window's number in it.

A business day has one window or more. A cutover ends a window; the one that begins another day ends the day's last.
"""

from functools import lru_cache
from typing import Final

NUMBER_MAX: Final = 999
"""of a window of a day: messages have three digits for it"""
UNKNOWN: Final = 0
"""number of a window that nobody recorded: of a journal from before there were several a day"""


def name_of(day: str, number: int) -> str:
    """A window's name.

    >>> name_of("2026-11-27", 1)
    '2026-11-27/1'
    """
    return f"{day}/{number}"


@lru_cache(maxsize=64)
def parts_of(window: str) -> tuple[str, str, int]:
    """Of a window's name: DE15 (MMDD), the business day, the number. ValueError: it is none.

    >>> parts_of("2026-11-27/2")
    ('1127', '2026-11-27', 2)
    """
    day, _, number = window.partition("/")
    return day[5:7] + day[8:10], day, int(number)
