"""The ledger of a journal on the disk, or of those of a network's shards, as it stands now: what `cmi-switch settle` shows and
files are made of.

In: a state directory. Out: `LedgerView`: windows, and of each what it came to and the entries behind it. The index answers for
what it has reached, the log for what follows. Where the index has no ledger, one of another version, or lies far behind, the
ledger is built from the log in temporary files, which nobody else sees (`cold.py`). The switch may be running, and is not
disturbed.
"""

import gc
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import reduce
from pathlib import Path
from typing import Final, Protocol

import msgspec

from switch.core.records.records import SCHEMA
from switch.journal.cold import ColdLedger, Collector
from switch.journal.copying import Progress, unwatched
from switch.journal.index import Index, IndexDamagedError, index_path, remove_index
from switch.journal.log import JournalError, Log, Place, written_segments
from switch.journal.places import end_of, is_at
from switch.journal.projections.ledger import LAST, Ledger, LedgerTables, Unpriced
from switch.journal.projections.ledger import closes as look_closes
from switch.journal.projections.ledger import entries as look_entries
from switch.journal.projections.ledger import holds as look_holds
from switch.journal.projections.ledger import positions as look_positions
from switch.journal.projections.ledger import unpriced as look_unpriced
from switch.journal.projections.projection import Folding, Look, nothing
from switch.journal.recovery import decode, journal_directory
from switch.journal.shards import journals_of, numbered
from switch.ledger.entries import Entry, Window, in_home
from switch.ledger.fold import LedgerFold
from switch.ledger.netting import Cell, Sum
from switch.ledger.payments import Holds
from switch.ledger.windows import Closed

TAIL_MAX: Final = 100_000
"""Records behind the index that are folded in memory; where there are more, building the ledger anew is as fast."""


class Tail(Protocol):
    """A ledger in memory: of all records, or of those behind what is in tables."""

    fold: LedgerFold

    def of_window(self, window: Window) -> Iterable[Entry]:
        """Its entries of a window, in their order."""

    def unpriced_of(self, window: Window) -> Mapping[str, int]:
        """By reason, how many of them have no price."""


class _Behind:
    """The records behind the tables."""

    def __init__(self, tables: LedgerTables) -> None:
        self.fold, self._entries = tables.fold, tables.entries

    def of_window(self, window: Window) -> Iterable[Entry]:
        return (entry for entry in self._entries if entry.window == window)

    def unpriced_of(self, window: Window) -> Mapping[str, int]:
        return Counter(entry.unpriced for entry in self.fold.unpriced if entry.window == window)


class LedgerView(Protocol):
    """The ledger at one moment. Methods raise JournalError where what they read is damaged."""

    @property
    def collected(self) -> bool:
        """A collector has been shown all records and entries: these are not kept, and not to be asked for."""

    @property
    def closed(self) -> Sequence[Closed]:
        """Windows that are closed, oldest first."""

    @property
    def now(self) -> Window | None:
        """The window of what is recorded now; None: nothing has been."""

    def closed_as(self, window: Window) -> Closed | None:
        """When a window was closed, and by whom; None: it is open."""

    def whole(self, window: Window) -> bool:
        """False: the ledger was built from a pruned journal, and what began the window was not in it any more."""

    def positions(self, window: Window) -> dict[Cell, Sum]:
        """What a window came to, for `netting.settle`."""

    def holds(self, window: Window) -> dict[tuple[str, str, str], Holds]:
        """By acquirer, issuer and currency, what a window's records have changed of holds."""

    def unpriced(self, window: Window) -> list[Unpriced]:
        """What has no price in a window, by reason."""

    def entries(self, window: Window) -> Iterator[Entry]:
        """Those of a window, in their order. JournalError: some of them have been pruned."""


class JournalLedger:
    """That of one journal: see `LedgerView`."""

    def __init__(self, look: Look, tail: Tail, home: str, first: int, *, collected: bool = False) -> None:
        """`look`: tables of a ledger; `tail`: the records behind them. `first`: record that the journal begins with."""
        self.collected = collected
        self._look, self._tail, self._home = look, tail, home
        self.first = first
        """more than 1: it was pruned, and there are no entries of records before this one"""
        self.closed: list[Closed] = [*look_closes(look), *tail.fold.windows.closed]
        self.now = tail.fold.windows.now

    def closed_as(self, window: Window) -> Closed | None:
        """As `LedgerView` has it."""
        return next((one for one in self.closed if one.window == window), None)

    def whole(self, window: Window) -> bool:
        """As `LedgerView` has it."""
        return self._after(window) + 1 >= self._tail.fold.windows.begins

    def _after(self, window: Window) -> int:
        """The record that has closed the window before; 0: there is none."""
        after = 0
        for one in self.closed:
            if one.window == window:
                break
            after = one.until
        return after

    def positions(self, window: Window) -> dict[Cell, Sum]:
        """As `LedgerView` has it."""
        return _added(
            self._in_home(look_positions(self._look, window)), self._in_home(self._tail.fold.positions.get(window, {}))
        )

    def holds(self, window: Window) -> dict[tuple[str, str, str], Holds]:
        """As `LedgerView` has it."""
        found = look_holds(self._look, window)
        for (of, acquirer, issuer, code), held in self._tail.fold.holds.items():
            if of == window:
                _hold(found, (acquirer, issuer, code), held)
        return found

    def unpriced(self, window: Window) -> list[Unpriced]:
        """As `LedgerView` has it."""
        counts = dict(look_unpriced(self._look, window))
        for why, count in self._tail.unpriced_of(window).items():
            counts[why] = counts.get(why, 0) + count
        return [Unpriced(why, count) for why, count in sorted(counts.items())]

    def entries(self, window: Window) -> Iterator[Entry]:
        """As `LedgerView` has it."""
        after, closed = self._after(window), self.closed_as(window)
        if after + 1 < self.first:
            raise JournalError(
                f"the journal was pruned, and begins with record {self.first:,}: messages of window {window} lay before that. "
                "What the window came to is known, its messages are in the files that were written then"
            )
        until = closed.until if closed is not None else LAST
        for entry in look_entries(self._look, after, until):
            yield in_home(entry, self._home)
        for entry in self._tail.of_window(window):
            yield in_home(entry, self._home)

    def _in_home(self, cells: dict[Cell, Sum]) -> dict[Cell, Sum]:
        named: dict[Cell, Sum] = {}
        for cell, found in cells.items():
            _add(named, cell if cell.currency else cell._replace(currency=self._home), found)
        return named


class ShardLedgers:
    """Those of a network's shards together.

    A window is closed once each has closed it, or is past it without having had it: what a day came to is not final before.
    """

    def __init__(self, parts: Sequence[JournalLedger]) -> None:
        self._parts = parts
        self.collected = False
        nows = [part.now for part in parts if part.now is not None]
        self.now = min(nows) if nows else None
        known = sorted({one.window for part in parts for one in part.closed})
        self.closed = [last for window in known if (last := self.closed_as(window)) is not None]

    def closed_as(self, window: Window) -> Closed | None:
        """As `LedgerView` has it: when the last of them closed it, and by whom the first, from whom others had it."""
        found = []
        for part in self._parts:
            closed = part.closed_as(window)
            if closed is not None:
                found.append(closed)
            elif part.now is not None and part.now <= window:
                return None
        found.sort(key=lambda closed: closed.at_us)
        return msgspec.structs.replace(found[-1], by=found[0].by) if found else None

    def whole(self, window: Window) -> bool:
        """As `LedgerView` has it."""
        return all(part.whole(window) for part in self._of(window))

    def positions(self, window: Window) -> dict[Cell, Sum]:
        """As `LedgerView` has it."""
        return reduce(_added, (part.positions(window) for part in self._of(window)), {})

    def holds(self, window: Window) -> dict[tuple[str, str, str], Holds]:
        """As `LedgerView` has it."""
        found: dict[tuple[str, str, str], Holds] = {}
        for part in self._of(window):
            for key, held in part.holds(window).items():
                _hold(found, key, held)
        return found

    def unpriced(self, window: Window) -> list[Unpriced]:
        """As `LedgerView` has it."""
        counts: Counter[str] = Counter()
        for part in self._of(window):
            counts.update({one.why: one.payments for one in part.unpriced(window)})
        return [Unpriced(why, count) for why, count in sorted(counts.items())]

    def entries(self, window: Window) -> Iterator[Entry]:
        """As `LedgerView` has it, one shard's after another's; their numbers say whose they are."""
        for part in self._of(window):
            for entry in part.entries(window):
                counters = numbered(entry.counters, entry.txn)
                yield msgspec.structs.replace(entry, sequence=numbered(entry.sequence, entry.txn), counters=counters)

    def _of(self, window: Window) -> list[JournalLedger]:
        """Those that have had it."""
        return [part for part in self._parts if part.now == window or part.closed_as(window) is not None]


def _added(cells: dict[Cell, Sum], more: dict[Cell, Sum]) -> dict[Cell, Sum]:
    for cell, found in more.items():
        _add(cells, cell, found)
    return cells


def _hold(holds: dict[tuple[str, str, str], Holds], key: tuple[str, str, str], found: Holds) -> None:
    at = holds.setdefault(key, Holds())
    at.count, at.amount = at.count + found.count, at.amount + found.amount


def _add(cells: dict[Cell, Sum], cell: Cell, found: Sum) -> None:
    at = cells.setdefault(cell, Sum())
    at.count, at.amount = at.count + found.count, at.amount + found.amount


@contextmanager
def open_ledger(
    state_dir: Path | str, home: str, watch: Progress = unwatched, collector: Collector | None = None
) -> Iterator[LedgerView]:
    """The ledger as it is now, of a network's shards that of all of them. `home`: numeric code of the home currency. Where it is
    built from the log, `watch` hears of it, and `collector` is shown what it is made of; not of shards, whose entries only all
    ledgers together put in order.

    Raises JournalError where there is no journal, or one is damaged.
    """
    with ExitStack() as opened:
        journals = journals_of(state_dir)
        shown = collector if len(journals) == 1 else None
        parts = [opened.enter_context(_opened(one, home, watch, shown)) for one in journals]
        yield parts[0] if len(parts) == 1 else ShardLedgers(parts)


@contextmanager
def _opened(state_dir: Path, home: str, watch: Progress, collector: Collector | None) -> Iterator[JournalLedger]:
    """That of one journal."""
    directory = journal_directory(state_dir)
    listed = written_segments(directory)
    first = listed[0].first
    index = _indexed(state_dir)
    if index is not None:
        with closing(index):
            index.database.execute("BEGIN")  # one moment, however the follower goes on
            view = _over_index(state_dir, index, home, first)
            if view is not None:
                yield view
                return
    collecting = gc.isenabled()
    gc.disable()  # the fold makes no cycles
    try:
        with ExitStack() as stack:
            try:
                cold = stack.enter_context(closing(ColdLedger(home, collector)))
                end = end_of(directory, listed)
                cold.build(directory, listed, end.sequence if end is not None else 0, watch)
            except OSError as error:
                raise JournalError(
                    f"the ledger is built in temporary files: {error.strerror or error}; "
                    "SQLITE_TMPDIR names a directory that has room for them"
                ) from None
            yield JournalLedger(nothing, cold, home, first, collected=collector is not None)
    finally:
        if collecting:
            gc.enable()


def _over_index(state_dir: Path | str, index: Index, home: str, first: int) -> JournalLedger | None:
    """The ledger as the index has it, and the log behind it. None: too much of that, or the index is damaged,
    and removed."""
    try:
        tail = _tail(journal_directory(state_dir), index.look, index.place())
        return JournalLedger(index.look, _Behind(tail), home, first) if tail is not None else None
    except IndexDamagedError:
        remove_index(state_dir)
        return None


def _indexed(state_dir: Path | str) -> Index | None:
    """The index, where there is one that can be asked."""
    if not os.path.exists(index_path(state_dir)) or not os.access(state_dir, os.W_OK):
        return None
    index = None
    try:
        index = Index(state_dir)
        place = index.place(Ledger.name)
        if place is not None and is_at(journal_directory(state_dir), place):
            return index
    except IndexDamagedError:
        remove_index(state_dir)
    except JournalError:
        pass  # the log answers
    if index is not None:
        index.close()
    return None


def _tail(directory: str, look: Look, place: Place | None) -> LedgerTables | None:
    """What the log has beyond `place`; None: too much of it."""
    tail = LedgerTables(look)
    add = Folding([tail]).add
    for number, (segment, record) in enumerate(Log(directory, SCHEMA, None, place)):
        if number == TAIL_MAX:
            return None
        add(decode(segment, record), record.sequence, segment.ordinal, record.offset)
    return tail
