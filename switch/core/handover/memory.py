"""What a switch knows beside its journal: the memory that one switch leaves to the next.

A switch that follows another in the same process (a network file reloaded) or in the same place (a restart) takes this over, so
that nothing under way is given up: requests go on waiting for their answers, connections stay signed on, repeats are known. Of
the moment, and never written to a disk: requests under way have their PIN blocks in them.
"""

import msgspec

from switch.core.links.awaited import KeptTable
from switch.core.network import ListenerRole, Network
from switch.core.party import Certificate, LinkId
from switch.core.records.outcomes import Outcome
from switch.core.records.records import Key
from switch.core.saf.queue import KeptQueue

MEMORY_VERSION = 3
"""of the structs below: a new member with a default needs no new number, another meaning does"""


class KeptSession(msgspec.Struct, frozen=True, kw_only=True):
    """One connection, as `core.links.session.Session` has it. Times are the driver's monotonic ones, ns."""

    link: LinkId
    name: str
    role: ListenerRole
    dialect: str
    framing: str
    begun: bytes
    """of a frame that has not ended"""
    state: str
    source: str
    host: str
    """"" where it is none's"""
    heard_ns: int
    asked: tuple[tuple[str, str, str, int], ...]
    """network requests not answered: DE11, DE7, DE70, when"""
    since_de7: str
    good: int
    bad: int
    bad_in_a_row: int
    network_messages: int
    network_from_ns: int
    sign_on_by_ns: int | None
    """closed then unless it has signed on; None: it has"""
    begun_ns: int | None
    """when the unfinished frame began; None: there is none"""
    dialled: bool
    retiring: str
    """why it is to end; "" where it is not"""
    peer: str = ""
    """address of the other end"""
    certificate: Certificate | None = None


class KeptHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host, as `core.links.session.HostState` has it."""

    name: str
    sessions: tuple[LinkId, ...]
    """those that are up, in the order traffic prefers them"""
    table: KeptTable
    queue: KeptQueue


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What of the state the journal's last snapshot does not carry."""

    recent: tuple[Outcome, ...]
    horizons: dict[str, str]


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """All that one switch leaves to the next. What the journal holds up to `position` is not in it."""

    network: Network
    position: int
    durable: int
    last_txn: int
    snapshot_at: int
    network_stan: int
    """last DE11 of an 0800"""
    booted_de7: str
    journal_down: str
    sessions: tuple[KeptSession, ...]
    hosts: tuple[KeptHost, ...]
    copies: tuple[tuple[int, int], ...]
    refused: tuple[tuple[Key, tuple[int, str]], ...]
    cutovers_looked_s: int = 0
    """up to when scheduled cutovers have been done (`core.operator.schedule`); 0: none are scheduled"""
    remembered: Remembered | None
    """None: the successor has the same state"""
