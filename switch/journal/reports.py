"""What people ask of the journal: which transactions, and everything about one. Works while the switch writes.

In: a state directory, of a switch or of a network's shards, whose journals are asked as one. Out: rows, newest first, and a
transaction's records. The one rule of several: what one shard has passed on to another is in both their journals, and counts in
that of its acquirer.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from heapq import merge
from pathlib import Path

import msgspec

from switch.core.records.day_records import Cutover
from switch.core.records.merchant_charges import Charged
from switch.core.records.records import AnyEntry
from switch.core.shards import is_passed_on
from switch.journal.days import DayTotals, totals
from switch.journal.log import JournalError
from switch.journal.look import JournalLook
from switch.journal.projections import STANDARD
from switch.journal.projections.days import calendar_day
from switch.journal.projections.ledger import home_currency
from switch.journal.projections.projection import Projection
from switch.journal.projections.transactions import Row
from switch.journal.search import FOUND_MAX, Sought, declined_rows, find_rows
from switch.journal.shards import journals_of


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which transactions; what is empty (or 0) does not filter."""

    acquirer: str = ""
    """DE32 or name, as the key's first element has it"""
    host: str = ""
    """host link"""
    de39: str = ""
    status: str = ""
    since_us: int = 0
    """wall-clock µs: those that began then or later"""

    def takes(self, row: Row) -> bool:
        """True for a row that passes all of them."""
        return (
            row.at_us >= self.since_us
            and (not self.acquirer or row.acquirer == self.acquirer)
            and (not self.host or row.host == self.host)
            and (not self.de39 or row.de39 == self.de39)
            and (not self.status or row.status == self.status)
        )


class Reports:
    """One look at a journal, or at those of a network's shards."""

    def __init__(self, state_dir: Path | str, projections: Sequence[Projection] = STANDARD) -> None:
        """`projections`: all that the index keeps. Raises JournalError where there is no journal, or one is damaged."""
        with ExitStack() as unless_all_are_read:
            self._looks = [
                unless_all_are_read.enter_context(closing(JournalLook(one, projections)))
                for one in journals_of(state_dir)
            ]
            unless_all_are_read.pop_all()
        self._several = len(self._looks) > 1

    def transactions(self, filters: Filters, limit: int = 0) -> list[Row]:
        """Those that pass, newest first, up to `limit` of them (0: all)."""
        found = []
        for row in self._newest_first():
            if filters.takes(row) and (row.acquirer == filters.acquirer or self._counts(row.acquirer)):
                found.append(row)
                if len(found) == limit:
                    break
        return found

    def find(self, sought: Sought, limit: int = FOUND_MAX) -> list[Row]:
        """Those that it names, newest first, up to `limit` of them; of what was passed on, both."""
        return _newest((find_rows(look.look, look.changed, sought, limit) for look in self._looks), limit)

    def declined(self, since_us: int, de39: str = "", limit: int = FOUND_MAX) -> list[Row]:
        """Those that came at `since_us` (wall clock) or later and were answered no, newest first."""
        found = (declined_rows(look.look, look.changed, since_us, de39, limit) for look in self._looks)
        return [row for row in _newest(found, limit) if self._counts(row.acquirer)]

    def days(self, now_us: int, by: str = "", limit: int = 0) -> list[DayTotals]:
        """The newest `limit` business days (0: all), newest first; `by` (`acquirer`, `host`, `route`): in parts.

        `now_us`: wall-clock µs; says which day is open where there has been no cutover. Raises JournalError.
        """
        counted = [(cell, one) for look in self._looks for cell, one in look.counted if self._counts(cell.acquirer)]
        begins = max(look.first_day() for look in self._looks)
        today = min(look.closed[-1].day if look.closed else calendar_day(now_us) for look in self._looks)
        found = totals(counted, self._closed(today), by=by, today=today, begins=begins)
        listed = sorted({one.day for one in found}, reverse=True)[: limit or None]
        return [one for one in found if one.day in listed]

    def transaction(self, txn: int) -> tuple[Row, list[tuple[int, AnyEntry]]] | None:
        """A transaction's row and its records (sequence, entry) in order; None where there is none of that number.

        A reversal's records are also in the list of what it reverses, with what became of it.
        """
        return next(filter(None, (look.transaction(txn) for look in self._looks)), None)

    def charge(self, txn: int) -> tuple[int, Charged] | None:
        """What a merchant was charged without a payment: its record's number, and the record; None: there is none of that txn."""
        return next(filter(None, (look.charge(txn) for look in self._looks)), None)

    def last_at_us(self) -> int:
        """When the last record was made that all of them have reached, wall-clock µs; 0: one has none."""
        return min(look.last_at_us() for look in self._looks)

    def home_currency(self) -> str:
        """What fees are in (ISO 4217, numeric); "": nothing says so, as where no index can be made."""
        return next(filter(None, (home_currency(look.look) for look in self._looks)), "")

    def close(self) -> None:
        """Release the indexes."""
        for look in self._looks:
            look.close()

    def _counts(self, acquirer: str) -> bool:
        """False: another of these journals has it, too, and counts it."""
        return not (self._several and is_passed_on(acquirer))

    def _newest_first(self) -> Iterator[Row]:
        last = 0
        for row in merge(*(look.newest_first() for look in self._looks), key=_number, reverse=True):
            if row.txn == last:
                raise JournalError(
                    f"transaction {row.txn:x} is in two journals: one of them is a copy, move it away (or name one with --state)"
                )
            last = row.txn
            yield row

    def _closed(self, today: str) -> list[Cutover]:
        """The cutovers, oldest first; of several journals those of days before `today`: when the last closed one, and by whom the
        first, from whom others had it."""
        if not self._several:
            return self._looks[0].closed
        ended: dict[str, Cutover] = {}
        ends = (cutover for look in self._looks for cutover in look.closed if cutover.closed != cutover.day)
        for cutover in sorted(ends, key=lambda one: one.at_us):
            if cutover.closed < today:
                first = ended.setdefault(cutover.closed, cutover)
                ended[cutover.closed] = msgspec.structs.replace(cutover, by=first.by)
        return [ended[day] for day in sorted(ended)]


def _number(row: Row) -> int:
    return row.txn


def _newest(found: Iterator[list[Row]], limit: int) -> list[Row]:
    return list(merge(*found, key=_number, reverse=True))[:limit]
