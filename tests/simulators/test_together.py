"""All parties of the demo and the real switch, in virtual time: whatever goes wrong on the way, all books agree at the end."""

import random

import msgspec
import pytest

from switch.core.network import Address, Network
from switch.core.records.lifecycle import Status
from switch.simulators.build import make_issuer, make_network, make_terminal
from switch.simulators.faults import Faults, Latency
from switch.simulators.issuer import Issuer
from switch.simulators.mix import Mix
from switch.simulators.network import CardNetwork
from switch.simulators.reconciliation import AcquirerBook, Difference, journal_rows, reconcile
from switch.simulators.terminal import Load, Terminal
from tests.simulators.world import World, connect_hosts, make_switch, morocco


class Demo:
    """The network of the file, each party with its a random source of its own."""

    def __init__(
        self,
        seed: int,
        *,
        mix: Mix | None = None,
        faults: Faults | None = None,
        payments: int = 60,
        network: Network | None = None,
    ) -> None:
        network = network or morocco()
        self.world = World(seed)
        self.switch = self.world.add(make_switch(network))
        rng = random.Random(seed)

        def own() -> random.Random:
            return random.Random(rng.getrandbits(64))

        faults = faults or Faults()
        latency = Latency(3, 0.5)
        self.issuers: list[Issuer] = [
            self.world.add(make_issuer(network, name, own(), latency, faults)) for name in ("atlas", "rif", "souss")
        ]
        self.networks: list[CardNetwork] = [
            self.world.add(make_network(network, scheme, own(), Latency(80, 0.4), 5.0, faults))
            for scheme in ("visa", "mastercard")
        ]
        connect_hosts(self.world, self.switch, [*self.issuers, *self.networks])
        load = Load(rate=20, payments=payments)
        self.terminals: list[Terminal] = []
        for bank, port, count in (("atlas", "acquirers", 4), ("rif", "pos", 3), ("souss", "pos", 2)):
            terminal = self.world.add(make_terminal(network, bank, port, load, own(), mix=mix, terminals=count))
            self.terminals.append(terminal)
            for i, name in enumerate(terminal.links):
                self.world.connect(self.switch, f"{port}#{bank}{i}", terminal, f"{name}#1")

    def ends(self, seconds: float = 120) -> None:
        self.world.run(seconds)
        for network in self.networks:
            network.drain(self.world.now)
        self.world.run(60)
        for terminal in self.terminals:
            assert terminal.finished, f"{terminal.name} has not finished: {terminal.in_flight} in flight"

    def books(self) -> list[AcquirerBook]:
        return [t.book() for t in self.terminals]

    def differences(self) -> list[Difference]:
        return reconcile(
            self.books(),
            [n.abroad_book() for n in self.networks],
            [p.book() for p in (*self.issuers, *self.networks)],
            journal_rows(self.world.records),
        )


def test_a_peaceful_day_leaves_all_books_in_agreement() -> None:
    demo = Demo(7)
    demo.ends()
    assert demo.differences() == []
    books = demo.books()
    assert [b.sent for b in books] == [60, 60, 60]
    assert all(b.approved > 30 and b.declined and not b.open for b in books)
    abroad = [n.abroad_book() for n in demo.networks]
    assert all(b.approved > 100 and b.declined.get("57") and b.reversed for b in abroad)


def test_every_route_and_every_kind_of_payment_is_travelled() -> None:
    demo = Demo(11, payments=200)
    demo.ends()
    payments = [p for b in demo.books() for p in b.payments]
    assert {p.route for p in payments if p.status is Status.APPROVED} == {"domestic", "visa", "mastercard"}
    assert {p.kind for p in payments if p.status is Status.APPROVED} == {
        "purchase",
        "web",
        "cash",
        "refund",
        "balance",
        "preauth",
    }
    assert any(p.status is Status.REVERSED for p in payments)
    assert demo.differences() == []


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.long) for seed in (2, 3))])
def test_silent_late_wrong_and_cut_answers_leave_all_books_in_agreement(seed: int) -> None:
    faults = Faults(silent=0.03, late=0.03, wrong=0.03, slow=0.03)
    demo = Demo(seed, faults=faults, mix=Mix(silent=4))
    demo.ends(180)
    assert demo.differences() == []
    assert demo.world.events("answer.missing")
    assert sum(b.declined.get("91", 0) for b in demo.books()) > 0


@pytest.mark.long
def test_links_cut_in_the_middle_of_an_answer_leave_all_books_in_agreement() -> None:
    demo = Demo(2, faults=Faults(cut=0.02), payments=100)
    demo.ends(180)
    assert len(demo.world.events("fault.cut")) > 3
    assert demo.differences() == []


@pytest.mark.long
def test_terminals_cut_off_take_back_what_they_heard_nothing_of_once_they_are_back() -> None:
    demo = Demo(4, payments=100)
    world, switch, terminal = demo.world, demo.switch, demo.terminals[0]
    for cut in range(1, 6):
        world.run(0.61)
        world.cut(switch, f"acquirers#atlas{cut - 1}" if cut > 1 else "acquirers#atlas0")
        world.run(0.4)
        world.connect(switch, f"acquirers#atlas{cut}", terminal, f"atlas-1#{cut + 1}")
    demo.ends(180)
    assert terminal.book().reversed > 5
    assert demo.differences() == []


@pytest.mark.long
def test_the_switch_tells_a_late_answer_from_an_answer_to_nothing() -> None:
    demo = Demo(3, faults=Faults(late=0.1, wrong=0.1), payments=80)
    demo.ends(180)
    events = {log.event for log in demo.world.logs if "party" not in log.fields}
    assert {"answer.late", "answer.unmatched"} <= events


def test_a_lost_reversal_is_a_difference() -> None:
    demo = Demo(5, payments=20)
    demo.ends()
    ledger = demo.issuers[0].ledger
    card = next(ledger.accounts.moved())
    card.balance -= 1_00
    assert [d.sentence for d in demo.differences()] == [
        f"atlas: balances moved by {_money(demo, 100)}, what stands adds up to {_money(demo, 0)}"
    ]


def _money(demo: Demo, extra: int) -> str:
    amount = sum(d.billed for d in demo.issuers[0].book().debits if not d.held) + extra
    return f"{amount // 100}.{amount % 100:02d} MAD"


def test_an_issuer_that_connects_in_signs_itself_on_and_is_paid_through() -> None:
    network = morocco()
    listener = msgspec.structs.replace(
        network.listeners[0], name="hosts", role="host", address=Address("127.0.0.1", 8585)
    )
    hosts = tuple(msgspec.structs.replace(h, connect=None) if h.name == "atlas" else h for h in network.hosts)
    network = msgspec.structs.replace(network, listeners=(*network.listeners, listener), hosts=hosts)
    world = World(1)
    switch = world.add(make_switch(network))
    atlas = world.add(make_issuer(network, "atlas", random.Random(1)))
    world.connect(switch, "hosts#1", atlas, "atlas#1")
    load, mix = Load(rate=20, payments=10), Mix.parse("foreign=0,showcase=0")
    terminal = world.add(make_terminal(network, "rif", "acquirers", load, random.Random(1), mix=mix, terminals=1))
    world.connect(switch, "acquirers#1", terminal, "rif-1#1")
    world.run(30)
    assert terminal.finished
    assert atlas.book().approved > 0
    assert reconcile([terminal.book()], [], [atlas.book()], journal_rows(world.records)) == []
