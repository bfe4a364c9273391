"""Minutes of the past, so that today is seen beside yesterday: one small SQLite file of the console's own.

In: minutes that are over, as the board has added them up, and marks. Out: rows a chart or a comparison is made of. It may be
deleted: what the hop log still has is added up again at the next start.
"""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from switch.console.board import Mark, Sums
from switch.observe.lines import second_of
from switch.security.private_database import opening_database

KEPT_MINUTES: Final = 8 * 1_440
"""a week, and the day that it is compared with"""
_MAKE: Final = """
CREATE TABLE IF NOT EXISTS minutes (minute INTEGER, key TEXT, approved INTEGER, declined INTEGER, p50 INTEGER, p99 INTEGER,
  codes TEXT, latency BLOB, PRIMARY KEY (minute, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS marks (at TEXT, event TEXT, second INTEGER, body BLOB, PRIMARY KEY (at, event, body)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_second ON marks (second);
"""


class HistoryError(Exception):
    """A file that cannot be used; says which and what to do."""


class MinuteRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key in one minute."""

    minute: int
    """since 1970"""
    approved: int
    declined: int
    p50: int
    """µs"""
    p99: int
    codes: dict[str, int]
    """DE39 of declines"""

    @property
    def total(self) -> int:
        """Payments."""
        return self.approved + self.declined


class History:
    """One file. For one thread."""

    def __init__(self, path: Path) -> None:
        """Opens it, made where it is missing (mode 0600). Raises HistoryError."""
        try:
            with opening_database(path) as self._db:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.executescript(_MAKE)
        except (OSError, sqlite3.Error) as error:
            raise HistoryError(f"{path}: cannot be used: {error}; move it away: it is made anew") from None

    @property
    def last(self) -> int:
        """The newest minute; 0: none."""
        (found,) = self._db.execute("SELECT max(minute) FROM minutes").fetchone()
        return found or 0

    def keep(self, minutes: Iterable[tuple[int, dict[str, Sums]]], marks: Iterable[Mark]) -> None:
        """Keep them, and let go of what is older than a week. A minute that is there already is as it was. sqlite3.Error: nothing
        was kept."""
        rows = [
            (
                *(minute, key, s.approved, s.declined, s.latency.percentile(50), s.latency.percentile(99)),
                msgspec.json.encode(s.codes).decode(),
                msgspec.msgpack.encode(dict(s.latency)),
            )
            for minute, keys in minutes
            for key, s in keys.items()
        ]
        told = [(mark.at, mark.event, second_of(mark.at), msgspec.json.encode(mark)) for mark in marks]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT OR IGNORE INTO minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._db.executemany("INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?)", told)
            if rows:
                oldest = max(row[0] for row in rows) - KEPT_MINUTES
                self._db.execute("DELETE FROM minutes WHERE minute < ?", (oldest,))
                self._db.execute("DELETE FROM marks WHERE second < ?", (oldest * 60,))
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def minutes(self, key: str, begin: int, end: int) -> list[MinuteRow]:
        """A key's minutes from `begin` on, before `end`, oldest first; those without a payment are not there."""
        rows = self._db.execute(
            "SELECT minute, approved, declined, p50, p99, codes FROM minutes WHERE minute >= ? AND minute < ? AND key = ? "
            "ORDER BY minute",
            (begin, end, key),
        )
        return [
            MinuteRow(minute=m, approved=a, declined=d, p50=p50, p99=p99, codes=msgspec.json.decode(codes))
            for m, a, d, p50, p99, codes in rows
        ]

    def sums(self, key: str, begin: int, end: int) -> Sums:
        """The same as one."""
        total = Sums()
        rows = self._db.execute(
            "SELECT approved, declined, codes, latency FROM minutes WHERE minute >= ? AND minute < ? AND key = ?",
            (begin, end, key),
        )
        for approved, declined, codes, latency in rows:
            total.approved += approved
            total.declined += declined
            total.codes.update(msgspec.json.decode(codes, type=dict[str, int]))
            for edge, number in msgspec.msgpack.decode(latency, type=dict[int, int]).items():
                total.latency.record(edge, number)
        return total

    def keys(self, begin: int, end: int) -> list[str]:
        """All that was counted between two minutes."""
        rows = self._db.execute("SELECT DISTINCT key FROM minutes WHERE minute >= ? AND minute < ?", (begin, end))
        return sorted(key for (key,) in rows)

    def marks(self, begin: int, end: int, limit: int = 500) -> list[Mark]:
        """The newest between two seconds, newest first."""
        rows = self._db.execute(
            "SELECT body FROM marks WHERE second >= ? AND second < ? ORDER BY at DESC LIMIT ?", (begin, end, limit)
        )
        return [msgspec.json.decode(body, type=Mark) for (body,) in rows]

    def close(self) -> None:
        """No more."""
        self._db.close()
