"""The merchants' pages: log in, orders, an order's story, capture, void, refund, calls sent again. ASGI handlers.

In: requests of browsers. Out: pages and redirects. The one rule: a merchant sees and changes its own orders only; a form that
changes something has the session's own key, says what it has seen of the order, and is refused where that is no longer so.
"""

import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from switch.gateway.logins import log_in
from switch.gateway.merchants import check_page_password
from switch.gateway.orders.lifecycle import OWED, IllegalMoveError
from switch.gateway.orders.order import Call, CallState, Merchant, Order
from switch.gateway.owing import SETTLE_S
from switch.gateway.pages.merchant_pages import (
    ACTIONS,
    Story,
    login_page,
    may_happen,
    order_page,
    orders_page,
    query_of,
    refused_list_page,
)
from switch.gateway.pages.respond import client_of, language_of, redirect, respond
from switch.gateway.pages.statement_pages import statement_csv, statement_page, statements_page
from switch.gateway.service import Service
from switch.gateway.sessions import Session, Sessions, is_of
from switch.gateway.shops import now_us
from switch.http.forms import read_form, read_number
from switch.http.sessions import LONGEST_S
from switch.money.currency import CurrencyError, parse_amount

PAGE_ORDERS: Final = 25
WINDOW_LONGEST: Final = 32
"""of a window's name: what is longer is none"""
Handler = Callable[[Request, Merchant, Session], Awaitable[Response]]


class MerchantSite:
    """Handlers of the merchants' pages; all but login take a session."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sessions = Sessions()

    def routes(self) -> list[Route]:
        """Path and handler of each of its pages."""
        return [
            Route("/merchant/login", self.show_login, methods=["GET"]),
            Route("/merchant/login", self.log_in, methods=["POST"]),
            Route("/merchant/logout", self._for(self.log_out), methods=["POST"]),
            Route("/merchant/orders", self._for(self.list_orders), methods=["GET"]),
            Route("/merchant/orders/{number}", self._for(self.show_order), methods=["GET"]),
            Route("/merchant/orders/{number}/resend", self._for(self.resend), methods=["POST"]),
            Route("/merchant/orders/{number}/{action}", self._for(self.act), methods=["POST"]),
            Route("/merchant/statements", self._for(self.show_statements), methods=["GET"]),
            Route("/merchant/statements.csv", self._for(self.send_statement), methods=["GET"]),
            Route("/merchant/refused", self._for(self.list_refused), methods=["GET"]),
        ]

    def _for(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """`handler`, for who is logged in; others are asked to."""

        async def handle(request: Request) -> Response:
            session = self._sessions.find(request.cookies.get(_cookie(request), ""), time.monotonic())
            merchant: Merchant | None = None
            if session is not None:
                merchant = await self._service.disk(self._service.registry.store.merchant, session.clientid)
            if session is None or merchant is None or not is_of(session, merchant):
                return redirect("/merchant/login?" + query_of({"said": "ended", "lang": language_of(request, "fr")}))
            if request.method == "POST":
                form = await read_form(request)
                if not secrets.compare_digest(form.get("form_key", "").encode(), session.form_key.encode()):
                    reason = "a form of another session, or of another site"
                    self._service.refusals.note("form", reason, client=client_of(request), clientid=merchant.clientid)
                    return redirect("/merchant/orders?" + query_of({"lang": language_of(request, "fr", form)}))
            return await handler(request, merchant, session)

        return handle

    async def show_login(self, request: Request) -> Response:
        """The form."""
        return respond(request, login_page(language_of(request, "fr"), problem=request.query_params.get("said", "")))

    async def log_in(self, request: Request) -> Response:
        """A number and a password."""
        form = await read_form(request)
        language, number = language_of(request, "fr", form), form.get("number", "").strip()
        password = form.get("password", "")
        merchant = await log_in(self._service, number, client_of(request), lambda it: check_page_password(it, password))
        if merchant is None:
            return respond(request, login_page(language, problem="wrong", number=number), status=403)
        token = secrets.token_urlsafe(32)
        self._sessions.begin(merchant, token, secrets.token_urlsafe(16), time.monotonic())
        answer = redirect(f"/merchant/orders?lang={language}")
        answer.set_cookie(
            _cookie(request),
            token,
            max_age=int(LONGEST_S),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def log_out(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """The session ends here, not only in the browser."""
        del merchant, session
        self._sessions.end(request.cookies.get(_cookie(request), ""))
        answer = redirect("/merchant/login?" + query_of({"lang": language_of(request, "fr", await read_form(request))}))
        answer.delete_cookie(_cookie(request), path="/")
        return answer

    async def list_orders(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """Newest first; `q` finds, `below` and `from` go on."""
        query, store = request.query_params.get("q", "").strip()[:64], self._service.registry.store
        below, above = (read_number(request.query_params.get(name, "")) for name in ("below", "from"))
        found: list[Order] = await self._service.disk(
            store.find_orders, merchant.clientid, query, PAGE_ORDERS + 1, below=below, above=above
        )
        if above:  # the pages go backwards: nearest to where they were first
            found, more = found[:PAGE_ORDERS][::-1], len(found) > PAGE_ORDERS
            newer, older = (found[0].number if more else 0), found[-1].number if found else 0
        else:
            more, found = len(found) > PAGE_ORDERS, found[:PAGE_ORDERS]
            newer, older = (found[0].number if found and below else 0), found[-1].number if more else 0
        language = language_of(request, "fr")
        return respond(request, orders_page(merchant, language, found, query, session.form_key, newer, older))

    async def show_order(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """All that is known of one."""
        order = await self._order(request, merchant)
        if order is None:
            return redirect("/merchant/orders?" + query_of({"lang": language_of(request, "fr")}))
        return await self._show(request, merchant, session, order, request.query_params.get("said", ""))

    async def _show(
        self, request: Request, merchant: Merchant, session: Session, order: Order, said: str, status: int = 200
    ) -> Response:
        store, language = self._service.registry.store, language_of(request, "fr", await read_form(request))
        story = Story(
            order=order,
            moves=await self._service.disk(store.history, order),
            calls=await self._service.disk(store.calls_of, order),
            form_key=session.form_key,
            said=said,
        )
        return respond(request, order_page(merchant, language, story), status=status)

    async def act(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """Capture, refund or void, of an order as it was seen."""
        order, form, action = (
            await self._order(request, merchant),
            await read_form(request),
            request.path_params["action"],
        )
        language = language_of(request, "fr", form)
        if order is None or action not in ACTIONS:
            return redirect(f"/merchant/orders?lang={language}")
        try:
            if form.get("seen") != str(order.moved_us) or not may_happen(order, ACTIONS[action]):
                raise IllegalMoveError("something else has happened to the order meanwhile; look at it again")
            moved = await self._do(action, order, form.get("sum", ""))
        except CurrencyError:
            return await self._show(request, merchant, session, order, "amount", 422)
        except IllegalMoveError as error:
            return await self._show(
                request, merchant, session, await self._service.order(order.number), str(error), 409
            )
        settled = await self._service.owing.settled(moved, SETTLE_S)
        said = "under_way" if settled.stage in OWED else "done"
        if settled.stage is order.stage and (settled.captured, settled.credited) == (order.captured, order.credited):
            reason = "the card's bank, or the switch, has refused it; the order stands as it stood"
            return await self._show(request, merchant, session, settled, reason, 409)
        return redirect(f"/merchant/orders/{order.number}?" + query_of({"lang": language, "said": said}))

    async def _do(self, action: str, order: Order, text: str) -> Order:
        owing = self._service.owing
        if action == "void":
            return await owing.void(order)
        amount = parse_amount(text.strip().replace(",", "."), order.asked.currency)
        if amount <= 0:
            raise CurrencyError("expected an amount above 0")
        return await (owing.capture(order, amount) if action == "capture" else owing.credit(order, amount))

    async def resend(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """A call to the shop's server, once more."""
        del session
        order, form = await self._order(request, merchant), await read_form(request)
        language = language_of(request, "fr", form)
        if order is None:
            return redirect(f"/merchant/orders?lang={language}")
        store = self._service.registry.store
        calls: list[Call] = await self._service.disk(store.calls_of, order)
        chosen = next(
            (call for call in calls if str(call.number) == form.get("call") and call.state is not CallState.DUE), None
        )
        if chosen is not None:
            await self._service.disk(
                store.change_call, msgspec.structs.replace(chosen, state=CallState.DUE, tries=0, due_us=now_us())
            )
        said = "under_way" if chosen is not None else ""
        return redirect(f"/merchant/orders/{order.number}?" + query_of({"lang": language, "said": said}))

    async def list_refused(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """What was refused of it."""
        refusals = await self._service.disk(self._service.registry.store.refusals, merchant.clientid)
        return respond(request, refused_list_page(merchant, language_of(request, "fr"), refusals, session.form_key))

    async def show_statements(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """The windows in which something was captured; with `window`, what was."""
        language, window = language_of(request, "fr"), request.query_params.get("window", "")[:WINDOW_LONGEST]
        store = self._service.registry.store
        if not window:
            windows = await self._service.disk(store.windows, merchant.clientid)
            return respond(request, statements_page(merchant, language, windows, session.form_key))
        lines = await self._service.disk(store.of_window, merchant.clientid, window)
        status = 200 if lines else 404
        return respond(request, statement_page(merchant, language, window, lines, session.form_key), status=status)

    async def send_statement(self, request: Request, merchant: Merchant, session: Session) -> Response:
        """A window's lines as a file."""
        del session
        window = request.query_params.get("window", "")[:WINDOW_LONGEST]
        lines = await self._service.disk(self._service.registry.store.of_window, merchant.clientid, window)
        name = re.sub(r"[^0-9-]+", "-", window)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
        return Response(statement_csv(lines), media_type="text/csv; charset=utf-8", headers=headers)

    async def _order(self, request: Request, merchant: Merchant) -> Order | None:
        """The merchant's order; None: there is none, or it is another's."""
        found: Order | None = await self._service.disk(
            self._service.registry.store.by_number, read_number(request.path_params["number"])
        )
        return found if found is not None and found.asked.clientid == merchant.clientid else None


def _cookie(request: Request) -> str:
    """`__Host-` ties it to this host and to HTTPS."""
    return "__Host-merchant" if request.url.scheme == "https" else "merchant"
