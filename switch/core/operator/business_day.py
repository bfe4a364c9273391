"""The business day, its windows, and their close: cutover.

Theory of operation. The switch has one business day, which has one window or more; a window is closed by a host's 0800 with
DE70=201 or by an operator, and the next one begins with the same record (`Cutover`), of the same day or of another. Nothing
stops for it. A transaction belongs to the window in which its outcome stands in the journal, so to exactly one: what is in flight
at cutover belongs to the window that its answer finds.

Who closes something names it, so that closing it twice, or once more after a crash, is closing it once. An operator names what
ends (`ends`); without a name it is what is in force, and is asked about where that has only just begun. A message names what
begins: DE15 is its day, and the number of the window (DE48.64, DE29 in the 1993 edition) stands there where the day goes on.

A host closes the day only where the network file says that it may, within the file's window, once in `APART_US`, and never to a
day after the calendar's tomorrow: whatever hosts say, and however often, the business day stays beside the calendar's. It closes
a window of the day once in `WINDOW_APART_US`. Several say 201 about the same close, each at its own time. One that names a date
(DE15) closes the day if it is before that date. One that names nothing closes it if it has lasted for `APART_US`: it is
otherwise about a close that has been.

An operator may close the day to any of the next days, as over a holiday, but is asked again within `AGAIN_US`.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from switch.core.kernel import Kernel
from switch.core.link_control.network_management import NetworkManagement
from switch.core.links.session import WINDOW, Session
from switch.core.links.states import SessionState
from switch.core.messages.internal import PRIVATE, Private48, private_elements
from switch.core.operator.command import OPERATOR, Arguments, Command, Unable
from switch.core.operator.errors import ErrorCode
from switch.core.operator.merchant_fees import MerchantCharging
from switch.core.records.day_records import FIRST_DAY, Cutover
from switch.core.records.windows import NUMBER_MAX, name_of
from switch.wire import EncodeError
from switch.wire.dates import instant_us, nearest
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document

APART_US: Final = 12 * 3_600 * 1_000_000
"""a further 0800/201 within so long is about the same close, or refused; so is one that names no date and is so old"""
AGAIN_US: Final = 3_600 * 1_000_000
"""an operator who closes the day again within so long is taken to have done it by mistake, unless he says that he means it"""
WINDOW_AGAIN_US: Final = 60 * 1_000_000
"""the same of a window that is not named"""
WINDOW_APART_US: Final = 300 * 1_000_000
"""a host closes a window at most once in so long"""
CLOCKS_APART_US: Final = 600 * 1_000_000
"""shards whose clocks are so far apart do not close the day for one another"""
AHEAD_DAYS_MAX: Final = 7
"""an operator begins no business day so far ahead of the one it closes, or further: holidays are shorter"""


class WindowArguments(Arguments, frozen=True):
    """What `day.close_window` is given."""

    ends: str = ""
    """name of what is to end, `2026-11-27/1` (of `day.close`: `2026-11-27`); closed before, it is closed. "": what is in force"""
    again: bool = False
    """although something was closed a moment ago"""


class DayArguments(WindowArguments, frozen=True):
    """What `day.close` is given."""

    date: str = ""
    """YYYY-MM-DD of the business day that begins; "": the next one"""


class Day(msgspec.Struct, frozen=True):
    """The business day, as it is now."""

    day: str
    """YYYY-MM-DD"""
    since_us: int
    """when it began, wall-clock microseconds; 0: no day has been closed yet"""
    told: tuple[str, ...]
    """links that were told of it, by this command"""
    window: int = 1
    """number of the window that it is in"""
    known: bool = False
    """what this command was to close had been closed before, and nothing was done"""


class BusinessDay:
    """Shows and closes the day and its windows, at an operator's word, a host's, or by the clock."""

    def __init__(self, kernel: Kernel, management: NetworkManagement) -> None:
        self._kernel = kernel
        self._management = management
        self._charging = MerchantCharging(kernel)

    def table(self) -> dict[str, Command]:
        """An operator's commands."""
        return {
            "day.show": Command(Arguments, self._show, changes=False),
            "day.close": Command(DayArguments, self._close),
            "day.close_window": Command(WindowArguments, self._close_window),
        }

    def today(self, now: int) -> date:
        """The business day (`Kernel.business_day`)."""
        return date.fromisoformat(self._kernel.business_day(now))

    @property
    def _since_us(self) -> int:
        """When the day began; 0: no day has been closed yet, however many windows have."""
        cutover = self._kernel.state.cutover
        return cutover.since_us if cutover is not None else 0

    @property
    def _number(self) -> int:
        """The number of the window in force."""
        cutover = self._kernel.state.cutover
        return cutover.window if cutover is not None else 1

    def _window_lasted_us(self, now: int) -> int:
        cutover = self._kernel.state.cutover
        return self._kernel.wall_us(now) - (cutover.at_us if cutover is not None else 0)

    def _lasted_us(self, now: int) -> int:
        """For how long the business day has lasted: since 1970, if no close has begun it."""
        return self._kernel.wall_us(now) - self._since_us

    def _wall(self, now: int) -> date:
        return datetime.fromtimestamp(self._kernel.wall_us(now) // 1_000_000, UTC).date()

    # -- an operator

    def _show(self, _: Arguments, now: int) -> Day:
        return self._day(now)

    def _day(self, now: int, told: tuple[str, ...] = (), *, known: bool = False) -> Day:
        return Day(self.today(now).isoformat(), self._since_us, told, self._number, known)

    def _close(self, asked: DayArguments, now: int) -> Day:
        day = self.today(now)
        if asked.ends and self._is_over(asked.ends, (_date(asked.ends), NUMBER_MAX), now):
            return self._day(now, known=True)
        wanted = _date(asked.date) if asked.date else self._next(now)
        if not day < wanted < day + timedelta(AHEAD_DAYS_MAX):
            raise Unable(
                f"the business day is {day}: {wanted} cannot follow it",
                f"name a date after it, within {AHEAD_DAYS_MAX} days",
                code=ErrorCode.DAY_DATE,
            )
        lasted_us = self._lasted_us(now)
        if lasted_us < AGAIN_US and not (asked.again or asked.ends):
            raise Unable(
                f"the business day was closed {max(lasted_us, 0) // 60_000_000} minutes ago, and is {day}",
                f"to close it once more, and begin {wanted}: --again",
                code=ErrorCode.DAY_CLOSED,
            )
        return self._day(now, self.cut(wanted, 1, OPERATOR, now))

    def _close_window(self, asked: WindowArguments, now: int) -> Day:
        day, number = self.today(now), self._number
        if asked.ends and self._is_over(asked.ends, _window(asked.ends), now):
            return self._day(now, known=True)
        lasted_us = self._window_lasted_us(now)
        if lasted_us < WINDOW_AGAIN_US and not (asked.again or asked.ends):
            raise Unable(
                f"window {day}/{number} began {max(lasted_us, 0) // 1_000_000} seconds ago",
                f"to close it all the same: --again, or name it: --ends {day}/{number}",
                code=ErrorCode.DAY_CLOSED,
            )
        if number == NUMBER_MAX:
            raise Unable(
                f"{day} has had {NUMBER_MAX} windows, and messages have no place for more",
                "close the day: cmi-switch day close",
                code=ErrorCode.DAY_WINDOW,
            )
        return self._day(now, self.cut(day, number + 1, OPERATOR, now))

    def _is_over(self, named: str, ends: tuple[date, int], now: int) -> bool:
        """True if what is to end has ended. Raises Unable where it has not begun."""
        day, number = self.today(now), self._number
        if ends[0] > day or (ends[0] == day and number < ends[1] < NUMBER_MAX):
            raise Unable(
                f"{named} has not begun: it is {day}, window {number}",
                f"name what is to end: {day}, or its window {day}/{number}",
                code=ErrorCode.DAY_DATE,
            )
        return ends < (day, number)

    # -- a host

    def handle_cutover(self, session: Session, document: Document, now: int) -> str:
        """0800 with DE70=201: DE39 of its answer, which waits for the record."""
        kernel, by = self._kernel, self._closer(session)
        if not by:
            why = "not everybody may close the business day"
            hint = "only a host that is signed on, and whose [[host]] says `may_cut_over = true`"
            kernel.log("warning", "cutover.refused", link=session.link, reason=why, hint=hint)
            return Answer.NOT_PERMITTED_TERMINAL
        if kernel.journal_down:
            return Answer.MALFUNCTION
        day, number = self.today(now), self._number
        begins = self._named(document, now)
        if begins is None:
            return Answer.FORMAT_ERROR
        wanted, wanted_number = begins
        window, named = name_of(day.isoformat(), number), name_of(wanted.isoformat(), wanted_number)
        if begins <= (day, number):
            kernel.log("info", "cutover.known", link=session.link, window=window, named=named)
            return Answer.APPROVED
        why = self._why_not_window(wanted_number, now) if wanted == day else self._why_not(wanted, wanted_number, now)
        hint = "an operator can close it: cmi-switch day close, and --window of a window alone"
        if apart := self._clocks_apart(session, document, now):
            why, hint = apart, "set the clocks of both machines; what is to be closed then, cmi-switch day close closes"
        if why:
            kernel.log("error", "cutover.refused", link=session.link, window=window, named=named, reason=why, hint=hint)
            return Answer.INVALID_TRANSACTION
        self.cut(wanted, wanted_number, by, now, said=session)
        return Answer.APPROVED

    def _clocks_apart(self, session: Session, document: Document, now: int) -> str:
        """What DE7 says against a 201: another shard's clock is wrong, or this one's; a host said it on another day. "": nothing.

        A shard closes the day by its clock, and tells the others: one whose clock is wrong is not to close it for all of them.
        A host's 201 that names no date means the close that it was said about: sent again a day later, by the host after a long
        night or by who has recorded it (a MAC does not say when), it would close the next day, too.
        """
        shard = session.host.config.passed_by if session.host is not None else self._closer(session)
        if not shard and DE.SETTLEMENT_DATE in document:
            return ""
        here_us = self._kernel.wall_us(now)
        there_us = instant_us(document.get(DE.TRANSMISSION_TIME, ""), here_us)
        if there_us is None or abs(there_us - here_us) <= (CLOCKS_APART_US if shard else APART_US):
            return ""
        way = "ahead of" if there_us > here_us else "behind"
        minutes = abs(there_us - here_us) // 60_000_000
        if shard:
            return f"the clock of {session.source or session.name} is {minutes} minutes {way} this one's"
        return f"its DE7 is {minutes // 60} hours {way} this switch's clock: it was said about another close"

    def _closer(self, session: Session) -> str:
        """Who closes the day with an 0800 on this connection: a host that may, or another shard; "": nobody who may."""
        if session.state is not SessionState.UP:
            return ""
        if session.host is not None:
            return session.host.name if session.host.config.may_cut_over else ""
        shards = (member.name for member in self._kernel.network.members if member.passes_on)
        return session.source if session.source in shards else ""

    def _named(self, document: Document, now: int) -> tuple[date, int] | None:
        """The day and window that a host's 201 wants to begin; one that names neither, the next day or what there is. None: DE15
        is no date, or the window is no number."""
        day = self.today(now)
        try:
            window = private_elements(document).get(Private48.WINDOW, "")
        except SubfieldError:
            window = ""
        if window and not (len(window) == 3 and window.isascii() and window.isdecimal() and int(window)):
            return None
        if DE.SETTLEMENT_DATE in document:
            wanted = nearest(document[DE.SETTLEMENT_DATE], day)
            return (wanted, int(window or 1)) if wanted is not None else None
        if window:
            return day, int(window)
        return (self._next(now), 1) if self._lasted_us(now) >= APART_US else (day, 1)

    def _why_not_window(self, wanted: int, now: int) -> str:
        """What keeps a host from beginning this window of the present day, which is after the present one; "": nothing."""
        lasted_us = self._window_lasted_us(now)
        if wanted > self._number + 1:
            return f"window {self._number + 1} has not been: a host closes one after the other"
        if lasted_us < WINDOW_APART_US:
            seconds = WINDOW_APART_US // 1_000_000
            return f"the window began {max(lasted_us, 0) // 1_000_000} seconds ago: a host closes one in {seconds}"
        return ""

    def _why_not(self, wanted: date, number: int, now: int) -> str:
        """What keeps a host from beginning this day, which is after the present one; "": nothing."""
        if number > 1:
            return f"{wanted} has not begun, and begins with window 1"
        window, second = self._kernel.network.cutover_window, self._kernel.wall_us(now) // 1_000_000 % 86_400
        lasted_us = self._lasted_us(now)
        if lasted_us < APART_US:
            hours = APART_US // 3_600_000_000
            return f"the business day began {max(lasted_us, 0) // 60_000_000} minutes ago: a host closes one in {hours} hours"
        if wanted > self._wall(now) + timedelta(1):
            return f"{wanted} is after the calendar's tomorrow"
        if window is not None and not window.holds(second):
            return f"hosts may close the day from {window} ([business_day] of the network file)"
        return ""

    # -- the close

    def _next(self, now: int) -> date:
        """The day after the business day; that of the calendar, where the business day has fallen behind it."""
        return max(self.today(now) + timedelta(1), self._wall(now))

    def cut(
        self, wanted: date, number: int, by: str, now: int, said: Session | None = None, *, anew: bool = False
    ) -> tuple[str, ...]:
        """Close the window in force, and begin this one of this day; tell the hosts and acquirers that are up and have a word for
        it. Returns the links told. `by`: as its record has it. `said`: whose 0800 it was. `anew`: the day begins with this close,
        although the calendar's has begun."""
        kernel, before, ended = self._kernel, self.today(now), self._number
        at_us, whole = kernel.wall_us(now), wanted != before
        if whole:
            self._charging.charge(before.isoformat(), now)
        kernel.record(
            Cutover(
                at_us=at_us,
                day=wanted.isoformat(),
                closed=before.isoformat(),
                by=by,
                window=number,
                ended=ended,
                day_at_us=0 if whole or anew else self._since_us or FIRST_DAY,
            )
        )
        kernel.log("info", "day.closed" if whole else "window.closed", closed=before.isoformat(), ended=ended,
                   business_day=wanted.isoformat(), window=number, by=by, in_flight=len(kernel.pending))  # fmt: skip
        told = []
        for session in self._to_be_told(said):
            if not whole and session.says != WINDOW:
                continue
            begins: Document = {DE.SETTLEMENT_DATE: wanted.strftime("%m%d")}
            if session.says == WINDOW:
                begins[DE.PRIVATE_48] = PRIVATE.build({Private48.WINDOW: f"{number:03d}"})
            try:
                self._management.tell_cutover(session, begins, now)
            except EncodeError as error:
                kernel.log("warning", "cutover.unspeakable", link=session.link, reason=str(error))
                continue
            told.append(session.link)
        return tuple(told)

    def _to_be_told(self, said: Session | None) -> list[Session]:
        """One connection each of the hosts and the acquirers that are up, but for the host that has said it itself."""
        kernel = self._kernel
        own = said.host if said is not None else None
        hosts = [host.up for host in kernel.hosts.values() if host.up is not None and host is not own]
        acquirers = {
            s.source: s for s in kernel.sessions.values() if s.role == "acquirer" and s.state is SessionState.UP
        }
        return [*hosts, *acquirers.values()]


def _date(text: str) -> date:
    """YYYY-MM-DD. Raises Unable."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unable(f'"{text}" is no date', "such as 2026-11-27", code=ErrorCode.DAY_DATE) from None


def _window(text: str) -> tuple[date, int]:
    """`2026-11-27/1`. Raises Unable."""
    day, _, number = text.partition("/")
    if not (number.isascii() and number.isdecimal() and 0 < int(number) <= NUMBER_MAX):
        raise Unable(f'"{text}" is no window', "such as 2026-11-27/1", code=ErrorCode.DAY_WINDOW)
    return _date(day), int(number)
