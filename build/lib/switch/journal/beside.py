"""Projections built again beside the index, while it goes on answering: their tables in a temporary database of SQLite's.

In: the log from its beginning up to where the index is. Out: tables to be put in the place of the index's own. A crash leaves
nothing of them. What they need room for lies where SQLite has its temporary files (`SQLITE_TMPDIR`).
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from switch.journal.anchor import read_anchor
from switch.journal.log import JournalError, Place, segments
from switch.journal.projections.projection import Projection
from switch.journal.tables import Tables

STEP_RECORDS: Final = 5_000


class Beside:
    """Some projections, folded anew. Methods raise JournalError."""

    def __init__(self, directory: str, projections: Sequence[Projection]) -> None:
        """`directory`: of the log. `projections`: those to be built again, and all that they need."""
        self._directory = directory
        self._anchor = read_anchor(directory)
        listed = segments(directory)
        self.first = listed[0].first if listed else 1
        """the log's first record: more than 1 where it was pruned"""
        self.done = 0
        """number of the last record folded"""
        database = sqlite3.connect("", isolation_level=None)
        database.execute("PRAGMA journal_mode = OFF")
        self.tables = Tables(database, projections)
        self.tables.prepare()
        for projection in projections:
            self.tables.make(projection)

    def advance(self, up_to: Place) -> bool:
        """Fold a step more; False where `up_to`, which is known to be durable, is reached."""
        if read_anchor(self._directory) != self._anchor:  # it is written before anything goes
            raise JournalError(f"{self._directory} was pruned meanwhile: build the projection again")
        if self.done >= up_to.sequence:
            return False
        database = self.tables.database
        try:
            database.execute("BEGIN")
            found = self.tables.advance(self._directory, segments(self._directory), STEP_RECORDS, up_to.sequence)
            database.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalError(
                f"building a projection again, in SQLite's temporary directory: {error}; SQLITE_TMPDIR names one with more room"
            ) from None
        except (msgspec.MsgspecError, TypeError, ValueError) as error:
            raise JournalError(f"{self._directory}: a record cannot be folded: {error}") from error
        if not found:
            raise JournalError(
                f"{self._directory}: record {up_to.sequence} was indexed and is not to be found, so that no projection can be "
                "built again; `cmi-switch journal verify` says more"
            )
        place = self.tables.place()
        self.done = place.sequence if place is not None else self.done
        return True

    def close(self) -> None:
        """It is as if it had never been."""
        self.tables.database.close()
