"""The 3DS server: knows which cards are enrolled, asks a directory server, and takes the results of challenges.

In: cards, AReqs; RReqs from the directory server. Out: AReses, results handed on. The one rule: it keeps nothing of an
authentication; whoever asks for one keeps it, and is handed each result before the RRes says that it came.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from switch.http.server import App
from switch.threeds.answering import answer_peer
from switch.threeds.peers import PeerError, Post, Report, ask
from switch.threeds.protocol.encoding import Message
from switch.threeds.protocol.errors import VERSION, VERSIONS, Component
from switch.threeds.requests import REFERENCE
from switch.threeds.rules import CardRange

RESULTS: Final = "/3ds/results"
ANSWER_S: Final = 10.0
RANGES_S: Final = 3_600.0
RANGES_AGAIN_S: Final = 5.0
Results = Callable[[Message], Awaitable[str]]
"""an RReq -> resultsStatus, once the result is durable; raises ProtocolError 301 where nobody waits for it"""


def common_version(cards: Mapping[str, Any]) -> str:
    """The newest version that a range's server speaks, and this one; "": there is none."""
    low, high = (_numbers(cards[f"acs{end}ProtocolVersion"]) for end in ("Start", "End"))
    return next((version for version in reversed(VERSIONS) if low <= _numbers(version) <= high), "")


def _numbers(version: str) -> list[int]:
    return [int(part) if part.isascii() and part.isdecimal() else 0 for part in version.split(".")]


class ThreeDsServer:
    """One 3DS server."""

    def __init__(
        self, directory: str, own_url: str, post: Post, new_id: Callable[[], str], results: Results, report: Report
    ) -> None:
        """`directory`: the directory server's address. `own_url`: where this one is reached. `new_id`: makes transaction ids."""
        self._directory, self.url = directory, own_url.rstrip("/").removesuffix(RESULTS) + RESULTS
        self._post, self.new_id, self._results, self._report = post, new_id, results, report
        self._ranges: list[CardRange] | None = None
        self._said = ""
        """why ranges did not come the last time; "": they did"""

    def app(self) -> App:
        """What the directory server posts to."""
        return Starlette(routes=[Route(RESULTS, self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        """An RReq."""
        return await answer_peer(request, {"RReq": self._result}, Component.SERVER, self._report)

    async def _result(self, told: Message) -> Mapping[str, Any]:
        status = await self._results(told)
        return {
            "messageType": "RRes",
            "messageVersion": told["messageVersion"],
            "threeDSServerTransID": told["threeDSServerTransID"],
            "acsTransID": told["acsTransID"],
            "dsTransID": told["dsTransID"],
            "resultsStatus": status,
        }

    @property
    def ready(self) -> bool:
        """Have the card ranges come?"""
        return self._ranges is not None

    def range_of(self, pan: str) -> CardRange | None:
        """Where the card is enrolled; None: nowhere."""
        return next((cards for cards in self._ranges or () if cards.holds(pan)), None)

    async def fetch_ranges(self) -> bool:
        """Ask for the card ranges; False: there is no answer, which is reported once for each reason."""
        asked = {
            "messageType": "PReq",
            "messageVersion": VERSION,
            "threeDSServerTransID": self.new_id(),
            "threeDSServerRefNumber": REFERENCE,
        }
        try:
            told = await ask(self._post, self._directory, asked, "PRes", ANSWER_S, Component.SERVER)
        except PeerError as error:
            if str(error) != self._said:
                self._said = str(error)
                hint = (
                    f"is the directory server up? Asked again every {RANGES_AGAIN_S:.0f} s; meanwhile the ranges that came "
                    "last hold, and where none have come no cardholder is authenticated"
                )
                self._report("ranges.failed", {"reason": self._said, "hint": hint})
            return False
        self._said = ""
        self._ranges = [
            CardRange(
                low=one["startRange"], high=one["endRange"], method_url=one.get("threeDSMethodURL", ""), version=version
            )
            for one in told.get("cardRangeData", ())
            if one.get("actionInd") != "D" and (version := common_version(one))
        ]
        return True

    async def run(self) -> None:
        """Keep the card ranges fresh. Until cancelled."""
        while True:
            came = await self.fetch_ranges()
            await trio.sleep(RANGES_S if came else RANGES_AGAIN_S)

    async def authenticate(self, asked: Message) -> Message:
        """The ARes. Raises PeerError."""
        return await ask(self._post, self._directory, asked, "ARes", ANSWER_S, Component.SERVER)
