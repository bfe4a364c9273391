"""What the pieces of a simulated world need of one another, as small Protocols: so that they know each other by these only.

Processes report to a watch; whoever makes trouble, and whoever compares books at rest, sees the world and its processes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from switch.core.network import HostLink
from switch.core.party import LinkId, Party
from switch.core.switch import Switch
from switch.sim.cast import Cast, Climate
from switch.sim.clock import Clock
from switch.sim.disk import Disk
from switch.sim.network import Circuit, End, Station
from switch.sim.watched_terminal import WatchedTerminal
from switch.simulators.issuer import Issuer
from switch.simulators.journal_records import HostEntry
from switch.simulators.network import CardNetwork


class SwitchWatch(Protocol):
    """Is told what the switch's process does."""

    said: Counter[int]
    """transaction -> answers given"""
    heard_late: dict[int, int]
    """transactions whose late answer the switch has read -> the position by which it has recorded what it makes of it"""

    def note_owed_sent(self, switch: Switch, txn: int) -> None:
        """Something owed goes to its host."""

    def note_undelivered(self, switch: Switch, txn: int) -> None:
        """The switch has been told that an answer was not delivered."""


class HostWatch(Protocol):
    """Is told what hosts do."""

    def host_restarted(self, before: Issuer, after: Issuer, now: int) -> None:
        """A host was made again from its records."""


class Process(Station, Protocol):
    """A process of the world, and what can be done to it."""

    ends: dict[LinkId, End]
    dials: list[Circuit]
    records: list[Any]
    events: Counter[str]

    @property
    def party(self) -> Party | None:
        """None: it is dead."""

    def connected(self, end: End) -> None:
        """A connection was made."""

    def carry_out(self) -> None:
        """Do what the party asked for."""

    def crash(self) -> None:
        """End it: what it had not sent is lost."""

    def start(self, party: Party) -> None:
        """A new process in its place."""

    def jump(self, jump_ns: int) -> None:
        """Set its wall clock, forward or back."""

    def when_awake(self, do: Callable[[], None]) -> None:
        """Do it now or, where it stands still, once it goes on."""

    def freeze(self) -> None:
        """Let it stand still."""

    def thaw(self) -> None:
        """Let it go on."""


class SwitchProcess(Process, Protocol):
    """The switch's."""

    disk: Disk
    crashes: int
    failures: int

    @property
    def party(self) -> Switch | None:
        """None: it is dead."""

    def burn(self, detail: str, down_ms: int) -> None:
        """Die before or after an effect to come."""

    def defuse(self) -> None:
        """It does not, after all."""

    def fail_disk(self) -> None:
        """The journal's writer is gone."""

    def mend_disk(self) -> None:
        """The writer is back."""


class Claims(Protocol):
    """What banks have claimed back, by their own books."""

    def disagreements(self, records: Sequence[Any], home: str) -> Iterator[str]:
        """Sentences about what the ledger has moved otherwise. `records`: the switch's; `home`: numeric currency."""


class Surroundings(Protocol):
    """The world, as its troublemaker and its auditor see it."""

    cast: Cast
    climate: Climate
    clock: Clock
    circuits: dict[str, Circuit]
    hosts: dict[str, HostLink]
    peace: bool

    @property
    def audit(self) -> HostWatch:
        """What compares the day's books."""

    @property
    def switch(self) -> SwitchProcess:
        """The one that runs."""

    @property
    def claims(self) -> Claims:
        """What of the day is in dispute."""

    @property
    def nodes(self) -> Mapping[str, Process]:
        """Everybody else."""

    @property
    def terminals(self) -> Sequence[WatchedTerminal]:
        """Acquirers, terminals and floods."""

    @property
    def networks(self) -> Sequence[CardNetwork]:
        """Those that are up."""

    def host(self, name: str, rng: Random, records: Sequence[HostEntry] = ()) -> Issuer:
        """An issuer or a card network, as its records make it."""

    def dial(self, circuit: Circuit) -> None:
        """Connect it, or try again later."""

    def flood(self, name: str, rate: float) -> None:
        """A flood's terminals connect, and pay at this rate."""

    def stop_switch(self, down_ms: int) -> None:
        """In order: everything is durable, every connection closed."""
