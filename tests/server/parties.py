"""A party that does as it is told, and a journal on paper: what the driver's tests run."""

import socket
import struct
from collections.abc import Callable
from typing import Any

from switch.core.party import Certificate, Effect, Hop, LinkId, Log
from switch.server.driver import Sinks
from tests.hops import bare_hop


def hop_named(note: str) -> Hop:
    return bare_hop(event="hop.sent", mti="0210", note=note)


class Scripted:
    """Notes each call; answers with what `on_received` and `on_tick` append."""

    def __init__(self, on_received: Callable[["Scripted", LinkId, bytes], None] | None = None) -> None:
        self.effects: list[Effect] = []
        self.wall_offset_ns = 0
        self.calls: list[tuple[Any, ...]] = []
        self.deadline: int | None = None
        self.on_received = on_received or (lambda *_: None)
        self.on_tick: Callable[[int], None] = lambda _: None
        self.is_drained = True
        self.certificates: dict[LinkId, Certificate | None] = {}

    def did(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]

    def connected(self, link: LinkId, now: int, peer: str = "", certificate: Certificate | None = None) -> None:
        self.certificates[link] = certificate
        self.calls.append(("connected", link))

    def received(self, link: LinkId, data: bytes, now: int) -> None:
        self.calls.append(("received", link, data))
        self.on_received(self, link, data)

    def disconnected(self, link: LinkId, now: int) -> None:
        self.calls.append(("disconnected", link))

    def undelivered(self, link: LinkId, txn: int, now: int) -> None:
        self.calls.append(("undelivered", link, txn))

    def durable(self, position: int, now: int) -> None:
        self.calls.append(("durable", position))

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        self.calls.append(("journal_state", up, reason))

    def tick(self, now: int) -> None:
        self.calls.append(("tick", now))
        self.on_tick(now)

    def next_deadline(self) -> int | None:
        return self.deadline

    def drain(self, now: int) -> None:
        self.calls.append(("drain",))

    def drained(self) -> bool:
        return self.is_drained


class InTurns(Scripted):
    """One whose turns may be given bounded room (`pace.Paced`)."""

    admitted = shed = 0

    def hold(self, room: int) -> None:
        self.calls.append(("hold", room))

    def settle(self, now: int) -> None:
        self.calls.append(("settle",))

    def release(self, now: int) -> None:
        self.calls.append(("release",))


class Paper:
    """A journal whose writer is the test: it acknowledges, dies, and refuses to come back."""

    def __init__(self) -> None:
        self.entries: dict[int, Any] = {}
        self.pushes = 0
        self.restarts_to_fail = 0
        self.restarts = 0
        self.closed = False
        self._durable = 0
        self._open()

    def _open(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)

    def fileno(self) -> int:
        return self._ours.fileno()

    def append(self, position: int, entry: Any) -> None:
        assert position == len(self.entries) + 1
        self.entries[position] = entry

    def push(self) -> bool:
        self.pushes += 1
        return True

    def acknowledged(self) -> int:
        try:
            data = self._ours.recv(4096)
        except BlockingIOError:
            return self._durable
        if not data:
            self._ours.close()
            raise RuntimeError("the writer is gone")
        (self._durable,) = struct.unpack(">Q", data[-8:])
        return self._durable

    def restart(self) -> None:
        self.restarts += 1
        if self.restarts <= self.restarts_to_fail:
            raise OSError("no room")
        self._open()

    def close(self) -> int:
        self.closed = True
        self._ours.close()
        self._theirs.close()
        return len(self.entries) - self._durable

    def acknowledge(self, position: int) -> None:
        self._theirs.send(struct.pack(">Q", position))

    def die(self) -> None:
        self._theirs.close()


class Notes:
    """Sinks that keep what they get."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.logs: list[Log] = []
        self.flushed: list[int] = []
        """how many events each flush found"""

    def sinks(self) -> Sinks:
        return Sinks(self._log, self._hop, lambda: self.flushed.append(len(self.order)))

    def named(self, event: str) -> list[Log]:
        return [log for log in self.logs if log.event == event]

    def _log(self, log: Log, wall_ns: int) -> None:
        self.order.append(log.event)
        self.logs.append(log)

    def _hop(self, hop: Hop, at_ns: int, wall_ns: int) -> None:
        self.order.append(hop.note)
