"""The part of the order store that keeps refunds by operators: asked for, approved, owed, done.

In: orders, people, times. Out: refunds, durable as everything of the store. The one rule: who approves is another than who asked.
"""

import msgspec

from switch.gateway.orders.database import Database
from switch.gateway.orders.lifecycle import IllegalMoveError, Move, after
from switch.gateway.orders.order import Order
from switch.gateway.orders.refunds import Refund, RefundState


class RefundTable(Database):
    """Asks for, approves and settles refunds; a part of `Store`."""

    def ask_refund(self, order: Order, amount: int, by: str, reason: str, now_us: int, *, alone: bool) -> Refund:
        """One more; `alone`: it takes no second person. Raises IllegalMoveError: that cannot be given back of the order."""
        after(order.stage, Move.CREDIT)
        left = order.captured - order.credited
        if not 0 < amount <= left:
            raise IllegalMoveError(f"expected at most {left} minor units to give back")
        with self._writing() as db:
            number = db.execute("SELECT coalesce(max(number), 0) + 1 FROM refunds").fetchone()[0]
            refund = Refund(
                number=number,
                order=order.number,
                amount=amount,
                left=left,
                seen_us=order.moved_us,
                reason=reason,
                asked_by=by,
                at_us=now_us,
                state=RefundState.APPROVED if alone else RefundState.ASKED,
            )
            self._keep_refund(refund)
        return refund

    def approvable(self, number: int, by: str, now_us: int) -> Refund:
        """What waits under this number, for another person than who asked. Raises IllegalMoveError."""
        found = next((one for one in self.refunds_in(RefundState.ASKED) if one.number == number), None)
        if found is None or not found.waits(now_us):
            raise IllegalMoveError(f"no refund waits under number {number}; it is forgotten after 15 minutes")
        if found.asked_by == by:
            raise IllegalMoveError(f"it was asked for by {by}: it takes another person")
        return found

    def approve_refund(self, refund: Refund, by: str) -> Refund:
        """The gateway does it now. Raises IllegalMoveError: somebody was quicker."""
        with self._writing() as db:
            row = db.execute("SELECT state FROM refunds WHERE number = ?", (refund.number,)).fetchone()
            if row is None or row[0] != RefundState.ASKED:
                raise IllegalMoveError(f"refund {refund.number} waits no more")
            refund = msgspec.structs.replace(refund, state=RefundState.APPROVED, approved_by=by)
            self._keep_refund(refund)
        return refund

    def settle_refund(self, refund: Refund, state: RefundState, said: str = "") -> None:
        """It is owed to the switch, done, or refused, and why."""
        with self._writing():
            self._keep_refund(msgspec.structs.replace(refund, state=state, said=said))

    def _keep_refund(self, refund: Refund) -> None:
        row = (refund.number, refund.order, refund.state, msgspec.json.encode(refund))
        self._db.execute("INSERT OR REPLACE INTO refunds VALUES (?, ?, ?, ?)", row)

    def refunds_in(self, state: RefundState) -> list[Refund]:
        """The newest hundred that are there, newest first."""
        rows = self._db.execute("SELECT body FROM refunds WHERE state = ? ORDER BY number DESC LIMIT 100", (state,))
        return [self._read(body, Refund) for (body,) in rows]

    def refunds_of(self, order: Order) -> list[Refund]:
        """Those of one order, oldest first."""
        rows = self._db.execute("SELECT body FROM refunds WHERE ordered = ? ORDER BY number", (order.number,))
        return [self._read(body, Refund) for (body,) in rows]
