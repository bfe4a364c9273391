"""Challenges of an access control server: a one-time code, and how each comes to one result.

In: an AReq that is challenged; what its cardholder does; time. Out: one RReq for each, delivered before its CRes leaves. The one
rule: a challenge ends once, whoever ends it: the right code, too many wrong ones, the cardholder, the clock; and what it has come
to is durable before anybody hears of it: a server that was killed goes on, and says nothing else than before.
"""

import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec
import trio

from switch.threeds.keeping import Keeper, KeepingError
from switch.threeds.peers import PeerError, Post, Report, ask
from switch.threeds.protocol.errors import Component

DIGITS: Final = 6
CODE_BY_SMS: Final = "02"
"""authenticationType: dynamic"""
_FAILED: Final = "22"
"""transStatusReason: the access control server itself"""


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
    ended_s: float = 3_600.0
    """that the way back of one that has ended is shown to a browser that comes late"""
    kept: int = 10_000
    """challenges remembered; the oldest are forgotten first"""


class Challenge(msgspec.Struct, kw_only=True):
    """One, as it is kept. No card's number is in it; its code and its proof are gone once it has ended."""

    asked: dict[str, Any]
    """the AReq, its card masked"""
    ids: dict[str, str]
    proof: dict[str, str]
    """the elements of a result that says yes"""
    token: str
    """of its page"""
    until_s: float
    """since 1970: a restart of the machine may lie between"""
    session_data: str = ""
    code: str = ""
    messages: int = 0
    tries: int = 0
    begun: bool = False
    status: str = ""
    """"" as long as it has not ended; then that of the result"""
    reason: str = ""
    cancel: str = ""
    agreed: bool = False
    """the result is yes, and was acknowledged"""
    delivered: bool = False
    """the result has been sent, and answered or given up"""

    @property
    def key(self) -> str:
        """What it is found by, in either case of letters."""
        return self.ids["acsTransID"].lower()

    def result(self) -> dict[str, Any]:
        """The RReq."""
        return {
            "messageType": "RReq",
            "messageVersion": self.asked["messageVersion"],
            **self.ids,
            "messageCategory": self.asked["messageCategory"],
            "transStatus": self.status,
            "interactionCounter": f"{min(self.tries, 99):02d}",
            "authenticationType": CODE_BY_SMS,
            **(self.proof if self.status == "Y" else {}),
            **({"transStatusReason": self.reason} if self.reason else {}),
            **({"challengeCancel": self.cancel} if self.cancel else {}),
        }


class Challenges:
    """All of one server."""

    def __init__(
        self,
        post: Post,
        send_code: Callable[[Challenge], None],
        draw: Callable[[int], int],
        report: Report,
        limits: ChallengeLimits,
        kept: Keeper[Challenge],
        clock: Callable[[], float],
    ) -> None:
        """`send_code`: brings `challenge.code` to the cardholder. `draw`: a number below another, at random. `clock`: seconds
        since 1970. Raises KeepingError."""
        self._post, self._send_code, self._draw, self._report = post, send_code, draw, report
        self.limits = limits
        self._kept, self._clock = kept, clock
        self._by_id: OrderedDict[str, Challenge] = OrderedDict()
        self._by_token: dict[str, Challenge] = {}
        self._delivered: dict[str, trio.Event] = {}
        """of those whose result is on its way"""
        for challenge in kept.read():
            self._remember(challenge)

    async def add(self, challenge: Challenge) -> bool:
        """A new one, which waits for its browser. False: it cannot be kept, which is reported."""
        if not await self._keep(challenge):
            return False
        self._remember(challenge)
        if len(self._by_id) > self.limits.kept:
            await self._forget([next(iter(self._by_id.values()))])
        return True

    def _remember(self, challenge: Challenge) -> None:
        self._by_id[challenge.key] = self._by_token[challenge.token] = challenge

    def find(self, acs_trans_id: str) -> Challenge | None:
        """By the id that the server gave it, in either case of letters."""
        return self._by_id.get(acs_trans_id.lower())

    def of_page(self, token: str) -> Challenge | None:
        """By the address of its page."""
        return self._by_token.get(token)

    def due_at(self, seconds: float) -> float:
        """The moment that is so far from now, as a challenge has it."""
        return self._clock() + seconds

    async def begin(self, challenge: Challenge, session_data: str) -> None:
        """The browser is there. Once more, by a reload, begins nothing anew."""
        if challenge.begun or challenge.status:
            return
        challenge.begun, challenge.session_data = True, session_data
        await self.send_code(challenge)

    async def send_code(self, challenge: Challenge) -> bool:
        """A fresh code. False: so many were sent already."""
        challenge.until_s = self.due_at(self.limits.idle_s)
        if challenge.messages >= self.limits.messages:
            return False
        challenge.messages += 1
        challenge.code = f"{self._draw(10**DIGITS):0{DIGITS}d}"
        if await self._keep(challenge):
            self._send_code(challenge)
        else:
            await self.end(challenge, "N", _FAILED)
        return True

    async def try_code(self, challenge: Challenge, typed: str) -> bool:
        """Is it right, or were these all that may be typed? Then the challenge has ended."""
        challenge.until_s = self.due_at(self.limits.idle_s)
        challenge.tries += 1
        text = "".join(typed.split())
        if challenge.code and text.isascii() and hmac.compare_digest(text, challenge.code):
            await self.end(challenge, "Y")
        elif challenge.tries >= self.limits.codes:
            await self.end(challenge, "N", "19")
        elif not await self._keep(challenge):  # a restart would forget this try
            await self.end(challenge, "N", _FAILED)
        return bool(challenge.status)

    async def end(self, challenge: Challenge, status: str, reason: str = "", cancel: str = "") -> None:
        """Send the result, and wait until it is acknowledged. Ended by another already: wait for that."""
        if challenge.status:
            await self.delivery(challenge)
            return
        challenge.status, challenge.reason, challenge.cancel = status, reason, cancel
        self._delivered[challenge.key] = trio.Event()
        with trio.CancelScope(shield=True):
            if not await self._keep(challenge) and status == "Y":  # what a restart would not know is not said
                challenge.status, challenge.reason = "N", _FAILED
            await self._deliver(challenge)

    async def delivery(self, challenge: Challenge) -> None:
        """Wait until the result of one that has ended has been answered or given up."""
        if not challenge.delivered:
            await self._delivered[challenge.key].wait()

    async def _deliver(self, challenge: Challenge) -> None:
        try:
            url = challenge.asked["dsURL"]
            await ask(self._post, url, challenge.result(), "RRes", self.limits.result_s, Component.ACS)
            challenge.agreed = challenge.status == "Y"
        except PeerError as error:
            hint = "nobody was told of the result: the cardholder is not authenticated"
            self._report("result.failed", {"reason": str(error), "hint": hint})
        challenge.code, challenge.proof, challenge.delivered = "", {}, True
        challenge.until_s = self.due_at(self.limits.ended_s)
        await self._keep(challenge)  # else a restart tells it again, which is acknowledged again
        self._delivered.pop(challenge.key).set()

    async def _keep(self, challenge: Challenge) -> bool:
        try:
            await self._kept.put(challenge.key, challenge)
        except KeepingError as error:
            hint = "a challenge that cannot be kept ends without a yes; make room, or mend the disk"
            self._report("challenge.not_kept", {"id": challenge.key, "reason": str(error), "hint": hint})
            return False
        return True

    async def _forget(self, challenges: list[Challenge]) -> None:
        for one in challenges:
            del self._by_id[one.key], self._by_token[one.token]
        try:
            await self._kept.drop([one.key for one in challenges])
        except KeepingError as error:
            self._report(
                "challenge.not_kept",
                {"reason": str(error), "hint": "old challenges stay in the file until it can be written"},
            )

    async def _take_up(self, nursery: trio.Nursery) -> None:
        """Go on with what a process before has left: results that may not have arrived are told again."""
        told = [one for one in self._by_id.values() if one.status and not one.delivered]
        waiting = sum(not one.status for one in self._by_id.values())
        if told or waiting:
            hint = "cardholders may go on; results that may not have arrived are told again"
            self._report("challenges.resumed", {"waiting": waiting, "told_again": len(told), "hint": hint})
        for one in told:
            self._delivered[one.key] = trio.Event()
            nursery.start_soon(self._deliver, one)

    async def run(self) -> None:
        """Go on where a process before has stopped, end those whose time is up, forget those that ended long ago. Until
        cancelled."""
        async with trio.open_nursery() as nursery:
            await self._take_up(nursery)
            while True:
                over = [one for one in self._by_id.values() if one.until_s <= self._clock()]
                for one in over:
                    if not one.status:
                        nursery.start_soon(self.end, one, "N", "14", "04" if one.begun else "05")
                if long_ago := [one for one in over if one.delivered]:
                    await self._forget(long_ago)
                await trio.sleep(0.5)
