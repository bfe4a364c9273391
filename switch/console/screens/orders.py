"""Web payments: orders, what happened to each, and the callbacks to shops."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.finding import gateway_of
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.gateway.orders.order import Call
from switch.gateway.orders.store import Store
from switch.gateway.outcomes import result_of
from switch.http.forms import Form
from switch.journal.keys import open_vault, vault_key_path
from switch.security.audit import AuditError
from switch.security.vault import VaultError
from switch.server.operators import audit_of

SHOWN: Final = 100


class OrdersScreen:
    """The handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """Its addresses."""
        return [
            Screen("/orders", self.orders),
            Screen("/orders/{number}", self.order),
            Screen("/calls", None, self.resend),
        ]

    async def orders(self, request: Request, session: Session) -> Response:
        """The newest, and callbacks that did not arrive."""
        before = request.query_params.get("before", "0")
        asked = int(before) if before.isdecimal() and len(before) < 16 else 0

        def read(store: Store) -> tuple[Any, ...]:
            return store.newest(SHOWN, asked), [c for c in store.calls() if c.state != "done"], store.refusals(most=20)

        found = await self._read(read)
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
        asked = request.path_params["number"]
        number = int(asked) if asked.isdecimal() and len(asked) < 16 else 0

        def read(store: Store) -> tuple[Any, ...] | None:
            order = store.by_number(number)
            if order is None:
                return None
            return (
                order,
                store.history(order),
                store.calls_of(order),
                store.merchant(order.asked.clientid),
                store.messages_of(order),
            )

        found = await self._read(read)
        if found is None:
            return self._desk.renderer.page("nothing.html", request, session, status=404)
        order, moves, calls, merchant, messages = found
        return self._desk.renderer.page(
            "order.html",
            request,
            session,
            order=order,
            moves=moves,
            calls=calls,
            merchant=merchant,
            messages=messages,
            proof=result_of(order).authentication,
        )

    async def resend(self, _: Request, session: Session, form: Form) -> Response:
        """Have a callback made again; a running gateway does it within a second."""
        number, back = form.get("call", ""), form.get("order", "")
        here = f"/orders/{back}" if back.isdecimal() else "/orders"
        if not self._desk.may(session, "operator"):
            session.said.append(("bad", "It takes the role operator."))
            return see_other(here)
        if not number.isdecimal() or not form.get("reason", "").strip():
            session.said.append(("bad", "Say why: it stands in the audit log."))
            return see_other(here)
        reason = form["reason"].strip()

        def send(store: Store) -> Call | None:
            self._audit(session.user, int(number), reason)
            return store.call_again(int(number))

        try:
            call = await self._read(send)
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

    def _audit(self, user: str, call: int, reason: str) -> None:
        """Raises AuditError, VaultError."""
        state = self._desk.state_dir
        if not vault_key_path(state).exists():
            raise AuditError(f"{vault_key_path(state)} is missing, and the audit log is chained with it")
        log = audit_of(state, open_vault(state).audit_secret)
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        with log.turn():
            log.write(at=at, by=f"{user} (console)", act="merchant.resend", key=f"call {call}", note=reason)

    async def _read(self, question: Callable[[Store], Any]) -> Any:
        """None: there is no gateway beside this switch. Raises StoreError."""
        file = gateway_of(self._desk.state_dir)

        def ask() -> Any:
            if not file.exists():
                return None
            with closing(Store(file)) as store:
                return question(store)

        return await self._desk.read(ask)
