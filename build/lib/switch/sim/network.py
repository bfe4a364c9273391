"""The virtual network: byte streams that are delayed, split anywhere, stalled, cut in mid-frame, or half-open.

A `Connection` has two `End`s. What an end sends arrives at the other in order and in pieces; a cut lets through as much as
a random source says and tears the last piece. The two ends learn of a cut at different times, as sockets do. Knows no message.
"""

from collections import deque
from random import Random
from typing import Final, Protocol

from switch.core.party import LinkId
from switch.sim.clock import MS_NS, Clock

KERNEL_BYTES: Final = 8_192
"""what a peer that does not read is taken off the sender's hands all the same"""


class Station(Protocol):
    """What an end belongs to: a party and whatever drives it."""

    name: str

    def arrived(self, end: "End", data: bytes) -> None:
        """Bytes came."""

    def hung_up(self, end: "End") -> None:
        """The connection is gone, as far as this end can know."""

    def not_sent(self, end: "End", txns: list[int]) -> None:
        """Answers of these transactions never left this end's buffer. Comes before `hung_up`."""


class Weather:
    """How long bytes take, over one circuit."""

    def __init__(self, rng: Random, latency_ns: int, split: float) -> None:
        self.rng = rng
        self.latency_ns = latency_ns
        self.split = split
        """share of writes that arrive in two pieces"""
        self.slowness = 1

    def delay_ns(self) -> int:
        """How long one write is under way, nanoseconds: around the latency, drawn anew each time."""
        return int(self.latency_ns * self.slowness * (0.5 + self.rng.random()))


class End:
    """One side of a connection."""

    __slots__ = (
        "circuit", "clear_at", "clock", "closing", "in_flight", "link", "lost", "open", "other", "stalled", "station", "taken",
        "unsent", "unsent_bytes", "weather",
    )  # fmt: skip

    def __init__(self, clock: Clock, weather: Weather, station: Station, link: LinkId) -> None:
        self.clock = clock
        self.weather = weather
        self.station = station
        self.link = link
        self.circuit: Circuit | None = None
        self.other: End = self
        self.open = True
        """this side believes that there is a connection"""
        self.lost = False
        """what is sent from here goes nowhere"""
        self.closing = False
        self.stalled = False
        """the other side does not read"""
        self.in_flight: deque[bytes | None] = deque()
        """on its way from here to the other side; None: the end of the stream"""
        self.clear_at = 0
        """nothing sent from here arrives before"""
        self.taken: list[bytes] = []
        """by the kernel, while the other side does not read"""
        self.unsent: list[tuple[bytes, int]] = []
        """waiting in this side's own buffer: bytes, and the transaction they answer"""
        self.unsent_bytes = 0

    def send(self, data: bytes, txn: int, buffer_bytes: int) -> None:
        """Write. A peer that does not read costs a buffer, and beyond `buffer_bytes` the connection."""
        if self.lost:
            return
        if not self.stalled:
            self._launch(data)
        elif not self.unsent and sum(map(len, self.taken)) + len(data) <= KERNEL_BYTES:
            self.taken.append(data)
        else:
            self.unsent.append((data, txn))
            self.unsent_bytes += len(data)
            if self.unsent_bytes > buffer_bytes:
                self.break_off()

    def _launch(self, data: bytes) -> None:
        weather = self.weather
        pieces = [data]
        if weather.rng.random() < weather.split and len(data) > 1:
            at = weather.rng.randrange(1, len(data))
            pieces = [data[:at], data[at:]]
        for piece in pieces:
            self._put(piece)

    def _put(self, piece: bytes | None) -> None:
        clock = self.clock
        at = clock.now + self.weather.delay_ns()
        self.clear_at = at = max(at, self.clear_at + 1)
        self.in_flight.append(piece)
        clock.at(at, self._land)

    def _land(self, _: None) -> None:
        if not self.in_flight:
            return
        piece, other = self.in_flight.popleft(), self.other
        if not other.open:
            return
        if piece is None:
            other.drop()
        else:
            other.station.arrived(other, piece)

    def stall(self) -> None:
        """The other side stops reading."""
        self.stalled = True

    def resume(self) -> None:
        """The other side reads again."""
        if self.stalled:
            self.stalled = False
            waiting = [*self.taken, *(data for data, _ in self.unsent)]
            self._forget_unsent()
            if self.open and not self.lost:
                for data in waiting:
                    self._launch(data)
                if self.closing:
                    self.finish()

    def _forget_unsent(self) -> list[int]:
        txns = [txn for _, txn in self.unsent if txn]
        self.taken, self.unsent, self.unsent_bytes = [], [], 0
        return txns

    # -- ends

    def close(self) -> None:
        """This side closes in order: once what it sent has left its buffer."""
        self.closing = True
        if not self.unsent:
            self.finish()

    def finish(self) -> None:
        """The stream ends here; the other side sees it when all bytes have come."""
        if not self.lost:
            self._put(None)
        self.lost = True
        self.drop()

    def break_off(self) -> None:
        """This side gives the connection up as it is: part of what is under way still arrives."""
        self.tear()
        self.drop()

    def drop(self) -> None:
        """This side learns that the connection is gone."""
        if not self.open:
            return
        self.open = False
        self.lost = True
        self.other.in_flight.clear()
        txns = self._forget_unsent()
        if txns:
            self.station.not_sent(self, txns)
        self.station.hung_up(self)

    def vanish(self) -> None:
        """This side is no more (its process died) and learns nothing; what it wrote may still arrive, torn anywhere."""
        if not self.open:
            return
        self.open = False
        self._forget_unsent()
        self.other.in_flight.clear()
        self.tear()

    def tear(self) -> None:
        """Nothing more leaves here. Of what is in flight a part arrives, its last piece cut anywhere, and then the end."""
        if self.lost:
            return
        self.lost = True
        flight, rng = self.in_flight, self.weather.rng
        keep = rng.randrange(0, len(flight) + 1)
        torn = flight[keep] if keep < len(flight) else None
        while len(flight) > keep:
            flight.pop()
        if torn is not None and len(torn) > 1 and rng.random() < 0.5:
            self._put(torn[: rng.randrange(1, len(torn))])
        self._put(None)


class Connection:
    """Two ends that know each other."""

    def __init__(self, switch_end: End, peer_end: End) -> None:
        self.switch_end, self.peer_end = switch_end, peer_end
        switch_end.other, peer_end.other = peer_end, switch_end

    def end(self, side: str) -> End:
        """By `switch` or `peer`."""
        return self.switch_end if side == "switch" else self.peer_end

    def cut(self) -> None:
        """Both sides lose it, each when it finds out, and each after a part of what was under way to it."""
        self.switch_end.tear()
        self.peer_end.tear()

    def half_open(self, side: str) -> End:
        """The end on the other side is gone; the one on `side` is left, speaks to nobody and is not told. Returns it."""
        left = self.end(side)
        left.lost = True
        left.in_flight.clear()
        left.other.drop()
        return left


class Circuit:
    """A named line that is dialled again whenever it is lost. `switch_name`: what the switch knows it by."""

    def __init__(
        self,
        name: str,
        switch_name: str,
        peer_name: str,
        *,
        switch_dials: bool,
        redial_ms: tuple[int, int],
        weather: Weather,
    ) -> None:
        self.name = name
        self.switch_name, self.peer_name = switch_name, peer_name
        self.switch_dials = switch_dials
        self.redial_ms = redial_ms
        self.weather = weather
        self.connection: Connection | None = None
        """the newest; an older one may linger half-open"""
        self.dialling = False
        self.wait_ms = redial_ms[0]
        self.hold_until_ns = 0
        """not dialled again before"""
        self.since = 0
        """when it was last connected"""

    def redial_ns(self, now: int) -> int:
        """Wait before dialling again, with back-off and jitter, as the driver has it."""
        low, high = self.redial_ms
        if now - self.since > 5_000 * MS_NS:
            self.wait_ms = low
        wait = int(self.wait_ms * MS_NS * (0.75 + self.weather.rng.random() / 2))
        self.wait_ms = min(self.wait_ms * 2, high)
        return max(wait, self.hold_until_ns - now)
