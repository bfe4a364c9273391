"""The addresses of the gateway: the form that shops post, the page of an order, the API. An ASGI application.

In: requests. Out: pages, redirects, XML. The one rule: a browser learns nothing of why a shop's form is not right (the merchant's
log does), and nothing of an order but by its page's address. A form that changes something is answered with a redirect, so that
going back or loading again repeats nothing.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from switch.core.network import Network
from switch.gateway.api import answer_api
from switch.gateway.authentication_site import AuthenticationSite
from switch.gateway.cards_shown import CardShown
from switch.gateway.intake import RefusedFormError, take_form, take_older_form
from switch.gateway.merchant_site import MerchantSite
from switch.gateway.orders.database import StoreError
from switch.gateway.orders.lifecycle import PAYABLE, UNDER_WAY, IllegalMoveError, Stage
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.pace import counted_as
from switch.gateway.pages.authentication_pages import FOUND
from switch.gateway.pages.inventory import INVENTORY, read_released
from switch.gateway.pages.pages import card_page, refused_page, result_page, sites_page, unavailable_page, working_page
from switch.gateway.pages.respond import client_of, language_of, redirect, respond
from switch.gateway.pages.texts import TEXTS
from switch.gateway.payment_messages import Card
from switch.gateway.protocol.bodies import read_fields
from switch.gateway.protocol.fields import Fields, FieldsError
from switch.gateway.protocol.requests import FIELDS_MAX, read_language
from switch.gateway.protocol.xml_api import ApiError, make_api_response, read_api_request
from switch.gateway.service import ATTEMPTS_MAX, NoLinkError, Service
from switch.http.forms import read_form
from switch.http.server import App
from switch.threeds.requests import browser_of

OLDER_ADDRESSES: Final = (
    "/prod/gateway/pay.asp",
    "/test/gateway/pay.asp",
    "/test/gateway/paiement.asp",
    "/test/pay.cgi",
)
"""of the older protocol, as public clients of Maroc Telecommerce have them"""
PAGE_WAIT_S: Final = 30.0
"""for an outcome, before the page says that it is being worked on"""
CAPTURE_WAIT_S: Final = 2.0
"""for the switch to acknowledge a capture, before the shop is told that it is under way"""
_LIMIT: Final = "somebody may be trying stolen numbers; `cmi-switch gateway --limit` raises a limit"
_DIGITS: Final = {base + n: str(n) for base in (0x660, 0x6F0) for n in range(10)}
"""Arabic digits, as an Arabic keyboard types them"""
_CENTURY: Final = 2_000
Take = Callable[[Service, Fields], Awaitable[Order]]


class Web:
    """Handlers of shops' forms, customers' pages and the API."""

    def __init__(self, service: Service, network: Network, test_cards: Sequence[CardShown] = ()) -> None:
        """`test_cards`: that the page offers. Raises InventoryError."""
        self._service, self._test_cards = service, test_cards
        self._prefixes = " ".join(f"{b.scheme}:{b.low}:{b.high}" for b in network.bins)
        self._static = read_released()
        self._merchants = MerchantSite(service)
        self._authentication = AuthenticationSite(service)

    def app(self) -> App:
        """The application."""
        both = ("/fim/est3Dgate", "/fim/est3dgate")
        routes = [
            Route("/pay/{token}", self.show, methods=["GET"]),
            Route("/pay/{token}", self.pay, methods=["POST"]),
            *(Route(path, self.take_form, methods=["POST"]) for path in both),
            *(Route(path, self.refuse_address, methods=["GET"]) for path in both),
            *(Route(path, self.take_older_form, methods=["POST"]) for path in OLDER_ADDRESSES),
            Route("/fim/api", self.api, methods=["POST"]),
            Route("/pay/{token}/cancel", self.cancel, methods=["POST"]),
            Route("/secured-sites", self.sites, methods=["GET"]),
            *self._authentication.routes(),
            *self._merchants.routes(),
            Route("/static/{name}", self.static, methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={StoreError: self.unavailable})

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """The store cannot be read or written: nothing can be said of any order now."""
        hint = "customers are told to look again in some minutes; what was begun is gone on with"
        self._service.report("store.failed", {"error": str(error), "hint": hint})
        if request.url.path == "/fim/api":
            return _api_error(503, "the gateway cannot be asked now; try again in some minutes")
        return respond(request, unavailable_page(language_of(request, "fr")), status=503)

    async def take_form(self, request: Request) -> Response:
        """A shop's form: a new order's page, or that of the order there is."""
        return await self._take(request, "clientid", "oid", take_form, 303)

    async def refuse_address(self, request: Request) -> Response:
        """A form sent as an address, which stands in histories and logs: some clients on phones do so."""
        why = "came with GET, in an address; post it (application/x-www-form-urlencoded)"
        self._service.refusals.note(
            "form", why, client=client_of(request), clientid=request.query_params.get("clientid", "")
        )
        return respond(request, refused_page(language_of(request, "fr")), status=405)

    async def take_older_form(self, request: Request) -> Response:
        """The same of the older protocol; shops that post it themselves look for a 302."""
        take = partial(take_older_form, action_url=str(request.url.replace(query="")))
        return await self._take(request, "storeId", "cartId", take, 302)

    async def _take(self, request: Request, clientid: str, oid: str, take: Take, status: int) -> Response:
        """`clientid`, `oid`: how the protocol calls a merchant's number and an order's id."""
        client, service = client_of(request), self._service
        who, now = counted_as(client), time.monotonic()
        if service.paces.is_full("wrong_forms_per_client", who, now):
            service.refusals.note(
                "form", "too many wrong forms from one address in ten minutes", client=client, hint=_LIMIT
            )
            return respond(request, refused_page(language_of(request, "fr")), status=429)
        fields = Fields([])
        try:
            fields = read_fields(await request.body(), request.headers.get("content-type", ""), FIELDS_MAX)
            order = await take(service, fields)
        except (RefusedFormError, FieldsError, ValueError) as error:
            service.paces.take("wrong_forms_per_client", who, now)
            service.refusals.note("form", str(error), client=client, clientid=fields.get(clientid), oid=fields.get(oid))
            return respond(request, refused_page(read_language(fields)), status=400)
        return redirect(f"/pay/{order.token}?lang={order.asked.language}", status)

    async def show(self, request: Request) -> Response:
        """The page of an order, as it stands."""
        order = await self._order(request)
        if order is None:
            return respond(request, refused_page(language_of(request, "fr")), status=404)
        language = language_of(request, order.asked.language)
        merchant = await self._service.shops.merchant(order.asked.clientid)
        if _over(order):
            order = await self._service.expire(order)
        if order.stage is Stage.AUTHENTICATING:
            shown = await self._authentication.page(request, order, merchant, language)
            if shown is not None:
                return shown
            order = await self._service.lost(order)
        if _payable(order):
            return respond(request, self._card_page(order, merchant, language))
        if order.stage in UNDER_WAY:
            return respond(request, working_page(order, merchant, language))
        return await self._result(request, order, merchant, language)

    async def pay(self, request: Request) -> Response:
        """A card, typed. Whatever becomes of it is seen on the order's page."""
        order, form = await self._order(request), await read_form(request)
        if order is None:
            return respond(request, refused_page(language_of(request, "fr", form)), status=404)
        language = language_of(request, order.asked.language, form)
        here = redirect(f"/pay/{order.token}?lang={language}")
        if not _payable(order):
            if order.stage in PAYABLE and not _over(order):
                why = f"a card more than the {ATTEMPTS_MAX} that one order may be tried with"
                self._service.refusals.note("card", why, **_named(order), client=client_of(request))
            await self._service.wait_for(order, PAGE_WAIT_S)
            return here
        card, problems = self._read_card(form)
        if card is None:
            merchant = await self._service.shops.merchant(order.asked.clientid)
            month = form.get("expiry", "") if "expiry" not in problems else ""
            return respond(request, self._card_page(order, merchant, language, problems, month), status=422)
        why = self._too_many(order, card, client_of(request))
        if why:
            self._service.refusals.note("card", why, **_named(order), client=client_of(request), hint=_LIMIT)
            return respond(request, refused_page(language, TEXTS[language].too_many), status=429)
        try:
            client = client_of(request)
            await self._service.pay(order, card, client, browser_of(request.headers, client, form))
        except NoLinkError:
            merchant = await self._service.shops.merchant(order.asked.clientid)
            month = form.get("expiry", "")
            return respond(request, self._card_page(order, merchant, language, month=month, not_sent=True), status=503)
        except IllegalMoveError:
            await self._service.wait_for(order, PAGE_WAIT_S)
        return here

    def _card_page(
        self,
        order: Order,
        merchant: Merchant,
        language: str,
        problems: Iterable[str] = (),
        month: str = "",
        *,
        not_sent: bool = False,
    ) -> str:
        found = (
            FOUND if self._service.authentications is not None else ""
        )  # what a card's bank wants to know of the browser
        return card_page(
            order, merchant, language,
            problems=problems, not_sent=not_sent, prefixes=self._prefixes, month=month, found=found, test_cards=self._test_cards,
        )  # fmt: skip

    def _too_many(self, order: Order, card: Card, client: str) -> str:
        """Which limit this card would be above; "": none."""
        take, now = self._service.paces.take, time.monotonic()
        if not take("cards_per_client", counted_as(client), now):
            return "too many cards from one address in ten minutes"
        if not take("cards_per_card", self._service.digest(card.pan), now):
            return "too many tries of one card in ten minutes"
        if not take("cards_per_merchant", order.asked.clientid, now):
            return "too many cards for one merchant in ten minutes"
        return ""

    async def cancel(self, request: Request) -> Response:
        """The customer does not want to pay."""
        order, form = await self._order(request), await read_form(request)
        if order is None:
            return respond(request, refused_page(language_of(request, "fr", form)), status=404)
        try:
            await self._service.cancel(order)
        except IllegalMoveError:
            await self._service.wait_for(order, PAGE_WAIT_S)
        return redirect(f"/pay/{order.token}?lang={language_of(request, order.asked.language, form)}")

    async def api(self, request: Request) -> Response:
        """A CC5Request."""
        client = client_of(request)
        try:
            asked = read_api_request(await request.body(), request.headers.get("content-type", ""))
        except ApiError as error:
            return _api_error(400, str(error))
        if not self._service.paces.take("api_per_client", counted_as(client), time.monotonic()):
            reason = "too many API requests from one address in ten minutes"
            self._service.refusals.note(
                "api", reason, client=client, clientid=asked.clientid, oid=asked.oid, hint=_LIMIT
            )
            return _api_error(429, "too many requests")
        return Response(make_api_response(*await answer_api(self._service, asked, client)), media_type="text/xml")

    async def sites(self, request: Request) -> Response:
        """The list of secured sites."""
        merchants = await self._service.disk(self._service.registry.store.merchants)
        return respond(request, sites_page(merchants, language_of(request, "fr")))

    async def static(self, request: Request) -> Response:
        """The style, the script, the icon."""
        name = request.path_params["name"]
        if name not in self._static:
            return Response("no such file\n", 404, media_type="text/plain")
        kept = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(self._static[name], media_type=INVENTORY[name].media_type, headers=kept)

    async def _order(self, request: Request) -> Order | None:
        order: Order | None = await self._service.disk(
            self._service.registry.store.by_token, request.path_params["token"]
        )
        return order

    async def _result(self, request: Request, order: Order, merchant: Merchant, language: str) -> Response:
        order = await self._service.owing.settled(order, CAPTURE_WAIT_S)
        way_back = await self._service.shops.way_back(order)
        body, url = result_page(order, merchant, language, way_back), way_back.url
        return respond(request, body, forms_to=[url], leaves=True)

    def _read_card(self, form: dict[str, str]) -> tuple[Card | None, list[str]]:
        """The card, or the fields that are not right."""
        typed = {name: form.get(name, "").translate(_DIGITS) for name in ("pan", "expiry", "cvv2")}
        pan = "".join(typed["pan"].split()).replace("-", "")
        month, _, year = typed["expiry"].replace(" ", "").partition("/")
        cvv2, problems = typed["cvv2"].strip(), []
        if not self._service.is_card(pan):
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
    return order.stage in PAYABLE and time.time() > order.ends_us / 1e6


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


def _api_error(status: int, text: str) -> Response:
    body = make_api_response([("Response", "Error"), ("ProcReturnCode", "99"), ("ErrMsg", text)], [])
    return Response(body, status, media_type="text/xml")


def _named(order: Order) -> dict[str, str]:
    return {"clientid": order.asked.clientid, "oid": order.asked.oid}
