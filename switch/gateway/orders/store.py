"""Orders, merchants and callbacks in one SQLite file, and nothing else between them and the disk.

In: values. Out: values. The one rule: when a method returns, what it wrote is durable (WAL, synchronous FULL), whole or not at
all. Methods block for a flush: under Trio they are called in a thread (`switch.gateway.service`).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from switch.gateway.orders.lifecycle import IllegalMoveError, Move, Stage, after
from switch.gateway.orders.order import Call, Merchant, Order
from switch.security.files import make_private_directory, open_private

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, token TEXT NOT NULL UNIQUE, clientid TEXT NOT NULL,
  oid TEXT NOT NULL, stage TEXT NOT NULL, moved_us INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (clientid, oid));
CREATE INDEX IF NOT EXISTS by_stage ON orders (stage, moved_us);
CREATE TABLE IF NOT EXISTS history (number INTEGER NOT NULL, at_us INTEGER NOT NULL, move TEXT NOT NULL, stage TEXT NOT NULL,
  code TEXT NOT NULL, amount INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_number ON history (number);
CREATE TABLE IF NOT EXISTS calls (number INTEGER PRIMARY KEY, body BLOB NOT NULL, due_us INTEGER NOT NULL, state TEXT NOT NULL,
  ordered INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS merchants (clientid TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""
_VERSION: Final = 1


class StoreError(Exception):
    """A file that is none of ours, or cannot be used; says which and what to do."""


class TakenError(Exception):
    """There is such an order, or merchant, already."""


class Store:
    """One file. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        """Opens it, made where it is missing (mode 0600). Raises StoreError."""
        try:
            make_private_directory(path.parent)
            os.close(open_private(path, os.O_RDWR))
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise StoreError(f"{path}: is of a newer release (version {version}); use that, or another --state")
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {_VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: cannot be used: {error}; give another --state, or repair it") from None

    def close(self) -> None:
        """No more."""
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- orders

    def open_order(self, order: Order) -> Order:
        """Keep a new order, whose number is given here. TakenError: its merchant has used the order id."""
        try:
            with self._writing() as db:
                number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM orders").fetchone()[0]
                order = msgspec.structs.replace(order, number=number, moved_us=order.opened_us)
                db.execute(
                    "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (number, order.token, *order.key, order.stage, order.moved_us, msgspec.json.encode(order)),
                )
                self._note(order, "open", order.opened_us)
        except sqlite3.IntegrityError:
            raise TakenError(f"order {order.asked.oid} is there already") from None
        return order

    def move(self, order: Order, move: Move, at_us: int, **changes: Any) -> Order:
        """The order after `move`, with `changes`. IllegalMoveError: it is not (or no longer) where that can happen to it."""
        with self._writing() as db:
            kept = self._one("number = ?", order.number)
            if kept is None or kept.stage != order.stage:
                raise IllegalMoveError(f"the order is {kept.stage if kept else 'gone'}, not {order.stage} any more")
            moved = msgspec.structs.replace(kept, stage=after(kept.stage, move), moved_us=at_us, **changes)
            db.execute(
                "UPDATE orders SET stage = ?, moved_us = ?, body = ? WHERE number = ?",
                (moved.stage, at_us, msgspec.json.encode(moved), moved.number),
            )
            self._note(moved, move, at_us)
        return moved

    def _note(self, order: Order, move: str, at_us: int) -> None:
        code = order.attempt.code if order.attempt is not None else ""
        amount = order.owed.amount if order.owed is not None else order.asked.amount
        row = (order.number, at_us, move, order.stage, code, amount)
        self._db.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", row)

    def _one(self, where: str, *values: object) -> Order | None:
        row = self._db.execute(f"SELECT body FROM orders WHERE {where}", values).fetchone()  # noqa: S608 - our own words
        return None if row is None else msgspec.json.decode(row[0], type=Order)

    def by_token(self, token: str) -> Order | None:
        """The order of a page."""
        return self._one("token = ?", token)

    def by_id(self, clientid: str, oid: str) -> Order | None:
        """The order that a merchant calls so."""
        return self._one("clientid = ? AND oid = ?", clientid, oid)

    def by_number(self, number: int) -> Order | None:
        """The order that the gateway calls so."""
        return self._one("number = ?", number)

    def in_stages(self, stages: frozenset[Stage], before_us: int) -> list[Order]:
        """Orders that moved there before then, oldest first; at most 1,000 at a time."""
        marks = ", ".join("?" * len(stages))
        rows = self._db.execute(
            f"SELECT body FROM orders WHERE stage IN ({marks}) AND moved_us < ? ORDER BY moved_us LIMIT 1000",  # noqa: S608
            (*sorted(stages), before_us),
        )
        return [msgspec.json.decode(row[0], type=Order) for row in rows]

    def history(self, order: Order) -> list[tuple[int, str, str, str, int]]:
        """Its moves: time (µs), move, stage after it, DE39, amount (minor units)."""
        rows = self._db.execute(
            "SELECT at_us, move, stage, code, amount FROM history WHERE number = ? ORDER BY rowid", (order.number,)
        )
        return list(rows)

    def next_number(self, name: str) -> int:
        """1, 2, 3 …: never the same again, whatever ends the process."""
        with self._writing() as db:
            db.execute("INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1", (name,))
            value: int = db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()[0]
        return value

    # -- callbacks that inform

    def add_call(self, order: Order, at_us: int) -> None:
        """The merchant is to be told of what became of the order. One that is due for it already is enough."""
        with self._writing() as db:
            if db.execute("SELECT 1 FROM calls WHERE ordered = ? AND state = 'due'", (order.number,)).fetchone():
                return
            number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM calls").fetchone()[0]
            self._keep_call(Call(number=number, order=order.number, tries=0, due_us=at_us, state="due", said=""))

    def _keep_call(self, call: Call) -> None:
        row = (call.number, msgspec.json.encode(call), call.due_us, call.state, call.order)
        self._db.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)", row)

    def change_call(self, call: Call) -> None:
        """Keep what a try came to, or that it is due again."""
        with self._writing():
            self._keep_call(call)

    def due_calls(self, now_us: int) -> list[Call]:
        """Those to be made now; at most 100 at a time."""
        rows = self._db.execute(
            "SELECT body FROM calls WHERE state = 'due' AND due_us <= ? ORDER BY due_us LIMIT 100", (now_us,)
        )
        return [msgspec.json.decode(row[0], type=Call) for row in rows]

    def calls(self) -> list[Call]:
        """The newest 200, newest first."""
        rows = self._db.execute("SELECT body FROM calls ORDER BY number DESC LIMIT 200")
        return [msgspec.json.decode(row[0], type=Call) for row in rows]

    # -- merchants

    def add_merchant(self, merchant: Merchant) -> None:
        """TakenError: there is one with this clientid."""
        try:
            with self._writing() as db:
                db.execute("INSERT INTO merchants VALUES (?, ?)", (merchant.clientid, msgspec.json.encode(merchant)))
        except sqlite3.IntegrityError:
            raise TakenError(f"merchant {merchant.clientid} is there already") from None

    def change_merchant(self, merchant: Merchant) -> None:
        """Keep it as it is now."""
        with self._writing() as db:
            db.execute(
                "UPDATE merchants SET body = ? WHERE clientid = ?", (msgspec.json.encode(merchant), merchant.clientid)
            )

    def merchant(self, clientid: str) -> Merchant | None:
        """None: there is none."""
        row = self._db.execute("SELECT body FROM merchants WHERE clientid = ?", (clientid,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Merchant)

    def merchants(self) -> list[Merchant]:
        """All, by clientid."""
        rows = self._db.execute("SELECT body FROM merchants ORDER BY clientid")
        return [msgspec.json.decode(row[0], type=Merchant) for row in rows]
