"""What all that is done about orders shares: the store, the link to the switch, tasks of their own.

In: moves, messages, tasks. Out: orders as they are kept, the switch's answers. The one rule: which orders a task goes on with is
known (`busy`), so that what an error has left half done is found, and nothing is begun beside it.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import trio

from switch.core.network import Network
from switch.gateway.acquirer import Acquirer
from switch.gateway.merchants import Registry
from switch.gateway.orders.database import DamagedError, StoreError
from switch.gateway.orders.disk import Disk
from switch.gateway.orders.lifecycle import Move
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.outcomes import named
from switch.gateway.payment_messages import CardAcceptor, Names, terminal_of
from switch.gateway.shops import Report, now_us
from switch.http.server import place_of
from switch.money.country import country_numeric
from switch.server.driver import Driver
from switch.server.ports import trio_clock
from switch.wire.vocabulary import Document

STAN_MAX: Final = 999_999
"""then 1 again: 000000 is no number, and some hosts refuse it"""
_LINK_LOOK_S: Final = 0.1
_NUMBERS: Final = 500
"""DE11s taken from the store at once; those that are left when the process ends are never used"""
_LATER: Final = "the order stands where it stood; it is gone on with in some minutes, and at a restart"


class Desk:
    """The orders' store and the link to the switch, with what every flow does with them."""

    def __init__(
        self,
        network: Network,
        acquirer: Acquirer,
        institution: str,
        registry: Registry,
        report: Report,
        *,
        threads: bool,
    ) -> None:
        """`institution`: DE32 of the member that acquires.

        `threads`: the store is asked in a thread; False for tests whose clock is not the wall's.
        """
        self.registry = registry
        self.network = network
        self.report = report
        self.busy: Counter[int] = Counter()
        """number of an order -> of tasks that go on with it"""
        self._acquirer = acquirer
        self._institution = institution
        self._threads = threads
        self._disk: Disk | None = None
        self._driver: Driver | None = None
        self._nursery: trio.Nursery | None = None
        self._numbers = iter(range(0))
        self.damage: StoreError | None = None
        self.damaged = trio.Event()
        """the store is not what was written to it: nothing can be gone on with"""

    def open(self, driver: Driver, nursery: trio.Nursery) -> None:
        """Serve from now on, until the nursery is cancelled. Raises StoreError."""
        self._driver, self._nursery = driver, nursery
        if self._threads:  # not earlier: what is not served yet has nobody who closes the disk's connections
            self._disk = Disk(self.registry.store)
            nursery.start_soon(self._disk.run)

    async def disk(self, method: Callable[..., Any], *arguments: Any, **named_ones: Any) -> Any:
        """Call a method of the store; returns once what it wrote is durable. Raises StoreError."""
        try:
            if self._disk is None:
                await trio.lowlevel.checkpoint()
                return method(*arguments, **named_ones)
            return await self._disk.ask(method, *arguments, **named_ones)
        except DamagedError as error:
            self.damage = error
            self.damaged.set()
            raise

    async def order(self, number: int) -> Order:
        """As it is kept now. LookupError: there is none."""
        found: Order | None = await self.disk(self.registry.store.by_number, number)
        if found is None:
            raise LookupError(f"no order {number}")
        return found

    async def merchant(self, clientid: str) -> Merchant:
        """LookupError: there is none."""
        found: Merchant | None = await self.disk(self.registry.store.merchant, clientid)
        if found is None:
            raise LookupError(f"no merchant {clientid}")
        return found

    async def move(self, order: Order, move: Move, due_us: int = 0, **changes: Any) -> Order:
        """The order after `move`, durable. Raises IllegalMoveError."""
        moved: Order = await self.disk(self.registry.store.move, order, move, now_us(), due_us, **changes)
        return moved

    async def card_acceptor(self, order: Order) -> CardAcceptor:
        """Its merchant, as messages name it."""
        merchant = await self.merchant(order.asked.clientid)
        alpha = merchant.country or self.network.country_alpha
        return CardAcceptor(
            institution=self._institution,
            terminal=terminal_of(merchant.clientid),
            merchant=merchant.clientid[:15],
            title=merchant.title,
            city=merchant.city,
            country=country_numeric(alpha) if merchant.country else self.network.country,
            country_alpha=alpha,
            category=merchant.category,
        )

    async def names(self, amount: int, currency: str) -> Names:
        """Of a message that is to be sent: a DE11 that no other message of its second has, whatever ends the process."""
        number = next(self._numbers, None)
        while number is None:
            first = await self.disk(self.registry.store.take_numbers, "stan", _NUMBERS)
            self._numbers = iter(range(first, first + _NUMBERS))
            number = next(self._numbers, None)
        at = self._acquirer.moment(trio_clock())
        stan = f"{(number - 1) % STAN_MAX + 1:06d}"
        return Names(
            stan=stan,
            sent_at=at.sent_at,
            local_time=at.local_time,
            local_date=at.local_date,
            rrn=at.rrn_prefix + stan,
            amount=amount,
            currency=currency,
        )

    async def linked(self, seconds: float) -> bool:
        """Can the switch be asked, or can it within so long?"""
        with trio.move_on_after(seconds):
            while not self._acquirer.signed_on:  # noqa: ASYNC110 - the party is pure: it has no event to wait for
                await trio.sleep(_LINK_LOOK_S)
        return self._acquirer.signed_on

    async def ask(self, document: Document, seconds: float) -> Document | None:
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

    def start(self, task: Callable[..., Any], order: Order, *arguments: Any) -> None:
        """Go on with an order, whoever waits for it or not."""
        self.busy[order.number] += 1
        self.start_apart(self._keep_busy, order, task, *arguments)

    def start_apart(self, task: Callable[..., Any], *arguments: Any) -> None:
        """A task that is no order's own."""
        if self._nursery is None:
            raise RuntimeError("the service does not run")
        self._nursery.start_soon(self._contain, task, arguments)

    async def _keep_busy(self, order: Order, task: Callable[..., Any], *arguments: Any) -> None:
        try:
            await task(order, *arguments)
        except Exception as error:
            self.report_failed(error, _LATER, **named(order))
        finally:
            self.busy[order.number] -= 1
            if not self.busy[order.number]:
                del self.busy[order.number]

    async def _contain(self, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """An error nobody foresaw costs one step, not the gateway."""
        try:
            await task(*arguments)
        except Exception as error:
            self.report_failed(error, _LATER)

    def report_failed(self, error: Exception, hint: str, **more: object) -> None:
        """Log an error nobody foresaw: its kind and place, and no value of it. `more`: of which order."""
        what = str(error) if isinstance(error, StoreError) else type(error).__name__
        self.report("order.failed", {**more, "error": what, "at": place_of(error), "hint": hint})
