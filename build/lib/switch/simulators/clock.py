"""The wall clock as messages write it, computed from nanoseconds that the driver hands in."""

from datetime import UTC, datetime, timedelta

import msgspec

LOCAL = timedelta(hours=1)
"""Morocco's civil time (UTC+1 but for Ramadan): DE12 and DE13 are the terminal's, DE7 is UTC."""


class Moment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One second, in every form that a message needs."""

    sent_at: str
    """DE7, MMDDhhmmss UTC"""
    local_time: str
    """DE12, hhmmss"""
    local_date: str
    """DE13, MMDD"""
    day: str
    """YYMMDD local: what daily limits count by, and DE14 is compared with"""
    rrn_prefix: str
    """YDDDhh UTC: the first half of a DE37"""
    second: int
    """since 1970"""


class Calendar:
    """Seconds to moments; a second is computed once however many messages it carries."""

    def __init__(self) -> None:
        self.last = Moment(sent_at="", local_time="", local_date="", day="", rrn_prefix="", second=-1)

    def at(self, wall_ns: int) -> Moment:
        """The moment of a wall clock reading in nanoseconds since 1970."""
        second = wall_ns // 1_000_000_000
        if second != self.last.second:
            utc = datetime.fromtimestamp(second, UTC)
            local = utc + LOCAL
            self.last = Moment(
                sent_at=f"{utc:%m%d%H%M%S}",
                local_time=f"{local:%H%M%S}",
                local_date=f"{local:%m%d}",
                day=f"{local:%y%m%d}",
                rrn_prefix=f"{utc.year % 10}{utc:%j%H}",
                second=second,
            )
        return self.last
