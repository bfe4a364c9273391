"""What the gateway does about an order: the flow between shops, customers and the switch.

In: forms, cards, API calls, time. Out: messages to the switch, callbacks to shops, orders moved. The one rule: a move is durable
before what it says leaves (`orders/lifecycle.py`), so that after a crash each order is gone on with where it was: what may have
been asked and has no answer is reversed, what is owed is sent again, a callback that has decided nothing is made again.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import msgspec
import trio

from switch.core.network import Network
from switch.core.routing.routing import Router
from switch.gateway import payment_messages as messages
from switch.gateway.acquirer import Acquirer
from switch.gateway.authentication import Authentications
from switch.gateway.desk import Desk
from switch.gateway.merchants import Registry
from switch.gateway.orders.database import StoreError
from switch.gateway.orders.lifecycle import PAYABLE, UNDER_WAY, IllegalMoveError, Move, Stage
from switch.gateway.orders.order import Attempt, Order
from switch.gateway.orders.refunds import Refund, RefundState
from switch.gateway.outcomes import attempt_of, named, proof_of
from switch.gateway.owing import Owing
from switch.gateway.pace import Limits, Pace, Paces
from switch.gateway.payment_messages import Card
from switch.gateway.protocol.answers import Decision
from switch.gateway.refusals import Refusals
from switch.gateway.shops import Post, Report, Shops, now_us
from switch.server.driver import Driver
from switch.threeds.requests import Browser
from switch.threeds.server import ThreeDsServer
from switch.wire.dates import DAY_US
from switch.wire.pans import luhn_valid
from switch.wire.vocabulary import DE, Answer, mask_pan

ANSWER_S: Final = 25.0
"""for the switch to answer a request; it answers 91 itself long before"""
LINK_S: Final = 10.0
"""for a link to the switch to come back while a customer waits: a restart takes less"""
LEFT_US: Final = 300_000_000
"""what stands half done for so long, and nobody goes on with, is gone on with"""
EXPLAINED_PER_MINUTE: Final = 10
"""forms of one merchant with a wrong hash, of which it is found out why"""
ATTEMPTS_MAX: Final = 3
"""cards for one order"""


class NoLinkError(Exception):
    """There is no link to the switch: nobody was asked, and the card may be tried again."""


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
        limits: Limits | None = None,
        threads: bool = True,
    ) -> None:
        """`institution`: DE32 of the member that acquires. `post`: makes calls to shops.

        `threads`: the store is asked in a thread; False for tests whose clock is not the wall's.
        """
        self.desk = desk = Desk(network, acquirer, institution, registry, report, threads=threads)
        self.registry = registry
        self.report = report
        self.disk, self.order = desk.disk, desk.order
        self.shops = Shops(registry, post, desk.disk, report)
        self.owing = Owing(desk, self.shops)
        self.refusals = Refusals(report)
        self.paces = Paces(limits or Limits())
        self.explained = Pace(EXPLAINED_PER_MINUTE, 60)
        self._router = Router(network)
        self.authentications: Authentications | None = None
        self._ended: dict[int, trio.Event] = {}
        """orders that are being paid, for pages that wait"""
        self._took_up_us = now_us()

    def authenticate_by(self, server: ThreeDsServer, institution: str, pages: str) -> None:
        """Ask cards' banks first, by `server`. `institution`: of the acquirer. `pages`: where browsers reach the gateway."""
        self.authentications = Authentications(
            self.desk, institution, server, pages, submit=self._submit, refuse=self.refuse, lost=self.lost
        )

    async def run(self, driver: Driver, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Go on with what a process before has left, then look after orders. Until cancelled."""
        async with trio.open_nursery() as nursery:
            self.desk.open(driver, nursery)
            await self._go_on(now_us() + 1)
            if self.authentications is not None:
                await self.authentications.take_up()
            task_status.started()
            while True:
                await self._look_after()
                await trio.sleep(1)

    # -- a card

    async def pay(self, order: Order, card: Card, client: str, browser: Browser | None = None) -> Order:
        """Submit a card; returns once the outcome is known, or durable that it is not, or the browser is to go to the bank.
        Raises IllegalMoveError; NoLinkError: the order stands as it stood.

        The payment goes on, whatever becomes of who waits for it. `browser`: for the bank; None: the cardholder is not
        authenticated.
        """
        if order.stage not in PAYABLE or order.attempts >= ATTEMPTS_MAX:
            raise IllegalMoveError(f"the order is {order.stage}, after {order.attempts} attempts")
        if not await self.desk.linked(LINK_S):
            self._say_not_sent(order)
            raise NoLinkError
        names = await self.desk.names(order.asked.amount, order.asked.currency)
        scheme = self.scheme_of(card.pan)
        attempt = Attempt(names=names, masked=mask_pan(card.pan), scheme=scheme, client=client)
        if self.authentications is not None and browser is not None:
            return await self.authentications.begin(order, card, attempt, browser)
        return await self._submit(order, card, attempt)

    async def _submit(self, order: Order, card: Card, attempt: Attempt) -> Order:
        attempts = order.attempts + (order.stage in PAYABLE)
        moved = await self.desk.move(order, Move.SUBMIT, attempt=attempt, attempts=attempts)
        ended = self._ended[moved.number] = trio.Event()
        self.desk.start(self._authorize, moved, card)
        await ended.wait()
        return await self.order(moved.number)

    async def finish(self, seconds: float) -> None:
        """Wait until no card is at its bank and no shop is being asked, so long at most: an outcome is better than a reversal."""
        with trio.move_on_after(seconds):
            while self._ended:
                await next(iter(self._ended.values())).wait()

    async def refuse(self, order: Order, attempt: Attempt) -> Order:
        """The cardholder was not authenticated: nothing is authorized, another card may be tried. Raises IllegalMoveError."""
        moved = await self.desk.move(order, Move.REFUSE, self._try_until(order), attempt=attempt)
        self._forget_card(moved)
        await self.shops.inform(moved)
        return moved

    async def lost(self, order: Order) -> Order:
        """Nobody can go on with the order's authentication any more."""
        with suppress(IllegalMoveError):  # it was gone on with this very moment
            await self.refuse(order, attempt_of(order))
        return await self.order(order.number)

    def _forget_card(self, order: Order) -> None:
        if self.authentications is not None:
            self.authentications.forget_card(order)

    def _try_until(self, order: Order) -> int:
        """When a declined order ends by itself; 0: no card may be tried any more, so that it has ended."""
        return order.ends_us if order.attempts < ATTEMPTS_MAX else 0

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

    def scheme_of(self, pan: str) -> str:
        """`cmi`, `visa`, `mastercard`, or "" for no card's number."""
        found = self._router.lookup(pan)
        return found.scheme if found is not None else ""

    def is_card(self, text: str) -> bool:
        """Is it the number of a card that the network file knows?"""
        digits = text.isascii() and text.isdigit() and 12 <= len(text) <= 19
        return digits and luhn_valid(text) and bool(self.scheme_of(text))

    def digest(self, pan: str) -> str:
        """What a card is counted under; of no use without the gateway's key."""
        return self.registry.digest(pan)

    async def _authorize(self, order: Order, card: Card) -> None:
        attempt = attempt_of(order)
        try:
            acceptor = await self.desk.card_acceptor(order)
            request = messages.authorization(acceptor, card, attempt.names, *proof_of(attempt))
            if not await self.desk.linked(LINK_S):
                await self._not_sent(order)
                return
            answer = await self.desk.ask(request, ANSWER_S)
            code = answer.get(DE.RESPONSE_CODE, "") if answer is not None else ""
            known = msgspec.structs.replace(
                attempt, code=code or Answer.ISSUER_INOPERATIVE, approval=(answer or {}).get(DE.APPROVAL_CODE, "")
            )
            if not code:
                await self.owing.take_back(order, Move.GIVE_UP, attempt=known)
            elif code == Answer.APPROVED:
                await self._approved(await self.desk.move(order, Move.APPROVE, attempt=known))
            else:
                await self.shops.inform(
                    await self.desk.move(order, Move.DECLINE, self._try_until(order), attempt=known)
                )
        finally:
            ended = self._ended.pop(order.number, None)
            if ended is not None:
                ended.set()

    async def _not_sent(self, order: Order) -> None:
        """The link went while the card's bank asked its holder: the order is open as before, and this card counts for none."""
        self._say_not_sent(order)
        await self.desk.move(order, Move.NOT_SENT, order.ends_us, attempts=order.attempts - 1)

    def _say_not_sent(self, order: Order) -> None:
        hint = (
            "nobody was charged, and the card may be tried again; does the switch run, and is this gateway signed on?"
        )
        self.report("payment.not_sent", {**named(order), "waited_s": LINK_S, "hint": hint})

    async def _approved(self, order: Order, *, again: bool = False) -> None:
        """Ask the shop, once, and do what it says. `again`: it may have been asked by a process that has ended since."""
        decision = Decision.CAPTURE if order.asked.sale and not order.asked.callback_url else Decision.HOLD
        if order.asked.callback_url:
            decision = await self.shops.decision(order, again=again)
        if decision is Decision.CAPTURE:
            await self.owing.capture(order, order.asked.amount)
        elif decision is Decision.HOLD:
            await self.owing.hold(order)
        else:
            await self.owing.take_back(order, Move.TAKE_BACK)

    # -- orders that nobody pays, holds that nobody captures, calls that nobody answered

    async def _go_on(self, before_us: int) -> None:
        """What is half done since before then, and nobody goes on with: a process before has left it, or an error."""
        above = 0
        while orders := await self.disk(self.registry.store.unfinished, before_us, above):
            above = orders[-1].number
            for order in orders:
                if order.number not in self.desk.busy:
                    await self._take_up(order)

    async def _take_up(self, order: Order) -> None:
        if order.stage is Stage.AUTHORIZING:
            attempt = msgspec.structs.replace(attempt_of(order), code=Answer.ISSUER_INOPERATIVE)
            await self.owing.take_back(order, Move.GIVE_UP, attempt=attempt)
        elif order.stage is Stage.APPROVED:
            self.desk.start(partial(self._approved, again=True), order)
        else:
            self.owing.go_on(order)

    async def _look_after(self) -> None:
        """What the clock asks for. An error of the store costs this second's look, one of an order that order's."""
        try:
            now, store = now_us(), self.registry.store
            await self.disk(store.check_place)
            refusals = self.refusals.take()
            if refusals:
                await self.disk(store.add_refusals, refusals)
            await self._do_each(self._end, await self.disk(store.due, now))
            await self._do_each(self._refund, await self.disk(store.refunds_in, RefundState.APPROVED))
            await self._do_each(self._end_refund, await self.disk(store.refunds_in, RefundState.OWED))
            for call in await self.shops.due(now):
                self.desk.start_apart(self.shops.call, call)
            if now >= self._took_up_us + LEFT_US:
                self._took_up_us = now
                await self._go_on(now - LEFT_US)
        except (StoreError, LookupError, IllegalMoveError) as error:
            hint = "orders are looked after again in a second"
            self.report("store.failed", {"error": str(error), "hint": hint})

    async def _do_each(self, step: Callable[[Any], Awaitable[object]], found: list[Any]) -> None:
        """Do it to each order, or refund; what cannot be done about one holds up no other. Raises StoreError."""
        for one in found:
            try:
                await step(one)
            except StoreError:
                raise  # the next could not be written either
            except Exception as error:  # of this one, whatever it is
                about = named(one) if isinstance(one, Order) else {"refund": one.number}
                self.desk.report_failed(error, "it stands where it stood, and is tried again in a second", **about)

    async def _refund(self, refund: Refund) -> None:
        """Two operators have said so. The order as they saw it: else it is refused; and never twice, wherever a process ended."""
        order = await self.order(refund.order)
        state, said = RefundState.OWED, ""
        try:
            if order.moved_us != refund.seen_us:
                raise IllegalMoveError("something else had happened to the order meanwhile")
            await self.owing.credit(order, refund.amount)
        except IllegalMoveError as error:
            since = await self._since(refund)
            if since[:1] != [
                (Move.CREDIT, refund.left - refund.amount)
            ]:  # else it is this very one, and nobody had said so
                state, said = RefundState.REFUSED, str(error)
                hint = "look at the order on the console, and ask again"
                self.report("refund.refused", {**named(order), "refund": refund.number, "reason": said, "hint": hint})
        await self.disk(self.registry.store.settle_refund, refund, state, said)

    async def _end_refund(self, refund: Refund) -> None:
        """It was owed to the switch: done, or refused, once the switch has said so."""
        ended = [move for move, _ in await self._since(refund)][1:]  # the first is that it was owed
        if ended[:1] == [Move.CREDITED]:
            await self.disk(self.registry.store.settle_refund, refund, RefundState.DONE)
        elif ended:
            said = "the switch refused it: its hop log and the gateway's (owed.refused) say why"
            await self.disk(self.registry.store.settle_refund, refund, RefundState.REFUSED, said)

    async def _since(self, refund: Refund) -> list[tuple[str, int]]:
        """Moves of its order, with their amounts, behind the one that who asked for it saw: by place, as clocks are set back."""
        moves = await self.disk(self.registry.store.history, await self.order(refund.order))
        seen = next((place for place, (at, *_) in enumerate(moves) if at == refund.seen_us), len(moves))
        return [(move, amount) for _, move, _, _, amount in moves[seen + 1 :]]

    async def _end(self, order: Order) -> None:
        """Its time is up."""
        if order.stage is Stage.AUTHENTICATING:
            await self.lost(order)
            return
        if order.stage is not Stage.HELD:
            await self.expire(order)
            return
        days = (now_us() - order.moved_us) // DAY_US
        self.report("hold.ended", {**named(order), "days": days, "hint": "nobody has captured it; it is reversed"})
        with suppress(IllegalMoveError):  # captured this very moment
            await self.owing.take_back(order, Move.TAKE_BACK)

    async def expire(self, order: Order) -> Order:
        """Its time is up: the order, which was perhaps paid or cancelled this very moment."""
        with suppress(IllegalMoveError):
            await self.shops.inform(await self.desk.move(order, Move.EXPIRE))
        return await self.order(order.number)

    async def cancel(self, order: Order) -> Order:
        """The customer does not want to pay. Raises IllegalMoveError."""
        moved = await self.desk.move(order, Move.CANCEL)
        self._forget_card(moved)
        await self.shops.inform(moved)
        return moved
