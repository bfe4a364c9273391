"""The gateway's SQLite file: opened, brought up to date, checked, and written to whole or not at all.

In: a path. Out: a connection's transactions, or a StoreError that says what to do. The one rule: when a transaction has ended,
what it wrote is durable (WAL, synchronous FULL).
"""

import inspect
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import msgspec

from switch.security.files import open_private
from switch.security.private_database import opening_database

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


class DamagedError(StoreError):
    """The file is not what was written to it: whoever goes on with it makes it worse."""


_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_IOERR: "look after its disk",
    sqlite3.SQLITE_BUSY: "another program holds it for long; end that",
    sqlite3.SQLITE_LOCKED: "another program holds it for long; end that",
    sqlite3.SQLITE_READONLY: "may this user write to it and to its directory?",
    sqlite3.SQLITE_CANTOPEN: "may this user write to it and to its directory, and is it a file?",
    sqlite3.SQLITE_PERM: "may this user write to it and to its directory?",
}
"""by what SQLite calls the failure"""
_MOVED: Final = "it was moved or deleted while it was in use"
P = ParamSpec("P")


def _place_of(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _telling(method: Callable[P, T]) -> Callable[P, T]:
    """The method of a Database, of which nothing of SQLite's is raised."""

    @wraps(method)
    def told(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return method(*arguments, **named)
        except sqlite3.Error as error:
            (database,) = (one for one in arguments[:1] if isinstance(one, Database))
            raise database.unusable(error) from None

    return told


class Database(ABC):
    """One file. Not for two threads at once. What subclasses offer raises StoreError where SQLite cannot."""

    def __init_subclass__(cls) -> None:
        for name, method in list(vars(cls).items()):
            if inspect.isfunction(method) and not name.startswith("_"):
                setattr(cls, name, _telling(method))

    def __init__(self, path: Path) -> None:
        """Opens it, made where it is missing (mode 0600). Raises StoreError."""
        self._path = path
        self._together = self._begun = False
        self.taken_over = ""
        """what was done to a file of an older release, and how to go back; "": it was none"""
        try:
            with opening_database(path) as self._db:
                self._place = _place_of(path)
                self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self.unusable(error) from None

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
            self._keep_copy(version)
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

    def _keep_copy(self, version: int) -> None:
        """The file as the older release has left it, beside it: that release opens the file no more."""
        copy = self._path.with_name(f"{self._path.name}.version-{version}")
        if not copy.exists():  # a start that was killed half-way has one already, of before
            draft = copy.with_name(f".{copy.name}")
            draft.unlink(missing_ok=True)
            os.close(open_private(draft, os.O_RDWR))
            with closing(sqlite3.connect(draft)) as into:
                self._db.backup(into)
            os.replace(draft, copy)
        self.taken_over = (
            f"{self._path} was of an older release (version {version}), which opens it no more; as it left it, it is kept as "
            f"{copy}: to go back, put that in its place, and what came since is lost; else remove it once you are sure"
        )

    def check_place(self) -> None:
        """Is the file still the one that was opened? DamagedError: what is written to it is lost, and SQLite says nothing."""
        try:
            there = _place_of(self._path)
        except OSError:
            there = None
        if there != self._place:
            raise self._damaged(_MOVED)

    def check(self) -> None:
        """Read all of it once. StoreError: it is damaged. A million orders take some ten seconds."""
        try:
            said = [row[0] for row in self._db.execute("PRAGMA quick_check(3)")]
        except sqlite3.Error as error:
            raise self.unusable(error) from None
        if said != ["ok"]:
            raise self._damaged("its pages contradict each other: " + " ".join(said[0].split())[:120])

    def unusable(self, error: Exception) -> StoreError:
        """What SQLite, or the system, cannot do with the file, and what to do about it."""
        code = getattr(error, "sqlite_errorcode", 0)
        if code == sqlite3.SQLITE_READONLY_DBMOVED:
            return self._damaged(_MOVED)
        if code & 0xFF in _DAMAGE:
            return self._damaged(str(error))
        remedy = _REMEDIES.get(code & 0xFF, "say so to whoever looks after the program")
        return StoreError(f"{self._path}: cannot be used: {error}; {remedy}")

    def _damaged(self, why: str) -> StoreError:
        return DamagedError(
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

        StoreError from the end: nothing of it is kept.
        """
        self._together, self._begun = True, False
        try:
            yield
            if self._begun:  # fails where an error has ended the transaction: what was done before it is lost
                self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self.unusable(error) from None
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
