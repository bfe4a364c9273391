"""Makes faults happen to a world, and mends everything at peace. One method a kind of fault."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from random import Random

import msgspec

from switch.core.operator.command import Unable
from switch.core.party import LinkId, Send
from switch.core.records.records import UNDELIVERED
from switch.sim.clock import MS_NS
from switch.sim.faults import Fault, Kind
from switch.sim.mines import Mine
from switch.sim.network import Connection, End, Weather
from switch.sim.ports import Process, Surroundings
from switch.sim.watched_terminal import WatchedTerminal
from switch.simulators.faults import Faults
from switch.simulators.issuer import Issuer
from switch.simulators.messages import repeat
from switch.simulators.terminal import Terminal
from switch.simulators.under_way import match_key
from switch.wire.framing import make_framing
from switch.wire.vocabulary import APPROVALS, DE, Document

RETRIES = 2
"""of what a host refuses; then an operator compares the books, and ends it"""


class Stranger:
    """Someone who connects, sends what it likes, and reads nothing."""

    name = "stranger"

    def arrived(self, end: End, data: bytes) -> None:
        """Not read."""

    def hung_up(self, end: End) -> None:
        """Nothing to it."""

    def not_sent(self, end: End, txns: list[int]) -> None:
        """Sends no answers."""


class Trouble:
    """The acting hand of a schedule."""

    def __init__(self, world: Surroundings, rng: Random) -> None:
        self._world = world
        self._rng = rng
        self._moods: dict[str, int] = {}
        """host -> which of its moods is the newest: only that one's end restores it"""
        self._slow_disks = 0
        self._full_disks = 0
        self._repeats: defaultdict[str, deque[Fault]] = defaultdict(deque)
        """armed: what is to be done with the next message of an acquirer or a host"""
        self._retried: Counter[int] = Counter()
        """dead letters, and how often an operator has put them back"""
        self._left: list[End] = []
        self._stalled: list[End] = []
        self._frozen: list[Process] = []
        self._strangers = 0
        self._mine = Mine()

    def strike(self, fault: Fault) -> None:
        """Make it happen, unless there is peace, or its target is not there to break."""
        if not self._world.peace:
            self._of_kind[fault.kind](self, fault)

    def _after(self, fault: Fault, do: Callable[[Fault], None]) -> None:
        self._world.clock.after(abs(fault.amount) * MS_NS, do, fault)

    def _connection(self, fault: Fault) -> Connection | None:
        circuit = self._world.circuits.get(fault.target)
        return circuit.connection if circuit is not None else None

    # -- connections

    def _cut(self, fault: Fault) -> None:
        connection = self._connection(fault)
        if connection is not None:
            circuit = self._world.circuits[fault.target]
            circuit.hold_until_ns = self._world.clock.now + fault.amount * MS_NS
            connection.cut()

    def _half_open(self, fault: Fault) -> None:
        connection = self._connection(fault)
        if connection is not None:
            left = connection.half_open(fault.detail)
            self._left.append(left)
            self._world.clock.after(fault.amount * MS_NS, lambda _: left.drop())

    def _stall(self, fault: Fault) -> None:
        connection = self._connection(fault)
        if connection is not None:
            sender = connection.end(fault.detail).other
            sender.stall()
            self._stalled.append(sender)
            self._world.clock.after(fault.amount * MS_NS, lambda _: sender.resume())

    def _slow_link(self, fault: Fault) -> None:
        circuit = self._world.circuits.get(fault.target)
        if circuit is not None:
            circuit.weather.slowness = self._rng.choice((3, 10, 50))
            self._after(fault, self._link_recovers)

    def _link_recovers(self, fault: Fault) -> None:
        self._world.circuits[fault.target].weather.slowness = 1

    # -- processes

    def _crash(self, fault: Fault) -> None:
        if self._world.switch.party is not None:
            self._world.switch.burn(fault.detail, fault.amount)

    def _restart(self, fault: Fault) -> None:
        self._world.switch.when_awake(lambda: self._drain(fault))

    def _drain(self, fault: Fault) -> None:
        switch = self._world.switch
        if switch.party is not None and not switch.party.draining:
            switch.party.drain(self._world.clock.now)
            switch.carry_out()
            self._world.clock.after(2_000 * MS_NS, self._stop, (switch.party, fault))

    def _stop(self, what: tuple[object, Fault]) -> None:
        party, fault = what
        if self._world.switch.party is party:
            self._world.stop_switch(fault.amount)

    def _host_crash(self, fault: Fault) -> None:
        world = self._world
        node = world.nodes.get(fault.target)
        party = node.party if node is not None else None
        if node is None or not isinstance(party, Issuer):
            return
        rng = Random(self._rng.getrandbits(64))  # noqa: S311
        again = world.host(fault.target, rng, node.records)
        again.forgotten, again.ledger.dismissed = party.forgotten, party.ledger.dismissed
        world.audit.host_restarted(party, again, world.clock.now)
        self._moods[fault.target] = self._moods.get(fault.target, 0) + 1
        if fault.detail == "keeps":
            node.start(again)
            return
        node.crash()
        world.clock.after(fault.amount * MS_NS, self._start_host, (fault.target, again))

    def _start_host(self, what: tuple[str, Issuer]) -> None:
        name, party = what
        node = self._world.nodes[name]
        node.start(party)
        for circuit in node.dials:
            self._world.dial(circuit)

    def _freeze(self, fault: Fault) -> None:
        node = self._node(fault.target)
        if node is not None:
            node.freeze()
            self._frozen.append(node)
            self._world.clock.after(fault.amount * MS_NS, lambda _: node.thaw())

    def _node(self, name: str) -> Process | None:
        return self._world.switch if name == "switch" else self._world.nodes.get(name)

    def _mood(self, fault: Fault) -> None:
        world = self._world
        node = world.nodes.get(fault.target)
        if node is None or not isinstance(node.party, Issuer):
            return
        shares = {name: float(share) for name, _, share in (part.partition("=") for part in fault.detail.split(","))}
        faults = msgspec.convert(shares, Faults)
        node.party.behave(world.cast.plan(world.hosts[fault.target], world.climate, faults))
        number = self._moods[fault.target] = self._moods.get(fault.target, 0) + 1
        world.clock.after(fault.amount * MS_NS, self._end_mood, (fault.target, number))

    def _end_mood(self, what: tuple[str, int]) -> None:
        name, number = what
        if self._moods.get(name) == number:
            self._restore_behaviour(name)

    def _restore_behaviour(self, name: str) -> None:
        node = self._world.nodes[name]
        if isinstance(node.party, Issuer):
            node.party.behave(self._world.cast.plan(self._world.hosts[name], self._world.climate))

    def _sign_off(self, fault: Fault) -> None:
        node = self._world.nodes.get(fault.target)
        if node is not None and isinstance(node.party, Issuer | Terminal):
            node.when_awake(lambda: self._send_sign_off(node))
            self._after(fault, self._sign_on)

    def _sign_on(self, fault: Fault) -> None:
        self._send_sign_on(self._world.nodes[fault.target])

    def _send_sign_off(self, node: Process) -> None:
        if isinstance(node.party, Issuer | Terminal):
            node.party.sign_off(self._world.clock.now)
            node.carry_out()

    def _send_sign_on(self, node: Process) -> None:
        node.when_awake(lambda: self._send_sign_on_now(node))

    def _send_sign_on_now(self, node: Process) -> None:
        if isinstance(node.party, Issuer | Terminal):
            node.party.sign_on(self._world.clock.now)
            node.carry_out()

    # -- an operator

    def operator(self, command: str, **arguments: object) -> None:
        """Does what can be done now or, where the switch stands still, once it goes on."""
        self._world.switch.when_awake(lambda: self._ask(command, arguments))

    def _ask(self, command: str, arguments: dict[str, object]) -> None:
        switch = self._world.switch
        if switch.party is not None:
            with suppress(Unable):
                switch.party.operator.ask(command, arguments, "an operator", self._world.clock.now)
            switch.carry_out()

    def _hold(self, fault: Fault) -> None:
        self.operator("saf.hold", name=fault.target)
        self._after(fault, self._release)

    def _release(self, fault: Fault) -> None:
        self.operator("saf.release", name=fault.target)
        self.operator("saf.retry", all=True)

    def _cutover(self, fault: Fault) -> None:
        if fault.detail == "window" and not fault.target:
            party = self._world.switch.party
            ends = party.window(self._world.clock.now) if party is not None else ""
            self.operator("day.close_window", ends=ends)
            self.operator("day.close_window", ends=ends)
            return
        if not fault.target:
            self.operator("day.close")
            return
        node = self._world.nodes[fault.target]
        node.when_awake(lambda: self._close(node, window=bool(fault.detail)))

    def _close(self, node: Process, *, window: bool) -> None:
        if isinstance(node.party, Issuer):
            (node.party.close_window if window else node.party.close_day)(self._world.clock.now)
            node.carry_out()

    def put_back(self) -> None:
        """Whatever was held or given up goes on."""
        party = self._world.switch.party
        for name in list(party.state.held) if party is not None else ():
            self.operator("saf.release", name=name)
        for shelved in list(party.state.shelved.values()) if party is not None else ():
            self._retried[shelved.txn] += 1
            if shelved.kind != UNDELIVERED and self._retried[shelved.txn] > RETRIES:
                self.operator(
                    "exceptions.resolve", txn=f"{shelved.txn:x}", reason="its host's books say so", by="operator"
                )
        if party is not None and party.state.shelved:
            self.operator("saf.retry", all=True)

    # -- the disk, the clock

    def _disk_slow(self, fault: Fault) -> None:
        disk = self._world.switch.disk
        disk.slow_ms = max(disk.slow_ms, fault.amount)
        self._slow_disks += 1
        self._world.clock.after(int(fault.detail) * MS_NS, self._disk_quick)

    def _disk_quick(self, _: None) -> None:
        self._slow_disks -= 1
        if not self._slow_disks:
            self._world.switch.disk.slow_ms = 0

    def _disk_full(self, fault: Fault) -> None:
        self._full_disks += 1
        self._world.switch.fail_disk()
        self._after(fault, self._mend_disk)

    def _mend_disk(self, _: Fault) -> None:
        self._full_disks -= 1
        if not self._full_disks:
            self._world.switch.mend_disk()

    def _clock(self, fault: Fault) -> None:
        node = self._node(fault.target)
        if node is not None:
            node.jump(fault.amount * MS_NS)

    # -- messages

    def watch(self, name: str) -> Callable[[Send], None]:
        """To be shown every message that acquirer or host `name` sends; those that are to be repeated are."""
        armed = self._repeats[name]

        def sent(send: Send) -> None:
            if armed:
                self._sent(name, armed, send)

        return sent

    def _arm(self, fault: Fault) -> None:
        self._repeats[fault.target].append(fault)

    def _sent(self, name: str, armed: deque[Fault], send: Send) -> None:
        fault = armed[0]
        if fault.kind is Kind.ANSWER_TWICE:
            armed.popleft()
            self._world.clock.after(fault.amount * MS_NS, self._again, (name, send))
            return
        terminal = next(t for t in self._world.terminals if t.name == name)
        internal = terminal.understand(send.data)
        if internal is None or internal[DE.MTI][1] == "8":
            return
        armed.popleft()
        self._world.clock.after(fault.amount * MS_NS, self._repeat, (terminal, internal, fault.detail == "marked"))

    def _again(self, what: tuple[str, Send]) -> None:
        name, send = what
        node = self._world.nodes[name]
        end = node.ends.get(send.link)
        if end is not None and not end.closing and not self._world.peace:
            end.send(send.data, 0, 1 << 20)

    def _repeat(self, what: "tuple[WatchedTerminal, Document, bool]") -> None:
        """On any connection that is signed on. Not once the first was declined: an acquirer does not ask again then."""
        terminal, internal, marked = what
        node = self._world.nodes[terminal.name]
        said = terminal.answers.get(match_key(internal))
        links = [link for link, line in terminal.lines.items() if line.signed_on and link in node.ends]
        if not links or self._world.peace or (said is not None and said not in APPROVALS):
            return
        link: LinkId = self._rng.choice(links)
        terminal.say(terminal.lines[link], repeat(internal) if marked else internal)
        node.carry_out()

    def _flood(self, fault: Fault) -> None:
        self._world.flood(fault.target, float(fault.amount))

    def _garbage(self, fault: Fault) -> None:
        world = self._world
        if world.switch.party is None:
            return
        self._strangers += 1
        weather = Weather(Random(self._rng.getrandbits(64)), 1_000_000, 0.9)  # noqa: S311
        ours = End(world.clock, weather, world.switch, f"{fault.target}#stranger{self._strangers}")
        theirs = End(world.clock, weather, Stranger(), ours.link)
        Connection(ours, theirs)
        world.switch.connected(ours)
        framing = make_framing("length2")
        noise = self._rng.randbytes(fault.amount)
        theirs.send(framing.frame(noise) if self._rng.random() < 0.5 else noise, 0, 1 << 20)
        world.clock.after(int(self._rng.random() * 60_000) * MS_NS, lambda _: theirs.close() if theirs.open else None)

    # -- the switch's own errors

    def _defect(self, fault: Fault) -> None:
        self._mine.lay(fault.amount)

    # -- peace

    def mend_all(self) -> None:
        """Everything is mended."""
        world = self._world
        self._mine.clear()
        for node in self._frozen:
            node.thaw()
        for end in self._stalled:
            end.resume()
        for end in self._left:
            end.drop()
        for circuit in world.circuits.values():
            circuit.weather.slowness = 1
            circuit.hold_until_ns = 0
        for name in world.hosts:
            self._moods[name] = -1
            self._restore_behaviour(name)
            self._send_sign_on(world.nodes[name])
        for terminal in world.terminals:
            self._send_sign_on(world.nodes[terminal.name])
        for armed in self._repeats.values():
            armed.clear()
        disk = world.switch.disk
        disk.slow_ms = 0
        if not disk.up:
            world.switch.mend_disk()
        world.switch.defuse()

    _of_kind: "dict[Kind, Callable[[Trouble, Fault], None]]" = {  # noqa: RUF012 - a table, never changed
        Kind.CUT: _cut, Kind.HALF_OPEN: _half_open, Kind.STALL: _stall, Kind.SLOW_LINK: _slow_link, Kind.CRASH: _crash,
        Kind.RESTART: _restart, Kind.HOST_CRASH: _host_crash, Kind.MOOD: _mood, Kind.DISK_SLOW: _disk_slow,
        Kind.DISK_FULL: _disk_full, Kind.CLOCK: _clock, Kind.SIGN_OFF: _sign_off, Kind.REPEAT: _arm,
        Kind.ANSWER_TWICE: _arm, Kind.FLOOD: _flood, Kind.GARBAGE: _garbage, Kind.HOLD: _hold,
        Kind.CUTOVER: _cutover, Kind.DEFECT: _defect, Kind.FREEZE: _freeze,
    }  # fmt: skip
