"""The business days as people read them: totals of what the projection `days` has summed up.

In: sums, closes of the day, and the time. Out: a `DayTotals` a day, or a part of one.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from switch.core.records.day_records import Cutover
from switch.journal.projections.days import Cell, Sum
from switch.journal.projections.effects import Effect

CALENDAR: Final = "calendar"
"""Who closes the days before the first cutover: midnight, UTC."""


class DayTotals(msgspec.Struct, kw_only=True):
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

    held: dict[str, int] = {}
    """by currency: minor units by which what is held has changed; no money has moved, and none of it is in `net`"""

    def add(self, cell: Cell, found: Sum) -> None:
        """Take a cell in."""
        match cell.effect:
            case Effect.APPROVAL | Effect.STAND_IN:
                self.approved += found.count
                self.stood_in += found.count if cell.effect == Effect.STAND_IN else 0
            case Effect.DECLINE:
                self.declined += found.count
            case Effect.REVERSAL:
                self.reversed += found.count
            case Effect.ADVICE:
                self.advices += found.count
            case Effect.HELD:
                self.held[cell.currency] = self.held.get(cell.currency, 0) + found.amount
                return
            case Effect.PRUNED:
                self.whole = False
            case unknown:
                raise ValueError(f"a day's sums hold an effect {unknown!r} that this release does not know")
        if found.amount or cell.currency in self.net or cell.effect != Effect.DECLINE:
            self.net[cell.currency] = self.net.get(cell.currency, 0) + found.amount


def _midnight_us(day: str) -> int:
    """The end of a calendar day, wall-clock µs."""
    ends = date.fromisoformat(day) + timedelta(1)
    return int(datetime(ends.year, ends.month, ends.day, tzinfo=UTC).timestamp()) * 1_000_000


def totals(
    sums: Iterable[tuple[Cell, Sum]], closes: Sequence[Cutover], *, by: str, today: str, begins: str
) -> list[DayTotals]:
    """The days, newest first; in each its parts by name.

    `closes`: oldest first. `by`: a member of Cell to tell apart (`acquirer`, `host`, `route`), or "". `today`: from this one on
    days are open. `begins`: the day that a pruned journal begins in; "": the journal has its beginning.
    """
    closed = {c.closed: c for c in closes if c.closed and c.closed != c.day}

    def empty(day: str, of: str) -> DayTotals:
        whole, close = day != begins, closed.get(day)
        if close is not None:
            return DayTotals(day=day, closed_us=close.at_us, closed_by=close.by, whole=whole, of=of)
        if day >= today:
            return DayTotals(day=day, closed_us=0, closed_by="", whole=whole, of=of)
        return DayTotals(day=day, closed_us=_midnight_us(day), closed_by=CALENDAR, whole=whole, of=of)

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
