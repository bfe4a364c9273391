"""Web payment in a soak: a gateway, a shop, 3-D Secure's directory server and banks' access control servers, all killed like the
rest, and buyers that meet whatever is broken just then.

In: the run's directory, its network. Out: their services, the gateway's book as an acquirer's, and what its orders, the shop's
book and the buyers disagree about. The one rule: a buyer does what people do: loads the page again, types the card again where it
is asked for, and the code that the bank has sent.
"""

from collections import Counter
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import trio

from switch.core.network import Network
from switch.core.records.lifecycle import Status
from switch.gateway.buyer import BuyerError, Connection, go_back, open_order, pay
from switch.gateway.demo_shop import Shop, Told
from switch.gateway.merchants import Registry
from switch.gateway.orders.lifecycle import GOOD, OWED, UNDER_WAY, Stage
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.orders.store import Store
from switch.gateway.payment_messages import terminal_of
from switch.simulators.cards import demo_cards
from switch.simulators.reconciliation import AcquirerBook, Difference, Payment
from switch.soak.processes import DIRECTORY, GATEWAY, SHOP
from switch.threeds.protocol.statuses import PROVED, REFUSED

CLIENT, KEY = "600000002", "TEST1234"
_BUYERS_MAX: Final = 40
_TRIES: Final = 12
_AGAIN_S: Final = 0.7
_READING_S: Final = 1.5
"""a bank's code: so long that servers are killed meanwhile"""
_ENDINGS: Final = (
    "approved",
    "approved",
    "51",
    "slow",
    "late",
    "fr-visa",
    "mastercard",
    *("atlas-visa",) * 5,
    "rif-visa",
)
"""what cards show; the shipped network's last two: their banks ask for a code, and reject"""
_LIMITS: Final = ("cards-per-client", "cards-per-card", "cards-per-merchant", "wrong-forms-per-client")


class WebSide:
    """The processes of web payment in a soak, its buyers, and what they saw."""

    def __init__(self, directory: Path, network: Network, pages: str, shop: str, rng: Random) -> None:
        """`pages`, `shop`: addresses, such as 127.0.0.1:8443."""
        self._directory, self._state = directory, directory / "gateway"
        self._book = directory / "book-shop.jsonl"
        self._pages, self._at, self._rng, self._network = pages, shop, rng, network
        self._shop = Shop(f"http://{pages}", f"http://{shop}", CLIENT, KEY, ())
        cards = demo_cards(network)
        self._cards = [next(c for c in cards if c.name.endswith(f"-{end}") or c.name == end) for end in _ENDINGS]
        self.paid: set[str] = set()
        """order ids whose buyers have seen that they are paid"""
        self.outcomes: Counter[str] = Counter()

    def add_merchant(self) -> None:
        """The shop may ask the gateway."""
        registry = Registry.at(self._state)
        registry.add(
            Merchant(
                clientid=CLIENT,
                title="Souk",
                city="Fes",
                category="5999",
                site=self._at,
                hosts=(self._at,),
                sealed_key=b"",
            ),
            KEY,
        )
        registry.store.close()

    def _gateway_arguments(self, network_file: Path, listener: str) -> tuple[str, ...]:
        """Of `cmi-switch gateway`."""
        limits = (word for name in _LIMITS for word in ("--limit", f"{name}=1000000"))
        where = ("--state", str(self._state), "--listen", self._pages, "--port", listener)
        return ("gateway", str(network_file), *where, *limits)

    def services(self, network_file: Path, through: Path, listener: str) -> dict[str, tuple[str, ...]]:
        """Name -> arguments of `cmi-switch`, in the order in which they start. `through`: the network file by which the gateway
        reaches the switch."""
        kept = ("--network", str(network_file), "--state", str(self._directory / "threeds"))
        found: dict[str, tuple[str, ...]] = {}
        if self._network.threeds is not None:
            found[DIRECTORY] = ("threeds", "directory", *kept)
        for acs in self._network.acs:
            found[f"acs-{acs.name}"] = ("threeds", "acs", acs.name, *kept)
        return found | {GATEWAY: self._gateway_arguments(through, listener), SHOP: self._shop_arguments(network_file)}

    def _shop_arguments(self, network_file: Path) -> tuple[str, ...]:
        """Of `cmi-switch shop`."""
        whose = ("--clientid", CLIENT, "--key", KEY, "--network", str(network_file))
        return ("shop", "--listen", self._at, "--gateway", f"http://{self._pages}", *whose, "--book", str(self._book))

    # -- buyers

    async def run(self, rate: float) -> None:
        """Buyers come at this rate, until cancelled; those that have begun are cancelled, too: they close their browsers."""
        room = trio.CapacityLimiter(_BUYERS_MAX)
        async with trio.open_nursery() as nursery:
            number = 0
            while True:
                await trio.sleep(self._rng.expovariate(rate))
                number += 1
                nursery.start_soon(self._buy, f"S{number:06d}", room)

    async def _buy(self, oid: str, room: trio.CapacityLimiter) -> None:
        amount = f"{self._rng.randrange(100, 50_000) / 100:.2f}"
        card = self._rng.choice(self._cards)
        form = self._shop.form(oid, amount, "en", callback=self._rng.random() > 0.1)
        typed = (card.pan, f"{card.expiry[2:]}/{card.expiry[:2]}", card.cvv2)
        pages, shop = Connection(self._pages), Connection(self._at)
        async with room:
            try:
                for _ in range(_TRIES):
                    try:
                        way = await pay(pages, await open_order(pages, form), typed, _READING_S)
                        if way is not None and way.url.endswith("/paid"):
                            self.paid.add(oid)
                        self.outcomes["declined" if way is None else way.url.rpartition("/")[2]] += 1
                        if way is not None:
                            await go_back(shop, way)
                        return
                    except BuyerError:
                        await trio.sleep(_AGAIN_S)
                self.outcomes["gave up"] += 1
            finally:
                with trio.CancelScope(shield=True):
                    await pages.close()
                    await shop.close()

    # -- when it is over

    async def come_to_rest(self) -> None:
        """Until nothing is under way or owed, and every call is made."""
        resting = False
        while not resting:
            await trio.sleep(0.5)
            resting = await trio.to_thread.run_sync(self._at_rest, abandon_on_cancel=True)

    def _at_rest(self) -> bool:
        store = Store(self._state / "gateway.sqlite")
        try:
            return not store.unfinished(2**62, 0) and not store.due_calls(2**62)
        finally:
            store.close()

    def book(self, institution: str) -> AcquirerBook:
        """What the gateway has asked for and what stands of it, as any acquirer's book."""
        payments = [payment for order in self._orders() if (payment := _payment(order, institution)) is not None]
        status = Counter(payment.status for payment in payments)
        declined = Counter(payment.de39 for payment in payments if payment.status is Status.DECLINED)
        amounts: Counter[str] = Counter()
        for payment in payments:
            amounts[payment.currency] += payment.amount
        return AcquirerBook(
            name=GATEWAY,
            payments=tuple(payments),
            sent=len(payments),
            approved=status[Status.APPROVED],
            declined=dict(declined),
            reversed=status[Status.REVERSED],
            open=status[Status.OPEN],
            amounts=dict(amounts),
        )

    def differences(self) -> list[Difference]:
        """What the gateway, the shop and the buyers do not see alike."""
        told: dict[str, list[Told]] = {}
        for line in self._book.read_bytes().splitlines() if self._book.exists() else ():
            one = msgspec.json.decode(line, type=Told)
            told.setdefault(one.oid, []).append(one)
        found: list[Difference] = []
        for order in self._orders():
            found += [
                Difference(key="", sentence=f"order {order.asked.oid}: {why}") for why in _wrong(order, told, self.paid)
            ]
        return found

    def seen(self) -> dict[str, int]:
        """What buyers saw, and how many orders are good by a code of their banks."""
        by_code = sum(order.stage in GOOD and _challenged(order) for order in self._orders())
        return dict(sorted(self.outcomes.items())) | {"paid by a code": by_code}

    def _orders(self) -> list[Order]:
        store = Store(self._state / "gateway.sqlite")
        try:
            return store.find_orders(CLIENT, "", 10**9)
        finally:
            store.close()


def _payment(order: Order, institution: str) -> Payment | None:
    """As an acquirer keeps it; None: nothing was ever asked of an issuer."""
    attempt = order.attempt
    if attempt is None or order.stage in (Stage.AUTHENTICATING, Stage.OPEN):
        return None
    stands = {Stage.HELD: order.asked.amount, Stage.CAPTURED: order.captured - order.credited}.get(order.stage, 0)
    status = Status.APPROVED if stands else Status.OPEN
    if order.stage in (Stage.DECLINED, Stage.CANCELLED, Stage.EXPIRED):
        status = Status.DECLINED
    elif order.stage is Stage.REVERSED:
        status = Status.REVERSED
    return Payment(
        key=f"{institution}/{terminal_of(order.asked.clientid)}/{attempt.names.rrn}",
        status=status,
        amount=stands,
        currency=order.asked.currency,
        de39=attempt.code,
        kind="preauth",
        route=attempt.scheme,
    )


def _challenged(order: Order) -> bool:
    known = order.attempt.authentication if order.attempt is not None else None
    return known is not None and bool(known.acs_url)


def _unproved(order: Order) -> str:
    """What the card's bank has said, where that forbids to authorize; "": nothing does."""
    known = order.attempt.authentication if order.attempt is not None else None
    if known is None or not (known.status in REFUSED or (known.acs_url and known.result not in PROVED)):
        return ""
    return known.result or known.status or "nothing"


def _wrong(order: Order, told: dict[str, list[Told]], paid: set[str]) -> list[str]:
    """What is not as it must be about one order."""
    said, good, found = told.get(order.asked.oid, []), order.stage in GOOD, []
    if order.stage in UNDER_WAY | OWED:
        found.append(f"is still {order.stage}")
    if order.asked.oid in paid and not good:
        found.append(f"its buyer has seen that it is paid, and it is {order.stage}")
    if good and _unproved(order):
        found.append(f"is {order.stage}, and its card's bank has said {_unproved(order)}")
    if order.asked.callback_url and good != bool(said and said[-1].code == "00"):
        found.append(f"is {order.stage}, and the shop was last told {said[-1].code if said else 'nothing'}")
    approved = {one.rrn for one in said if one.code == "00"}
    if len(approved) > 1:
        found.append(f"was approved {len(approved)} times: {', '.join(sorted(approved))}")
    return found
