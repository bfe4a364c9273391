"""The tables of projections in a SQLite database, all folded up to one place of the log.

In: records of the log that are durable. Out: the projections' rows, and in the table `projections` which version of each is
there, which tables are its own, and up to which record it is folded. Transactions are the caller's: what `advance` does is to be
one with whatever else must be so at the same moment.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from switch.core.records.records import SCHEMA
from switch.journal.log import Log, Place, Segment
from switch.journal.projections.projection import Folding, Projection, Values, Write, begin, check
from switch.journal.recovery import decode
from switch.journal.scan import Record

_MAKE: Final = (
    "CREATE TABLE IF NOT EXISTS projections "
    "(name TEXT PRIMARY KEY, version INTEGER, tables TEXT, ordinal INTEGER, offset INTEGER, sequence INTEGER, chain BLOB) "
    "WITHOUT ROWID"
)
_KEPT: Final = "SELECT name, version, tables, ordinal, offset, sequence, chain FROM projections"
_KEEP: Final = "INSERT OR REPLACE INTO projections VALUES (?, ?, ?, ?, ?, ?, ?)"
_ADVANCED: Final = "UPDATE projections SET ordinal = ?, offset = ?, sequence = ?, chain = ?"
_NO_PLACE: Final = (None, None, None, None)


class Kept(NamedTuple):
    """A projection as the database has it."""

    version: int
    tables: list[str]
    place: Place | None
    """of the last record folded; None before the first"""


class Tables:
    """What a database has of some projections. Methods raise sqlite3.Error; those that read the log JournalError, too."""

    def __init__(self, database: sqlite3.Connection, projections: Sequence[Projection]) -> None:
        """`projections`: in the order they are folded. Raises ValueError where they cannot be kept together."""
        check(projections)
        self.database = database
        self.projections = projections

    def prepare(self) -> None:
        """Make what says which projections are there, if it is not."""
        self.database.execute(_MAKE)

    def look(self, statement: str, values: Values = ()) -> Iterable[Values]:
        """Ask the tables: see `projection.Look`."""
        return self.database.execute(statement, values)

    def kept(self) -> dict[str, Kept]:
        """The projections that are there, by name."""
        return {
            name: Kept(
                version, msgspec.json.decode(tables, type=list[str]), None if place[2] is None else Place(*place)
            )
            for name, version, tables, *place in self.look(_KEPT)
        }

    def place(self) -> Place | None:
        """Of the last record folded into any of them; None before the first."""
        places = [kept.place for kept in self.kept().values() if kept.place is not None]
        return max(places, key=lambda place: place.sequence, default=None)

    def drop(self, name: str) -> None:
        """A projection and its tables go."""
        kept = self.kept().get(name)
        if kept is not None:
            for table in kept.tables:
                self.database.execute(f'DROP TABLE IF EXISTS "{table}"')
            self.database.execute("DELETE FROM projections WHERE name = ?", (name,))

    def make(self, projection: Projection, place: Place | None = None) -> None:
        """Empty tables for a projection, in place of those it had. `place`: up to where they are about to be filled."""
        self.drop(projection.name)
        for statements in projection.tables.values():
            for statement in statements:
                self.database.execute(statement)
        tables = msgspec.json.encode(list(projection.tables)).decode()
        self.database.execute(_KEEP, (projection.name, projection.version, tables, *(place or _NO_PLACE)))

    def copy(self, projection: Projection, source: "Tables", place: Place) -> None:
        """The projection's tables as `source` has them, folded up to `place`, in place of those that are here."""
        self.make(projection, place)
        for table in projection.tables:
            rows = source.database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name of our own
            marks = ", ".join("?" * len(rows.description))
            self.database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608

    def advance(self, directory: str, listed: list[Segment], records: int, up_to: int = 0) -> int:
        """Fold up to so many records of the log that follow; how many there were.

        `up_to`: none beyond this one, and all up to it are known to be durable; 0: those that the log says are.
        """
        log = Log(directory, SCHEMA, listed, self.place())
        found = _durable(log, records, up_to)
        if not found:
            return 0
        folds = begin(self.projections, self.look)
        add = Folding(folds.values()).add
        for segment, record in found:
            add(decode(segment, record), record.sequence, segment.ordinal, record.offset)
        for fold in folds.values():
            self.write(fold.writes())
        segment, last = found[-1]
        self.database.execute(_ADVANCED, (segment.ordinal, last.offset, last.sequence, last.chain))
        return len(found)

    def write(self, writes: Iterable[Write]) -> int:
        """Run statements of a projection; how many rows they changed."""
        return sum(max(self.database.executemany(statement, values).rowcount, 0) for statement, values in writes)


def _durable(log: Log, records: int, up_to: int) -> list[tuple[Segment, Record]]:
    """The next records, as far as they are known to be durable: `records` of them at least, if there are so many."""
    found: list[tuple[Segment, Record]] = []
    for each in log:
        if up_to and each[1].sequence > up_to:
            break
        found.append(each)
        if len(found) >= records and found[0][1].sequence <= max(log.durable, up_to):
            break
    while found and found[-1][1].sequence > max(log.durable, up_to):
        found.pop()
    return found
