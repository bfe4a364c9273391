"""Orders, merchants and callbacks in one SQLite file, and nothing else between them and the disk.

In: values. Out: values. The one rule: when a method returns, what it wrote is durable (WAL, synchronous FULL), whole or not at
all; within `together` when that ends. Methods block for a flush: under Trio they are called in a thread (`orders/disk.py`).
"""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from switch.gateway.orders.lifecycle import OWED, UNDER_WAY, IllegalMoveError, Move, Stage, after
from switch.gateway.orders.lines import Line, line_of, window_of
from switch.gateway.orders.messages import KeptMessage
from switch.gateway.orders.order import Call, CallState, Merchant, Order, Refusal
from switch.gateway.orders.refund_table import RefundTable
from switch.wire.dates import DAY_US

_REFUSALS_MAX: Final = 10_000
_PAGE: Final = 1_000
"""orders at once"""
_MESSAGES_MAX: Final = 100
_WINDOWS_MAX: Final = 4 * 366


class TakenError(Exception):
    """There is such an order, or merchant, already."""


F = TypeVar("F", bound=Callable[..., Any])


def quick(method: F) -> F:
    """A method that reads some rows by an index: sooner done than given to a thread (`orders/disk.py`)."""
    QUICK.add(method.__name__)
    return method


def slow(method: F) -> F:
    """A method that may read many rows: nobody who pays shall wait behind it (`orders/disk.py`)."""
    SLOW.add(method.__name__)
    return method


QUICK: Final[set[str]] = set()
SLOW: Final[set[str]] = set()
"""names of such methods"""


class Store(RefundTable):
    """One file. Not for two threads at once."""

    def date_orders(self) -> None:
        """Say when each order ends by itself."""
        with self._writing() as db:
            for (body,) in db.execute("SELECT body FROM orders WHERE stage IN ('open', 'declined', 'held')").fetchall():
                order = self._read(body, Order)
                merchant = self.merchant(order.asked.clientid)
                days = merchant.hold_days if merchant is not None else 0
                due = order.moved_us + days * DAY_US if order.stage is Stage.HELD else order.ends_us
                self._keep(msgspec.structs.replace(order, due_us=due))

    def place_orders(self) -> None:
        """Say in which window each capture counts."""
        with self._writing() as db:
            rows = db.execute("SELECT number FROM orders WHERE stage IN ('captured', 'crediting')").fetchall()
            for (number,) in rows:
                order = self._one("number = ?", number)
                if order is not None:
                    self._keep(order)

    def beside(self) -> "Store":
        """The same file once more, for another thread."""
        return Store(self._path)

    # -- orders

    def open_order(self, order: Order) -> Order:
        """Keep a new order, whose number is given here. TakenError: its merchant has used the order id."""
        try:
            with self._writing() as db:
                number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM orders").fetchone()[0]
                order = msgspec.structs.replace(order, number=number, moved_us=order.opened_us)
                body = msgspec.json.encode(order)
                row = (
                    number,
                    order.token,
                    *order.key,
                    order.stage,
                    order.moved_us,
                    body,
                    order.due_us,
                    window_of(order),
                )
                db.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
                self._note(order, "open", order.opened_us)
        except sqlite3.IntegrityError:
            raise TakenError(f"order {order.asked.oid} is there already") from None
        return order

    def move(self, order: Order, move: Move, at_us: int, due_us: int = 0, **changes: Any) -> Order:
        """The order after `move`, with `changes`. IllegalMoveError: that cannot happen to it, or it is not as `order` has it now.

        `due_us`: when it ends by itself, then.
        """
        with self._writing():
            kept = self._one("number = ?", order.number)
            if kept is None:
                raise IllegalMoveError("there is no such order")
            stage = after(kept.stage, move)
            if kept != order:
                raise IllegalMoveError("something else has happened to the order meanwhile; look at it again")
            moved = msgspec.structs.replace(kept, stage=stage, moved_us=at_us, due_us=due_us, **changes)
            self._keep(moved)
            self._note(moved, move, at_us)
        return moved

    def _keep(self, order: Order) -> None:
        self._db.execute(
            "UPDATE orders SET stage = ?, moved_us = ?, body = ?, due_us = ?, window = ? WHERE number = ?",
            (order.stage, order.moved_us, msgspec.json.encode(order), order.due_us, window_of(order), order.number),
        )

    def _note(self, order: Order, move: str, at_us: int) -> None:
        code = order.attempt.code if order.attempt is not None else ""
        amount = order.owed.amount if order.owed is not None else order.asked.amount
        row = (order.number, at_us, move, order.stage, code, amount)
        self._db.execute("INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)", row)

    def _one(self, where: str, *values: object) -> Order | None:
        row = self._db.execute(f"SELECT body FROM orders WHERE {where}", values).fetchone()  # noqa: S608 - our own words
        return None if row is None else self._read(row[0], Order)

    @quick
    def by_token(self, token: str) -> Order | None:
        """The order of a page."""
        return self._one("token = ?", token)

    @quick
    def by_id(self, clientid: str, oid: str) -> Order | None:
        """The order that a merchant calls so."""
        return self._one("clientid = ? AND oid = ?", clientid, oid)

    def called(self, oid: str, limit: int = 20) -> list[Order]:
        """Orders that any merchant calls so, newest first."""
        rows = self._db.execute("SELECT body FROM orders WHERE oid = ? ORDER BY number DESC LIMIT ?", (oid, limit))
        return [self._read(row[0], Order) for row in rows]

    def paid_by(self, clientid: str, rrn: str, at_us: int) -> Order | None:
        """This merchant's order whose card was last asked about with this RRN; it was opened within the day before `at_us`."""
        within = (self._first_since(at_us - DAY_US), self._first_since(at_us + 1))
        of_rrn = "clientid = ? AND number >= ? AND number < ? AND instr(CAST(body AS TEXT), ?) ORDER BY number DESC"
        return self._one(of_rrn, clientid, *within, f'"rrn":"{rrn}"')

    def _first_since(self, at_us: int) -> int:
        """Number of the first order opened since then, or of the next to come: numbers are given in the order of time."""
        low, high = 0, self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM orders").fetchone()[0]
        opened = "SELECT at_us FROM history WHERE number >= ? ORDER BY number, rowid LIMIT 1"
        while low < high:
            middle = (low + high) // 2
            row = self._db.execute(opened, (middle,)).fetchone()
            low, high = (middle + 1, high) if row is not None and row[0] < at_us else (low, middle)
        return int(low)

    def newest(self, limit: int, before: int = 0) -> list[Order]:
        """The newest, or those before number `before`."""
        rows = self._db.execute(
            "SELECT body FROM orders WHERE ? = 0 OR number < ? ORDER BY number DESC LIMIT ?", (before, before, limit)
        )
        return [self._read(row[0], Order) for row in rows]

    @quick
    def by_number(self, number: int) -> Order | None:
        """The order that the gateway calls so."""
        return self._one("number = ?", number)

    def in_stage(self, stage: Stage) -> list[Order]:
        """Orders that are there now, newest first; so many."""
        rows = self._db.execute("SELECT body FROM orders WHERE stage = ? ORDER BY number DESC LIMIT ?", (stage, _PAGE))
        return [self._read(row[0], Order) for row in rows]

    def unfinished(self, before_us: int, above: int) -> list[Order]:
        """Orders of which something is under way or owed since before then; so many, with a number above `above`."""
        marks = ", ".join("?" * len(UNDER_WAY | OWED))
        rows = self._db.execute(
            f"SELECT body FROM orders WHERE stage IN ({marks}) AND moved_us < ? AND number > ? ORDER BY number LIMIT {_PAGE}",  # noqa: S608
            (*sorted(UNDER_WAY | OWED), before_us, above),
        )
        return [self._read(row[0], Order) for row in rows]

    def due(self, now_us: int) -> list[Order]:
        """Orders that are to end by themselves now, those that waited longest first; so many."""
        rows = self._db.execute(
            f"SELECT body FROM orders WHERE due_us > 0 AND due_us <= ? ORDER BY due_us LIMIT {_PAGE}",  # noqa: S608
            (now_us,),
        )
        return [self._read(row[0], Order) for row in rows]

    @slow
    def find_orders(self, clientid: str, query: str, most: int, *, below: int = 0, above: int = 0) -> list[Order]:
        """A merchant's orders, newest first: all, or those whose id begins with `query`, or whose RRN, approval code or last four
        digits of the card it is. `below`: with smaller numbers only; `above`: with greater ones, oldest first."""
        where, values = "clientid = ?", [clientid]
        if above or below:
            where += " AND number > ?" if above else " AND number < ?"
            values.append(str(above or below))
        if query:
            text = re.sub(r"[\\%_]", r"\\\g<0>", query)
            likes = [f"{text}%", f'%"rrn":"{text}"%', f'%"approval":"{text}"%', f'%******{text}"%']
            where += (
                " AND (oid LIKE ? ESCAPE '\\' OR CAST(body AS TEXT) LIKE ? ESCAPE '\\' OR CAST(body AS TEXT) LIKE ? ESCAPE '\\'"
                " OR CAST(body AS TEXT) LIKE ? ESCAPE '\\')"
            )
            values += likes
        order = "ASC" if above else "DESC"
        rows = self._db.execute(
            f"SELECT body FROM orders WHERE {where} ORDER BY number {order} LIMIT ?",  # noqa: S608 - our own words
            (*values, most),
        )
        return [self._read(row[0], Order) for row in rows]

    @slow
    def windows(self, clientid: str) -> list[tuple[str, int]]:
        """Clearing windows in which captures of a merchant's count, and how many do; newest first, of a year at most."""
        rows = self._db.execute(
            "SELECT window, count(*) FROM orders WHERE clientid = ? AND window <> '' "
            "GROUP BY window ORDER BY window DESC LIMIT ?",
            (clientid, _WINDOWS_MAX),
        )
        return list(rows)

    @slow
    def of_window(self, clientid: str, window: str) -> list[Line]:
        """Captures of a merchant's that count in this window, oldest first."""
        rows = self._db.execute(
            "SELECT body FROM orders WHERE clientid = ? AND window = ? AND window <> '' ORDER BY number",
            (clientid, window),
        )
        return [line_of(self._read(body, Order)) for (body,) in rows]

    @quick
    def history(self, order: Order) -> list[tuple[int, str, str, str, int]]:
        """Its moves: time (µs), move, stage after it, DE39, amount (minor units)."""
        rows = self._db.execute(
            "SELECT at_us, move, stage, code, amount FROM history WHERE number = ? ORDER BY rowid", (order.number,)
        )
        return list(rows)

    def next_number(self, name: str) -> int:
        """1, 2, 3 …: never the same again, whatever ends the process."""
        return self.take_numbers(name, 1)

    def take_numbers(self, name: str, count: int) -> int:
        """So many numbers at once: the first of them. Those that nobody uses are never used."""
        with self._writing() as db:
            keep = "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
            db.execute(keep, (name, count))
            value: int = db.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()[0]
        return value - count + 1

    # -- callbacks that inform

    def add_call(self, order: Order, at_us: int) -> None:
        """The merchant is to be told of what became of the order. One that is due for it already is enough."""
        with self._writing() as db:
            if db.execute("SELECT 1 FROM calls WHERE ordered = ? AND state = 'due'", (order.number,)).fetchone():
                return
            number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM calls").fetchone()[0]
            self._keep_call(
                Call(number=number, order=order.number, tries=0, due_us=at_us, state=CallState.DUE, said="")
            )

    def _keep_call(self, call: Call) -> None:
        row = (call.number, msgspec.json.encode(call), call.due_us, call.state, call.order)
        self._db.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?)", row)

    def change_call(self, call: Call) -> None:
        """Keep what a try came to, or that it is due again."""
        with self._writing():
            self._keep_call(call)

    def call_again(self, number: int) -> Call | None:
        """A call is due now, whatever came of it before; None: there is none of this number."""
        row = self._db.execute("SELECT body FROM calls WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        call = msgspec.structs.replace(self._read(row[0], Call), state=CallState.DUE, tries=0, due_us=0)
        self.change_call(call)
        return call

    def due_calls(self, now_us: int, but: Collection[str] = ()) -> list[tuple[str, Call]]:
        """Those to be made now, each with its merchant's number, none of the merchants `but`; at most 100 at a time."""
        others = f"clientid NOT IN ({', '.join('?' * len(but))})"
        rows = self._db.execute(
            "SELECT clientid, calls.body FROM calls JOIN orders ON orders.number = calls.ordered "  # noqa: S608
            f"WHERE state = 'due' AND calls.due_us <= ? AND {others} ORDER BY calls.due_us LIMIT 100",
            (now_us, *but),
        )
        return [(clientid, self._read(body, Call)) for clientid, body in rows]

    def add_decision(self, order: Order, at_us: int, said: str) -> None:
        """The call that decides has been made; it is kept for who looks."""
        with self._writing() as db:
            number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM calls").fetchone()[0]
            self._keep_call(
                Call(number=number, order=order.number, tries=1, due_us=at_us, state=CallState.DONE, said=said)
            )

    @quick
    def calls_of(self, order: Order) -> list[Call]:
        """Those about one order, oldest first."""
        rows = self._db.execute("SELECT body FROM calls WHERE ordered = ? ORDER BY number", (order.number,))
        return [self._read(row[0], Call) for row in rows]

    def calls(self) -> list[Call]:
        """The newest 200, newest first."""
        rows = self._db.execute("SELECT body FROM calls ORDER BY number DESC LIMIT 200")
        return [self._read(row[0], Call) for row in rows]

    # -- messages of 3-D Secure

    def add_messages(self, order: Order, messages: Iterable[KeptMessage]) -> None:
        """Keep them, for who looks at the order."""
        with self._writing() as db:
            rows = [(order.number, msgspec.json.encode(message)) for message in messages]
            db.executemany("INSERT INTO messages VALUES (?, ?)", rows)

    @quick
    def messages_of(self, order: Order) -> list[KeptMessage]:
        """Those of one order, oldest first; the first hundred."""
        rows = self._db.execute(
            "SELECT body FROM messages WHERE number = ? ORDER BY rowid LIMIT ?", (order.number, _MESSAGES_MAX)
        )
        return [self._read(body, KeptMessage) for (body,) in rows]

    # -- what was refused

    def add_refusals(self, refusals: Iterable[Refusal]) -> None:
        """Keep them; the newest 10,000 stay."""
        with self._writing() as db:
            for refusal in refusals:
                db.execute("INSERT INTO refusals VALUES (NULL, ?, ?, ?, ?, ?, ?)", msgspec.structs.astuple(refusal))
            db.execute("DELETE FROM refusals WHERE number <= (SELECT max(number) FROM refusals) - ?", (_REFUSALS_MAX,))

    def refusals(self, clientid: str = "", most: int = 200) -> list[Refusal]:
        """The newest, newest first: of one merchant, or all."""
        rows = self._db.execute(
            "SELECT at_us, what, clientid, oid, client, reason FROM refusals WHERE ? IN ('', clientid) "
            "ORDER BY number DESC LIMIT ?",
            (clientid, most),
        )
        return [Refusal(*row) for row in rows]

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

    @quick
    def merchant(self, clientid: str) -> Merchant | None:
        """None: there is none."""
        row = self._db.execute("SELECT body FROM merchants WHERE clientid = ?", (clientid,)).fetchone()
        return None if row is None else self._read(row[0], Merchant)

    def merchants(self) -> list[Merchant]:
        """All, by clientid."""
        rows = self._db.execute("SELECT body FROM merchants ORDER BY clientid")
        return [self._read(row[0], Merchant) for row in rows]


def orders_called(file: Path, oid: str) -> list[Order]:
    """Those of the store in `file` that any merchant calls so, newest first; none where there is no file. Raises StoreError."""
    if not oid or not file.exists():
        return []
    with closing(Store(file)) as store:
        return store.called(oid)


def order_paid_by(file: Path, clientid: str, rrn: str, at_us: int) -> Order | None:
    """See `Store.paid_by`, of the store in `file`; None too where there is no file. Raises StoreError."""
    if not clientid or not rrn or not file.exists():
        return None
    with closing(Store(file)) as store:
        return store.paid_by(clientid, rrn, at_us)
