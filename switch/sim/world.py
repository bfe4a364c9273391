"""A day of a whole network in virtual time: the real switch, issuers, networks and terminals, and all that goes wrong between.

In: a cast, a seed, how many payments, and a schedule of faults. Out: whether all books agree at the end. One `random.Random`
is the source of everything, so that the same seed gives the same day, to the byte.

Theory of operation. Bytes, timers, flushes and faults are calls on one clock. Faults strike while payments are made and for a
while after; then there is *peace*: whatever is broken is mended and nothing more breaks. From then on the world must come to
rest by itself: every payment ended at its terminal, nothing open, nothing owed. Then the books are compared.
"""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from switch.core.network import HostLink
from switch.journal.memory import DictHistory
from switch.sim.audit import Audit, Failure
from switch.sim.cast import Cast, Climate, Post
from switch.sim.clock import EPOCH_NS, MS_NS, SECOND_NS, Clock
from switch.sim.disk import Disk, narrow, recover
from switch.sim.disputes import Disputing
from switch.sim.faults import Fault, Span, Targets, closable, draw_cutovers, draw_freezes, draw_schedule, schedule
from switch.sim.network import Circuit, Connection, End, Weather
from switch.sim.nodes import Node, SwitchNode, Trace
from switch.sim.trouble import Trouble
from switch.sim.watched_terminal import WatchedTerminal
from switch.simulators.issuer import Issuer
from switch.simulators.journal_records import HostEntry
from switch.simulators.minds import Manner, Mind
from switch.simulators.network import CardNetwork
from switch.simulators.terminal import Load

REST_MAX_NS: Final = 6 * 3_600 * SECOND_NS
"""virtual time from peace to rest, at most"""
STEPS_PER_PAYMENT: Final = 500
"""calls of the clock, at most: beyond, something goes round in circles"""
OPERATOR_NS: Final = 60 * SECOND_NS
FAILURES_KEPT: Final = 20


class Day(msgspec.Struct, frozen=True):
    """What came of one seed."""

    seed: int
    transactions: int
    """payments made, over all acquirers"""
    faults: int
    crashes: int
    """of the switch"""
    steps: int
    virtual_s: float
    approved: int
    declined: int
    reversed: int
    failures: tuple[Failure, ...]
    events: dict[str, int]
    """the switch's own log events, by name"""


class World:
    """One day. `run` it once."""

    def __init__(
        self, cast: Cast, seed: int, transactions: int, faults: tuple[Fault, ...] | None = None,
        payments: int | None = None, climate: Climate | None = None, trace: Trace | None = None,
    ) -> None:  # fmt: skip
        """`faults`, `climate`: instead of what the seed makes for so many transactions. `payments`: stop after fewer."""
        self.cast, self.seed, self.transactions = cast, seed, transactions
        self.payments = transactions if payments is None else payments
        self.rng = Random(seed)  # noqa: S311 - simulation, not secrecy
        self.clock = Clock()
        drawn_climate = Climate.draw(self._own_rng(), transactions)
        self.climate = drawn_climate if climate is None else climate
        self._flood_rng = self._own_rng()
        self._trace = trace
        limits = cast.network.limits
        self.limits = narrow(limits, self._own_rng()) if self.climate.narrow else limits
        self.audit = Audit(self.limits, cast.network.hosts)
        self.events: Counter[str] = Counter()
        disk = Disk(self.clock, self._own_rng(), self._durable)
        state = recover((), self.limits)
        self.span = Span(500, int(transactions / self.climate.rate * 1_000) + 1_000, 60_000)
        by_clock = draw_schedule(Random(f"{seed} cutovers"), self.span, EPOCH_NS // 1_000_000_000)  # noqa: S311
        self.network = closable(cast.network, by_clock, seed) if self.climate.faults else cast.network
        switch = cast.switch(self.limits, state, 0, DictHistory(disk), self.network)
        switch.strict = True
        self.switch = SwitchNode(self.clock, switch, disk, self._lost, self.switch_dies, self.audit, trace)
        self.switch.quiet = self._look
        self.nodes: dict[str, Node] = {}
        self.circuits: dict[str, Circuit] = {}
        self._lots = lots = Random(f"{seed} connections")  # noqa: S311 - its own: else other days change
        self._twice = lots.choice(cast.network.hosts).name if lots.random() < 0.5 else ""
        """the host that has two connections at least, today"""
        self._minds_rng = Random(f"{seed} minds")  # noqa: S311 - its own: else other days change
        self.minds: dict[str, Mind] = cast.minds_today(self._minds_rng, seed)
        """what each host thinks today"""
        self.manners: dict[str, Manner] = {}
        """how each acquirer names things today"""
        self.terminals: list[WatchedTerminal] = []
        self.floods: dict[str, Post] = {}
        """that may still come"""
        self.hosts: dict[str, HostLink] = {h.name: h for h in cast.network.hosts}
        self._numbers: Counter[str] = Counter()
        self._looked = 0
        self.peace = False
        self._people()
        targets = self._targets()
        drawn = schedule(self._own_rng(), targets, self.span, self.climate.faults)
        closes = draw_cutovers(Random(self._lots.getrandbits(64)), targets, self.span)  # noqa: S311
        still = draw_freezes(Random(f"{seed} still"), targets, self.span)  # noqa: S311 - its own: else other days change
        if drawn:
            drawn = tuple(sorted((*drawn, *closes, *still), key=lambda fault: fault.at_ms))
        self.faults = drawn if faults is None else faults
        self.trouble = Trouble(self, self._own_rng())
        self.claims = Disputing(seed, self.switch, self.clock, self.terminals)

    def _own_rng(self) -> Random:
        return Random(self.rng.getrandbits(64))  # noqa: S311

    # -- who is there

    def _people(self) -> None:
        cast, climate = self.cast, self.climate
        for host in cast.network.hosts:
            node = self._add(host.name, self.host(host.name, self._own_rng()))
            node.roaming = climate.roaming
            self._host_circuit(host, node)
        posts, posing = cast.posts(), Random(f"{self.seed} another")  # noqa: S311 - its own: else other days change
        for post in posts:
            load = Load(rate=climate.rate / len(posts), payments=max(1, self.payments // len(posts)))
            terminal = cast.terminal(post, load, self._own_rng(), climate)
            self.manners[terminal.name] = cast.renumbering(cast.manner(self._minds_rng), terminal.name, self.seed)
            terminal.adopt(self.manners[terminal.name])
            cast.set_ways(terminal, self.seed)
            terminal.pose(cast.impostor(posing, post[0].name))
            self._terminal(terminal, post[1].name)
        member, listener, _ = posts[0]
        self.floods[f"{member.name}-{listener.name}-flood"] = posts[0]

    def host(self, name: str, rng: Random, records: Sequence[HostEntry] = ()) -> Issuer:
        """An issuer or a card network, as its records make it."""
        host = self.hosts[name]
        if host.role != "issuer":
            return self.cast.card_network(host, rng, self.climate, self.payments // 20, records, self.minds[name])
        issuer = self.cast.issuer(host, rng, self.climate, records, self.minds[name])
        issuer.letters = self.cast.letters(name, self.seed)
        return issuer

    @property
    def networks(self) -> list[CardNetwork]:
        """Those that are up."""
        parties = (self.nodes[name].party for name in self.hosts)
        return [party for party in parties if isinstance(party, CardNetwork)]

    def _add(self, name: str, party: object) -> Node:
        node = Node(self.clock, name, party, self._lost, self._trace)  # type: ignore[arg-type]  # a party by its methods
        self.nodes[name] = node
        return node

    def _host_circuit(self, host: HostLink, node: Node) -> None:
        listener = next((x for x in self.cast.network.listeners if x.role == "host"), None)
        dials = host.connect is not None
        name = host.name if dials or listener is None else listener.name
        redial = (host.backoff_min_ms, min(host.backoff_max_ms, 2_000))
        self._circuit(host.name, name, host.name, node, redial, self._own_rng(), switch_dials=dials)
        for n in range(2, max(host.connections, 2 if host.name == self._twice else 1) + 1):
            rng = Random(self._lots.getrandbits(64))  # noqa: S311
            self._circuit(f"{host.name}/{n}", name, host.name, node, redial, rng, switch_dials=dials)

    def _terminal(self, party: WatchedTerminal, listener: str) -> None:
        self.terminals.append(party)
        node = self._add(party.name, party)
        for link in party.links:
            self._circuit(link, listener, link, node, (200, 2_000), self._own_rng(), switch_dials=False)

    def _circuit(
        self,
        name: str,
        switch_name: str,
        peer_name: str,
        node: Node,
        redial: tuple[int, int],
        rng: Random,
        *,
        switch_dials: bool,
    ) -> None:
        weather = Weather(rng, self.climate.transit_us * 1_000, self.climate.split)
        circuit = Circuit(name, switch_name, peer_name, switch_dials=switch_dials, redial_ms=redial, weather=weather)
        self.circuits[name] = circuit
        node.circuits.append(circuit)
        (self.switch if switch_dials else node).dials.append(circuit)

    def _targets(self) -> Targets:
        listeners = tuple(x.name for x in self.cast.network.listeners)
        return Targets(
            circuits=tuple(c.name for c in self.circuits.values() if c.name.partition("/")[0] not in self.hosts),
            hosts=tuple(self.hosts),
            issuers=tuple(h.name for h in self.hosts.values() if h.role == "issuer"),
            acquirers=tuple(t.name for t in self.terminals),
            floods=tuple(self.floods),
            listeners=listeners,
        )

    def flood(self, name: str, rate: float) -> None:
        """A flood's terminals connect, and pay at this rate."""
        post = self.floods.pop(name, None)
        if post is not None:
            load = Load(rate=rate, payments=max(1, self.payments // 4))
            party = self.cast.terminal(post, load, self._flood_rng, self.climate, flood=True)
            self._terminal(party, post[1].name)
            for circuit in self.nodes[name].dials:
                self.dial(circuit)

    # -- connections

    def node_of(self, circuit: Circuit) -> Node:
        """Who is at the other end of it from the switch."""
        return next(node for node in self.nodes.values() if circuit in node.circuits)

    def dial(self, circuit: Circuit) -> None:
        """Connect it, or try again later."""
        circuit.dialling = False
        if circuit.connection is not None:
            return
        peer, switch = self.node_of(circuit), self.switch
        dialler = switch if circuit.switch_dials else peer
        if dialler.party is None:
            return
        if switch.party is None or peer.party is None or circuit.hold_until_ns > self.clock.now:
            self._redial(circuit)
            return
        number = self._numbers[circuit.name] = self._numbers[circuit.name] + 1
        self._numbers[circuit.switch_name + "#"] += 1
        link = f"{circuit.switch_name}#{self._numbers[circuit.switch_name + '#']}"
        ours = End(self.clock, circuit.weather, switch, link)
        theirs = End(self.clock, circuit.weather, peer, f"{circuit.peer_name}#{number}")
        ours.circuit = theirs.circuit = circuit
        circuit.connection = Connection(ours, theirs)
        circuit.since = self.clock.now
        first, second = ((peer, theirs), (switch, ours)) if circuit.switch_dials else ((switch, ours), (peer, theirs))
        first[0].connected(first[1])
        if second[0].party is not None and second[1].open:
            second[0].connected(second[1])
        else:
            second[1].vanish()

    def _redial(self, circuit: Circuit) -> None:
        if not circuit.dialling:
            circuit.dialling = True
            self.clock.after(circuit.redial_ns(self.clock.now), self.dial, circuit)

    def _lost(self, end: End) -> None:
        """An end is gone: who dialled it dials again."""
        circuit = end.circuit
        if circuit is None or circuit.connection is None:
            return
        dialler = circuit.connection.switch_end if circuit.switch_dials else circuit.connection.peer_end
        if end is dialler:
            circuit.connection = None
            self._redial(circuit)

    # -- the switch dies, and lives

    def switch_dies(self, down_ms: int) -> None:
        """Now. It is back after `down_ms`."""
        node = self.switch
        if node.party is not None:
            self.audit.before_crash(node)
            node.crash()
            node.disk.crash()
            self.clock.after(down_ms * MS_NS, self._start_switch)

    def stop_switch(self, down_ms: int) -> None:
        """In order: everything is durable, every connection closed."""
        node = self.switch
        if node.party is not None:
            node.crash()
            node.disk.close()
            self.clock.after(down_ms * MS_NS, self._start_switch)

    def _start_switch(self, _: None = None) -> None:
        node = self.switch
        if node.party is not None:
            return
        disk = node.disk
        disk.durable = len(disk.entries)
        state = recover(disk.entries, self.limits)
        self.audit.restarted(disk.entries, state)
        self.claims.restarted(disk.durable)
        party = self.cast.switch(self.limits, state, len(disk.entries), DictHistory(disk), self.network)
        party.strict = True
        party.wall_offset_ns = node.wall_offset_ns
        party.started(self.clock.now)
        node.start(party)
        for circuit in node.dials:
            self.dial(circuit)

    def _durable(self, position: int) -> None:
        self.audit.durable(self.switch.disk.entries, position)
        self.claims.durable(position)
        self.switch.durable(position)

    def _look(self) -> None:
        """Now and then, when the switch has nothing to do: its bounds, its deadlines."""
        self._looked += 1
        if self._looked % 16 == 0 and self.switch.party is not None:
            self.audit.look(self.switch.party, self.clock.now)

    # -- the day

    def run(self) -> Day:
        """From the first connection to the last book."""
        assert self.switch.party is not None
        try:
            self.switch.party.started(0)
            self.switch.carry_out()
            for name in (t.name for t in self.terminals):
                self.nodes[name].on_send = self.trouble.watch(name)
            for name in self.hosts:
                self.nodes[name].on_send = self.trouble.watch(name)
            for circuit in list(self.circuits.values()):
                self.dial(circuit)
            for fault in self.faults:
                self.clock.at(fault.at_ms * MS_NS, self.trouble.strike, fault)
            self.claims.begin(self.span)
            peace_ms = self.span.begin_ms + self.span.load_ms + self.span.tail_ms + 30_000
            self.clock.at(peace_ms * MS_NS, self._make_peace)
            self._until_rest(peace_ms * MS_NS + REST_MAX_NS)
        except Exception as error:
            self.audit.raised(error, self.clock.now)
        return self._day()

    def _make_peace(self, _: None) -> None:
        self.peace = True
        self.trouble.mend_all()
        self._put_back()

    def _put_back(self, _: None = None) -> None:
        """In peace an operator looks now and then, and puts back what was given up."""
        self.trouble.put_back()
        if self.switch.party is not None and all(t.finished for t in self.terminals):
            self.claims.look(self.switch.party)
        self.clock.after(OPERATOR_NS, self._put_back)

    def _until_rest(self, latest_ns: int) -> None:
        clock = self.clock
        steps_max = STEPS_PER_PAYMENT * self.transactions + 200_000
        while not (self.peace and clock.done % 64 == 0 and self.at_rest()):
            if not clock.step():
                break
            if clock.now > latest_ns or clock.done > steps_max or self.audit.failed:
                break
        if not self.audit.failed:
            for sentence in self.unrest():
                self.audit.fail(sentence, clock.now)
            self.audit.at_rest(self)

    def at_rest(self) -> bool:
        """Everything has ended."""
        return not self.unrest()

    def unrest(self) -> list[str]:
        """What is still to come, as sentences; empty at rest."""
        found = [
            f"{t.name} has not finished: {t.in_flight} messages await an answer"
            for t in self.terminals
            if not t.finished
        ]
        found += [f"{n.name} has {n.unfinished} payments from abroad unfinished" for n in self.networks if n.unfinished]
        if self.claims.left:
            found.append("an operator has not done with disputes")
        party = self.switch.party
        if party is None:
            return [*found, "the switch is down"]
        if party.state.open:
            found.append(f"{len(party.state.open)} transactions are open at the switch")
        if party.state.owed:
            found.append(f"{len(party.state.owed)} messages are owed to hosts")
        if party.position != self.switch.disk.durable:
            found.append("the journal has records that are not durable")
        return found

    def _day(self) -> Day:
        books = [t.book() for t in self.terminals] + [n.abroad_book() for n in self.networks]
        return Day(
            seed=self.seed,
            transactions=sum(b.sent for b in books),
            faults=len(self.faults),
            crashes=self.switch.crashes,
            steps=self.clock.done,
            virtual_s=self.clock.now / SECOND_NS,
            approved=sum(b.approved for b in books),
            declined=sum(sum(b.declined.values()) for b in books),
            reversed=sum(b.reversed for b in books),
            failures=tuple(self.audit.failures[:FAILURES_KEPT]),
            events=dict(sorted(self.switch.events.items())),
        )
