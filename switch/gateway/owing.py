"""What is owed to the switch about an order: captures, reversals, credits, sent until they are acknowledged.

In: what a merchant, its shop or the clock decides. Out: 0220 and 0400, and the order moved on once they are answered. The one
rule: what is owed is durable before it is sent, and is sent, as a repeat from then on, until the switch says what became of it.
"""

from itertools import count
from typing import Any, Final

import trio

from switch.gateway.desk import Desk
from switch.gateway.orders.lifecycle import IllegalMoveError, Move, Stage
from switch.gateway.orders.order import Order
from switch.gateway.outcomes import named, owed_message
from switch.gateway.posting import read_posted, with_change
from switch.gateway.shops import Shops, now_us
from switch.simulators import messages as repeats
from switch.wire.dates import DAY_US
from switch.wire.vocabulary import DE, Answer, Document

ACKNOWLEDGE_S: Final = 10.0
SETTLE_S: Final = 8.0
"""for the switch to acknowledge what a merchant waits for; what it has not acknowledged by then is sent until it does"""
RETRY_S: Final = (0.5, 2.0, 10.0, 30.0)
"""between tries of what is owed; the last goes on"""
_NOT_NOW: Final = frozenset({Answer.NOT_PERMITTED_TERMINAL, Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION})
_NOTHING_THERE: Final = frozenset({Answer.RECORD_NOT_FOUND, Answer.ORIGINAL_NOT_FOUND})


class Owing:
    """Sends what is owed about orders until the switch has acknowledged it, over restarts too."""

    def __init__(self, desk: Desk, shops: Shops) -> None:
        self._desk = desk
        self._shops = shops
        self._settling: dict[int, trio.Event] = {}
        """orders that something is being sent about, for who waits"""

    async def capture(self, order: Order, amount: int) -> Order:
        """Post what is held, or less. Raises IllegalMoveError."""
        if not 0 < amount <= order.asked.amount:
            raise IllegalMoveError(f"expected at most {order.asked.amount} minor units to capture, all that is held")
        return await self._owe(order, Move.CAPTURE, amount)

    async def void(self, order: Order) -> Order:
        """Take back what is held or captured. Raises IllegalMoveError."""
        return await self.take_back(order, Move.TAKE_BACK)

    async def credit(self, order: Order, amount: int) -> Order:
        """Give back `amount` of what was captured. Raises IllegalMoveError."""
        if not 0 < amount <= order.captured - order.credited:
            raise IllegalMoveError(f"expected at most {order.captured - order.credited} minor units to give back")
        return await self._owe(order, Move.CREDIT, order.captured - order.credited - amount)

    async def take_back(self, order: Order, move: Move, **changes: Any) -> Order:
        """Reverse all of it. `move`: why; with it `changes`. Raises IllegalMoveError."""
        return await self._owe(order, move, order.asked.amount, **changes)

    async def hold(self, order: Order) -> Order:
        """Leave it to the merchant, for so many days. Raises IllegalMoveError."""
        return await self._desk.move(order, Move.HOLD, await self._hold_ends(order))

    async def _hold_ends(self, order: Order) -> int:
        merchant = await self._desk.merchant(order.asked.clientid)
        return now_us() + merchant.hold_days * DAY_US

    async def _owe(self, order: Order, move: Move, amount: int, **changes: Any) -> Order:
        owed = await self._desk.names(amount, order.asked.currency)
        moved = await self._desk.move(order, move, owed=owed, **changes)
        self.go_on(moved)
        return moved

    def go_on(self, order: Order) -> None:
        """Send what the order owes, until it is acknowledged."""
        self._settling[order.number] = trio.Event()
        self._desk.start(self._send, order)

    async def settled(self, order: Order, seconds: float) -> Order:
        """The order, once what is owed about it is acknowledged, or after so long."""
        waiting = self._settling.get(order.number)
        if waiting is not None:
            with trio.move_on_after(seconds):
                await waiting.wait()
        return await self._desk.order(order.number)

    async def _send(self, order: Order) -> None:
        waiting = self._settling[order.number]
        try:
            await self._send_until_acknowledged(order)
        finally:
            waiting.set()
            if self._settling.get(order.number) is waiting:
                del self._settling[order.number]

    async def _send_until_acknowledged(self, order: Order) -> None:
        """As a repeat from the second time on."""
        document = owed_message(order, await self._desk.card_acceptor(order))
        for number in count():
            answer = await self._desk.ask(document if not number else repeats.repeat(document), ACKNOWLEDGE_S)
            code = answer.get(DE.RESPONSE_CODE, "") if answer is not None else ""
            if code and code not in _NOT_NOW:
                await self._acknowledged(order, code, answer or {})
                return
            await trio.sleep(RETRY_S[min(number, len(RETRY_S) - 1)])

    async def _acknowledged(self, order: Order, code: str, answer: Document) -> None:
        done = code == Answer.APPROVED or (order.stage is Stage.REVERSING and code in _NOTHING_THERE)
        if not done:
            self._say_refused(order, code)
        owed, move = order.owed.amount if order.owed is not None else 0, self._desk.move
        if order.stage is Stage.CAPTURING:
            if done:
                posted = read_posted(answer, now_us(), self._desk.network.cutover_schedule)
                await move(order, Move.POSTED, captured=owed, posted=posted)
            else:
                await move(order, Move.NOT_POSTED, await self._hold_ends(order))
        elif order.stage is Stage.CREDITING:
            if done:
                credited, changed = order.captured - owed, with_change(order.posted, answer)
                await move(order, Move.CREDITED, credited=credited, posted=changed)
            else:
                await move(order, Move.NOT_CREDITED)
        elif done:
            await self._shops.inform(await move(order, Move.TAKEN_BACK))

    def _say_refused(self, order: Order, code: str) -> None:
        lost = "nobody may have this money back: look it up in the switch's journal; it is asked again in some minutes"
        stands = "the switch's hop log says why; the order stands as it stood"
        hint = lost if order.stage is Stage.REVERSING else stands
        self._desk.report("owed.refused", {**named(order), "stage": order.stage, "de39": code, "hint": hint})
