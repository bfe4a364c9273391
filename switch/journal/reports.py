"""What people ask of the journal: which transactions, and everything about one. Works while the switch writes.

In: a state directory. Out: rows, newest first, and a transaction's records. The index answers for what it has reached, the log
for the rest; where no index can be made (a read-only copy), the log answers alone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from switch.core.records.records import SCHEMA, AnyEntry, Cutover, Snapshot
from switch.journal.days import Cell, DayTotals, Sum, calendar_day, totals
from switch.journal.history import entries_at
from switch.journal.index import Index, segment_paths
from switch.journal.log import JournalError, Log, Place, segments
from switch.journal.recovery import decode, journal_directory
from switch.journal.rows import PLACE, Row, Rows


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
    """One look at a journal: brings the index up to date first, where it can."""

    def __init__(self, state_dir: Path | str) -> None:
        """Raises JournalError where there is no journal, or it is damaged."""
        self._directory = journal_directory(state_dir)
        if not segments(self._directory):
            raise JournalError(f"{self._directory}: no journal here; --state names the switch's state directory")
        self._index: Index | None = None
        if os.access(state_dir, os.W_OK):
            self._index = Index(state_dir)
            self._index.catch_up()
        self._sums: list[tuple[Cell, Sum]] = []
        self._closes: list[Cutover] = []
        with self._one_moment():
            place: Place | None = None
            if self._index:
                place, self._sums, self._closes = self._index.place(), self._index.sums(), self._index.closes()
            self._tail = Rows(self._load, self._closes[-1] if self._closes else None)
            for segment, record in Log(self._directory, SCHEMA, None, place):
                self._tail.add(decode(segment, record), record.sequence, segment.ordinal, record.offset)

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """The index as it is now, however the follower goes on: what it adds meanwhile would be counted twice."""
        if self._index is None:
            yield
            return
        self._index.database.execute("BEGIN")
        try:
            yield
        finally:
            self._index.database.execute("COMMIT")

    def _load(self, txn: int) -> Row | None:
        return self._index.load(txn) if self._index else None

    def transactions(self, filters: Filters, limit: int = 0) -> list[Row]:
        """Those that pass, newest first, up to `limit` of them (0: all)."""
        found = []
        for row in self._newest_first():
            if filters.takes(row):
                found.append(row)
                if len(found) == limit:
                    break
        return found

    def _newest_first(self) -> Iterator[Row]:
        """Every row; the tail's where index and tail have one."""
        tail = self._tail.changed
        waiting = sorted(tail, reverse=True)
        at = 0
        if self._index:
            for values in self._index.database.execute("SELECT * FROM transactions ORDER BY txn DESC"):
                row = Row(*values)
                while at < len(waiting) and waiting[at] >= row.txn:
                    yield tail[waiting[at]]
                    at += 1
                if row.txn not in tail:
                    yield row
        for txn in waiting[at:]:
            yield tail[txn]

    def days(self, now_us: int, by: str = "", limit: int = 0) -> list[DayTotals]:
        """The newest `limit` business days (0: all), newest first; `by` (`acquirer`, `host`, `route`): in parts.

        `now_us`: wall-clock µs; says which day is open where there has been no cutover. Raises JournalError.
        """
        sums = [*self._sums, *self._tail.days.sums.items()]
        closes = [*self._closes, *self._tail.days.closes.values()]
        found = totals(sums, closes, by=by, now_us=now_us, begins=self._begins())
        listed = sorted({one.day for one in found}, reverse=True)[: limit or None]
        return [one for one in found if one.day in listed]

    def _begins(self) -> str:
        """The business day that a pruned journal begins in; "" where it has its beginning."""
        first = segments(self._directory)[0]
        if first.first == 1:
            return ""
        for segment, record in Log(self._directory, SCHEMA, [first]):
            entry = decode(segment, record)
            if isinstance(entry, Snapshot) and entry.cutover is not None:
                return entry.cutover.day
            return calendar_day(entry.at_us)
        return ""

    def transaction(self, txn: int) -> tuple[Row, list[tuple[int, AnyEntry]]] | None:
        """A transaction's row and its records (sequence, entry) in order; None where there is none of that number.

        A reversal's records are also in the list of what it reverses, with what became of it.
        """
        row = self._tail.changed.get(txn) or self._load(txn)
        if row is None:
            return None
        places = row.places
        if row.reversed_by and (reversal := self._tail.changed.get(row.reversed_by) or self._load(row.reversed_by)):
            places += reversal.places
        each = {places[at : at + PLACE.size] for at in range(0, len(places), PLACE.size)}
        paths = segment_paths(self._directory)
        return row, entries_at(self._directory, paths, b"".join(sorted(each)))

    def close(self) -> None:
        """Release the index."""
        if self._index is not None:
            self._index.close()
