"""The gateway's calls to merchants' servers: the one that decides about an approval, and those that only inform.

In: orders. Out: a decision, or a call that is tried until it is answered, for two days or so. The one rule: an approval is kept
only by `ACTION=POSTAUTH` or `APPROVED`, said with status 200 to the first callback; whatever is said later changes nothing.
"""

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import msgspec

from switch.gateway.merchants import Registry
from switch.gateway.orders.lifecycle import GOOD, UNDER_WAY, Stage
from switch.gateway.orders.order import Call, CallState, Merchant, Order
from switch.gateway.outcomes import named, result_of
from switch.gateway.protocol import maroc_telecommerce
from switch.gateway.protocol.answers import Decision, answer_fields, decide, why_not
from switch.gateway.protocol.fields import Pairs
from switch.gateway.protocol.hashes import sign_answer
from switch.http.client import CallError, Reply

Report = Callable[[str, dict[str, object]], None]
Post = Callable[[str, Pairs, tuple[str, ...], str], Awaitable[Reply]]
"""address, form, the merchant's hosts, charset -> the answer; raises CallError"""
CALL_AGAIN_S: Final = (10.0, 60.0, 600.0, 3_600.0, 21_600.0)
"""between tries of a callback that informs; then it is dead, until somebody has it sent again"""
CALLS_AT_ONCE, CALLS_PER_SHOP = 16, 4
"""so that a shop whose server does not answer holds up its own calls, and nobody else's"""


class WayBack(NamedTuple):
    """The form that takes a customer back to the shop."""

    method: str
    url: str
    fields: Pairs


class Shops:
    """The merchants' servers of one gateway."""

    def __init__(self, registry: Registry, post: Post, disk: Callable[..., Any], report: Report) -> None:
        """`post`: makes a call. `disk`: awaits a method of the store."""
        self._registry = registry
        self._post = post
        self._disk = disk
        self._report = report
        self._calling: dict[int, str] = {}
        """number of a call that is being made -> its merchant"""

    async def decision(self, order: Order, *, again: bool = False) -> Decision:
        """What the shop says to an approval. `again`: it may have been asked before, and what it said is not known."""
        decision, said = await self._decision(order, again=again)
        await self._disk(self._registry.store.add_decision, order, now_us(), f"{decision}: {said}")
        return decision

    async def _decision(self, order: Order, *, again: bool) -> tuple[Decision, str]:
        """The decision, and why."""
        try:
            merchant = await self.merchant(order.asked.clientid)
            pairs = await self.answer(order, to_server=True)
            reply = await self._post(order.asked.callback_url, pairs, merchant.hosts, order.charset)
        except CallError as error:
            return self._not_kept(order, "callback.failed", str(error))
        if reply.status != 200:
            return self._not_kept(order, "callback.failed", f"answered {reply.status}, expected 200")
        older = order.version == maroc_telecommerce.VERSION
        decision = maroc_telecommerce.decide(reply.text, order.asked.oid) if older else decide(reply.text)
        if decision is Decision.REVERSE and older and again:
            return self._left_to_the_merchant(order)
        if decision is Decision.REVERSE:
            said = "the answer is no acceptance of this cart" if older else why_not(reply.text)
            return self._not_kept(order, "callback.refused", said)
        return decision, "answered 200"

    def _not_kept(self, order: Order, event: str, reason: str) -> tuple[Decision, str]:
        hint = "the payment is reversed: only ACTION=POSTAUTH or APPROVED, alone and with status 200, keeps it"
        self._report(event, {**named(order), "reason": reason, "hint": hint})
        return Decision.REVERSE, reason

    def _left_to_the_merchant(self, order: Order) -> tuple[Decision, str]:
        """Such shops refuse what they have accepted before, and there is no call that would tell them of a reversal."""
        hint = "it may have accepted the first confirmation, and is left to decide: the payment is held, capture or void it"
        reason = "refused when it was asked again"
        self._report("callback.refused", {**named(order), "reason": reason, "hint": hint})
        return Decision.HOLD, reason

    async def inform(self, order: Order) -> None:
        """A callback that decides nothing is owed to the shop; the older protocol has none."""
        if order.asked.callback_url and order.version != maroc_telecommerce.VERSION:
            await self._disk(self._registry.store.add_call, order, now_us())

    async def due(self, now_us: int) -> list[Call]:
        """Calls to be made now, each once, so many at a time, and so many of one shop."""
        made = Counter(self._calling.values())
        busy = [shop for shop, count in made.items() if count >= CALLS_PER_SHOP]
        chosen: list[Call] = []
        for shop, call in await self._disk(self._registry.store.due_calls, now_us, busy):
            room = len(self._calling) < CALLS_AT_ONCE and made[shop] < CALLS_PER_SHOP
            if room and call.number not in self._calling:
                made[shop] += 1
                self._calling[call.number] = shop
                chosen.append(call)
        return chosen

    async def call(self, call: Call) -> None:
        """Try one of those that are due."""
        try:
            await self._tell(call)
        finally:
            del self._calling[call.number]

    async def _tell(self, call: Call) -> None:
        order = await self._disk(self._registry.store.by_number, call.order)
        if order.stage in UNDER_WAY or order.stage is Stage.AUTHENTICATING:
            return  # another card is being tried: there is nothing to tell before it has an outcome
        merchant = await self.merchant(order.asked.clientid)
        try:
            pairs = await self.answer(order, to_server=True)
            reply = await self._post(order.asked.callback_url, pairs, merchant.hosts, order.charset)
            said = f"answered {reply.status}"
            done = reply.status == 200
        except CallError as error:
            said, done = str(error), False
        tries = call.tries + 1
        dead = tries > len(CALL_AGAIN_S)
        state = CallState.DONE if done else CallState.DEAD if dead else CallState.DUE
        due = call.due_us if done or dead else now_us() + int(CALL_AGAIN_S[tries - 1] * 1e6)
        changed = msgspec.structs.replace(call, tries=tries, said=said, state=state, due_us=due)
        await self._disk(self._registry.store.change_call, changed)
        if not done:
            again = f"given up; `cmi-switch merchant calls --resend {call.number}` sends it again"
            hint = again if dead else "sent again later"
            self._report("callback.failed", {**named(order), "reason": said, "tries": tries, "hint": hint})

    async def merchant(self, clientid: str) -> Merchant:
        """LookupError: there is none."""
        found: Merchant | None = await self._disk(self._registry.store.merchant, clientid)
        if found is None:
            raise LookupError(f"no merchant {clientid}")
        return found

    async def answer(self, order: Order, *, to_server: bool) -> Pairs:
        """The signed fields that its merchant is told of an order."""
        key = self._registry.key_of(await self.merchant(order.asked.clientid))
        if order.version == maroc_telecommerce.VERSION:
            booked = maroc_telecommerce.booked(result_of(order))
            return maroc_telecommerce.confirmation(order.asked.callback_url, order.fields, key, booked)
        told = answer_fields(order.fields, result_of(order), to_server=to_server)
        return sign_answer(told, key, order.version, order.charset)

    async def way_back(self, order: Order) -> WayBack:
        """Where its customer goes back to, and with what."""
        paid = order.stage in GOOD
        url = order.asked.ok_url if paid else order.asked.fail_url
        if order.version != maroc_telecommerce.VERSION:
            return WayBack("post", url, await self.answer(order, to_server=False))
        key = self._registry.key_of(await self.merchant(order.asked.clientid))
        return WayBack("get", *maroc_telecommerce.returning(url, order.fields, key, paid=paid))


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000
