"""A 3DS server by itself, with a page to try authentications: somebody's directory server and ACS are tried against it.

In: a card and an amount, typed; what the bank and the browser bring. Out: what each message said, and what it came to. The one
rule: nothing is paid, and no card's number is shown or kept.
"""

import html
import time
from collections import OrderedDict
from typing import Any, Final

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from switch.core.network import Network
from switch.http.forms import read_form
from switch.http.server import App
from switch.money.currency import CurrencyError, currency, parse_amount
from switch.simulators.cards import EXPIRY
from switch.threeds.acs_pages import origin_of
from switch.threeds.peers import PeerError
from switch.threeds.protocol.encoding import Message, from_form, shown, to_form
from switch.threeds.protocol.errors import VERSION, ErroCode, ProtocolError
from switch.threeds.protocol.messages import check_message, same_id
from switch.threeds.requests import Purchase, Requestor, browser_of, make_areq, make_creq
from switch.threeds.server import RESULTS, ThreeDsServer

_e = html.escape
_KEPT: Final = 100
_RESULT_S: Final = 10.0
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:760px;margin:0 auto;padding:16px}"
    "pre{background:#eef;padding:8px;white-space:pre-wrap;overflow-wrap:anywhere}"
)


class Trial:
    """One authentication: its messages, in order."""

    def __init__(self, asked: Message) -> None:
        self.asked = asked
        self.said: list[str] = [shown(asked)]
        self.answer: Message = {}
        self.result = ""
        self.came = trio.Event()


class TrialSite:
    """The pages of a 3DS server that is tried by hand. `server` is set before it serves."""

    server: ThreeDsServer

    def __init__(self, network: Network, institution: str) -> None:
        """`institution`: the acquirer's."""
        self._network, self._institution = network, institution
        self._trials: OrderedDict[str, Trial] = OrderedDict()

    def app(self) -> App:
        """The application, with the address that results come to."""
        return Starlette(
            routes=[
                Route("/", self.front, methods=["GET"]),
                Route("/try", self.try_card, methods=["POST"]),
                Route("/back", self.back, methods=["POST"]),
                Route(RESULTS, self.server.take, methods=["POST"]),
            ]
        )

    async def front(self, request: Request) -> Response:
        """The form."""
        del request
        ready = "" if self.server.ready else "<p>No card ranges have come yet: is the directory server there?</p>"
        return _page(
            f'{ready}<form method="post" action="/try"><p><label>Card number <input name="pan" autocomplete="off"></label></p>'
            '<p><label>Amount <input name="amount" value="100.00"></label></p><p><label>Currency <input name="currency" '
            'value="504"></label></p><button>Authenticate</button></form>'
        )

    async def try_card(self, request: Request) -> Response:
        """The AReq, and what its ARes says."""
        form = await read_form(request)
        pan = "".join(form.get("pan", "").split())
        try:
            amount = parse_amount(form.get("amount", ""), form.get("currency", ""))
        except CurrencyError as error:
            return _page(f"<p>{_e(str(error))}</p>", status=422)
        if self.server.ready and self.server.range_of(pan) is None:
            return _page("<p>The card is not enrolled: no range of the directory server has it.</p>")
        trial = Trial(self._areq(request, form, pan, amount))
        try:
            trial.answer = await self.server.authenticate(trial.asked)
        except PeerError as error:
            return _page(f"<p>No answer that counts: {_e(str(error))}</p>{_messages(trial)}", status=502)
        trial.said.append(shown(trial.answer))
        self._trials[trial.asked["threeDSServerTransID"].lower()] = trial
        while len(self._trials) > _KEPT:
            self._trials.popitem(last=False)
        if trial.answer["transStatus"] != "C":
            return _page(f"<h2>transStatus {_e(trial.answer['transStatus'])}</h2>{_messages(trial)}")
        creq = make_creq(
            trial.asked["threeDSServerTransID"], trial.answer["acsTransID"], trial.answer["messageVersion"]
        )
        trial.said.append(shown(creq))
        url = trial.answer["acsURL"]
        return _page(
            f'<h2>The bank asks</h2><form method="post" action="{_e(url)}"><input type="hidden" name="creq" '
            f'value="{to_form(creq)}"><button>To the bank</button></form>{_messages(trial)}',
            forms_to=url,
        )

    def _areq(self, request: Request, form: dict[str, str], pan: str, amount: int) -> Message:
        own = self.server.url.removesuffix(RESULTS)
        who = Requestor(
            id="600000001",
            name="Trial",
            url=f"{own}/",
            acquirer=self._institution,
            category="5999",
            country=self._network.country,
        )
        at = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        unit = currency(form["currency"])
        what = Purchase(pan=pan, expiry=EXPIRY, amount=amount, currency=unit.numeric, exponent=unit.exponent, at=at)
        client = request.client.host if request.client is not None else ""
        browser = browser_of(request.headers, client, form)
        url, trans_id = self.server.url, self.server.new_id()
        cards = self.server.range_of(pan)
        return make_areq(
            trans_id, who, what, browser,
            server_url=url, notification_url=f"{own}/back", comp="N", version=cards.version if cards is not None else VERSION,
        )  # fmt: skip

    async def take_result(self, told: Message) -> str:
        """An RReq."""
        trial = self._trials.get(told["threeDSServerTransID"].lower())
        ids = ("acsTransID", "dsTransID")
        if trial is None or not all(same_id(told[name], trial.answer[name]) for name in ids):
            raise ProtocolError(ErroCode.ID_NOT_RECOGNIZED, "threeDSServerTransID,acsTransID,dsTransID", told)
        if trial.result and trial.result != told["transStatus"]:
            raise ProtocolError(ErroCode.DATA_NOT_VALID, "transStatus", told)
        trial.result = told["transStatus"]
        trial.said.append(shown(told))
        trial.came.set()
        return "01"

    async def back(self, request: Request) -> Response:
        """The CRes, and what it comes to with the RReq."""
        form = await read_form(request)
        try:
            message: dict[str, Any] = from_form(form.get("cres", ""))
            trial = self._trials.get(str(message.get("threeDSServerTransID", "")).lower())
            check_message(message, {"CRes"})
        except ProtocolError as error:
            return _page(f"<p>The browser brings no CRes that is right: {_e(str(error))}</p>", status=400)
        if trial is None:
            return _page("<p>The browser is back from nothing that is known here.</p>", status=404)
        with trio.move_on_after(_RESULT_S):
            await trial.came.wait()
        trial.said.append(shown(message))
        agree = trial.result in ("Y", "A") and message["transStatus"] == "Y"
        said = f"RReq {trial.result or 'none within ten seconds'}, CRes {message['transStatus']}"
        return _page(f"<h2>{'Authenticated' if agree else 'Not authenticated'}: {_e(said)}</h2>{_messages(trial)}")


def _messages(trial: Trial) -> str:
    return "".join(f"<pre>{_e(text)}</pre>" for text in trial.said)


def _page(body: str, *, status: int = 200, forms_to: str = "") -> Response:
    target = f" {origin_of(forms_to)}" if forms_to else ""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'{target}; frame-ancestors 'none'; base-uri 'none'"
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>3DS server</title><style>{_STYLE}</style></head><body><h1><a href="/">3DS server</a></h1>{body}</body></html>',
        status,
        headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"},
    )
