"""The gateway's SQLite file: opened, brought up to date, checked, and written to whole or not at all.

In: a path. Out: a connection's transactions, or a StoreError that says what to do. The one rule: when a transaction has ended,
what it wrote is durable (WAL, synchronous FULL).
"""

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from switch.security.files import FILE_MODE, make_private_directory, open_private

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, clientid TEXT NOT NULL,
  oid TEXT NOT NULL, stage TEXT NOT NULL, moved_us INTEGER NOT NULL, body BLOB NOT NULL, due_us INTEGER NOT NULL DEFAULT 0,
  window TEXT NOT NULL DEFAULT '', UNIQUE (clientid, oid));
CREATE INDEX IF NOT EXISTS by_stage ON orders (stage, number);
CREATE INDEX IF NOT EXISTS by_oid ON orders (oid);
CREATE INDEX IF NOT EXISTS by_merchant ON orders (clientid, number);
CREATE INDEX IF NOT EXISTS by_window ON orders (clientid, window) WHERE window <> '';
CREATE INDEX IF NOT EXISTS by_due ON orders (due_us) WHERE due_us > 0;
CREATE TABLE IF NOT EXISTS history (number INTEGER NOT NULL, at_us INTEGER NOT NULL, move TEXT NOT NULL, stage TEXT NOT NULL,
  code TEXT NOT NULL, amount INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_number ON history (number);
CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, body BLOB NOT NULL, due_us INTEGER NOT NULL, state TEXT NOT NULL,
  ordered INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS calls_due ON calls (state, due_us);
CREATE INDEX IF NOT EXISTS calls_of ON calls (ordered);
CREATE TABLE IF NOT EXISTS messages (number INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (number);
CREATE TABLE IF NOT EXISTS refunds (number INTEGER PRIMARY KEY, ordered INTEGER NOT NULL, state TEXT NOT NULL,
  body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS refunds_in ON refunds (state);
CREATE INDEX IF NOT EXISTS refunds_of ON refunds (ordered);
CREATE TABLE IF NOT EXISTS merchants (clientid TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS refusals (number INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, what TEXT NOT NULL,
  clientid TEXT NOT NULL, oid TEXT NOT NULL, client TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_ADDED: Final = {"due_us": "INTEGER NOT NULL DEFAULT 0", "window": "TEXT NOT NULL DEFAULT ''"}
"""columns of `orders` that files of older versions lack"""
T = TypeVar("T")
_VERSION: Final = 3
"""2: orders say when they end by themselves; 3: and in which window their captures count"""
_MARK: Final = 0x434D4757
"""application_id of the file: `CMGW`"""


class StoreError(Exception):
    """A file that is none of ours, or cannot be used; says which and what to do."""


class Database(ABC):
    """One file. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        """Opens it, made where it is missing (mode 0600). Raises StoreError.

        One that is there is opened in no other way: closing that would drop the locks that SQLite has on it in this process, and
        whoever closes it next elsewhere would take away the log that is in use here.
        """
        self._path = path
        self._together = self._begun = False
        try:
            make_private_directory(path.parent)
            if not path.exists():
                os.close(open_private(path, os.O_RDWR))
            path.chmod(FILE_MODE)
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self._damaged(str(error)) from None

    def _prepare(self) -> None:
        db, path = self._db, self._path
        (version,), (mark,) = (
            db.execute("PRAGMA user_version").fetchone(),
            db.execute("PRAGMA application_id").fetchone(),
        )
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if version > _VERSION:
            raise StoreError(f"{path}: is of a newer release (version {version}); use that, or another --state")
        if tables and (mark not in (0, _MARK) or "orders" not in tables):
            raise StoreError(f"{path}: is a database of another program's; give another --state")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        older = 0 < version < _VERSION
        if older:  # whatever of it an earlier start that was killed has done already stays done
            there = {row[1] for row in db.execute("PRAGMA table_info(orders)")}
            with self._writing():
                for column, kind in _ADDED.items():
                    if column not in there:
                        db.execute(f"ALTER TABLE orders ADD COLUMN {column} {kind}")
                db.execute("DROP INDEX IF EXISTS by_stage")
        db.executescript(_SCHEMA)
        if version == 1:
            self.date_orders()
        if older:
            self.place_orders()
        if version != _VERSION:  # a read only, otherwise: somebody else may be writing
            db.execute(f"PRAGMA application_id = {_MARK}")
            db.execute(f"PRAGMA user_version = {_VERSION}")

    def check(self) -> None:
        """Read all of it once. StoreError: it is damaged. A million orders take some ten seconds."""
        try:
            said = [row[0] for row in self._db.execute("PRAGMA quick_check(3)")]
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from None
        if said != ["ok"]:
            raise self._damaged("its pages contradict each other: " + " ".join(said[0].split())[:120])

    def _damaged(self, why: str) -> StoreError:
        return StoreError(
            f"{self._path}: cannot be used: {why}; end what uses it, put a backup of it there (with no -wal and -shm beside it), "
            "or, if there is none, move it away and reverse what is open by the switch's journal"
        )

    def _read(self, body: bytes, kind: type[T]) -> T:
        """A row's value. StoreError: somebody, or the disk, has changed it."""
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise self._damaged(f"a row ({kind.__name__.lower()}) cannot be read: {error}") from None

    def close(self) -> None:
        """No more."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written within is durable together, with one flush, when it ends; each method is whole, or not at all.

        sqlite3.Error from the end: nothing of it is kept.
        """
        self._together, self._begun = True, False
        try:
            yield
            if self._begun:
                self._db.execute(
                    "COMMIT"
                )  # fails where an error has ended the transaction: what was done before it is lost
        finally:
            self._together = self._begun = False
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        db = self._db
        if not self._begun:
            db.execute("BEGIN IMMEDIATE")
            self._begun = self._together
        db.execute("SAVEPOINT one")
        try:
            yield db
            db.execute("RELEASE one")
            if not self._together:
                db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK TO one" if self._together else "ROLLBACK")
            raise

    @abstractmethod
    def date_orders(self) -> None:
        """Say when each order ends by itself, which version 1 did not keep."""

    @abstractmethod
    def place_orders(self) -> None:
        """Say in which window each capture counts, which version 2 did not keep."""
