"""What the gateway does about an order: the flow between shops, customers and the switch.

In: forms, cards, API calls, time. Out: messages to the switch, callbacks to shops, orders moved. The one rule: a move is durable
before what it says leaves (`orders/lifecycle.py`), so that after a crash each order is gone on with where it was: what may have
been asked and has no answer is reversed, what is owed is sent again, a callback that has decided nothing is made again.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
import trio

from switch.core.network import Network
from switch.core.routing.routing import Router
from switch.gateway import payment_messages as messages
from switch.gateway.acquirer import Acquirer
from switch.gateway.merchants import Registry
from switch.gateway.orders.lifecycle import OWED, PAYABLE, UNDER_WAY, IllegalMoveError, Move, Stage
from switch.gateway.orders.order import Attempt, Order
from switch.gateway.outcomes import attempt_of, named, owed_message
from switch.gateway.payment_messages import Card, Names, Shop
from switch.gateway.protocol.answers import Decision
from switch.gateway.shops import Post, Report, Shops, now_us
from switch.http.server import place_of
from switch.server.driver import Driver
from switch.server.ports import trio_clock
from switch.simulators import messages as repeats
from switch.wire.vocabulary import DE, Answer, Document, mask_pan

ANSWER_S: Final = 25.0
"""for the switch to answer a request; it answers 91 itself long before"""
ACKNOWLEDGE_S: Final = 10.0
RETRY_S: Final = (0.5, 2.0, 10.0, 30.0)
"""between tries of what is owed; the last goes on"""
DAY_US: Final = 86_400_000_000
ATTEMPTS_MAX: Final = 3
"""cards for one order"""
_NOT_NOW: Final = frozenset({Answer.NOT_PERMITTED_TERMINAL, Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION})
_NOTHING_THERE: Final = frozenset({Answer.RECORD_NOT_FOUND, Answer.ORIGINAL_NOT_FOUND})


class Service:
    """One gateway."""

    def __init__(
        self,
        network: Network,
        acquirer: Acquirer,
        institution: str,
        registry: Registry,
        post: Post,
        report: Report,
        *,
        threads: bool = True,
    ) -> None:
        """`institution`: DE32 of the member that acquires. `post`: makes calls to shops.

        `threads`: the store is asked in a thread; False for tests whose clock is not the wall's.
        """
        self.registry = registry
        self._network = network
        self._acquirer = acquirer
        self._institution = institution
        self._router = Router(network)
        self.report = report
        self._driver: Driver | None = None
        self._nursery: trio.Nursery | None = None
        self._disk = trio.CapacityLimiter(1)
        self._threads = threads
        self.shops = Shops(registry, post, self.disk, report)
        self._ended: dict[int, trio.Event] = {}
        """orders that are being paid, for pages that wait"""
        self._settling: dict[int, trio.Event] = {}
        """orders that something is being sent about, for the API"""

    async def run(self, driver: Driver, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Go on with what a process before has left, then look after orders. Until cancelled."""
        self._driver = driver
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await self._go_on()
            task_status.started()
            while True:
                await self._look_after()
                await trio.sleep(1)

    async def disk(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a method of the store in a thread, one at a time."""
        if not self._threads:
            await trio.lowlevel.checkpoint()
            return method(*arguments, **named)
        return await trio.to_thread.run_sync(lambda: method(*arguments, **named), limiter=self._disk)

    # -- a card

    async def pay(self, order: Order, card: Card, client: str) -> Order:
        """Submit a card; returns once the outcome is known, or durable that it is not. Raises IllegalMoveError.

        The payment goes on, whatever becomes of who waits for it.
        """
        if order.stage not in PAYABLE or order.attempts >= ATTEMPTS_MAX:
            raise IllegalMoveError(f"the order is {order.stage}, after {order.attempts} attempts")
        names = await self._names(order.asked.amount, order.asked.currency)
        scheme = self.scheme_of(card.pan)
        attempt = Attempt(names=names, masked=mask_pan(card.pan), scheme=scheme, client=client)
        moved = await self._move(order, Move.SUBMIT, attempt=attempt, attempts=order.attempts + 1)
        ended = self._ended[moved.number] = trio.Event()
        self._start(self._authorize, moved, card)
        await ended.wait()
        return await self.order(moved.number)

    async def wait_for(self, order: Order, seconds: float) -> Order:
        """The order, once a payment that is under way has an outcome, or after so long."""
        with trio.move_on_after(seconds):
            while (await self.order(order.number)).stage in UNDER_WAY:
                ended = self._ended.get(order.number)
                if ended is not None:
                    await ended.wait()
                else:
                    await trio.sleep(0.1)
        return await self.order(order.number)

    async def order(self, number: int) -> Order:
        """As it is kept now."""
        found: Order | None = await self.disk(self.registry.store.by_number, number)
        if found is None:
            raise LookupError(f"no order {number}")
        return found

    def scheme_of(self, pan: str) -> str:
        """`cmi`, `visa`, `mastercard`, or "" for no card's number."""
        found = self._router.lookup(pan)
        return found.scheme if found is not None else ""

    def digest(self, pan: str) -> str:
        """What a card is counted under; of no use without the gateway's key."""
        return self.registry.digest(pan)

    async def _authorize(self, order: Order, card: Card) -> None:
        attempt = attempt_of(order)
        try:
            shop = await self._shop(order)
            answer = await self._ask(messages.authorization(shop, card, attempt.names), ANSWER_S)
            code = answer.get(DE.RESPONSE_CODE, "") if answer is not None else ""
            known = msgspec.structs.replace(
                attempt, code=code or Answer.ISSUER_INOPERATIVE, approval=(answer or {}).get(DE.APPROVAL_CODE, "")
            )
            if not code:
                await self._take_back(order, Move.GIVE_UP, attempt=known)
            elif code == Answer.APPROVED:
                await self._approved(await self._move(order, Move.APPROVE, attempt=known))
            else:
                await self.shops.inform(await self._move(order, Move.DECLINE, attempt=known))
        finally:
            ended = self._ended.pop(order.number, None)
            if ended is not None:
                ended.set()

    async def _approved(self, order: Order) -> None:
        """Ask the shop, once, and do what it says."""
        decision = Decision.CAPTURE if order.asked.sale and not order.asked.callback_url else Decision.HOLD
        if order.asked.callback_url:
            decision = await self.shops.decision(order)
        if decision is Decision.CAPTURE:
            await self.capture(order, order.asked.amount)
        elif decision is Decision.HOLD:
            await self._move(order, Move.HOLD)
        else:
            await self._take_back(order, Move.TAKE_BACK)

    # -- what follows

    async def capture(self, order: Order, amount: int) -> Order:
        """Post what is held, or less. Raises IllegalMoveError."""
        owed = await self._names(amount, order.asked.currency)
        moved = await self._move(order, Move.CAPTURE, owed=owed)
        self._settle(moved)
        return moved

    async def void(self, order: Order) -> Order:
        """Take back what is held or captured. Raises IllegalMoveError."""
        return await self._take_back(order, Move.TAKE_BACK)

    async def credit(self, order: Order, amount: int) -> Order:
        """Give back `amount` of what was captured. Raises IllegalMoveError."""
        if not 0 < amount <= order.captured - order.credited:
            raise IllegalMoveError(f"expected at most {order.captured - order.credited} minor units to give back")
        owed = await self._names(order.captured - order.credited - amount, order.asked.currency)
        moved = await self._move(order, Move.CREDIT, owed=owed)
        self._settle(moved)
        return moved

    async def _take_back(self, order: Order, move: Move, **changes: Any) -> Order:
        owed = await self._names(order.asked.amount, order.asked.currency)
        moved = await self._move(order, move, owed=owed, **changes)
        self._settle(moved)
        return moved

    async def settled(self, order: Order, seconds: float) -> Order:
        """The order, once what is owed about it is acknowledged, or after so long."""
        waiting = self._settling.get(order.number)
        if waiting is not None:
            with trio.move_on_after(seconds):
                await waiting.wait()
        return await self.order(order.number)

    def _settle(self, order: Order) -> None:
        self._settling[order.number] = trio.Event()
        self._start(self._send_owed, order)

    async def _send_owed(self, order: Order) -> None:
        try:
            await self._send_until_acknowledged(order)
        finally:
            waiting = self._settling.pop(order.number, None)
            if waiting is not None:
                waiting.set()

    async def _send_until_acknowledged(self, order: Order) -> None:
        """Send what is owed: as a repeat from the second time on."""
        shop = await self._shop(order)
        document = owed_message(order, shop)
        for number in range(1_000_000):
            answer = await self._ask(document if not number else repeats.repeat(document), ACKNOWLEDGE_S)
            code = answer.get(DE.RESPONSE_CODE, "") if answer is not None else ""
            if code and code not in _NOT_NOW:
                await self._acknowledged(order, code)
                return
            await trio.sleep(RETRY_S[min(number, len(RETRY_S) - 1)])

    async def _acknowledged(self, order: Order, code: str) -> None:
        done = code == Answer.APPROVED or (order.stage is Stage.REVERSING and code in _NOTHING_THERE)
        if not done:
            self.report(
                "owed.refused",
                {
                    "order": order.asked.oid,
                    "stage": order.stage,
                    "de39": code,
                    "hint": "the switch's hop log says why; the order stands as it stood"
                    if order.stage is not Stage.REVERSING
                    else "nobody may have this money back: look it up in the switch's journal",
                },
            )
        owed = order.owed.amount if order.owed is not None else 0
        if order.stage is Stage.CAPTURING:
            changes = {"captured": owed} if done else {}
            await self._move(order, Move.POSTED if done else Move.NOT_POSTED, **changes)
        elif order.stage is Stage.CREDITING:
            changes = {"credited": order.captured - owed} if done else {}
            await self._move(order, Move.CREDITED if done else Move.NOT_CREDITED, **changes)
        elif done:
            await self.shops.inform(await self._move(order, Move.TAKEN_BACK))

    # -- orders that nobody pays, holds that nobody captures, calls that nobody answered

    async def _go_on(self) -> None:
        """What a process before has left half done."""
        for order in await self.disk(self.registry.store.in_stages, UNDER_WAY | OWED, now_us() + 1):
            if order.stage is Stage.AUTHORIZING:
                attempt = msgspec.structs.replace(attempt_of(order), code=Answer.ISSUER_INOPERATIVE)
                await self._take_back(order, Move.GIVE_UP, attempt=attempt)
            elif order.stage is Stage.APPROVED:
                self._start(self._approved, order)
            else:
                self._settle(order)

    async def _look_after(self) -> None:
        store, now = self.registry.store, now_us()
        for order in await self.disk(store.in_stages, PAYABLE, now - 30_000_000):
            if now > order.opened_us + order.asked.session_s * 1_000_000:
                await self.expire(order)
        for order in await self.disk(store.in_stages, frozenset({Stage.HELD}), now - DAY_US):
            merchant = await self.shops.merchant(order.asked.clientid)
            if now > order.moved_us + merchant.hold_days * DAY_US:
                self.report(
                    "hold.ended",
                    {**named(order), "days": merchant.hold_days},
                )
                await self._take_back(order, Move.TAKE_BACK)
        for call in await self.shops.due(now):
            self._start(self.shops.call, call)

    async def expire(self, order: Order) -> Order:
        """Its time is up: the order, which was perhaps paid or cancelled this very moment."""
        with suppress(IllegalMoveError):
            await self.shops.inform(await self._move(order, Move.EXPIRE))
        return await self.order(order.number)

    async def cancel(self, order: Order) -> Order:
        """The customer does not want to pay. Raises IllegalMoveError."""
        moved = await self._move(order, Move.CANCEL)
        await self.shops.inform(moved)
        return moved

    async def _move(self, order: Order, move: Move, **changes: Any) -> Order:
        moved: Order = await self.disk(self.registry.store.move, order, move, now_us(), **changes)
        return moved

    async def _shop(self, order: Order) -> Shop:
        merchant = await self.shops.merchant(order.asked.clientid)
        return Shop(
            institution=self._institution,
            terminal=f"W{merchant.clientid[-7:]:0>7}",
            merchant=merchant.clientid[:15],
            title=merchant.title,
            city=merchant.city,
            country=self._network.country,
            country_alpha=self._network.country_alpha,
            category=merchant.category,
        )

    async def _names(self, amount: int, currency: str) -> Names:
        """Of a message that is to be sent: a DE11 that no other message of its second has, whatever ends the process."""
        number = await self.disk(self.registry.store.next_number, "stan")
        at = self._acquirer.moment(trio_clock())
        stan = f"{number % 1_000_000:06d}"
        return Names(
            stan=stan,
            sent_at=at.sent_at,
            local_time=at.local_time,
            local_date=at.local_date,
            rrn=at.rrn_prefix + stan,
            amount=amount,
            currency=currency,
        )

    async def _ask(self, document: Document, seconds: float) -> Document | None:
        """The switch's answer; None: none came, or there is no link."""
        answers: list[Document | None] = []
        came = trio.Event()

        def take(answer: Document | None) -> None:
            answers.append(answer)
            came.set()

        now = trio_clock()
        if self._driver is None or not self._acquirer.ask(document, take, now, int(seconds * 1e9)):
            return None
        self._driver.carry_out(now)
        await came.wait()
        return answers[0]

    def _start(self, task: Callable[..., Any], *arguments: Any) -> None:
        if self._nursery is None:
            raise RuntimeError("the service does not run")
        self._nursery.start_soon(self._contain, task, arguments)

    async def _contain(self, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """An error nobody foresaw costs one order's step, not the gateway; a restart goes on with the order."""
        try:
            await task(*arguments)
        except Exception as error:
            self.report(
                "order.failed",
                {
                    "step": task.__name__,
                    "error": type(error).__name__,
                    "at": place_of(error),
                    "hint": "the order stands where it stood; a restart of the gateway goes on with it",
                },
            )
