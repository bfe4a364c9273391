"""The index: a SQLite file that says which transaction is where in the log. Derived; delete it and it is built again.

In: the log, as far as it is known to be durable. Out: one row a transaction, in `index.sqlite` of the state directory. Run as a
process of its own (`python -m switch.journal.index --dir DIR --follow`, niced, until its standard input ends) or on demand
(`Index.catch_up`); both may run at once, for a batch and the position it leads to are one SQLite transaction.

The rule: only what is durable is indexed, so the index never knows more than the log will after a crash. What the log has
beyond `Index.place` is read from the log itself (`history`, `reports`).
"""

import os
import select
import signal
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.core.records.records import SCHEMA, STAN_DIGITS, Cutover, Key
from switch.journal.days import Cell, Sum
from switch.journal.log import JournalError, Log, Place, Record, Scan, Segment, segments
from switch.journal.recovery import decode, journal_directory
from switch.journal.rows import PLACE, Row, Rows, key_hash
from switch.security.files import open_private

VERSION: Final = 3
"""Of the tables. Another one found: the index is built anew."""
BATCH_RECORDS: Final = 5_000
DAMAGED: Final = 3
"""Exit code of the process: the index was damaged, and has been removed."""
FOLLOW_S: Final = 0.25
"""How long the follower waits where there was nothing new."""

_TABLES: Final = """
CREATE TABLE place (ordinal INTEGER, offset INTEGER, sequence INTEGER, chain BLOB);
CREATE TABLE transactions (
    txn INTEGER PRIMARY KEY, at_us INTEGER, acquirer TEXT, link TEXT, host TEXT, route TEXT, mti TEXT, key_hash INTEGER,
    rrn TEXT, pan TEXT, amount INTEGER, currency TEXT, de39 TEXT, status TEXT, reason TEXT, original INTEGER,
    reversed_by INTEGER, cost INTEGER, places BLOB, direction INTEGER, stands INTEGER, stands_in TEXT, stan TEXT);
CREATE INDEX by_key ON transactions (key_hash);
CREATE INDEX by_rrn ON transactions (rrn);
CREATE INDEX by_stan ON transactions (stan);
CREATE TABLE closes (sequence INTEGER PRIMARY KEY, at_us INTEGER, day TEXT, closed TEXT, closed_by TEXT);
CREATE TABLE days (
    day TEXT, acquirer TEXT, route TEXT, host TEXT, currency TEXT, what TEXT, count INTEGER, amount INTEGER,
    PRIMARY KEY (day, acquirer, route, host, currency, what)) WITHOUT ROWID;
"""


_PUT: Final = (
    "INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_EMPTY: Final = ("DELETE FROM transactions", "DELETE FROM closes", "DELETE FROM days", "DELETE FROM place")
_CLOSE: Final = "INSERT OR REPLACE INTO closes VALUES (?, ?, ?, ?, ?)"
_CLOSES: Final = "SELECT at_us, day, closed, closed_by FROM closes ORDER BY sequence"
_ADD: Final = (
    "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "count = count + excluded.count, amount = amount + excluded.amount"
)
_NAMED: Final = "SELECT txn, places FROM transactions WHERE {} = ? AND acquirer = ? ORDER BY txn DESC LIMIT 64"
_GET: Final = "SELECT * FROM transactions WHERE txn = ?"


class IndexDamagedError(JournalError):
    """The index's file is not what was written; removed, it is built anew."""


class Index:
    """The index of one state directory, open for building and for queries."""

    def __init__(self, state_dir: Path | str) -> None:
        """Opens the file, or makes it; one that is damaged or of another version is made anew. Raises JournalError."""
        self._state_dir = state_dir
        self.path = index_path(state_dir)
        self._directory = journal_directory(state_dir)
        try:
            try:
                self.database = self._opened()
            except sqlite3.OperationalError:
                raise  # a lock, a permission, a full disk: not the file's fault
            except sqlite3.DatabaseError:
                remove_index(state_dir)
                self.database = self._opened()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self.path}: cannot be opened: {error}") from None

    def _opened(self) -> sqlite3.Connection:
        """The database with its tables, readable by its owner only, as SQLite then makes the files beside it."""
        os.close(open_private(self.path, os.O_RDWR))
        database = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA cache_size = -16384")
            database.execute("BEGIN IMMEDIATE")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    database.execute(f'DROP TABLE "{name}"')
                for statement in _TABLES.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {VERSION}")
            database.execute("COMMIT")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def place(self) -> Place | None:
        """Of the last record indexed; None before the first."""
        found = self.database.execute("SELECT ordinal, offset, sequence, chain FROM place").fetchone()
        return Place(*found) if found else None

    def load(self, txn: int) -> Row | None:
        """The row of a transaction."""
        found = self.database.execute(_GET, (txn,)).fetchone()
        return Row(*found) if found else None

    def cutover(self) -> Cutover | None:
        """The last one indexed."""
        found = self.database.execute(f"{_CLOSES} DESC LIMIT 1").fetchone()
        return _cutover(found) if found else None

    def closes(self) -> list[Cutover]:
        """Every one indexed, oldest first; `closed` is "" where the journal begins after it."""
        return [_cutover(found) for found in self.database.execute(_CLOSES)]

    def sums(self) -> list[tuple[Cell, Sum]]:
        """What each business day's records have counted and moved."""
        return [(Cell(*found[:6]), Sum(*found[6:])) for found in self.database.execute("SELECT * FROM days")]

    def named(self, acquirer: str, name: str) -> list[tuple[int, bytes]]:
        """Transactions of this acquirer with this DE37 or, if it is six digits, DE11, newest first: number and places."""
        column = "stan" if len(name) == STAN_DIGITS else "rrn"
        found = self.database.execute(_NAMED.format(column), (name, acquirer)).fetchall()
        return [(int(txn), bytes(places)) for txn, places in found]

    def with_key(self, key: Key) -> list[tuple[int, bytes]]:
        """(txn, places) of the transactions whose key has this key's hash."""
        return self.database.execute(
            "SELECT txn, places FROM transactions WHERE key_hash = ? ORDER BY txn", (key_hash(key),)
        ).fetchall()

    def batch(self, records: int = BATCH_RECORDS) -> int:
        """Index up to so many durable records; how many there were. Raises JournalError."""
        database = self.database
        try:
            database.execute("BEGIN IMMEDIATE")
            done = self._batch(records)
            database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise JournalError(f"{self.path}: {error}; it may be deleted, and is then built anew") from None
        except (sqlite3.Error, msgspec.MsgspecError, TypeError, ValueError) as error:
            raise IndexDamagedError(f"{self.path}: damaged: {error}") from None
        finally:
            with suppress(sqlite3.Error):
                if database.in_transaction:
                    database.execute("ROLLBACK")
        return done

    def _batch(self, limit: int) -> int:
        after = self.place()
        listed = segments(self._directory)
        if after is not None and not _still_there(self._directory, after):
            self._refuse_lost(after, listed)
            for statement in _EMPTY:  # the log is another one
                self.database.execute(statement)
            after = None
        log = Log(self._directory, SCHEMA, listed, after)
        found: list[tuple[Segment, Record]] = []
        for each in log:
            found.append(each)
            if len(found) >= limit and found[0][1].sequence <= log.durable:
                break
        rows, last = Rows(self.load, self.cutover()), None
        for segment, record in found:
            if record.sequence > log.durable:
                break
            rows.add(decode(segment, record), record.sequence, segment.ordinal, record.offset)
            last = Place(segment.ordinal, record.offset, record.sequence, record.chain)
        if last is None:
            return 0
        values = [msgspec.structs.astuple(row) for row in rows.changed.values()]
        self.database.executemany(_PUT, values)
        self.database.executemany(_CLOSE, [(at, c.at_us, c.day, c.closed, c.by) for at, c in rows.days.closes.items()])
        self.database.executemany(_ADD, [(*cell, one.count, one.amount) for cell, one in rows.days.sums.items()])
        self.database.execute("DELETE FROM place")
        self.database.execute("INSERT INTO place VALUES (?, ?, ?, ?)", last)
        return last.sequence - found[0][1].sequence + 1

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

    def forget(self, first: int) -> int:
        """Let go of the transactions that began before record `first`; how many. Raises JournalError."""
        try:
            begun = PLACE.pack(first, 0, 0)  # places begin with the sequence, big-endian: they compare as numbers do
            return self.database.execute("DELETE FROM transactions WHERE places < ?", (begun,)).rowcount
        except sqlite3.Error as error:
            raise JournalError(f"{self.path}: {error}; it may be deleted, and is then built anew") from None

    def catch_up(self) -> int:
        """Index everything durable, anew where the file is damaged; how many records that were. Raises JournalError."""
        total = 0
        try:
            while done := self.batch():
                total += done
        except IndexDamagedError:
            self.close()
            remove_index(self._state_dir)
            self.database = self._opened()
            while done := self.batch():
                total += done
        return total

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


def segment_paths(directory: str) -> dict[int, str]:
    """Every segment file there is, superseded ones too, by its ordinal."""
    names = [n for n in os.listdir(directory) if n.endswith(".log")]
    return {int(n.split(".")[1]): os.path.join(directory, n) for n in names}


def record_at(paths: dict[int, str], place: bytes | Place) -> tuple[Segment, Record] | None:
    """The record at a place (PLACE's bytes or a Place); None where it is not there any more."""
    if isinstance(place, Place):
        sequence, ordinal, offset = place.sequence, place.ordinal, place.offset
    else:
        sequence, ordinal, offset = PLACE.unpack(place)
    path = paths.get(ordinal)
    if path is None:
        return None
    with open(path, "rb", buffering=0) as file:
        for record in Scan(file, offset, sequence):
            return Segment(path, ordinal, 0, 0), record
    return None


def _still_there(directory: str, place: Place) -> bool:
    """True if the log still holds the record at its place."""
    found = record_at(segment_paths(directory), place)
    return found is not None and found[1].chain == place.chain


def follow(state_dir: Path | str, parent: int) -> None:
    """Keep the index up to date until the descriptor `parent` is readable (its other end closed). Raises JournalError."""
    index, wait_s = Index(state_dir), 0.0
    inode = inode_of(state_dir)
    while not select.select([parent], [], [], wait_s)[0]:
        if inode_of(state_dir) != inode:  # removed, as one that is damaged is
            index.close()
            index = Index(state_dir)
            inode = inode_of(state_dir)
        wait_s = 0.0 if index.batch() >= BATCH_RECORDS else FOLLOW_S
    index.close()


def main(arguments: list[str]) -> int:
    """Run as a process: `--dir DIR` builds once, `--dir DIR --follow` goes on until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(19)  # behind everything: what it has not reached is found in the log all the same
    state_dir = arguments[arguments.index("--dir") + 1]
    try:
        if "--follow" in arguments:
            follow(state_dir, 0)
        else:
            Index(state_dir).catch_up()
    except IndexDamagedError:
        remove_index(state_dir)
        return DAMAGED
    except JournalError as error:
        sys.stderr.write(f"journal index: {error}\n")
        return 1
    return 0


def _cutover(found: tuple[Any, ...]) -> Cutover:
    """A row of `_CLOSES`, whose columns stand in the order of the record."""
    at_us, day, closed, by = found
    return Cutover(at_us=at_us, day=day, closed=closed, by=by)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
