"""Challenges of an access control server: a one-time code, and how each comes to one result.

In: an AReq that is challenged; what its cardholder does; time. Out: one RReq for each, delivered before its CRes leaves. The one
rule: a challenge ends once, whoever ends it: the right code, too many wrong ones, the cardholder, the clock.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import trio

from switch.threeds.peers import PeerError, Post, Report, ask
from switch.threeds.protocol.encoding import Message
from switch.threeds.protocol.errors import Component

DIGITS: Final = 6
CODE_BY_SMS: Final = "02"
"""authenticationType: dynamic"""


class ChallengeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a challenge may take."""

    first_s: float = 30.0
    """for the browser to come with its CReq"""
    idle_s: float = 600.0
    """for the cardholder, each time"""
    codes: int = 3
    """that may be typed"""
    messages: int = 3
    """with a code, to one cardholder"""
    result_s: float = 10.0
    """for the directory server to acknowledge the result"""
    kept: int = 10_000
    """challenges remembered; the oldest are forgotten first"""


class Challenge:
    """One. Lives in memory: a server that is killed has forgotten it, and nobody is authenticated by it."""

    def __init__(self, asked: Message, ids: dict[str, str], proof: dict[str, str], token: str, until: float) -> None:
        """`proof`: the elements of a result that says yes. `token`: of its page. No card's number is kept."""
        self.asked, self.ids, self.proof, self.token, self.until = asked, ids, proof, token, until
        self.session_data = ""
        self.code = ""
        self.messages = self.tries = 0
        self.begun = False
        self.status = ""
        """"" as long as it has not ended; then that of the result"""
        self.agreed = False
        """the result is yes, and was acknowledged"""
        self.delivered = trio.Event()
        """the result has been sent, and answered or given up"""


class Challenges:
    """All of one server."""

    def __init__(
        self,
        post: Post,
        send_code: Callable[[Challenge], None],
        draw: Callable[[int], int],
        report: Report,
        limits: ChallengeLimits,
    ) -> None:
        """`send_code`: brings `challenge.code` to the cardholder. `draw`: a number below another, at random."""
        self._post, self._send_code, self._draw, self._report = post, send_code, draw, report
        self.limits = limits
        self._by_id: OrderedDict[str, Challenge] = OrderedDict()
        self._by_token: dict[str, Challenge] = {}

    def add(self, challenge: Challenge) -> None:
        """A new one, which waits for its browser."""
        self._by_id[challenge.ids["acsTransID"].lower()] = self._by_token[challenge.token] = challenge
        while len(self._by_id) > self.limits.kept:
            _, oldest = self._by_id.popitem(last=False)
            del self._by_token[oldest.token]

    def find(self, acs_trans_id: str) -> Challenge | None:
        """By the id that the server gave it, in either case of letters."""
        return self._by_id.get(acs_trans_id.lower())

    def of_page(self, token: str) -> Challenge | None:
        """By the address of its page."""
        return self._by_token.get(token)

    def begin(self, challenge: Challenge, session_data: str, now: float) -> None:
        """The browser is there. Once more, by a reload, begins nothing anew."""
        if challenge.begun or challenge.status:
            return
        challenge.begun, challenge.session_data = True, session_data
        self.send_code(challenge, now)

    def send_code(self, challenge: Challenge, now: float) -> bool:
        """A fresh code. False: so many were sent already."""
        challenge.until = now + self.limits.idle_s
        if challenge.messages >= self.limits.messages:
            return False
        challenge.messages += 1
        challenge.code = f"{self._draw(10**DIGITS):0{DIGITS}d}"
        self._send_code(challenge)
        return True

    async def try_code(self, challenge: Challenge, typed: str, now: float) -> bool:
        """Is it right, or were these all that may be typed? Then the challenge has ended."""
        challenge.until = now + self.limits.idle_s
        challenge.tries += 1
        text = "".join(typed.split())
        if text.isascii() and hmac.compare_digest(text, challenge.code):
            await self.end(challenge, "Y")
        elif challenge.tries >= self.limits.codes:
            await self.end(challenge, "N", "19")
        return bool(challenge.status)

    async def end(self, challenge: Challenge, status: str, reason: str = "", cancel: str = "") -> None:
        """Send the result, and wait until it is acknowledged. Ended by another already: wait for that."""
        if challenge.status:
            await challenge.delivered.wait()
            return
        challenge.status = status
        told: dict[str, Any] = {
            "messageType": "RReq",
            "messageVersion": challenge.asked["messageVersion"],
            **challenge.ids,
            "messageCategory": challenge.asked["messageCategory"],
            "transStatus": status,
            "interactionCounter": f"{min(challenge.tries, 99):02d}",
            "authenticationType": CODE_BY_SMS,
            **(challenge.proof if status == "Y" else {}),
            **({"transStatusReason": reason} if reason else {}),
            **({"challengeCancel": cancel} if cancel else {}),
        }
        try:
            with trio.CancelScope(shield=True):
                url = challenge.asked["dsURL"]
                await ask(self._post, url, told, "RRes", self.limits.result_s, Component.ACS)
            challenge.agreed = status == "Y"
        except PeerError as error:
            hint = "nobody was told of the result: the cardholder is not authenticated"
            self._report("result.failed", {"reason": str(error), "hint": hint})
        finally:
            challenge.code, challenge.proof = "", {}
            challenge.delivered.set()

    def overdue(self, now: float) -> Iterator[Challenge]:
        """Those whose time is up."""
        return (one for one in list(self._by_id.values()) if not one.status and one.until <= now)

    async def run(self) -> None:
        """End those whose time is up. Until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                for one in self.overdue(trio.current_time()):
                    nursery.start_soon(self.end, one, "N", "14", "04" if one.begun else "05")
                await trio.sleep(0.5)
