"""How far back memory reaches, an acquirer: the DE7 up to which it has let go of outcomes, so that History is asked for no more.

In: DE7 as messages have it, and the moment they came. DE7 (MMDDhhmmss) has no year and is the sender's clock: `wire.dates` says
which is later. Knows no clock.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from switch.wire.dates import DAY_US, later

FAR_DAYS: Final = 8
"""A DE7 so many days ahead may move the horizon: more than a duplicate window may have. By the time that a day further ahead is
tomorrow, what named it is beyond every window."""


@lru_cache(maxsize=64)
def days_about(day: int, ahead: int) -> frozenset[str]:
    """MMDD, as DE7 begins, of yesterday, today, and so many days ahead. `day`: since 1970."""
    return frozenset(
        (datetime.fromtimestamp(0, UTC) + timedelta(d)).strftime("%m%d") for d in range(day - 1, day + ahead + 1)
    )


def move_horizon(horizons: dict[str, str], acquirer: str, sent_at: str, came_us: int) -> None:
    """Memory lets go of what `acquirer` sent with this DE7 and came at `came_us` (wall-clock µs): its horizon moves up to it.

    A DE7 far from the day it came on (a terminal whose clock was reset to January) moves no horizon: all that came later would be
    asked for. The kernel asks History for such a DE7 in any case. "": something has been let go.
    """
    horizon = horizons.setdefault(acquirer, "")
    day = sent_at[:4]
    if later(sent_at, horizon) and (day == horizon[:4] or day in days_about(came_us // DAY_US, FAR_DAYS)):
        horizons[acquirer] = sent_at
