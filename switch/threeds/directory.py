"""A directory server: says which cards are enrolled, and passes messages between 3DS servers and access control servers.

In: PReq, AReq of 3DS servers, RReq of access control servers. Out: their answers. The one rule: it decides nothing; it gives each
authentication a name of its own (dsTransID), and remembers by it, through a restart, to whom the result goes.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from switch.core.network import Network
from switch.http.server import App
from switch.threeds.answering import answer_peer
from switch.threeds.keeping import Keeper, KeepingError
from switch.threeds.peers import PeerError, Post, Report, ask
from switch.threeds.protocol.encoding import Message
from switch.threeds.protocol.errors import OLDEST, VERSION, Component, ErroCode, ProtocolError
from switch.threeds.protocol.messages import same_id
from switch.threeds.rules import Rules

REFERENCE: Final = "CMI-SWITCH-DS"
ACS_S: Final = 8.0
"""for an access control server to answer: a 3DS server waits for ten seconds"""
SERVER_S: Final = 8.0
REMEMBERED: Final = 20_000
"""authentications whose result may still come; the oldest are forgotten first"""


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """An AReq that was passed on, and whose cardholder is challenged."""

    ds_trans_id: str
    server_url: str
    trans_id: str
    acs_trans_id: str


class Directory:
    """One directory server."""

    def __init__(
        self, network: Network, post: Post, new_id: Callable[[], str], report: Report, kept: Keeper[Passed]
    ) -> None:
        """`new_id`: makes transaction ids, each another. `kept`: what it has passed on, with what a process before has. The
        network file has a `[threeds]`. Raises KeepingError."""
        if network.threeds is None:
            raise ValueError("the network file has no [threeds]")
        self._url = network.threeds.url
        self._rules = Rules(network)
        self._post, self._new_id, self._report = post, new_id, report
        self._kept = kept
        self._passed = OrderedDict((one.ds_trans_id, one) for one in kept.read())

    def app(self) -> App:
        """The application: everything comes to one address."""
        return Starlette(routes=[Route("/", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        """Any message."""
        answers = {"PReq": self._ranges, "AReq": self._authenticate, "RReq": self._result}
        return await answer_peer(request, answers, Component.DIRECTORY, self._report)

    async def _ranges(self, asked: Message) -> Mapping[str, Any]:
        data = []
        for cards, _ in self._rules.card_ranges():
            data.append(
                {
                    "startRange": cards.low,
                    "endRange": cards.high,
                    "actionInd": "A",
                    "acsStartProtocolVersion": OLDEST,
                    "acsEndProtocolVersion": VERSION,
                    "dsStartProtocolVersion": OLDEST,
                    "dsEndProtocolVersion": VERSION,
                    **({"threeDSMethodURL": cards.method_url} if cards.method_url else {}),
                }
            )
        return {
            "messageType": "PRes",
            "messageVersion": asked["messageVersion"],
            "threeDSServerTransID": asked["threeDSServerTransID"],
            "dsTransID": self._new_id(),
            "cardRangeData": data,
        }

    async def _authenticate(self, asked: Message) -> Mapping[str, Any]:
        own = self._new_id()
        found = self._rules.find(asked["acctNumber"])
        if found is None:
            return self._not_enrolled(asked, own)
        passed = {**asked, "dsTransID": own, "dsReferenceNumber": REFERENCE, "dsURL": self._url}
        try:
            answer = await ask(self._post, f"{found[0].url}/acs", passed, "ARes", ACS_S, Component.DIRECTORY)
        except PeerError as error:
            hint = "is it up, and is its `url` in [[acs]] right? Meanwhile its cards are paid as merchants are set"
            self._report("acs.failed", {"acs": found[0].name, "reason": str(error), "hint": hint})
            code = error.code if error.code is ErroCode.TIMED_OUT else ErroCode.CONNECTION_FAILED
            raise ProtocolError(code, f"ACS {found[0].name}", asked) from None
        if answer["transStatus"] == "C":  # of what is decided already no result comes
            await self._remember(asked, own, answer["acsTransID"])
        return answer

    async def _remember(self, asked: Message, own: str, acs_trans_id: str) -> None:
        """Before the cardholder is sent to the bank. Raises ProtocolError."""
        passed = Passed(
            ds_trans_id=own.lower(),
            server_url=asked["threeDSServerURL"],
            trans_id=asked["threeDSServerTransID"],
            acs_trans_id=acs_trans_id,
        )
        try:
            await self._kept.put(passed.ds_trans_id, passed)
            self._passed[passed.ds_trans_id] = passed
            if len(self._passed) > REMEMBERED:
                oldest, _ = self._passed.popitem(last=False)
                await self._kept.drop([oldest])
        except KeepingError as error:
            hint = "a challenge whose result would have nowhere to go is not begun; make room, or mend the disk"
            self._report("challenge.not_kept", {"id": own, "reason": str(error), "hint": hint})
            raise ProtocolError(ErroCode.TRANSIENT, "dsTransID", asked) from None

    def _not_enrolled(self, asked: Message, own: str) -> Mapping[str, Any]:
        """U with reason 13: nobody authenticates this card. Others answer A in its place; this one has nothing to prove with."""
        return {
            "messageType": "ARes",
            "messageVersion": asked["messageVersion"],
            "threeDSServerTransID": asked["threeDSServerTransID"],
            "acsTransID": self._new_id(),
            "dsTransID": own,
            "acsReferenceNumber": REFERENCE,
            "dsReferenceNumber": REFERENCE,
            "transStatus": "U",
            "transStatusReason": "13",
        }

    async def _result(self, told: Message) -> Mapping[str, Any]:
        passed = self._passed.get(told["dsTransID"].lower())
        if passed is None:
            raise ProtocolError(ErroCode.ID_NOT_RECOGNIZED, "dsTransID", told)
        for name, known in (("threeDSServerTransID", passed.trans_id), ("acsTransID", passed.acs_trans_id)):
            if not same_id(told[name], known):
                raise ProtocolError(ErroCode.ID_NOT_RECOGNIZED, name, told)
        try:
            return await ask(self._post, passed.server_url, told, "RRes", SERVER_S, Component.DIRECTORY)
        except PeerError as error:
            hint = "is the 3DS server up, and reached by the address that it gave? The cardholder is not authenticated"
            self._report("server.failed", {"reason": str(error), "hint": hint})
            code = error.code if error.code is ErroCode.TIMED_OUT else ErroCode.CONNECTION_FAILED
            raise ProtocolError(code, "3DS server", told) from None
