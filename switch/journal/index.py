"""The index: a SQLite file of what is derived from the log, for queries. Delete it and it is built again.

In: the log, as far as it is known to be durable, and the projections to keep. Out: `index.sqlite` of the state directory, with
each projection's tables, all folded up to the same place. Built by a process of its own (`indexer`) or on demand
(`Index.catch_up`); both may run at once, for a batch and the place it leads to are one SQLite transaction.

The rule: only what is durable is indexed, so the index never knows more than the log will after a crash. What the log has
beyond `Index.place` is read from the log itself (`history`, `reports`).

A projection that is new, or whose tables are of another version, or that a person asks for, is built again alone, beside the
file, and put in its place in one transaction: until then its old tables stay. One that nobody names any more is removed.
"""

import os
import sqlite3
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from switch.core.records.records import SCHEMA
from switch.journal.beside import Beside
from switch.journal.log import JournalError, Log, Place, Segment, segments
from switch.journal.places import is_at
from switch.journal.projections import STANDARD
from switch.journal.projections.projection import Projection, Values, with_needed
from switch.journal.recovery import journal_directory
from switch.journal.tables import Tables
from switch.journal.write_ahead import write_ahead
from switch.security.files import open_private

VERSION: Final = 4
"""Of the file, beside its projections' own. Another one found: all of it is built anew."""
BATCH_RECORDS: Final = 5_000
REMOVED: Final = "no longer part of this release"


class IndexDamagedError(JournalError):
    """The index's file is not what was written; removed, it is built anew."""


class IndexBusyError(JournalError):
    """Somebody has the index to himself just now."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A projection is being built again: `done` of `total` records."""

    done: int
    total: int


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """A projection was thrown away and built again; or only thrown away, where `why` is REMOVED."""

    projection: str
    why: str
    records: int = 0
    """folded"""
    first: int = 0
    """the first of them: more than 1 where the journal was pruned, and what lay before is in the projection no more"""
    last: int = 0


class Index:
    """The index of one state directory, open for building and for queries."""

    def __init__(
        self, state_dir: Path | str, projections: Sequence[Projection] = STANDARD, *, at_once: bool = False
    ) -> None:
        """Opens the file, or makes it; one that is damaged or of another version is made anew. Raises JournalError.

        `projections`: all that this index keeps; the next `fit` removes any other that it finds.
        `at_once`: for questions only, of who must not wait for whoever builds it: what cannot be read now is left as it is.
        """
        self._state_dir = state_dir
        self._projections = projections
        self._at_once = at_once
        self.path = index_path(state_dir)
        self._directory = journal_directory(state_dir)
        try:
            try:
                self.tables = self._opened()
            except sqlite3.OperationalError:
                raise  # a lock, a permission, a full disk: not the file's fault
            except sqlite3.DatabaseError:
                if at_once:
                    raise
                remove_index(state_dir)
                self.tables = self._opened()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self.path}: cannot be opened: {error}") from None

    @property
    def database(self) -> sqlite3.Connection:
        """The file itself."""
        return self.tables.database

    def _opened(self) -> Tables:
        """The file, readable by its owner only, as SQLite then makes the files beside it."""
        os.close(open_private(self.path, os.O_RDWR))
        wait_s = 0 if self._at_once else 30
        database = sqlite3.connect(self.path, timeout=wait_s, isolation_level=None, check_same_thread=False)
        try:
            tables = Tables(database, self._projections)
            # no lock is asked for where all is well: whoever builds may hold it for as long as a batch takes
            if self._at_once:
                self._check_version(database)
            else:
                self._make_writable(database, tables)
            database.execute("PRAGMA cache_size = -16384")
        except BaseException:
            database.close()
            raise
        return tables

    @staticmethod
    def _check_version(database: sqlite3.Connection) -> None:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            raise sqlite3.OperationalError(f"it is of version {version}, not {VERSION}")

    def _make_writable(self, database: sqlite3.Connection, tables: Tables) -> None:
        """Of this version, with its tables; another's are dropped."""
        write_ahead(database)
        database.execute("PRAGMA synchronous = NORMAL")
        if database.execute("PRAGMA user_version").fetchone() == (VERSION,):
            return
        database.execute("BEGIN IMMEDIATE")
        if database.execute("PRAGMA user_version").fetchone() != (VERSION,):  # else somebody was faster
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                database.execute(f'DROP TABLE "{name}"')
            tables.prepare()
            for projection in self._projections:
                tables.make(projection)
            database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")

    # -- questions

    def look(self, statement: str, values: Values = ()) -> Iterator[Values]:
        """Ask its tables: see `projection.Look`. Raises IndexDamagedError, IndexBusyError."""
        with self._reading():
            yield from self.tables.look(statement, values)

    def place(self, *names: str) -> Place | None:
        """Of the last record indexed; None before the first. Raises as `look` does.

        `names`: None too where one of these projections is not there, or of another version: its tables say nothing.
        """
        if names and not self.misfits().keys().isdisjoint(names):
            return None
        with self._reading():
            return self.tables.place()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What SQLite says, as a JournalError."""
        try:
            yield
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise IndexBusyError(f"{self.path}: in use: {error}; ask again") from None
            raise IndexDamagedError(
                f"{self.path}: damaged: {error}; delete it with its -wal and -shm, and it is built anew"
            ) from None

    def misfits(self) -> dict[str, str]:
        """Projections that are not as they should be, by name: why. Raises as `look` does."""
        with self._reading():
            kept = self.tables.kept()
        found: dict[str, str] = {}
        for projection in self._projections:
            there = kept.get(projection.name)
            if there is None:
                found[projection.name] = "new"
            elif there.version != projection.version:
                found[projection.name] = f"of version {there.version}, now {projection.version}"
        known = {projection.name for projection in self._projections}
        return found | {name: REMOVED for name in kept if name not in known}

    # -- going on

    def batch(self, records: int = BATCH_RECORDS) -> int:
        """Index up to so many durable records; how many there were: none where something does not fit. Raises JournalError."""
        with self._writing():
            if self.misfits():
                return 0
            listed = self._settle_place()
            return self.tables.advance(self._directory, listed, records)

    def catch_up(self) -> int:
        """Make it fit, then index everything durable, anew where the file is damaged; how many records. Raises JournalError."""
        try:
            return self._catch_up()
        except IndexDamagedError:
            self.close()
            remove_index(self._state_dir)
            self.tables = self._opened()
            return self._catch_up()

    def _catch_up(self) -> int:
        for _ in self.fit():
            pass
        total = 0
        while done := self.batch():
            total += done
        return total

    def forget(self, first: int) -> dict[str, int]:
        """Let go of what began before record `first`, which is about to be pruned; how many rows of each projection. Raises
        JournalError."""
        with self._writing():
            return {projection.name: self.tables.write(projection.forget(first)) for projection in self._projections}

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, whole or not at all. Raises JournalError for what SQLite says."""
        database = self.database
        try:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise JournalError(f"{self.path}: {error}; it may be deleted, and is then built anew") from None
        except (sqlite3.Error, msgspec.MsgspecError, TypeError, ValueError) as error:
            raise IndexDamagedError(f"{self.path}: damaged: {error}") from None
        finally:
            with suppress(sqlite3.Error):
                if database.in_transaction:
                    database.execute("ROLLBACK")

    def _settle_place(self) -> list[Segment]:
        """The log's segments, once the index is of this log: where another one is there, it begins again with nothing."""
        place = self.tables.place()
        listed = segments(self._directory)
        if place is not None and not is_at(self._directory, place):
            self._refuse_lost(place, listed)
            for projection in self._projections:
                self.tables.make(projection)
        return listed

    def _refuse_lost(self, known: Place, listed: list[Segment]) -> None:
        """Raises JournalError where the log ends before `known`: what was indexed was durable, so that records are missing."""
        log = Log(self._directory, SCHEMA, listed[-1:])
        for _ in log:
            pass
        if log.position < known.sequence:
            raise JournalError(
                f"{self.path} knows records up to {known.sequence}, and {self._directory} ends at {log.position}: records are "
                "missing at its end; `cmi-switch journal verify` says more. If the journal was put in this one's place on "
                "purpose, run `cmi-switch journal accept-end`"
            )

    # -- building projections again

    def fit(self, asked: Collection[str] = ()) -> Generator[Progress | Rebuilt, None, None]:
        """Build again what does not fit and those `asked` for, and remove what nobody names; yields as it goes on.

        Raises JournalError: then the tables are as they were.
        """
        with self._writing():
            why = dict.fromkeys(asked, "asked for") | self.misfits()
            self._settle_place()
            gone = [name for name, reason in why.items() if reason == REMOVED]
            for name in gone:
                self.tables.drop(name)
        yield from (Rebuilt(projection=name, why=REMOVED) for name in gone)
        again = [projection for projection in self._projections if projection.name in why]
        if not again:
            return
        with closing(Beside(self._directory, with_needed(self._projections, [each.name for each in again]))) as beside:
            while (up_to := self.tables.place()) is not None and beside.advance(up_to):
                yield Progress(done=beside.done - beside.first + 1, total=up_to.sequence - beside.first + 1)
            records = self._put_in_place(again, beside)
        for each in again:
            yield Rebuilt(
                projection=each.name,
                why=why[each.name],
                records=records,
                first=beside.first if records else 0,
                last=beside.first + records - 1 if records else 0,
            )

    def _put_in_place(self, again: list[Projection], beside: Beside) -> int:
        """The tables built beside take the place of the old ones, at the record where the index is now: how many were folded."""
        with self._writing():
            now = self.tables.place()
            if now is None:
                for projection in again:
                    self.tables.make(projection)
                return 0
            while beside.advance(now):
                pass
            for projection in again:
                self.tables.copy(projection, beside.tables, now)
            return now.sequence - beside.first + 1

    def close(self) -> None:
        """Release the file."""
        self.database.close()


def index_path(state_dir: Path | str) -> str:
    """Where the index lies in a state directory."""
    return os.path.join(state_dir, "index.sqlite")


def remove_index(state_dir: Path | str) -> None:
    """Remove the index's files: it is built again from the log."""
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(index_path(state_dir) + suffix)


def inode_of(state_dir: Path | str) -> int:
    """Of the index's file as it is now: another one where it was removed and made anew; 0 where there is none."""
    try:
        return os.stat(index_path(state_dir)).st_ino
    except FileNotFoundError:
        return 0
