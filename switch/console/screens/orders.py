"""Web payments: orders, what happened to each, and the callbacks to shops."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.gateway_store import ask_gateway, write_act
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.gateway.orders.lifecycle import MOVES, Move
from switch.gateway.orders.order import Call, CallState
from switch.gateway.orders.store import Store
from switch.gateway.outcomes import result_of
from switch.http.forms import Form, read_number
from switch.security.audit import AuditError
from switch.security.vault import VaultError

SHOWN: Final = 100


class OrdersScreen:
    """Answers the list of orders and the page of one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [
            Screen("/orders", self.orders),
            Screen("/orders/{number}", self.order),
            Screen("/calls", None, self.resend),
        ]

    async def orders(self, request: Request, session: Session) -> Response:
        """The newest, and callbacks that did not arrive."""
        before = read_number(request.query_params.get("before", ""))

        def read(store: Store) -> tuple[Any, ...]:
            return (
                store.newest(SHOWN, before),
                [c for c in store.calls() if c.state is not CallState.DONE],
                store.refusals(most=20),
            )

        found = await ask_gateway(self._desk, read)
        orders, calls, refusals = found or ([], [], [])
        return self._desk.renderer.page(
            "orders.html",
            request,
            session,
            there=found is not None,
            orders=orders,
            calls=calls,
            refusals=refusals,
            most=SHOWN,
        )

    async def order(self, request: Request, session: Session) -> Response:
        """One: its moves, its card as masked, its callbacks."""
        number = read_number(request.path_params["number"])

        def read(store: Store) -> tuple[Any, ...] | None:
            order = store.by_number(number)
            if order is None:
                return None
            merchant = store.merchant(order.asked.clientid)
            talked, refunds = store.messages_of(order), store.refunds_of(order)
            return order, store.history(order), store.calls_of(order), merchant, talked, refunds

        found = await ask_gateway(self._desk, read)
        if found is None:
            return self._desk.renderer.page("nothing.html", request, session, status=404)
        order, moves, calls, merchant, messages, refunds = found
        return self._desk.renderer.page(
            "order.html",
            request,
            session,
            order=order,
            moves=moves,
            calls=calls,
            merchant=merchant,
            messages=messages,
            refunds=refunds,
            left=order.captured - order.credited if (order.stage, Move.CREDIT) in MOVES else 0,
            proof=result_of(order).authentication,
        )

    async def resend(self, _: Request, session: Session, form: Form) -> Response:
        """Have a callback made again; a running gateway does it within a second."""
        number, back = read_number(form.get("call", "")), read_number(form.get("order", ""))
        here = f"/orders/{back}" if back else "/orders"
        if not self._desk.may(session, "operator"):
            session.said.append(("bad", "It takes the role operator."))
            return see_other(here)
        if not number or not form.get("reason", "").strip():
            session.said.append(("bad", "Say why: it stands in the audit log."))
            return see_other(here)
        reason = form["reason"].strip()

        def send(store: Store) -> Call | None:
            write_act(self._desk, session.user, "merchant.resend", f"call {number}", reason)
            return store.call_again(number)

        try:
            call = await ask_gateway(self._desk, send)
        except (AuditError, VaultError) as error:
            session.said.append(("bad", f"Not done: what nobody could know of is not done. {error}"))
            return see_other(here)
        said = (
            f"Call {number} is due: a running gateway makes it within a second."
            if call
            else f"There is no call {number}."
        )
        session.said.append(("good" if call else "bad", said))
        return see_other(here)
