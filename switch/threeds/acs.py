"""An access control server: answers AReqs as its issuers say, asks cardholders for a code, tells the result.

In: AReq from a directory server; browsers with threeDSMethodData, a CReq, a code. Out: ARes, pages, RReq, CRes. The one rule:
what a browser says decides nothing but its own challenge; the result goes by RReq first, and the CRes says no more than that.
"""

import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from switch.core.authentication import AccessControl
from switch.core.network import Network
from switch.http.forms import read_form
from switch.http.listening import is_direct, is_loopback
from switch.http.server import App
from switch.money.currency import format_amount
from switch.threeds.acs_pages import (
    SCRIPT,
    STYLE,
    challenge_page,
    onward_page,
    origin_of,
    phone_page,
    result_fields,
    unknown_page,
)
from switch.threeds.answering import answer_peer
from switch.threeds.challenges import CODE_BY_SMS, Challenge, ChallengeLimits, Challenges
from switch.threeds.deciding import decide
from switch.threeds.keeping import Keeper
from switch.threeds.peers import Post, Report
from switch.threeds.protocol import forms
from switch.threeds.protocol.encoding import Message, from_form, to_form
from switch.threeds.protocol.errors import Component, ErroCode, ProtocolError
from switch.threeds.protocol.messages import check_message, same_id
from switch.threeds.protocol.statuses import Status, eci_of
from switch.threeds.proving import NotProvedError, Prover
from switch.threeds.rules import Rules
from switch.wire.vocabulary import mask_pan

REFERENCE: Final = "CMI-SWITCH-ACS"
_LANGUAGES: Final = ("fr", "ar", "en")
_SHOWN: Final = 20
_KEPT: Final = (
    "messageVersion",
    "messageCategory",
    "dsURL",
    "notificationURL",
    "threeDSRequestorURL",
    "browserLanguage",
    "merchantName",
    "purchaseAmount",
    "purchaseCurrency",
    "purchaseDate",
)
"""elements of an AReq that its challenge needs: nothing else of it goes to the disk"""
_PROVES: Final = {"Y": "05", "C": "05", "A": "06"}


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """What an access control server reaches the world by."""

    post: Post
    report: Report
    new_id: Callable[[], str]
    """makes transaction ids"""
    sms: Callable[[str], None]
    """shows a message to whoever stands for the cardholders"""
    clock: Callable[[], float]
    """seconds since 1970"""


class Acs:
    """One access control server."""

    def __init__(
        self,
        network: Network,
        acs: AccessControl,
        prover: Prover,
        outside: Outside,
        kept: Keeper[Challenge],
        *,
        style: bytes,
        limits: ChallengeLimits | None = None,
    ) -> None:
        """`kept`: its challenges, with those of a process before. `style`: of its pages. Raises KeepingError."""
        self._network, self._acs, self._prover, self._report = network, acs, prover, outside.report
        self._rules = Rules(network)
        self._new_id, self._sms, self._style = outside.new_id, outside.sms, style
        self._said: deque[str] = deque(maxlen=_SHOWN)
        self.challenges = Challenges(
            outside.post, self._send_code, prover.draw, outside.report, limits or ChallengeLimits(), kept, outside.clock
        )
        titles = {member.name: member.title for member in network.members}
        self._bank = " · ".join(titles.get(issuer, issuer.capitalize()) for issuer in acs.issuers)

    def app(self) -> App:
        """The application."""
        return Starlette(
            routes=[
                Route("/acs", self.take, methods=["POST"]),
                Route("/method", self.method, methods=["POST"]),
                Route("/challenge", self.begin, methods=["POST"]),
                Route("/challenge/{token}", self.show, methods=["GET"]),
                Route("/challenge/{token}", self.act, methods=["POST"]),
                Route("/phone", self.phone, methods=["GET"]),
                Route("/static/page.css", self.style, methods=["GET"]),
                Route("/static/page.js", self.script, methods=["GET"]),
            ]
        )

    # -- the directory server

    async def take(self, request: Request) -> Response:
        """An AReq."""
        return await answer_peer(request, {"AReq": self._authenticate}, Component.ACS, self._report)

    async def _authenticate(self, asked: Message) -> Mapping[str, Any]:
        lacking = [name for name in ("dsTransID", "dsReferenceNumber", "dsURL") if name not in asked]
        if lacking:
            raise ProtocolError(ErroCode.ELEMENT_MISSING, ",".join(lacking), asked)
        found = self._rules.find(asked["acctNumber"])
        ids = {
            "threeDSServerTransID": asked["threeDSServerTransID"],
            "acsTransID": self._new_id(),
            "dsTransID": asked["dsTransID"],
        }
        known = found is not None and found[0].name == self._acs.name
        status, reason = decide(found[1], asked, self._network.currency) if found and known else ("U", "08")
        proof = self._prove(asked, status)
        if status in _PROVES and not proof:
            status, reason = "U", "22"
        answer: dict[str, Any] = {
            "messageType": "ARes",
            "messageVersion": asked["messageVersion"],
            **ids,
            "acsReferenceNumber": REFERENCE,
            "acsOperatorID": self._acs.name[:32],
            "dsReferenceNumber": asked["dsReferenceNumber"],
            "transStatus": status,
        }
        if status == "C":
            if await self.challenges.add(self._challenge(asked, ids, proof)):
                url = f"{self._acs.url}/challenge"
                return answer | {"acsURL": url, "acsChallengeMandated": "Y", "authenticationType": CODE_BY_SMS}
            return answer | {"transStatus": "U", "transStatusReason": "22"}
        return answer | proof | ({"transStatusReason": reason} if reason else {})

    def _challenge(self, asked: Message, ids: dict[str, str], proof: dict[str, str]) -> Challenge:
        until_s = self.challenges.due_at(self.challenges.limits.first_s)
        kept = {name: asked[name] for name in _KEPT if name in asked} | {"acctNumber": mask_pan(asked["acctNumber"])}
        return Challenge(asked=kept, ids=ids, proof=proof, token=secrets.token_urlsafe(24), until_s=until_s)

    def _prove(self, asked: Message, status: str) -> dict[str, str]:
        """What a yes carries; nothing where nothing is proved, or nothing can be."""
        if status not in _PROVES:
            return {}
        pan = asked["acctNumber"]
        scheme = self._rules.scheme_of(pan)
        try:
            value = self._prover.prove(pan, scheme, asked.get("merchantName", ""), _PROVES[status])
        except NotProvedError as error:
            self._report("proof.failed", {"reason": str(error), "hint": "the cardholder is told to be unavailable"})
            return {}
        meant = Status.ATTEMPTED if status == "A" else Status.AUTHENTICATED
        return {"authenticationValue": value, "eci": eci_of(scheme, meant)}

    def _send_code(self, challenge: Challenge) -> None:
        asked = challenge.asked
        amount = format_amount(int(asked.get("purchaseAmount", "0")), asked.get("purchaseCurrency", "504"))
        text = f"{self._bank}: {challenge.code} confirms {amount} to {asked.get('merchantName', '')}, card {asked['acctNumber']}"
        self._said.appendleft(text)
        self._sms(text)

    # -- browsers

    async def method(self, request: Request) -> Response:
        """3DS Method: the browser was looked at (here: it was there), and goes back."""
        fields = await read_form(request)
        try:
            data = from_form(fields.get("threeDSMethodData", ""))
        except ProtocolError:
            data = {}
        url, trans_id = data.get("threeDSMethodNotificationURL"), data.get("threeDSServerTransID")
        if not forms.url(256)(url) or not forms.uuid(trans_id):
            return self._page(unknown_page(self._bank, "en"), status=400)
        fields_back = [("threeDSMethodData", to_form({"threeDSServerTransID": trans_id}))]
        return self._page(onward_page(self._bank, "en", str(url), fields_back), about=[str(url)], leaves=True)

    async def begin(self, request: Request) -> Response:
        """A CReq: the challenge's page."""
        fields = await read_form(request)
        session = fields.get("threeDSSessionData", "")
        try:
            message = check_message(from_form(fields.get("creq", "")), {"CReq"})
        except ProtocolError as error:
            self._report("message.refused", {"type": "CReq", "reason": str(error)})
            return self._page(unknown_page(self._bank, "fr"), status=400)
        challenge = self.challenges.find(message["acsTransID"])
        if (
            challenge is None
            or not same_id(message["threeDSServerTransID"], challenge.ids["threeDSServerTransID"])
            or not forms.base64url(1_024)(session)
        ):
            hint = "the server has ended since, or the CReq is of another authentication"
            self._report("challenge.unknown", {"id": message["acsTransID"], "hint": hint})
            return self._page(unknown_page(self._bank, "fr"), status=404)
        if message.get("challengeCancel"):
            await self.challenges.end(challenge, "N", "01", "01")
        await self.challenges.begin(challenge, session)
        return await self._current(challenge, _spoken(challenge.asked))

    async def show(self, request: Request) -> Response:
        """The same page, in another language or loaded again."""
        challenge = self.challenges.of_page(request.path_params["token"])
        language = _chosen(request.query_params.get("lang", ""), "fr")
        if challenge is None:
            return self._page(unknown_page(self._bank, language), status=404)
        return await self._current(challenge, language)

    async def act(self, request: Request) -> Response:
        """A code, a wish for another, or no."""
        challenge = self.challenges.of_page(request.path_params["token"])
        fields = await read_form(request)
        language = _chosen(fields.get("lang", ""), "fr")
        if challenge is None:
            return self._page(unknown_page(self._bank, language), status=404)
        wish = fields.get("do", "confirm")
        if wish == "cancel":
            await self.challenges.end(challenge, "N", "01", "01")
        elif challenge.status:
            pass  # however it ended: the way back
        elif wish == "again":
            no_more = not await self.challenges.send_code(challenge)
            return await self._current(challenge, language, no_more=no_more)
        elif not await self.challenges.try_code(challenge, fields.get("code", "")):
            return await self._current(challenge, language, wrong=True)
        return await self._current(challenge, language)

    async def phone(self, request: Request) -> Response:
        """The newest messages, for whoever plays the cardholder, on this machine and by no proxy; where others' browsers come,
        there is no such page."""
        if not has_phone(self._acs):
            return Response("not found\n", 404, media_type="text/plain")
        client = request.client.host if request.client is not None else ""
        host, version = request.headers.get("host", ""), request.scope["http_version"]
        if not is_direct(client, host, version, request.headers.keys()):
            return Response("only on loopback, and by no proxy\n", 403, media_type="text/plain")
        return self._page(phone_page(self._bank, self._said))

    async def style(self, request: Request) -> Response:
        """The style."""
        del request
        return Response(self._style + STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    async def script(self, request: Request) -> Response:
        """The script."""
        del request
        return Response(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})

    async def _current(
        self, challenge: Challenge, language: str, *, wrong: bool = False, no_more: bool = False
    ) -> Response:
        """The page of a challenge as it stands; once it has ended, the way back."""
        asked = challenge.asked
        about = [asked["notificationURL"], asked["threeDSRequestorURL"]]
        if challenge.status:
            await self.challenges.delivery(challenge)
            body = onward_page(self._bank, language, asked["notificationURL"], result_fields(challenge))
            return self._page(body, about=about, leaves=True)
        body = challenge_page(challenge, self._bank, language, wrong=wrong, no_more=no_more)
        return self._page(body, about=about, status=422 if wrong else 200)

    def _page(self, body: str, *, status: int = 200, about: list[str] | None = None, leaves: bool = False) -> Response:
        """`about`: addresses of the shop's side, which may frame the page, and of which the first is where it leads. `leaves`:
        its form goes there, and may be redirected to others of that side, which browsers ask of the policy, too."""
        origins = [origin_of(url) for url in about or []]
        framers = " ".join(dict.fromkeys(origins)) or "'none'"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; "
            f"form-action 'self' {' '.join(origins[:1])}{' https:' if leaves else ''}; frame-ancestors {framers}"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(body, status, headers=headers)


def has_phone(acs: AccessControl) -> bool:
    """Does it show its codes on a page? Only where browsers of this machine alone can come to it."""
    return is_loopback(urlsplit(acs.url).hostname or "")


def _chosen(language: str, otherwise: str) -> str:
    return language if language in _LANGUAGES else otherwise


def _spoken(asked: Message) -> str:
    """The browser's first language that the page has."""
    found = re.match(r"[A-Za-z]{2}", asked.get("browserLanguage", ""))
    return _chosen(found[0].lower() if found is not None else "", "fr")
