"""Refunds of web payments: a supervisor asks, another approves, the gateway gives back."""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.gateway_store import ask_gateway, write_act
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.gateway.orders.lifecycle import IllegalMoveError
from switch.gateway.orders.refunds import Refund
from switch.gateway.orders.store import Store
from switch.http.forms import Form, read_number
from switch.money.currency import CurrencyError, parse_amount
from switch.security.audit import AuditError
from switch.security.vault import VaultError
from switch.server.operators import marks_of

ROLE: Final = "supervisor"
_ON_ITS_WAY: Final = "a running gateway sends it within a second; its order says done once the switch has taken it."


class RefundsScreen:
    """Answers the forms that ask for a refund and approve one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/refunds", None, self.ask), Screen("/refunds/approve", None, self.approve)]

    async def ask(self, _: Request, session: Session, form: Form) -> Response:
        """Of an order as it was seen. Where the network file names operators it waits for another person."""
        number, seen, reason = read_number(form.get("order", "")), form.get("seen", ""), form.get("reason", "").strip()
        if not number:
            return see_other("/orders")
        now_us, alone = int(self._desk.wall() * 1_000_000), not self._desk.named

        def ask(store: Store) -> Refund | None:
            order = store.by_number(number)
            if order is None:
                return None
            if seen != str(order.moved_us):
                raise IllegalMoveError("something else has happened to the order meanwhile; look at it again")
            amount = parse_amount(form.get("sum", "").strip(), order.asked.currency)
            write_act(
                self._desk, session.user, "merchant.refund", f"order {order.asked.oid}, {amount} minor units", reason
            )
            return store.ask_refund(order, amount, session.user, reason, now_us, alone=alone)

        done = f"It is on its way: {_ON_ITS_WAY}"
        waits = "It waits for a second person, for 15 minutes: another supervisor approves it under Approvals."
        await self._do(session, reason, ask, ("good", done) if alone else ("waits", waits))
        return see_other(f"/orders/{number}")

    async def approve(self, _: Request, session: Session, form: Form) -> Response:
        """The second person."""
        number = read_number(form.get("number", ""))
        now_us = int(self._desk.wall() * 1_000_000)

        def approve(store: Store) -> Refund:
            refund = store.approvable(number, session.user, now_us)
            if marks_of(refund.asked_by) & marks_of(session.user):
                raise IllegalMoveError(f"{refund.asked_by} and {session.user} are one account: it takes another person")
            write_act(
                self._desk, session.user, "merchant.refund", f"refund {number}", f"asked for by {refund.asked_by}"
            )
            return store.approve_refund(refund, session.user)

        if number:
            await self._do(session, "approved", approve, ("good", f"Approved: {_ON_ITS_WAY}"))
        return see_other("/approvals")

    async def _do(self, session: Session, reason: str, what: Callable[[Store], Any], done: tuple[str, str]) -> None:
        if not self._desk.may(session, ROLE):
            session.said.append(("bad", f"It takes the role {ROLE}."))
        elif not reason:
            session.said.append(("bad", "Say why: it stands in the audit log."))
        else:
            try:
                found = await ask_gateway(self._desk, what)
                session.said.append(done if found is not None else ("bad", "There is no such order."))
            except (AuditError, VaultError) as error:
                session.said.append(("bad", f"Not done: what nobody could know of is not done. {error}"))
            except (CurrencyError, IllegalMoveError) as error:
                session.said.append(("bad", f"Not done: {error}."))
