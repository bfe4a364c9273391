"""The addresses by which browsers go to a card's bank, and come back.

In: requests. Out: pages, redirects to the order's page. The one rule: nothing that a browser brings is believed; it is handed to
`authentication.py`, which compares it with what the bank has said.
"""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from switch.gateway.authentication import BACK, METHOD_DONE
from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.outcomes import attempt_of
from switch.gateway.pages.authentication_pages import method_done_page, method_page, to_bank_page
from switch.gateway.pages.pages import refused_page
from switch.gateway.pages.respond import language_of, redirect, respond
from switch.gateway.service import Service
from switch.http.forms import read_form
from switch.threeds.requests import make_creq


class AuthenticationSite:
    """Handlers of the pages between an order, its card's bank and back."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        """Path and handler of each of its pages."""
        return [
            Route("/pay/{token}/authenticate", self.go_on, methods=["POST"]),
            Route(BACK, self.back, methods=["GET", "POST"]),
            Route(METHOD_DONE, self.method_done, methods=["POST"]),
        ]

    async def page(self, request: Request, order: Order, merchant: Merchant, language: str) -> Response | None:
        """Where the order's authentication stands; None: it has come to nothing, and the order has moved."""
        flow = self._service.authentications
        pending = flow.pending(order) if flow is not None else None
        known = attempt_of(order).authentication
        if flow is None or pending is None or known is None:
            return None
        if known.acs_url:
            creq = make_creq(known.trans_id, known.acs_trans_id, known.version)
            body = to_bank_page(order, merchant, language, known.acs_url, creq)
            return respond(request, body, forms_to=[known.acs_url], leaves=True)
        if pending.asked:
            await flow.ask(order, "N")
            return redirect(f"/pay/{order.token}?lang={language}")
        body = method_page(order, merchant, language, pending.method_url, flow.method_data(order))
        return respond(request, body, forms_to=[pending.method_url], frames=True)

    async def go_on(self, request: Request) -> Response:
        """The 3DS Method's page is over."""
        store, token = self._service.registry.store, request.path_params["token"]
        order: Order | None = await self._service.disk(store.by_token, token)
        form = await read_form(request)
        flow = self._service.authentications
        if order is None or flow is None:
            return respond(request, refused_page(language_of(request, "fr", form)), status=404)
        if order.stage is Stage.AUTHENTICATING:
            order = await flow.method_over(order)
        return redirect(f"/pay/{order.token}?lang={language_of(request, order.asked.language, form)}")

    async def back(self, request: Request) -> Response:
        """A CRes: the browser is back from the bank. Some banks send it by an address, or call its field `CRes`."""
        form, flow = {**request.query_params, **await read_form(request)}, self._service.authentications
        told = {name.lower(): value for name, value in form.items()}
        order = await flow.take_back(told.get("cres", "")) if flow is not None else None
        if order is None:
            return respond(request, refused_page(language_of(request, "fr")), status=404)
        return redirect(f"/pay/{order.token}?lang={order.asked.language}")

    async def method_done(self, request: Request) -> Response:
        """The bank has looked at the browser; this is shown in the frame."""
        form, flow = await read_form(request), self._service.authentications
        if flow is not None:
            flow.method_notified(form.get("threeDSMethodData", ""))
        policy = "default-src 'none'; script-src 'self'; frame-ancestors 'self'; base-uri 'none'"
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(method_done_page(), headers=headers)
