"""The business day and its windows end by the clock, where the network file says when: local times of a named zone.

Theory of operation. A scheduled time that has come since it was last looked is due. A close begins a business day, the one after
its local date (of a close in the morning: that date), and does nothing where it has begun: so it makes no difference who has
closed the day before, how often this is asked, or what crashes in between. A window ends only if it began before that time. Of
several times that were missed, as the switch was down or its journal was, each says the same as the last one: it is done once,
late, and said to be (`cutover.late`).

What a time is looked for since: after a start, the last cutover or transaction in the journal; at the very first start, and
where a reload brings the schedule, now; after a reload or a restart in place, where the switch before had looked. A reload that
moves a time to one that has been today closes nothing: it holds from the next day on.

A local time that does not exist, as clocks are put forward, is the moment in which they are; one that comes twice is the first.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from typing import Final

from switch.core.kernel import Kernel
from switch.core.network import CutoverSchedule
from switch.core.operator.business_day import BusinessDay
from switch.core.records.windows import NUMBER_MAX

SCHEDULE: Final = "schedule"
"""who closes it, in records"""
LATE_US: Final = 60 * 1_000_000
"""what is done later than this is said to be late"""
NOON_S: Final = 43_200
_DAY_S: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Calendar:
    """When the times of a schedule are. Times are seconds since 1970, UTC; local ones are as the zone's clocks show them."""

    def __init__(self, schedule: CutoverSchedule) -> None:
        self._schedule = schedule
        self._begins = [at for at, _ in schedule.offsets]

    def ahead(self, at_s: int) -> int:
        """How many seconds the zone's clocks are ahead of UTC."""
        return self._schedule.offsets[max(bisect_right(self._begins, at_s) - 1, 0)][1]

    def moment(self, day: int, clock_s: int) -> int:
        """When the clocks of the zone show this time of a local day (days since 1970)."""
        local = day * _DAY_S + clock_s
        # a change of the clocks lies between the two, or there is none
        before, after = self.ahead(local - _DAY_S), self.ahead(local + _DAY_S)
        for ahead in (before, after):
            if self.ahead(local - ahead) == ahead:
                return local - ahead
        at = bisect_right(self._begins, local + _DAY_S) - 1
        return self._begins[at]

    def last(self, clock_s: int, since_s: int, until_s: int) -> tuple[int, int] | None:
        """The last time that the clocks have shown this, after `since_s` and up to `until_s`: when, and the local day."""
        today = (until_s + self.ahead(until_s)) // _DAY_S
        for day in (today + 1, today, today - 1, today - 2):
            at_s = self.moment(day, clock_s)
            if at_s <= until_s:
                return (at_s, day) if at_s > since_s else None
        return None

    def next(self, after_s: int) -> int:
        """The next of all times of the schedule."""
        today = (after_s + self.ahead(after_s)) // _DAY_S
        close_s, windows_s = self._schedule.close_s, self._schedule.windows_s
        clocks = (*windows_s, close_s) if close_s is not None else windows_s
        times = (self.moment(today + n, clock_s) for n in range(-1, 4) for clock_s in clocks)
        return min(at_s for at_s in times if at_s > after_s)


def day_begun(local_day: int, clock_s: int) -> date:
    """The business day that a close at this local time begins."""
    return date.fromordinal(_EPOCH + local_day) + timedelta(1 if clock_s >= NOON_S else 0)


class Scheduled:
    """The cutovers of one network file's schedule."""

    def __init__(self, kernel: Kernel, day: BusinessDay) -> None:
        self._kernel = kernel
        self._day = day
        self._schedule = schedule = kernel.network.cutover_schedule
        self._calendar = Calendar(schedule) if schedule is not None else None
        self._looked_s = 0
        self._next_s = 0

    def begin(self, now: int) -> None:
        """A process starts, with a journal that was there or a new one."""
        kernel, cutover = self._kernel, self._kernel.state.cutover
        known_us = max(kernel.state.last_txn, cutover.at_us if cutover is not None else 0)
        self._looked_s = (known_us if kernel.position else kernel.wall_us(now)) // 1_000_000

    def resume(self, looked_s: int, now: int) -> None:
        """Go on where the switch before had looked (`looked_s`)."""
        self._looked_s = looked_s or self._kernel.wall_us(now) // 1_000_000

    @property
    def looked_s(self) -> int:
        """Up to when it has looked, seconds since 1970; 0: there is no schedule."""
        return self._looked_s if self._schedule is not None else 0

    def deadline(self) -> int | None:
        """When the next is due, on the driver's clock."""
        kernel = self._kernel
        if self._schedule is None or kernel.journal_down:
            return None
        return self._next_s * 1_000_000_000 - kernel.wall_offset_ns

    def tick(self, now: int) -> None:
        """Close what is due."""
        kernel, schedule, calendar = self._kernel, self._schedule, self._calendar
        at_s = kernel.wall_us(now) // 1_000_000
        if schedule is None or calendar is None or at_s < self._next_s or kernel.journal_down:
            return
        since_s, self._looked_s = self._looked_s, max(at_s, self._looked_s)
        self._next_s = calendar.next(at_s)
        close_s = schedule.close_s
        closed = calendar.last(close_s, since_s, at_s) if close_s is not None else None
        if closed is not None and close_s is not None:
            self._close(day_begun(closed[1], close_s), closed[0], now)
        ends = (calendar.last(clock_s, since_s, at_s) for clock_s in schedule.windows_s)
        ended_s = max((end[0] for end in ends if end is not None), default=0)
        if ended_s > (closed[0] if closed is not None else 0):
            self._close_window(ended_s, now)

    def _close(self, begins: date, due_s: int, now: int) -> None:
        today, first = self._day.today(now), self._kernel.state.cutover is None
        if begins < today or (begins == today and not first):
            self._say("info", "cutover.known", due_s, now)
            return
        self._say_late(due_s, now)
        # the calendar's day, too, has to end by the clock from here on: the first close of all is a window's, if it has begun
        self._day.cut(begins, 2 if begins == today else 1, SCHEDULE, now, anew=True)

    def _close_window(self, due_s: int, now: int) -> None:
        cutover = self._kernel.state.cutover
        number = cutover.window if cutover is not None else 1
        if cutover is not None and cutover.at_us >= due_s * 1_000_000:
            self._say("info", "cutover.known", due_s, now)
        elif number == NUMBER_MAX:
            why = f"a day has {NUMBER_MAX} windows at most"
            self._say("error", "cutover.refused", due_s, now, reason=why, hint="close the day: cmi-switch day close")
        else:
            self._say_late(due_s, now)
            self._day.cut(self._day.today(now), number + 1, SCHEDULE, now)

    def _say_late(self, due_s: int, now: int) -> None:
        late_us = self._kernel.wall_us(now) - due_s * 1_000_000
        if late_us > LATE_US:
            hint = "the switch was not running then, or its journal was away: it is closed now, once"
            self._say("warning", "cutover.late", due_s, now, late_s=late_us // 1_000_000, hint=hint)

    def _say(self, level: str, event: str, due_s: int, now: int, **more: str | int) -> None:
        due = datetime.fromtimestamp(due_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._kernel.log(level, event, window=self._kernel.window(now), due=due, **more)
