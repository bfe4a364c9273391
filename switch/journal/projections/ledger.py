"""The ledger as it follows the traffic: entries, what each window came to, and what is known of each payment.

In: records. Out: rows, of which `switch.journal.ledgers` makes what people and settlement files are told. What is posted is
decided in `switch.ledger` alone; here it is only kept.

The rule. A window's entries are those of the records before the one that has closed it, and behind the one that closed the window
before: so they lie side by side, and need no index. Records say what fees are without saying in which currency: the home
currency, which the switch records as it starts. In a journal of an older release it is not, and stands in these tables as "".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from switch.core.records.records import ENCODER
from switch.journal.projections.projection import Fold, Look, Take, Write, nothing
from switch.ledger.entries import Entry, Window
from switch.ledger.fold import LedgerFold
from switch.ledger.netting import Cell, Sum
from switch.ledger.payments import Holds
from switch.ledger.windows import Closed, Windows

_TABLES: Final[Mapping[str, Sequence[str]]] = {
    "ledger_payments": ("CREATE TABLE ledger_payments (txn INTEGER PRIMARY KEY, ended INTEGER, known BLOB)",),
    "ledger_entries": ("CREATE TABLE ledger_entries (sequence INTEGER PRIMARY KEY, entry BLOB)",),
    "ledger_positions": (
        "CREATE TABLE ledger_positions (day TEXT, number INTEGER, payer TEXT, payee TEXT, kind TEXT, currency TEXT, "
        "count INTEGER, amount INTEGER, PRIMARY KEY (day, number, payer, payee, kind, currency)) WITHOUT ROWID",
    ),
    "ledger_holds": (
        "CREATE TABLE ledger_holds (day TEXT, number INTEGER, acquirer TEXT, issuer TEXT, currency TEXT, count INTEGER, "
        "amount INTEGER, PRIMARY KEY (day, number, acquirer, issuer, currency)) WITHOUT ROWID",
    ),
    "ledger_unpriced": (
        "CREATE TABLE ledger_unpriced (sequence INTEGER PRIMARY KEY, day TEXT, number INTEGER, why TEXT)",
    ),
    "ledger_closes": (
        "CREATE TABLE ledger_closes (day TEXT, number INTEGER, at_us INTEGER, closed_by TEXT, until INTEGER, "
        "PRIMARY KEY (day, number)) WITHOUT ROWID",
    ),
    "ledger_now": (
        "CREATE TABLE ledger_now (one INTEGER PRIMARY KEY, day TEXT, number INTEGER, calendar INTEGER, until_us INTEGER, "
        "begins INTEGER, home TEXT)",
    ),
}
_KEEP_PAYMENT: Final = "INSERT OR REPLACE INTO ledger_payments VALUES (?, ?, ?)"
_DROP_PAYMENT: Final = "DELETE FROM ledger_payments WHERE txn = ?"
_PAYMENT: Final = "SELECT known FROM ledger_payments WHERE txn = ?"
_POST: Final = "INSERT INTO ledger_entries VALUES (?, ?)"
_POSTED: Final = "SELECT entry FROM ledger_entries WHERE sequence > ? AND sequence < ? ORDER BY sequence"
_ADD: Final = (
    "INSERT INTO ledger_positions VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "count = count + excluded.count, amount = amount + excluded.amount"
)
_POSITIONS: Final = (
    "SELECT payer, payee, kind, currency, count, amount FROM ledger_positions WHERE day = ? AND number = ?"
)
_HOLD: Final = (
    "INSERT INTO ledger_holds VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "count = count + excluded.count, amount = amount + excluded.amount"
)
_HOLDS: Final = "SELECT acquirer, issuer, currency, count, amount FROM ledger_holds WHERE day = ? AND number = ?"
_UNPRICED: Final = "INSERT INTO ledger_unpriced VALUES (?, ?, ?, ?)"
_WHYS: Final = "SELECT why, COUNT(*) FROM ledger_unpriced WHERE day = ? AND number = ? GROUP BY why"
_CLOSE: Final = "INSERT OR REPLACE INTO ledger_closes VALUES (?, ?, ?, ?, ?)"
_CLOSES: Final = "SELECT day, number, at_us, closed_by, until FROM ledger_closes ORDER BY until, day, number"
_TURN: Final = "INSERT OR REPLACE INTO ledger_now VALUES (1, ?, ?, ?, ?, ?, ?)"
_HOME: Final = "SELECT home FROM ledger_now"
_NOW: Final = "SELECT day, number, calendar, until_us, begins FROM ledger_now"
_FORGET: Final = (
    "DELETE FROM ledger_payments WHERE ended < ?",
    "DELETE FROM ledger_entries WHERE sequence < ?",
)
_DECODER: Final = msgspec.msgpack.Decoder(Entry)
LAST: Final = 1 << 62
"""beyond every sequence number"""


class LedgerTables:
    """A batch of records folded into the ledger's tables."""

    def __init__(self, look: Look = nothing) -> None:
        """`look`: finds what earlier batches have left."""

        def recall(txn: int) -> bytes | None:
            return next((bytes(known) for (known,) in look(_PAYMENT, (txn,))), None)

        self.entries: list[Entry] = []
        self.fold = LedgerFold(home_currency(look), self.entries.append, recall=recall, windows=windows(look))

    @property
    def takes(self) -> Mapping[type, Take]:
        """See Fold."""
        return self.fold.takes

    def writes(self) -> Iterable[Write]:
        """See Fold."""
        fold, encode = self.fold, ENCODER.encode
        yield _KEEP_PAYMENT, fold.payments.kept()
        yield _DROP_PAYMENT, ((txn,) for txn in fold.payments.gone())
        yield _POST, ((entry.sequence, encode(entry)) for entry in self.entries)
        yield (
            _ADD,
            [
                (*window, *cell, found.count, found.amount)
                for window, cells in fold.positions.items()
                for cell, found in cells.items()
            ],
        )
        yield _HOLD, [(*window, *of, held.count, held.amount) for (window, *of), held in fold.holds.items()]
        yield _UNPRICED, [(entry.sequence, *entry.window, entry.unpriced) for entry in fold.unpriced]
        yield _CLOSE, [(*one.window, one.at_us, one.by, one.until) for one in fold.windows.closed]
        kept = fold.windows
        yield _TURN, [(*(kept.now or (None, None)), int(kept.calendar), kept.until_us, kept.begins, fold.home)]


class Ledger:
    """Entries, positions and holds of each window; see the file."""

    name: Final = "ledger"
    version: Final = 6
    tables: Final[Mapping[str, Sequence[str]]] = _TABLES
    needs: Final = ()

    def fold(self, look: Look, _needed: Mapping[str, Fold]) -> LedgerTables:
        """See Projection."""
        return LedgerTables(look)

    def forget(self, first: int) -> Iterable[Write]:
        """Payments that had been answered before go, and entries; what a window came to stays."""
        return tuple((statement, [(first,)]) for statement in _FORGET)


class Unpriced(NamedTuple):
    """Payments of a window that have no price."""

    why: str
    payments: int


def windows(look: Look) -> Windows:
    """As the records folded so far have left them, with no close among them."""
    for day, number, calendar, until_us, begins in look(_NOW, ()):
        now = Window(day, number) if day is not None else None
        return Windows(now, calendar=bool(calendar), until_us=until_us, begins=begins)
    return Windows()


def closes(look: Look) -> list[Closed]:
    """Every window that is closed, oldest first."""
    return [
        Closed(window=Window(day, number), at_us=at_us, by=by, until=until)
        for day, number, at_us, by, until in look(_CLOSES, ())
    ]


def positions(look: Look, window: Window) -> dict[Cell, Sum]:
    """What a window came to."""
    return {Cell(*found[:4]): Sum(*found[4:]) for found in look(_POSITIONS, window)}


def holds(look: Look, window: Window) -> dict[tuple[str, str, str], Holds]:
    """By acquirer, issuer and currency, what a window's records have changed of holds."""
    return {tuple(found[:3]): Holds(count=found[3], amount=found[4]) for found in look(_HOLDS, window)}


def home_currency(look: Look) -> str:
    """What fees are in (ISO 4217, numeric); "": nothing says so."""
    return next((str(home) for (home,) in look(_HOME, ())), "")


def unpriced(look: Look, window: Window) -> list[Unpriced]:
    """What has no price in a window, by reason."""
    return [Unpriced(*found) for found in look(_WHYS, window)]


def entries(look: Look, after: int, until: int) -> Iterator[Entry]:
    """Of the records behind `after` and before `until`, in their order."""
    decode = _DECODER.decode
    for (entry,) in look(_POSTED, (after, until)):
        yield decode(entry)
