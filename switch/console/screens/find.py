"""One box that finds a payment, and the page of that payment: the way it took, and why."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.finding import SHOWN_MAX, find, read_payment
from switch.console.neighbours import elsewhere, others
from switch.console.on_the_wire import shown
from switch.console.payment import view_of
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.gateway.orders.beside import store_beside
from switch.gateway.orders.store import order_paid_by


class FindScreen:
    """Answers `/find` and `/payments/TXN`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/find", self.find), Screen("/payments/{txn}", self.show)]

    async def find(self, request: Request, session: Session) -> Response:
        """What goes by these words; where it is one payment, its page."""
        text = request.query_params.get("q", "").strip()[:80]
        if not text:
            return self._desk.renderer.page("find.html", request, session, found=None, most=SHOWN_MAX, there=[])
        began = self._desk.wall()
        found = await self._desk.read(find, self._desk.state_dir, text)
        if len(found.rows) == 1 and not found.orders:
            return see_other(f"/payments/{found.rows[0].txn:x}")
        if len(found.orders) == 1 and not found.rows:
            return see_other(f"/orders/{found.orders[0].number}")
        near = others(self._desk.network, self._desk.state_dir) if self._desk.part else []
        there = [] if found.rows or found.why else await self._desk.read(elsewhere, near, text)
        took_ms = (self._desk.wall() - began) * 1_000
        return self._desk.renderer.page(
            "find.html", request, session, found=found, most=SHOWN_MAX, took_ms=took_ms, there=there
        )

    async def show(self, request: Request, session: Session) -> Response:
        """One payment."""
        desk = self._desk
        try:
            txn = int(request.path_params["txn"], 16)
        except ValueError:
            txn = 0
        capture = Path(desk.network.capture.file) if desk.network.capture is not None else None
        kept = await desk.read(read_payment, desk.state_dir, desk.log, txn, capture) if 0 < txn < 1 << 63 else None
        if kept is None:
            return desk.renderer.page("nothing.html", request, session, status=404)
        view = view_of(kept.row, kept.entries, kept.hops, kept.events, desk.network)
        began = min(one.at_us for one in (kept.row, *kept.related) if one.rrn == kept.row.rrn)
        store = store_beside(desk.state_dir)
        order = await desk.read(order_paid_by, store, view.merchant, kept.row.rrn.strip(), began)
        return desk.renderer.page(
            "payment.html",
            request,
            session,
            view=view,
            related=kept.related,
            caught=shown(kept.caught),
            order=order,
            left_out=kept.left_out,
        )
