"""Connections that are being secured: between being made and being the party's.

Theory of operation. The party hears of a connection when its handshake is done and it is known whose certificate was shown; until
then it is here, holds no place of the party's, and is read by the driver's own turns. Whoever stalls has `handshake_ms` and is
closed; there are at most `handshakes` at once, and where there is no room for a newcomer the oldest of the address that has most
goes. A handshake costs a millisecond of everybody's time: a turn makes as many as fit in `TURN_NS`, and what has arrived of the
others waits in the kernel.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import trio

from switch.core.limits import Limits
from switch.core.link_control.newcomers import IN_LIMITS, Newcomers
from switch.core.party import Certificate, LinkId, Log, link_name
from switch.server.connections import host_of
from switch.server.ports import trio_clock
from switch.server.secured import End, SecuredConnection, UnsecuredError
from switch.server.telling import Telling
from switch.server.tls import SPEAKS_NO_TLS

TURN_NS: Final = 4_000_000
"""of a turn, for handshakes"""
LOOK_S: Final = 0.25
"""between two looks for those that stall"""


class HandshakesDriver(Protocol):
    """The driver, as seen from here."""

    def secured(self, connection: SecuredConnection, certificate: Certificate, now: int) -> None:
        """The handshake is done."""

    def unsecured(self, link: LinkId) -> None:
        """There will be no such connection."""

    def tell(self, event: Log) -> None:
        """Log it."""


class Negotiations:
    """Handshakes under way: bounded in number and time, handed to the party once they are done."""

    def __init__(self, epoll: select.epoll, limits: Limits, owner: HandshakesDriver) -> None:
        self.limits = limits
        self._epoll, self._owner = epoll, owner
        self._by_fd: dict[int, SecuredConnection] = {}
        self._by_link: dict[LinkId, SecuredConnection] = {}
        self._newcomers = Newcomers(self._spare)
        self._telling = Telling("handshakes.counted", owner.tell)
        self._some = trio.Event()
        self._turn_ns = self._used_ns = 0

    def __len__(self) -> int:
        return len(self._by_fd)

    def __contains__(self, fd: int) -> bool:
        return fd in self._by_fd

    def begin(self, sock: socket.socket, link: LinkId, end: End, now: int) -> None:
        """Secure this connection; the owner hears what becomes of it."""
        connection = end.secured(sock, link)
        if len(self._by_fd) >= self.limits.handshakes:
            self.make_room("handshakes", self.limits.handshakes, IN_LIMITS.format("handshakes"))
        self._by_fd[connection.fd] = self._by_link[link] = connection
        self._epoll.register(connection.fd, select.EPOLLIN)
        self._newcomers.add(_Counted(connection), now + self.limits.handshake_ms * 1_000_000)
        self._some.set()
        if end.speaks_first:
            self._step(connection, connection.begin, now)

    def go_on(self, fd: int, now: int) -> None:
        """Something has arrived on one of them."""
        if now != self._turn_ns:
            self._turn_ns, self._used_ns = now, 0
        if self._used_ns > TURN_NS:
            return
        began = time.perf_counter_ns()
        connection = self._by_fd[fd]
        self._step(connection, connection.secure, now)
        self._used_ns += time.perf_counter_ns() - began

    def _step(self, connection: SecuredConnection, step: Callable[[], bool], now: int) -> None:
        try:
            if not step():
                return
            certificate = connection.certificate()
        except UnsecuredError as error:
            self._refuse(connection, error, now)
            return
        self._forget(connection)
        fields = {"link": connection.link, "peer": connection.peer, **connection.log_fields()}
        shown = {"certificate": certificate.subject, "fingerprint": certificate.fingerprint}
        self._owner.tell(Log("info", "link.secured", fields | shown))
        self._owner.secured(connection, certificate, now)

    # -- those that fail

    def _refuse(self, connection: SecuredConnection, error: UnsecuredError, now: int) -> None:
        self._drop(connection)
        fields: dict[str, Any] = {
            "link": connection.link,
            "peer": connection.peer,
            "reason": str(error),
            "hint": error.hint,
        }
        event = Log(
            "warning" if connection.heard else "debug", "link.unsecured", fields
        )  # a probe that only connects is none
        if str(error) == SPEAKS_NO_TLS:
            name = link_name(connection.link)
            event = Log(
                "warning",
                "link.diagnosis",
                {
                    "link": connection.link,
                    "peer": connection.peer,
                    "cause": "tls",
                    "hint": f"The other end sends plain bytes; {name} has TLS.",
                    "change": error.hint,
                    "confidence": 0.95,
                },
            )
        self._say(event, connection, now)

    def _say(self, event: Log, connection: SecuredConnection, now: int) -> None:
        self._telling.say(event, host_of(connection.peer), now)

    def _spare(self, link: LinkId, limit: str, value: int, remedy: str) -> None:
        connection = self._by_link[link]
        self._drop(connection)
        self._say(
            Log(
                "warning",
                "limit.reached",
                {
                    "limit": limit,
                    "value": value,
                    "link": link,
                    "peer": connection.peer,
                    "hint": f"its handshake was not done and it made room; raise {remedy}",
                },
            ),
            connection,
            trio_clock(),
        )

    def make_room(self, limit: str, value: int, remedy: str) -> bool:
        """Let one go. False: there is none."""
        return self._newcomers.make_room(limit, value, remedy)

    def close_all(self) -> None:
        """Let all go: their other ends come again."""
        for connection in list(self._by_fd.values()):
            self._drop(connection)

    def _drop(self, connection: SecuredConnection) -> None:
        self._forget(connection)
        connection.sock.close()
        self._owner.unsecured(connection.link)

    def _forget(self, connection: SecuredConnection) -> None:
        self._epoll.unregister(connection.fd)
        del self._by_fd[connection.fd], self._by_link[connection.link]
        self._newcomers.remove(connection.link)

    # -- time

    async def keep_time(self) -> None:
        """Close those that stall. Runs until cancelled."""
        while True:
            await self._some.wait()
            await trio.sleep(LOOK_S)
            now = trio_clock()
            for connection in self._overdue(now):
                ms = self.limits.handshake_ms
                reason = f"its TLS handshake was not done within {ms} ms"
                self._refuse(
                    connection, UnsecuredError(reason, "raise handshake_ms in [limits] if it is only slow"), now
                )
            self._telling.count(now)
            if not self._by_fd and not self._telling.waits:
                self._some = trio.Event()

    def _overdue(self, now: int) -> Iterator[SecuredConnection]:
        for link, until in list(self._newcomers.deadlines.items()):
            if until > now:
                return
            yield self._by_link[link]


class _Counted:
    """A connection, as `Newcomers` counts it."""

    def __init__(self, connection: SecuredConnection) -> None:
        self.link = connection.link
        self.name = link_name(connection.link)
        self.peer = host_of(connection.peer)
