"""The gateway ended before and after everything it makes durable, sends and hears: no order both paid and unpaid, none twice."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.config import load_network
from switch.gateway.acquirer import Acquirer, Answered
from switch.gateway.intake import take_form
from switch.gateway.merchants import Registry
from switch.gateway.orders.lifecycle import OWED, UNDER_WAY, IllegalMoveError, Stage
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.orders.store import Store
from switch.gateway.outcomes import result_of
from switch.gateway.payment_messages import Card
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields, Pairs
from switch.gateway.service import Service
from switch.gateway.shops import now_us
from switch.http.client import Reply
from switch.security.vault import KeyVault
from switch.server.driver import Driver
from switch.simulators.clock import Calendar, Moment
from switch.wire.dates import DAY_US
from switch.wire.vocabulary import DE, Document

CLIENT = "600000001"
CARD = Card(pan="9504010000090010", expiry="3112", cvv2="071")

NETWORK = load_network("morocco")


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory without a disk behind it, where there is one: a kill is no power cut, and hundreds of flushes take long."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as directory:
        yield Path(directory)


class KilledError(BaseException):
    """The process is gone."""


class Fate:
    """Ends the process at the n-th of all moments at which it could end."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def pass_by(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise KilledError


class World:
    """The switch with the issuer behind it, and the shop: what outlives the gateway."""

    def __init__(self, answers: Callable[[int], str], silent: int = 0) -> None:
        self.answers, self.silent = answers, silent
        self.holds: dict[tuple[str, str], str] = {}
        """DE11, DE7 of an authorization -> held, posted or gone"""
        self.repeats: dict[tuple[str, ...], Document] = {}
        self.calls: list[tuple[str, str]] = []
        self.fate = Fate(0)

    def answer(self, document: Document) -> Document | None:
        """As the switch does: a repeat is answered as its original was."""
        first = {**document, DE.MTI: document[DE.MTI][:3] + "0"}
        key = (first[DE.MTI], document[DE.STAN], document[DE.TRANSMISSION_TIME])
        if key not in self.repeats:
            self.repeats[key] = self._decide(first)
        if first[DE.MTI] == "0100" and self.silent:
            self.silent -= 1
            return None
        return self.repeats[key]

    def _decide(self, document: Document) -> Document:
        assert document.get(DE.PAN, "") == (CARD.pan if document[DE.MTI] == "0100" else "")
        if document[DE.MTI] == "0100":
            self.holds[document[DE.STAN], document[DE.TRANSMISSION_TIME]] = "held"
            return {DE.MTI: "0110", DE.RESPONSE_CODE: "00", DE.APPROVAL_CODE: "A12345"}
        original = document[DE.ORIGINAL]
        key = (original[4:10], original[10:20])
        if key not in self.holds:
            return {DE.RESPONSE_CODE: "25"}
        self.holds[key] = "posted" if document[DE.MTI] == "0220" else "gone"
        return {DE.RESPONSE_CODE: "00"}

    async def post(self, url: str, pairs: Pairs, hosts: tuple[str, ...], charset: str) -> Reply:
        """The shop's server."""
        self.fate.pass_by()
        await trio.lowlevel.checkpoint()
        fields = Fields(pairs)
        self.calls.append((fields.get("oid"), fields.get("ProcReturnCode")))
        self.fate.pass_by()
        return Reply(status=200, text=self.answers(len(self.calls)))


class Link:
    """In the place of the gateway's link and driver."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.away = False
        self._answers: list[tuple[Answered, Document | None]] = []

    @property
    def signed_on(self) -> bool:
        return not self.away

    def moment(self, now: int) -> Moment:
        return Calendar().at(1_795_000_000_000_000_000 + now)

    def ask(self, document: Document, answered: Answered, now: int, patience_ns: int) -> bool:
        if self.away:
            return False
        self.world.fate.pass_by()
        self._answers.append((answered, self.world.answer(document)))
        self.world.fate.pass_by()
        return True

    def carry_out(self, now: int) -> None:
        for answered, answer in self._answers:
            answered(answer)
        self._answers.clear()


class FatefulStore(Store):
    """May be the last thing the process does, before or after a write."""

    world: World

    def move(self, *arguments: Any, **named: Any) -> Order:
        self.world.fate.pass_by()
        moved = super().move(*arguments, **named)
        self.world.fate.pass_by()
        return moved


def gateway(path: Path, world: World) -> tuple[Service, Driver]:
    store = FatefulStore(path / "gateway.sqlite")
    store.world = world
    registry = Registry(store, KeyVault.at(path / "gateway.key"))
    if store.merchant(CLIENT) is None:
        registry.add(
            Merchant(
                clientid=CLIENT,
                title="Souk",
                city="Fes",
                category="5999",
                site="",
                hosts=("127.0.0.1:9000",),
                sealed_key=b"",
            ),
            "TEST1234",
        )
    link: Any = Link(world)
    acquirer: Acquirer = link
    return Service(NETWORK, acquirer, "504101", registry, world.post, lambda event, fields: None, threads=False), link


def form(oid: str, amount: str = "31.50") -> Fields:
    url = "http://127.0.0.1:9000"
    fields = {
        "clientid": CLIENT,
        "storetype": "3D_PAY_HOSTING",
        "TranType": "PreAuth",
        "amount": amount,
        "currency": "504",
        "oid": oid,
        "okUrl": f"{url}/ok",
        "failUrl": f"{url}/no",
        "callbackUrl": f"{url}/cb",
        "rnd": "1",
        "hashAlgorithm": "ver3",
    }
    return Fields([*fields.items(), ("hash", hashes.make(Fields(fields.items()), "TEST1234"))])


async def life(path: Path, world: World, seconds: float, *, begin: bool) -> Order | None:
    """One process of the gateway: the customer's payment, if it gets so far; then `seconds` of looking after orders."""
    service, driver = gateway(path, world)
    found: Order | None = None
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(service.run, driver)
            if begin:
                order = await take_form(service, form("A1"))
                await service.pay(order, CARD, "10.0.0.1")
            await trio.sleep(seconds)
            found = service.registry.store.by_id(CLIENT, "A1")
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        _, others = group.split(KilledError)
        if others is not None:
            raise
    finally:
        service.registry.store.close()
    return found


def fates() -> Iterator[int]:
    return iter(count(1))


@pytest.mark.parametrize(
    ("said", "ends"),
    [("ACTION=POSTAUTH", Stage.CAPTURED), ("APPROVED", Stage.HELD), ("<p>FAILURE</p>", Stage.REVERSED)],
    ids=["captured", "held", "taken back"],
)
async def test_an_order_ends_one_way_wherever_the_process_ended(
    memory: Path, said: str, ends: Stage, autojump_clock: MockClock
) -> None:
    outcomes: set[Stage] = set()
    for at in fates():
        world = World(lambda n: said)
        world.fate = Fate(at)
        directory = memory / str(at)
        finished = await life(directory, world, 8, begin=True)
        world.fate = Fate(0)
        order = await life(directory, world, 8, begin=False)
        assert order is not None
        check(order, world)
        outcomes.add(order.stage)
        if finished is not None:  # it was never ended: all moments have been tried
            assert order.stage is ends
            break
    assert at > 10, "there were hardly any moments to end it at"
    assert outcomes <= {Stage.OPEN, Stage.REVERSED, ends}


async def test_a_shop_that_changes_its_mind_when_it_is_asked_again_is_told_what_holds(
    memory: Path, autojump_clock: MockClock
) -> None:
    """The first answer was lost with the process: what the shop says when it is asked again decides, and a shop that kept the
    payment before is told of its reversal by the callback that follows one."""
    asked_twice = 0
    for at in fates():
        world = World(lambda n: "ACTION=POSTAUTH" if n == 1 else "FAILURE")
        world.fate = Fate(at)
        finished = await life(memory / str(at), world, 8, begin=True)
        if finished is not None:
            break
        world.fate = Fate(0)
        order = await life(memory / str(at), world, 8, begin=False)
        assert order is not None
        check(order, world)
        if world.calls[:2] == [("A1", "00")] * 2:
            asked_twice += 1
            assert (order.stage, world.calls[2:]) == (Stage.REVERSED, [("A1", "99")])
    assert asked_twice, "no moment was found at which the answer is lost"


async def test_an_answer_that_never_came_is_taken_back(memory: Path, autojump_clock: MockClock) -> None:
    world = World(lambda n: "ACTION=POSTAUTH", silent=1)
    order = await life(memory, world, 8, begin=True)
    assert order is not None
    assert order.stage is Stage.REVERSED
    assert not result_of(order).approved
    check(order, world)
    assert world.calls == [("A1", "91")]


async def test_two_clicks_pay_once(memory: Path, autojump_clock: MockClock) -> None:
    world = World(lambda n: "ACTION=POSTAUTH")
    service, driver = gateway(memory, world)
    refused: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run, driver)
        order = await take_form(service, form("A1"))

        async def click() -> None:
            try:
                await service.pay(order, CARD, "10.0.0.1")
            except Exception as error:
                refused.append(type(error).__name__)

        async with trio.open_nursery() as clicks:
            for _ in range(5):
                clicks.start_soon(click)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert refused == ["IllegalMoveError"] * 4
    assert list(world.holds.values()) == ["posted"]
    service.registry.store.close()


async def test_a_hold_that_nobody_captures_ends(memory: Path, autojump_clock: MockClock) -> None:
    world = World(lambda n: "APPROVED")
    order = await life(memory, world, 8, begin=True)
    assert order is not None
    assert order.stage is Stage.HELD
    store = Store(memory / "gateway.sqlite")
    eight_days = int((datetime.now(UTC).timestamp() - 8 * 86_400) * 1e6)
    store._keep(msgspec.structs.replace(order, moved_us=eight_days, due_us=eight_days + 7 * DAY_US))
    store.close()
    ended = await life(memory, world, 8, begin=False)
    assert ended is not None
    assert ended.stage is Stage.REVERSED
    check(ended, world)


def check(order: Order, world: World) -> None:
    """The shop's, the gateway's and the issuer's book say the same."""
    assert order.stage not in UNDER_WAY | OWED, f"{order.stage} is no end"
    stand = sorted(state for state in world.holds.values() if state != "gone")
    expected = {Stage.CAPTURED: ["posted"], Stage.HELD: ["held"]}.get(order.stage, [])
    assert stand == expected, f"{order.stage}, and at the issuer {world.holds}"
    kept = msgspec.json.encode(order)
    assert CARD.pan.encode() not in kept
    assert b'"071"' not in kept


async def test_an_order_whose_time_is_up_can_be_paid_no_more(memory: Path, autojump_clock: MockClock) -> None:
    world = World(lambda n: "APPROVED")
    service, driver = gateway(memory, world)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run, driver)
        order = await take_form(service, form("A1"))
        service.registry.store._keep(msgspec.structs.replace(order, due_us=now_us() - 1))
        await trio.sleep(3)
        ended = await service.order(order.number)
        assert ended.stage is Stage.EXPIRED
        with pytest.raises(IllegalMoveError):
            await service.pay(ended, CARD, "10.0.0.1")
        with pytest.raises(IllegalMoveError):
            await service.pay(order, CARD, "10.0.0.1")
        nursery.cancel_scope.cancel()
    assert world.holds == {}
    assert world.calls == [("A1", "99")], "the shop is told, once"
    service.registry.store.close()
