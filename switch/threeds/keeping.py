"""What a server of 3-D Secure must know after a restart, in a SQLite file of its own.

In: values by key. Out: the same, oldest first, to whoever opens the file next. The one rule: what `put` has returned from is
durable (WAL, synchronous FULL), and nobody but the file's owner can read it.
"""

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import msgspec
import trio

from switch.security.private_database import opening_database

T = TypeVar("T")
_MARK: Final = 0x434D3344
"""application_id of the file: `CM3D`"""
_VERSION: Final = 1


class KeepingError(Exception):
    """A file that cannot be used, or written to; says which and what to do."""


class Keeper(Protocol[T]):
    """Where values of one kind are kept."""

    def read(self) -> list[T]:
        """All, oldest first. Raises KeepingError."""

    async def put(self, key: str, value: T) -> None:
        """Keep it, in place of what had the key; durable when this returns. Raises KeepingError."""

    async def drop(self, keys: Sequence[str]) -> None:
        """Keep these no more. Raises KeepingError."""


class KeptFile(Generic[T]):
    """A keeper whose values outlive the process."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        """Opens it, made where it is missing (mode 0600). Raises KeepingError."""
        self._path, self._kind = path, kind
        self._one = trio.CapacityLimiter(1)
        """writes happen one by one, in the order in which they were asked for"""
        try:
            with opening_database(path) as self._db:
                self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(str(error)) from None

    def _prepare(self) -> None:
        (mark,), (version,) = (
            self._db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        tables = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and (mark, version) != (_MARK, _VERSION):
            raise self._unusable("it is of another program or release")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS kept (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body BLOB NOT NULL)"
        )
        self._db.execute(f"PRAGMA application_id = {_MARK}")
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def _unusable(self, why: str) -> KeepingError:
        return KeepingError(
            f"{self._path}: cannot be used: {why}; end what uses it and move it away, or give another --state: "
            "authentications that are under way then end without a yes"
        )

    def read(self) -> list[T]:
        """All, oldest first. Raises KeepingError."""
        try:
            rows = self._db.execute("SELECT body FROM kept ORDER BY number").fetchall()
            return [msgspec.json.decode(body, type=self._kind) for (body,) in rows]
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise self._unusable(str(error)) from None

    async def put(self, key: str, value: T) -> None:
        """Keep it, in place of what had the key; durable when this returns. Raises KeepingError."""
        query = "INSERT INTO kept (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body"
        await self._write(query, [(key, msgspec.json.encode(value))])

    async def drop(self, keys: Sequence[str]) -> None:
        """Keep these no more. Raises KeepingError."""
        await self._write("DELETE FROM kept WHERE key = ?", [(key,) for key in keys])

    async def _write(self, query: str, rows: list[tuple[object, ...]]) -> None:
        await trio.to_thread.run_sync(partial(self._write_now, query, rows), limiter=self._one)

    def _write_now(self, query: str, rows: list[tuple[object, ...]]) -> None:
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                self._db.executemany(query, rows)
        except sqlite3.Error as error:
            raise KeepingError(f"{self._path}: cannot be written: {error}") from None

    def close(self) -> None:
        """No more."""
        self._db.close()
