"""A wire in memory: parties, links between them, virtual time. Bytes arrive a little later, split at random."""

import heapq
import random
from collections.abc import Callable, Iterable
from typing import Any

from switch.config import load_network
from switch.core.network import Network
from switch.core.party import Close, Hop, LinkId, Log, Party, Record, Send
from switch.core.records.outcomes import Outcome
from switch.core.records.records import AnyEntry, Key
from switch.core.records.state import State
from switch.core.switch import Switch
from switch.security.vault import ClearVault
from switch.wire import Dialect

MS = 1_000_000
SECOND = 1_000 * MS
EPOCH_NS = 1_764_072_000 * SECOND
"""2025-11-25 12:00:00 UTC"""


class NoHistory:
    """Nothing has left memory."""

    def find(self, key: Key) -> Outcome | None:
        return None

    def find_named(self, acquirer: str, name: str) -> list[Outcome]:
        return []


class World:
    """Runs parties until nothing is left to do, or a time has come."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 0
        self.rng = random.Random(seed)
        self.logs: list[Log] = []
        self.records: list[AnyEntry] = []
        self.parties: list[Party] = []
        self._ends: dict[tuple[int, LinkId], tuple[Party, LinkId]] = {}
        self._clear: dict[tuple[int, LinkId], int] = {}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self.latency_ns = MS // 2
        self.callers: dict[str, tuple[Party, Party]] = {}
        self.redial: dict[str, int] = {}
        """link names that are connected again after they were cut, and how often they have been"""

    def add(self, party: Any) -> Any:
        party.wall_offset_ns = EPOCH_NS
        self.parties.append(party)
        return party

    def keep_connected(self, name: str, caller: Party, called: Party) -> None:
        """Connect a link, and again whenever it is cut."""
        self.redial[name] = 0
        self.callers[name] = (caller, called)
        self.connect(caller, f"{name}#1", called, f"{name}#1")

    def connect(self, a: Party, link_a: LinkId, b: Party, link_b: LinkId) -> None:
        self._ends[id(a), link_a] = (b, link_b)
        self._ends[id(b), link_b] = (a, link_a)
        b.connected(link_b, self.now)
        a.connected(link_a, self.now)
        self._settle()

    def cut(self, party: Party, link: LinkId) -> None:
        other = self._ends.pop((id(party), link), None)
        if other is not None:
            self._ends.pop((id(other[0]), other[1]), None)
            party.disconnected(link, self.now)
            other[0].disconnected(other[1], self.now)
            name = link.partition("#")[0]
            if name in self.redial:
                self.redial[name] += 1
                again = f"{name}#{self.redial[name] + 1}"
                caller, called = self.callers[name]
                self.at(self.now + 200 * MS, lambda: self.connect(caller, again, called, again))

    def at(self, when: int, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, do))

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        until = self.now + int(seconds * SECOND)
        self._settle()
        while True:
            deadlines = [d for p in self.parties if (d := p.next_deadline()) is not None]
            due = min([*deadlines, *(e[0] for e in self._events[:1])], default=until + 1)
            if due > until:
                break
            self.now = max(self.now, due)
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            for party in self.parties:
                deadline = party.next_deadline()
                if deadline is not None and deadline <= self.now:
                    party.tick(self.now)
            self._settle()
        self.now = until

    def _settle(self) -> None:
        busy = True
        while busy:
            busy = False
            for party in self.parties:
                effects, party.effects = party.effects, []
                busy = busy or bool(effects)
                for effect in effects:
                    self._do(party, effect)

    def _do(self, party: Party, effect: Any) -> None:
        if isinstance(effect, Send):
            self._deliver(party, effect.link, effect.data)
        elif isinstance(effect, Log):
            self.logs.append(effect)
        elif isinstance(effect, Record):
            self.records.append(effect.entry)
            party.durable(effect.position, self.now)
        elif isinstance(effect, Close):
            self.at(self.now + 2 * self.latency_ns, lambda: self.cut(party, effect.link))
        else:
            assert isinstance(effect, Hop)

    def _deliver(self, party: Party, link: LinkId, data: bytes) -> None:
        end = self._ends.get((id(party), link))
        if end is None:
            return
        at = self.now + self.latency_ns
        split = self.rng.randrange(0, len(data) + 1)
        for piece in (data[:split], data[split:]):
            if piece:
                self.at(at, lambda piece=piece: self._arrive(party, link, piece))  # type: ignore[misc]

    def _arrive(self, sender: Party, link: LinkId, data: bytes) -> None:
        end = self._ends.get((id(sender), link))
        if end is not None:
            end[0].received(end[1], data, self.now)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Fields of the log events of this name."""
        return [log.fields for log in self.logs if log.event == name]


def make_switch(network: Network) -> Switch:
    names = {x.dialect for x in network.listeners} | {h.dialect for h in network.hosts}
    switch = Switch(network, {n: Dialect.load(n) for n in names}, State(network.limits), 0, ClearVault(), NoHistory())
    switch.wall_offset_ns = EPOCH_NS
    switch.started(0)
    return switch


def morocco() -> Network:
    return load_network("morocco")


def connect_hosts(world: World, switch: Switch, hosts: Iterable[Any]) -> None:
    for host in hosts:
        world.keep_connected(host.name, switch, host)
