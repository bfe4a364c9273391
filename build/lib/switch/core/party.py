"""The contract between whatever talks on a wire and whatever drives it.

A party is a pure state machine: it is handed bytes, link events and the time, and answers with effects. It knows no socket,
task, file, clock or randomness. Drivers (Trio over sockets, a simulated world, a recording) run it and carry its effects out.

Links. A `LinkId` is `NAME#N`: NAME is the listener's or host link's name in the network file, N counts connections, so that
what an old connection still says is never taken for the new one's.

Time. `now` is nanoseconds of a monotonic clock that the driver owns. The wall clock is `now + wall_offset_ns`, where the
driver keeps `party.wall_offset_ns` current.

Order. Effects are carried out in the order they were appended. A `Send` whose `after` is above what is durable waits for
`durable(position)`, and waits alone: later effects overtake it.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import msgspec

from switch.security.commands import MakeDeviceMac, MakeMac
from switch.security.module import SecurityModule

LinkId: TypeAlias = str


def link_name(link: LinkId) -> str:
    """`pos#17` -> `pos`: the name the network file knows it by."""
    return link.partition("#")[0]


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Who the other end of a connection is by the certificate it has proved to hold (TLS, RFC 5280)."""

    subject: str
    """as RFC 4514 writes it: `CN=host.atlas.example,O=Atlas Bank`"""
    names: tuple[str, ...]
    """what it is for, in lower case: its DNS names and addresses or, where it has none, its subject's common name"""
    issuer: str = ""
    """the subject of who issued it"""
    issuer_fingerprint: str = ""
    """SHA-256 of the issuer's certificate, hex; "" where that is not at hand"""
    fingerprint: str = ""
    """SHA-256 of the certificate, hex; "" where a proxy tells nothing but its name"""
    expires_us: int = 0
    """wall clock; 0: not known"""


class Seal(msgspec.Struct, frozen=True, gc=False):
    """What is left to do to a message before it may leave: its MAC, asked for with those of the whole batch."""

    module: SecurityModule
    command: MakeMac | MakeDeviceMac
    finish: Callable[[bytes], bytes]
    """the framed bytes with this MAC"""


class Send(msgspec.Struct, frozen=True, gc=False):
    """Write `data` (framed bytes) to `link`, once the journal holds every record up to `after` (0: at once).

    `seal`: the bytes are those it finishes, and `data` is empty until then. What the module makes no MAC for does not leave.

    `hop` is logged when the bytes leave. `txn` names the transaction whose answer this is, so that a driver that cannot
    deliver it can say so (`Party.undelivered`); 0 where nobody need know.
    """

    link: LinkId
    data: bytes
    after: int = 0
    txn: int = 0
    hop: "Hop | None" = None
    seal: Seal | None = None


class Record(msgspec.Struct, frozen=True):
    """Append `entry` (a record struct of `core.records.records`) to the journal at `position` (1, 2, 3 …, no gaps)."""

    position: int
    entry: Any


class Hop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One hop of one transaction, as the hop log shows it. Secrets never come here: the PAN is masked."""

    event: str
    """`hop.received` or `hop.sent`"""
    txn: int
    link: LinkId
    mti: str
    stan: str
    rrn: str
    pan: str
    amount: int
    """minor units of `currency`"""
    currency: str
    """ISO 4217 numeric, as in DE49"""
    route: str
    """`domestic`, `visa`, `mastercard`, `refused` or "" before routing"""
    de39: str
    cost: int
    """of this hop, in minor units of the network file's own currency"""
    at_ns: int
    """monotonic; the driver replaces it for a `hop.sent` that had to wait for the journal"""
    first_ns: int
    """monotonic time of the transaction's first hop; elapsed = at - first"""
    note: str = ""
    """why, where there is something to say: the rule that refused, the reason of a reversal"""


class Log(msgspec.Struct, frozen=True, gc=False):
    """A structured event that is no hop: `link.up`, `answer.late`, `limit.reached` … `level` is structlog's."""

    level: str
    event: str
    fields: dict[str, Any]


class Close(msgspec.Struct, frozen=True, gc=False):
    """Close `link` once what was sent to it has left; `reason` is logged.

    `at_once`: what has not left never will, as the peer is taken for gone; what waits is reported as undelivered.
    """

    link: LinkId
    reason: str
    at_once: bool = False


Effect: TypeAlias = Send | Record | Log | Close | Hop


class Party(Protocol):
    """What a driver runs. Each call appends to `effects`; the driver takes (and clears) them after a batch of calls."""

    effects: list[Effect]
    wall_offset_ns: int

    def connected(self, link: LinkId, now: int, peer: str = "", certificate: Certificate | None = None) -> None:
        """A connection was accepted or made, and secured where it has TLS. `peer`: the address of its other end, without a port;
        "" where nobody knows it. `certificate`: the other end's; None: a plain connection."""

    def received(self, link: LinkId, data: bytes, now: int) -> None:
        """Bytes as the stream brought them: any split or join of frames."""

    def disconnected(self, link: LinkId, now: int) -> None:
        """The connection is gone; nothing more comes from or goes to this `LinkId`."""

    def undelivered(self, link: LinkId, txn: int, now: int) -> None:
        """The bytes of a `Send` with this `txn` did not leave: its link is gone or does not read."""

    def durable(self, position: int, now: int) -> None:
        """The journal holds every record up to `position`."""

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """The journal stopped (`up` False, with the reason) or works again. Parties without a journal ignore it."""

    def tick(self, now: int) -> None:
        """Do what is due. The driver calls it at `next_deadline` or soon after."""

    def next_deadline(self) -> int | None:
        """Monotonic time of the earliest thing to do, or None."""

    def drain(self, now: int) -> None:
        """Stop taking new work, say goodbye on every link (sign-off); `drained` tells when nothing is left."""

    def drained(self) -> bool:
        """True once a draining party has nothing left to wait for."""
