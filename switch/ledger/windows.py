"""Which window a record belongs to: decided by the cutovers that stand in the journal before it.

A business day has one window or more. A cutover that begins another day ends the day's last; one whose day goes on
ends a window only. Until the first cutover, the calendar's days (UTC) are the business days, each with one window.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from switch.core.records.records import Cutover, Snapshot
from switch.ledger.entries import Window

CALENDAR: Final = "calendar"
"""who closes windows before the first cutover: midnight, UTC"""
_DAY_US: Final = 86_400_000_000


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A window that has ended."""

    window: Window
    at_us: int
    """wall-clock µs"""
    by: str
    """a host's name, `operator` or `calendar`"""


class Windows:
    """The windows up to a record."""

    def __init__(self) -> None:
        self.closed: list[Closed] = []
        self.now: Window | None = None
        """the newest one; None: nothing has happened yet"""
        self._calendar = True
        self._until_us = 0
        """end of the calendar's day; nothing before the first cutover lies behind it"""

    def at(self, at_us: int) -> Window:
        """The window of what is recorded now, at wall-clock µs."""
        if self._calendar and at_us >= self._until_us:
            self._turn(at_us)
        assert self.now is not None
        return self.now

    def cut(self, cutover: Cutover) -> None:
        """What follows belongs to another window."""
        ended = Window(cutover.closed, cutover.ended)
        if self._calendar and self.now is not None and self.now != ended:
            self._end(self.now, self._until_us, CALENDAR)
        self._end(ended, cutover.at_us, cutover.by)
        self._calendar = False
        self.now = Window(cutover.day, cutover.window)

    def begin(self, snapshot: Snapshot) -> None:
        """A snapshot says which day it is: news only where the journal begins with it."""
        if self.now is None and snapshot.cutover is not None:
            self._calendar = False
            self.now = Window(snapshot.cutover.day, snapshot.cutover.window)

    def _turn(self, at_us: int) -> None:
        """The calendar's day at `at_us` begins, if the one before has not been ended by a cutover."""
        days = at_us // _DAY_US
        if self.now is not None:
            self._end(self.now, self._until_us, CALENDAR)
        self._until_us = (days + 1) * _DAY_US
        self.now = Window(datetime.fromtimestamp(days * 86_400, UTC).date().isoformat(), 1)

    def _end(self, window: Window, at_us: int, by: str) -> None:
        self.closed.append(Closed(window=window, at_us=at_us, by=by))
