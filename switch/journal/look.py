"""One look at one journal, as people ask of it: which transactions there are, and everything about one. Works while the switch
writes.

In: a state directory. Out: rows, newest first, sums of days, and a transaction's records. The index answers for what it has
reached, the log for the rest; where no index can be made (a read-only copy), the log answers alone.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from switch.core.records.day_records import Cutover
from switch.core.records.merchant_charges import Charged
from switch.core.records.records import SCHEMA, AnyEntry, Snapshot
from switch.journal.history import entries_at
from switch.journal.index import Index, IndexDamagedError, remove_index
from switch.journal.log import Log, segments, written_segments
from switch.journal.places import end_of, record_at, segment_paths
from switch.journal.projections import STANDARD
from switch.journal.projections.days import Cell, DayFold, Days, Sum, calendar_day, closes, sums
from switch.journal.projections.projection import PLACE, Folding, Look, Projection, nothing
from switch.journal.projections.transactions import Row, TransactionFold, Transactions, newest_first
from switch.journal.recovery import decode, journal_directory

_CHARGE: Final = str(Charged.__struct_config__.tag).encode()
_TAGGED: Final = 8
"""bytes of a record in which its kind is"""


class JournalLook:
    """Brings the index up to date first, where it can."""

    def __init__(self, state_dir: Path | str, projections: Sequence[Projection] = STANDARD) -> None:
        """`projections`: all that the index keeps. Raises JournalError where there is no journal, or it is damaged."""
        self._directory = journal_directory(state_dir)
        written_segments(self._directory)
        self._index: Index | None = None
        with ExitStack() as unless_it_is_all_read:
            unless_it_is_all_read.callback(self.close)
            self._bring_up_to_date(state_dir, projections)
            try:
                self._look()
            except IndexDamagedError:  # where `catch_up` had no cause to read
                self.close()
                remove_index(state_dir)
                self._bring_up_to_date(state_dir, projections)
                self._look()
            unless_it_is_all_read.pop_all()

    def _bring_up_to_date(self, state_dir: Path | str, projections: Sequence[Projection]) -> None:
        if os.access(state_dir, os.W_OK):
            self._index = Index(state_dir, projections)
            self._index.catch_up()

    def _look(self) -> None:
        """Fold what the index has not reached."""
        with self._one_moment():
            place = self._index.place(Transactions.name, Days.name) if self._index else None
            self.look: Look = self._index.look if self._index and place else nothing
            self._sums: list[tuple[Cell, Sum]] = sums(self.look)
            self._closes: list[Cutover] = closes(self.look)
            self._tail = TransactionFold(self.look)
            self._tail_days = DayFold(self._tail, self.look)
            tail = Folding((self._tail, self._tail_days))
            for segment, record in Log(self._directory, SCHEMA, None, place):
                tail.add(decode(segment, record), record.sequence, segment.ordinal, record.offset)

    @contextmanager
    def _one_moment(self) -> Iterator[None]:
        """The index as it is now, however the follower goes on: what it adds meanwhile would be counted twice."""
        if self._index is None:
            yield
            return
        database = self._index.database
        database.execute("BEGIN")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):  # of a file that is damaged: what was read has said so
                database.execute("ROLLBACK")

    @property
    def changed(self) -> Mapping[int, Row]:
        """Rows by number that the tables do not have yet, or not so."""
        return self._tail.changed

    @property
    def counted(self) -> list[tuple[Cell, Sum]]:
        """What its days came to, cell by cell."""
        return [*self._sums, *self._tail_days.sums.items()]

    @property
    def closed(self) -> list[Cutover]:
        """Its cutovers, oldest first."""
        return [*self._closes, *self._tail_days.closes.values()]

    def newest_first(self) -> Iterator[Row]:
        """Every row; the tail's where index and tail have one."""
        tail = self._tail.changed
        waiting = sorted(tail, reverse=True)
        at = 0
        for row in newest_first(self.look):
            while at < len(waiting) and waiting[at] >= row.txn:
                yield tail[waiting[at]]
                at += 1
            if row.txn not in tail:
                yield row
        for txn in waiting[at:]:
            yield tail[txn]

    def first_day(self) -> str:
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
        row = self._tail.find(txn)
        if row is None:
            return None
        places = row.places
        if row.reversed_by and (reversal := self._tail.find(row.reversed_by)):
            places += reversal.places
        each = {places[at : at + PLACE.size] for at in range(0, len(places), PLACE.size)}
        paths = segment_paths(self._directory)
        return row, entries_at(self._directory, paths, b"".join(sorted(each)))

    def last_at_us(self) -> int:
        """When the last record was made, wall-clock µs: on a node that stands by, how far its files are. 0: there is none."""
        end = end_of(self._directory, segments(self._directory))
        found = record_at(segment_paths(self._directory), end) if end is not None else None
        return decode(*found).at_us if found is not None else 0

    def charge(self, txn: int) -> tuple[int, Charged] | None:
        """What a merchant was charged without a payment: its record's number, and the record; None: there is none of that txn.

        No table has these, for there are few and nobody lists them: the log is looked through.
        """
        for segment, record in Log(self._directory, SCHEMA):
            if _CHARGE in record.payload[:_TAGGED]:
                entry = decode(segment, record)
                if isinstance(entry, Charged) and entry.txn == txn:
                    return record.sequence, entry
        return None

    def close(self) -> None:
        """Release the index."""
        if self._index is not None:
            self._index.close()
