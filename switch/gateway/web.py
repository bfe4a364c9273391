"""The addresses of the gateway: the form that shops post, the page of an order, the API. An ASGI application.

In: requests. Out: pages, redirects, XML. The one rule: a browser learns nothing of why a shop's form is not right (the merchant's
log does), and nothing of an order but by its page's address. A form that changes something is answered with a redirect, so that
going back or loading again repeats nothing.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from switch.core.network import Network
from switch.core.routing.routing import luhn_valid
from switch.gateway.api import answer_api
from switch.gateway.intake import RefusedFormError, take_form
from switch.gateway.orders.lifecycle import GOOD, PAYABLE, UNDER_WAY, IllegalMoveError
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.outcomes import named
from switch.gateway.pace import Pace
from switch.gateway.pages.pages import card_page, refused_page, result_page, sites_page, working_page
from switch.gateway.payment_messages import Card
from switch.gateway.protocol.fields import Fields, FieldsError
from switch.gateway.protocol.requests import FIELDS_MAX, LANGUAGES
from switch.gateway.protocol.xml_api import ApiError, make_api_response, read_api_request
from switch.gateway.service import ATTEMPTS_MAX, Service
from switch.http.server import App

PAGE_WAIT_S: Final = 30.0
"""for an outcome, before the page says that it is being worked on"""
CARDS_PER_CLIENT, CARDS_PER_PAN, API_PER_CLIENT, PACE_S = 30, 10, 1_200, 600.0
_TYPES: Final = {"pay.css": "text/css", "pay.js": "text/javascript", "icon.svg": "image/svg+xml"}
_CENTURY: Final = 2_000
Handler = Callable[[Request], Awaitable[Response]]


class Web:
    """The handlers."""

    def __init__(self, service: Service, network: Network) -> None:
        self._service = service
        self._clients = Pace(CARDS_PER_CLIENT, PACE_S)
        self._api = Pace(API_PER_CLIENT, PACE_S)
        self._cards = Pace(CARDS_PER_PAN, PACE_S)
        self._prefixes = " ".join(f"{b.scheme}:{b.low}:{b.high}" for b in network.bins)
        pages = files("switch.gateway.pages")
        self._static = {name: pages.joinpath(name).read_bytes() for name in _TYPES}

    def app(self) -> App:
        """The application."""
        both = ("/fim/est3Dgate", "/fim/est3dgate")
        routes = [
            *(Route(path, self.take_form, methods=["POST"]) for path in both),
            Route("/fim/api", self.api, methods=["POST"]),
            Route("/pay/{token}", self.show, methods=["GET"]),
            Route("/pay/{token}", self.pay, methods=["POST"]),
            Route("/pay/{token}/cancel", self.cancel, methods=["POST"]),
            Route("/secured-sites", self.sites, methods=["GET"]),
            Route("/static/{name}", self.static, methods=["GET"]),
        ]
        return Starlette(routes=routes)

    async def take_form(self, request: Request) -> Response:
        """A shop's form: a new order's page, or that of the order there is."""
        try:
            pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
            order = await take_form(self._service, Fields(pairs))
        except (RefusedFormError, FieldsError, ValueError) as error:
            self._service.report("form.refused", {"client": _client(request), "reason": str(error)})
            return _page(refused_page(_language(request, "fr")), status=400)
        return _redirect(f"/pay/{order.token}?lang={order.asked.language}")

    async def show(self, request: Request) -> Response:
        """The page of an order, as it stands."""
        order = await self._order(request)
        if order is None:
            return _page(refused_page(_language(request, "fr")), status=404)
        language = _language(request, order.asked.language)
        merchant = await self._service.shops.merchant(order.asked.clientid)
        if _over(order):
            order = await self._service.expire(order)
        if _payable(order):
            return _page(card_page(order, merchant, language, prefixes=self._prefixes))
        if order.stage in UNDER_WAY:
            return _page(working_page(order, merchant, language))
        return await self._result(order, merchant, language)

    async def pay(self, request: Request) -> Response:
        """A card, typed. Whatever becomes of it is seen on the order's page."""
        order, client = await self._order(request), _client(request)
        if order is None:
            return _page(refused_page("fr"), status=404)
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=10))
        language = form.get("lang", "") if form.get("lang") in LANGUAGES else order.asked.language
        here = _redirect(f"/pay/{order.token}?lang={language}")
        if not _payable(order):
            await self._service.wait_for(order, PAGE_WAIT_S)
            return here
        card, problems = self._read_card(form)
        if card is None:
            merchant = await self._service.shops.merchant(order.asked.clientid)
            month = form.get("expiry", "") if "expiry" not in problems else ""
            body = card_page(order, merchant, language, problems=problems, prefixes=self._prefixes, month=month)
            return _page(body, status=422)
        now = time.monotonic()
        if not self._clients.take(client, now) or not self._cards.take(self._service.digest(card.pan), now):
            self._service.report(
                "card.refused",
                {
                    **named(order),
                    "client": client,
                    "reason": "too many cards from one address, or too many tries of one card, in ten minutes",
                    "hint": "somebody may be trying stolen numbers",
                },
            )
            return _page(refused_page(language), status=429)
        try:
            await self._service.pay(order, card, client)
        except IllegalMoveError:
            await self._service.wait_for(order, PAGE_WAIT_S)
        return here

    async def cancel(self, request: Request) -> Response:
        """The customer does not want to pay."""
        order = await self._order(request)
        if order is None:
            return _page(refused_page("fr"), status=404)
        try:
            await self._service.cancel(order)
        except IllegalMoveError:
            await self._service.wait_for(order, PAGE_WAIT_S)
        return _redirect(f"/pay/{order.token}?lang={_language(request, order.asked.language)}")

    async def api(self, request: Request) -> Response:
        """A CC5Request."""
        try:
            asked = read_api_request(await request.body(), request.headers.get("content-type", ""))
        except ApiError as error:
            body = make_api_response([("Response", "Error"), ("ProcReturnCode", "99"), ("ErrMsg", str(error))], [])
            return Response(body, 400, media_type="text/xml")
        if not self._api.take(_client(request), time.monotonic()):
            body = make_api_response(
                [("Response", "Error"), ("ProcReturnCode", "99"), ("ErrMsg", "too many requests")], []
            )
            return Response(body, 429, media_type="text/xml")
        return Response(make_api_response(*await answer_api(self._service, asked)), media_type="text/xml")

    async def sites(self, request: Request) -> Response:
        """The list of secured sites."""
        merchants = await self._service.disk(self._service.registry.store.merchants)
        return _page(sites_page(merchants, _language(request, "fr")))

    async def static(self, request: Request) -> Response:
        """The style, the script, the icon."""
        name = request.path_params["name"]
        if name not in self._static:
            return Response("no such file\n", 404, media_type="text/plain")
        kept = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(self._static[name], media_type=_TYPES[name], headers=kept)

    async def _order(self, request: Request) -> Order | None:
        order: Order | None = await self._service.disk(
            self._service.registry.store.by_token, request.path_params["token"]
        )
        return order

    async def _result(self, order: Order, merchant: Merchant, language: str) -> Response:
        url = order.asked.ok_url if order.stage in GOOD else order.asked.fail_url
        fields = await self._service.shops.answer(order, to_server=False)
        return _page(result_page(order, merchant, language, url, fields), forms_to=url)

    def _read_card(self, form: dict[str, str]) -> tuple[Card | None, list[str]]:
        """The card, or the fields that are not right."""
        pan = "".join(form.get("pan", "").split()).replace("-", "")
        month, _, year = form.get("expiry", "").replace(" ", "").partition("/")
        cvv2, problems = form.get("cvv2", "").strip(), []
        if not (
            pan.isascii()
            and pan.isdigit()
            and 12 <= len(pan) <= 19
            and luhn_valid(pan)
            and self._service.scheme_of(pan)
        ):
            problems.append("pan")
        if not _valid_month(month, year):
            problems.append("expiry")
        if not (cvv2.isascii() and cvv2.isdigit() and len(cvv2) == 3):
            problems.append("cvv2")
        return (None, problems) if problems else (Card(pan=pan, expiry=year[-2:] + month, cvv2=cvv2), [])


def _payable(order: Order) -> bool:
    """May another card be tried? Not once all attempts are made, or time is up."""
    return order.stage in PAYABLE and order.attempts < ATTEMPTS_MAX and not _over(order)


def _over(order: Order) -> bool:
    """Is its time up, with nobody having said so yet?"""
    return order.stage in PAYABLE and time.time() > order.opened_us / 1e6 + order.asked.session_s


def _valid_month(month: str, year: str) -> bool:
    """`12`, `31` or `2031`: a month of a card that has not ended."""
    if not (month.isascii() and month.isdigit() and year.isascii() and year.isdigit() and len(year) in (2, 4)):
        return False
    today = datetime.now(UTC)
    full = int(year) if len(year) == 4 else _CENTURY + int(year)
    return (
        len(month) == 2
        and 1 <= int(month) <= 12
        and (today.year, today.month) <= (full, int(month)) <= (today.year + 20, 12)
    )


def _client(request: Request) -> str:
    return request.client.host if request.client is not None else ""


def _language(request: Request, otherwise: str) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else otherwise


def _redirect(path: str) -> Response:
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


def _page(body: str, *, status: int = 200, forms_to: str = "") -> Response:
    """A page that nobody may frame, keep or add to; its forms go to the gateway, and to the shop it returns to."""
    target = urlsplit(forms_to)
    shop = f" {target.scheme}://{target.netloc}" if forms_to else ""
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"form-action 'self'{shop}; frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(
        body,
        status,
        headers={
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        },
    )
