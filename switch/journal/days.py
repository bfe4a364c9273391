"""Totals per business day: what each day's records moved, counted once, where they stand in the journal.

In: what a record did to a payment, and closes of the day. Out: sums for the index and for what the index has not reached yet, and
the days as people read them. Knows no SQL.

The rule. A payment's amount that stands is changed by records; the change belongs to the day in force at that record. So a day's
sums never change once it is closed, and all days together are what stands.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from switch.core.records.records import Cutover

APPROVED, STOOD_IN, DECLINED, REVERSED, ADVICE = "approved", "stand-in", "declined", "reversed", "advice"
PRUNED: Final = "pruned"
"""Changes of payments whose beginning has been pruned: what stood of them is known only as far as the records left say it."""
CALENDAR: Final = "calendar"
"""Who closes the days before the first cutover: midnight, UTC."""


class Party(NamedTuple):
    """Whose payment it is."""

    acquirer: str
    route: str
    host: str


class Cell(NamedTuple):
    """What is summed up together, in the order of the index's columns."""

    day: str
    """YYYY-MM-DD"""
    acquirer: str
    route: str
    host: str
    currency: str
    what: str
    """`approved`, `stand-in`, `declined`, `reversed`, `advice`, `pruned`"""


class Sum(msgspec.Struct):
    """Of one cell."""

    count: int = 0
    amount: int = 0
    """signed minor units by which what stands has changed"""


class DayBook:
    """The sums as records add to them, from a place in the journal on."""

    def __init__(self, cutover: Cutover | None) -> None:
        """`cutover`: the last one before that place; None: there was none."""
        self.cutover = cutover
        self.closes: dict[int, Cutover] = {}
        """by sequence number; `closed` is "" where a journal begins after its cutovers"""
        self.sums: dict[Cell, Sum] = {}

    def cut(self, cutover: Cutover, sequence: int) -> None:
        """What follows belongs to `cutover.day`."""
        self.cutover = self.closes[sequence] = cutover

    def begins(self, cutover: Cutover | None, sequence: int) -> None:
        """A snapshot says which day it is: news only where the journal begins with it."""
        if self.cutover is None and cutover is not None:
            self.cut(msgspec.structs.replace(cutover, closed=""), sequence)

    def counts(self, at_us: int, party: Party, what: str, currency: str, amount: int, count: int = 1) -> None:
        """A record of `at_us` (wall-clock µs) decided a payment, or changed by `amount` what stands of it."""
        day = self.cutover.day if self.cutover is not None else calendar_day(at_us)
        found = self.sums.setdefault(Cell(day, *party, currency, what), Sum())
        found.count += count
        found.amount += amount


class DayTotals(msgspec.Struct):
    """One business day, or the part of it that is one acquirer's, issuer's or route's."""

    day: str
    closed_us: int
    """wall-clock µs; 0: it is open"""
    closed_by: str
    """a host's name, `operator` or `calendar`; "" while it is open"""
    whole: bool
    """False: its beginning has been pruned, or that of a payment which it changes"""
    of: str = ""
    """the acquirer, issuer or route that it is about; "": all"""
    approved: int = 0
    """payments approved, stand-in among them"""
    stood_in: int = 0
    declined: int = 0
    """by a host, by the switch, or without an answer in time"""
    reversed: int = 0
    """reversals of approved payments, in whole or in part, whatever day they were approved on"""
    advices: int = 0
    """advices and completions of acquirers"""
    net: dict[str, int] = {}
    """by currency (numeric): minor units by which what stands has changed"""

    def add(self, cell: Cell, found: Sum) -> None:
        """Take a cell in."""
        if cell.what in (APPROVED, STOOD_IN):
            self.approved += found.count
            self.stood_in += found.count if cell.what == STOOD_IN else 0
        elif cell.what == DECLINED:
            self.declined += found.count
        elif cell.what == REVERSED:
            self.reversed += found.count
        elif cell.what == PRUNED:
            self.whole = False
        else:
            self.advices += found.count
        if found.amount or cell.currency in self.net or cell.what != DECLINED:
            self.net[cell.currency] = self.net.get(cell.currency, 0) + found.amount


def calendar_day(at_us: int) -> str:
    """YYYY-MM-DD (UTC) of wall-clock µs."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).date().isoformat()


def _midnight_us(day: str) -> int:
    """The end of a calendar day, wall-clock µs."""
    ends = date.fromisoformat(day) + timedelta(1)
    return int(datetime(ends.year, ends.month, ends.day, tzinfo=UTC).timestamp()) * 1_000_000


def totals(
    sums: Iterable[tuple[Cell, Sum]], closes: Sequence[Cutover], *, by: str, now_us: int, begins: str
) -> list[DayTotals]:
    """The days, newest first; in each its parts by name.

    `closes`: oldest first. `by`: a member of Cell to tell apart (`acquirer`, `host`, `route`), or "". `now_us`: says which day it
    is where there has been no cutover. `begins`: the day that a pruned journal begins in; "": the journal has its beginning.
    """
    closed = {c.closed: c for c in closes if c.closed}
    today = closes[-1].day if closes else calendar_day(now_us)

    def empty(day: str, of: str) -> DayTotals:
        whole, close = day != begins, closed.get(day)
        if close is not None:
            return DayTotals(day, close.at_us, close.by, whole, of)
        if day == today:
            return DayTotals(day, 0, "", whole, of)
        return DayTotals(day, _midnight_us(day), CALENDAR, whole, of)

    found: dict[tuple[str, str], DayTotals] = {}
    for cell, one in sums:
        name = getattr(cell, by) if by else ""
        key = (cell.day, name)
        if key not in found:
            found[key] = empty(*key)
        found[key].add(cell, one)
    for day in {*closed, today} - {day for day, _ in found}:
        found[day, ""] = empty(day, "")
    listed = sorted(found.values(), key=lambda one: one.of)
    return sorted((one for one in listed if one.day >= begins), key=lambda one: one.day, reverse=True)
