"""Which window a record belongs to: decided by the cutovers that stand in the journal before it.

A business day has one window or more. A cutover that begins another day ends the day's last; one whose day goes on
ends a window only. Until the first cutover, the calendar's days (UTC) are the business days, each with one window.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from switch.core.records.day_records import Cutover
from switch.core.records.records import Snapshot
from switch.ledger.entries import Window
from switch.wire.dates import DAY_US

CALENDAR: Final = "calendar"
"""who closes windows before the first cutover: midnight, UTC"""


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """A window that has ended."""

    window: Window
    at_us: int
    """wall-clock µs"""
    by: str
    """a host's name, `operator` or `calendar`"""
    until: int = 0
    """sequence of the record that has closed it: its entries are of records before this one"""


class Windows:
    """The windows up to a record."""

    def __init__(self, now: Window | None = None, *, calendar: bool = True, until_us: int = 0, begins: int = 0) -> None:
        """As an earlier batch of records has left them; nothing: these are the first."""
        self.closed: list[Closed] = []
        """those that have ended in this batch, oldest first"""
        self.now = now
        """the newest one; None: nothing has happened yet"""
        self.calendar = calendar
        """no cutover yet"""
        self.until_us = until_us
        """end of the calendar's day; nothing before the first cutover lies behind it"""
        self.begins = begins
        """number of the first record that there was: more than 1 where a pruned journal begins with a snapshot; 0: not known"""

    def at(self, at_us: int, sequence: int) -> Window:
        """The window of the record of this number, made at wall-clock µs."""
        if self.calendar and at_us >= self.until_us:
            self._turn(at_us, sequence)
        assert self.now is not None
        return self.now

    def cut(self, cutover: Cutover, sequence: int) -> None:
        """What follows belongs to another window."""
        ended = Window(cutover.closed, cutover.ended)
        if self.calendar and self.now is not None and self.now != ended:
            self._end(self.now, self.until_us, CALENDAR, sequence)
        self._end(ended, cutover.at_us, cutover.by, sequence)
        self.calendar = False
        self.now = Window(cutover.day, cutover.window)

    def begin(self, snapshot: Snapshot, sequence: int) -> None:
        """A snapshot says which day it is: news only where the journal begins with it."""
        self.begins = self.begins or (sequence if self.now is None else 1)
        if self.now is None and snapshot.cutover is not None:
            self.calendar = False
            self.now = Window(snapshot.cutover.day, snapshot.cutover.window)

    def _turn(self, at_us: int, sequence: int) -> None:
        """The calendar's day at `at_us` begins, if the one before has not been ended by a cutover."""
        days = at_us // DAY_US
        if self.now is not None:
            self._end(self.now, self.until_us, CALENDAR, sequence)
        self.until_us = (days + 1) * DAY_US
        self.now = Window(datetime.fromtimestamp(days * 86_400, UTC).date().isoformat(), 1)

    def _end(self, window: Window, at_us: int, by: str, until: int) -> None:
        self.closed.append(Closed(window=window, at_us=at_us, by=by, until=until))
