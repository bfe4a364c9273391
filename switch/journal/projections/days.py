"""Totals per business day: what each day's records moved, counted once, where they stand in the journal.

In: what a record did to a payment, as the fold of transactions finds it, and closes of the day. Out: sums by day, parties,
currency and effect; and the closes. `switch.journal.days` makes of them what people read.

The rule. A payment's amount that stands is changed by records; the change belongs to the day in force at that record. So a day's
sums never change once it is closed, and all days together are what stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from switch.core.records.day_records import Cutover
from switch.core.records.records import Snapshot
from switch.journal.projections.effects import Effect, Party
from switch.journal.projections.projection import Fold, Look, Take, Values, Write, nothing
from switch.journal.projections.transactions import TransactionFold, Transactions
from switch.wire.dates import day_of

_MAKE_CLOSES: Final = (
    "CREATE TABLE closes (sequence INTEGER PRIMARY KEY, at_us INTEGER, day TEXT, closed TEXT, closed_by TEXT)"
)
_MAKE_DAYS: Final = """CREATE TABLE days (
    day TEXT, acquirer TEXT, route TEXT, host TEXT, currency TEXT, effect TEXT, count INTEGER, amount INTEGER,
    PRIMARY KEY (day, acquirer, route, host, currency, effect)) WITHOUT ROWID"""
_CLOSE: Final = "INSERT OR REPLACE INTO closes VALUES (?, ?, ?, ?, ?)"
_CLOSES: Final = "SELECT at_us, day, closed, closed_by FROM closes ORDER BY sequence"
_ADD: Final = (
    "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "count = count + excluded.count, amount = amount + excluded.amount"
)


class Cell(NamedTuple):
    """What is summed up together, in the order of the table's columns."""

    day: str
    """YYYY-MM-DD"""
    acquirer: str
    route: str
    host: str
    currency: str
    effect: str
    """an `Effect`"""


class Sum(msgspec.Struct):
    """Count and amount of one kind of record in one day."""

    count: int = 0
    amount: int = 0
    """signed minor units by which what stands has changed"""


class DayFold:
    """The sums as a batch of records adds to them."""

    def __init__(self, transactions: TransactionFold, look: Look = nothing) -> None:
        """`transactions`: the fold, over the same batch, whose effects are counted."""
        self.closes: dict[int, Cutover] = {}
        """by sequence number; `closed` is "" where a journal begins after its cutovers"""
        self.sums: dict[Cell, Sum] = {}
        self._cutover = last_close(look)
        transactions.report = self._count
        self.takes: Mapping[type, Take] = {Cutover: self._cut, Snapshot: self._begin}

    def _cut(self, cutover: Cutover, sequence: int, _: bytes) -> None:
        """What follows belongs to `cutover.day`."""
        self._cutover = self.closes[sequence] = cutover

    def _begin(self, snapshot: Snapshot, sequence: int, place: bytes) -> None:
        """A snapshot says which day it is: news only where the journal begins with it."""
        if self._cutover is None and snapshot.cutover is not None:
            self._cut(msgspec.structs.replace(snapshot.cutover, closed=""), sequence, place)

    def _count(self, at_us: int, party: Party, effect: Effect, currency: str, amount: int, count: int) -> None:
        """See `effects.Report`."""
        day = self._cutover.day if self._cutover is not None else calendar_day(at_us)
        cell = Cell(day, *party, currency, effect)
        found = self.sums.get(cell)
        if found is None:
            found = self.sums[cell] = Sum()
        found.count += count
        found.amount += amount

    def writes(self) -> Iterable[Write]:
        """See Fold."""
        yield _CLOSE, [(at, c.at_us, c.day, _day_closed(c), c.by) for at, c in self.closes.items()]
        yield _ADD, [(*cell, one.count, one.amount) for cell, one in self.sums.items()]


class Days:
    """What each business day's records moved, and when it was closed."""

    name: Final = "days"
    version: Final = 3
    tables: Final[Mapping[str, Sequence[str]]] = {"closes": (_MAKE_CLOSES,), "days": (_MAKE_DAYS,)}
    needs: Final = (Transactions.name,)

    def fold(self, look: Look, needed: Mapping[str, Fold]) -> DayFold:
        """See Projection."""
        transactions = needed[Transactions.name]
        assert isinstance(transactions, TransactionFold)
        return DayFold(transactions, look)

    def forget(self, _first: int) -> Iterable[Write]:
        """What a closed day came to stays."""
        return ()


def _day_closed(cutover: Cutover) -> str:
    """The day that it has closed; "": none, but a window of a day that goes on."""
    return cutover.closed if cutover.closed != cutover.day else ""


def last_close(look: Look) -> Cutover | None:
    """The last close of a day; None: there was none."""
    return next((_cutover(found) for found in look(f"{_CLOSES} DESC LIMIT 1", ())), None)


def closes(look: Look) -> list[Cutover]:
    """Every close, oldest first; `closed` is "" where the journal begins after it, or a window alone was closed."""
    return [_cutover(found) for found in look(_CLOSES, ())]


def sums(look: Look) -> list[tuple[Cell, Sum]]:
    """What each business day's records have counted and moved."""
    return [(Cell(*found[:6]), Sum(*found[6:])) for found in look("SELECT * FROM days", ())]


def calendar_day(at_us: int) -> str:
    """YYYY-MM-DD (UTC) of wall-clock µs."""
    return day_of(at_us).isoformat()


def _cutover(found: Values) -> Cutover:
    """A row of `_CLOSES`."""
    at_us, day, closed, by = found
    return Cutover(at_us=at_us, day=day, closed=closed, by=by)
