"""The business day, and its close: cutover.

Theory of operation. The switch has one business day; it is closed by a host's 0800 with DE70=201 or by an operator, and the next
one begins with the same record (`Cutover`). Nothing stops for it. A transaction belongs to the business day in which its outcome
stands in the journal, so to exactly one: what is in flight at cutover belongs to the day that its answer finds.

A host closes it only where the network file says that it may, within the file's window, once in `APART_US`, and never to a day
after the calendar's tomorrow: whatever hosts say, and however often, the business day stays beside the calendar's. Several say
201 about the same close, each at its own time. One that names a date (DE15) closes the day if it is before that date. One that
names none closes it if it has lasted for `APART_US`: it is otherwise about a close that has been.

An operator may close it to any of the next days, as over a holiday, but is asked again within `AGAIN_US`.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from switch.core.kernel import Kernel
from switch.core.link_control.network_management import NetworkManagement
from switch.core.links.session import Session
from switch.core.links.states import SessionState
from switch.core.operator.command import Arguments, Command, Unable
from switch.core.operator.errors import ErrorCode
from switch.core.records.records import Cutover
from switch.wire import EncodeError
from switch.wire.dates import nearest
from switch.wire.vocabulary import DE, Answer, Document

APART_US: Final = 12 * 3_600 * 1_000_000
"""a further 0800/201 within so long is about the same close, or refused"""
AGAIN_US: Final = 3_600 * 1_000_000
"""an operator who closes the day again within so long is taken to have done it by mistake, unless he says that he means it"""
AHEAD_DAYS_MAX: Final = 7
"""an operator begins no business day so far ahead of the one it closes, or further: holidays are shorter"""


class DayArguments(Arguments, frozen=True):
    """Of `day.close`."""

    date: str = ""
    """YYYY-MM-DD of the business day that begins; "": the next one"""
    again: bool = False
    """although it was closed a moment ago"""


class Day(msgspec.Struct, frozen=True):
    """The business day, as it is now."""

    day: str
    """YYYY-MM-DD"""
    since_us: int
    """when it began, wall-clock microseconds; 0: there has been no cutover yet"""
    told: tuple[str, ...]
    """links that were told of it, by this command"""


class BusinessDay:
    """Of one switch."""

    def __init__(self, kernel: Kernel, management: NetworkManagement) -> None:
        self._kernel = kernel
        self._management = management

    def table(self) -> dict[str, Command]:
        """An operator's commands."""
        return {
            "day.show": Command(Arguments, self._show, changes=False),
            "day.close": Command(DayArguments, self._close),
        }

    def today(self, now: int) -> date:
        """The business day (`Kernel.business_day`)."""
        return date.fromisoformat(self._kernel.business_day(now))

    @property
    def _since_us(self) -> int:
        cutover = self._kernel.state.cutover
        return cutover.at_us if cutover is not None else 0

    def _lasted_us(self, now: int) -> int:
        """For how long the business day has lasted: since 1970, if there has been no cutover."""
        return self._kernel.wall_us(now) - self._since_us

    def _wall(self, now: int) -> date:
        return datetime.fromtimestamp(self._kernel.wall_us(now) // 1_000_000, UTC).date()

    # -- an operator

    def _show(self, _: Arguments, now: int) -> Day:
        return Day(self.today(now).isoformat(), self._since_us, ())

    def _close(self, asked: DayArguments, now: int) -> Day:
        day = self.today(now)
        try:
            wanted = date.fromisoformat(asked.date) if asked.date else self._next(now)
        except ValueError:
            raise Unable(f'"{asked.date}" is no date', "such as 2026-11-27", code=ErrorCode.DAY_DATE) from None
        if not day < wanted < day + timedelta(AHEAD_DAYS_MAX):
            raise Unable(
                f"the business day is {day}: {wanted} cannot follow it",
                f"name a date after it, within {AHEAD_DAYS_MAX} days",
                code=ErrorCode.DAY_DATE,
            )
        lasted_us = self._lasted_us(now)
        if lasted_us < AGAIN_US and not asked.again:
            raise Unable(
                f"the business day was closed {max(lasted_us, 0) // 60_000_000} minutes ago, and is {day}",
                f"to close it once more, and begin {wanted}: --again",
                code=ErrorCode.DAY_CLOSED,
            )
        told = self._cut(wanted, "operator", now, None)
        return Day(wanted.isoformat(), self._since_us, told)

    # -- a host

    def handle_cutover(self, session: Session, document: Document, now: int) -> str:
        """0800 with DE70=201: DE39 of its answer, which waits for the record."""
        kernel, host = self._kernel, session.host
        if host is None or session.state is not SessionState.UP or not host.config.may_cut_over:
            kernel.log("warning", "cutover.refused", link=session.link, reason="not everybody may close the business day",
                       hint="only a host that is signed on, and whose [[host]] says `may_cut_over = true`")  # fmt: skip
            return Answer.NOT_PERMITTED_TERMINAL
        if kernel.journal_down:
            return Answer.MALFUNCTION
        day = self.today(now)
        wanted = self._named(document, now)
        if wanted is None:
            return Answer.FORMAT_ERROR
        if wanted <= day:
            kernel.log(
                "info", "cutover.known", link=session.link, business_day=day.isoformat(), named=wanted.isoformat()
            )
            return Answer.APPROVED
        why = self._why_not(wanted, now)
        if why:
            kernel.log("error", "cutover.refused", link=session.link, business_day=day.isoformat(), named=wanted.isoformat(),
                       reason=why, hint="an operator can close the day: cmi-switch day close")  # fmt: skip
            return Answer.INVALID_TRANSACTION
        self._cut(wanted, host.name, now, session)
        return Answer.APPROVED

    def _named(self, document: Document, now: int) -> date | None:
        """The day that a host's 201 wants to begin; without DE15, the next one or the one there is. None: DE15 is no date."""
        day = self.today(now)
        if DE.SETTLEMENT_DATE in document:
            return nearest(document[DE.SETTLEMENT_DATE], day)
        return self._next(now) if self._lasted_us(now) >= APART_US else day

    def _why_not(self, wanted: date, now: int) -> str:
        """What keeps a host from beginning this day, which is after the present one; "": nothing."""
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

    def _cut(self, wanted: date, by: str, now: int, said: Session | None) -> tuple[str, ...]:
        """Close the day, and tell the hosts and acquirers that are up. Returns the links told."""
        kernel = self._kernel
        before = self.today(now)
        kernel.record(Cutover(at_us=kernel.wall_us(now), day=wanted.isoformat(), closed=before.isoformat(), by=by))
        kernel.log("info", "day.closed", closed=before.isoformat(), business_day=wanted.isoformat(), by=by,
                   in_flight=len(kernel.pending))  # fmt: skip
        told = []
        for session in self._listeners(said):
            try:
                self._management.tell_cutover(session, wanted.strftime("%m%d"), now)
            except EncodeError as error:
                kernel.log("warning", "cutover.unspeakable", link=session.link, reason=str(error))
                continue
            told.append(session.link)
        return tuple(told)

    def _listeners(self, said: Session | None) -> list[Session]:
        """One connection each of the hosts and the acquirers that are up, but for the host that has said it itself."""
        kernel = self._kernel
        own = said.host if said is not None else None
        hosts = [host.up for host in kernel.hosts.values() if host.up is not None and host is not own]
        acquirers = {
            s.source: s for s in kernel.sessions.values() if s.role == "acquirer" and s.state is SessionState.UP
        }
        return [*hosts, *acquirers.values()]
