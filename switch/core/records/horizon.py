"""How far back memory reaches, an acquirer: the DE7 up to which it has let go of outcomes, so that History is asked for no more.

In: DE7 as messages have it, and the moment they came. DE7 (MMDDhhmmss) has no year and is the sender's clock. Knows no clock.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

DAY_US: Final = 86_400_000_000
LEAP_YEAR_S: Final = 366 * 86_400
FAR_DAYS: Final = 8
"""A DE7 so many days ahead may move the horizon: more than a duplicate window may have. By the time that a day further ahead is
tomorrow, what named it is beyond every window."""


@lru_cache(maxsize=64)
def days_about(day: int, ahead: int) -> frozenset[str]:
    """MMDD, as DE7 begins, of yesterday, today, and so many days ahead. `day`: since 1970."""
    return frozenset(
        (datetime.fromtimestamp(0, UTC) + timedelta(d)).strftime("%m%d") for d in range(day - 1, day + ahead + 1)
    )


def later(a: str, b: str) -> bool:
    """True if DE7 `a` (MMDDhhmmss, no year) is after `b`, reading a distance above half a year as the turn of the year."""
    if not b:
        return True
    if a[:2] == b[:2]:
        return a > b
    if abs(int(a[:2]) - int(b[:2])) > 6:
        return a < b
    return a > b


def seconds_between(a: str, b: str) -> int | None:
    """How far apart two DE7 are, whichever is first, read as the nearest such dates; None where one is no time."""
    try:
        first, second = (datetime.strptime(f"2000{text}+0000", "%Y%m%d%H%M%S%z") for text in (a, b))
    except ValueError:
        return None
    seconds = abs(int((first - second).total_seconds()))
    return min(seconds, LEAP_YEAR_S - seconds)


def move_horizon(horizons: dict[str, str], acquirer: str, sent_at: str, came_us: int) -> None:
    """Memory lets go of what `acquirer` sent with this DE7 and came at `came_us` (wall-clock µs): its horizon moves up to it.

    A DE7 far from the day it came on (a terminal whose clock was reset to January) moves no horizon: all that came later would be
    asked for. The kernel asks History for such a DE7 in any case. "": something has been let go.
    """
    horizon = horizons.setdefault(acquirer, "")
    day = sent_at[:4]
    if later(sent_at, horizon) and (day == horizon[:4] or day in days_about(came_us // DAY_US, FAR_DAYS)):
        horizons[acquirer] = sent_at
