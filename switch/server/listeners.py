"""How connections come to a driver: listening sockets accepted from, and links this side dials and dials again.

In: names and addresses. Out: connected sockets, handed to the driver as the next link of their name. A name's links are
counted here, so that no two connections are ever called the same.
"""

import errno
import os
import random
import select
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeAlias

import msgspec
import trio

from switch.core.limits import NEVER, Limits
from switch.core.network import Address
from switch.core.party import LinkId, Log
from switch.server.connections import address_of, connect, listening_socket, reason_of
from switch.server.handover import KeptListener
from switch.server.ports import Dial, trio_clock
from switch.server.secured import End

ACCEPTS_PER_WAKE = 64
STEADY_S = 5
"""a connection that lasted so long is dialled again without delay"""

DialKey: TypeAlias = tuple[str, Address, int]


class ListenersDriver(Protocol):
    """The driver, as seen from its listeners."""

    @property
    def open_connections(self) -> int:
        """How many there are."""

    def make_room(self, limit: str, value: int, remedy: str, now: int) -> bool:
        """Have the party let a connection go. False: it spares none."""

    def add(self, sock: socket.socket, link: LinkId, now: int) -> None:
        """Take a connected socket as `link` and tell the party, once it is secured where it is to be."""

    def carry_out(self, now: int) -> None:
        """Do what the party asks for."""

    def tell(self, event: Log) -> None:
        """Log it."""


class ListeningSocket(msgspec.Struct, frozen=True):
    """A listening socket, where it was to listen, and what links through it are called."""

    name: str
    address: Address
    sock: socket.socket


class _Dialled:
    """One link that is dialled: its task's scope, and the connection there is."""

    def __init__(self, dial: Dial) -> None:
        self.dial = dial
        self.scope = trio.CancelScope()
        self.link: LinkId = ""


class Listeners:
    """The listening sockets of one driver, and the links it dials."""

    def __init__(self, epoll: select.epoll, limits: Limits, owner: ListenersDriver) -> None:
        self.limits = limits
        self.addresses: dict[str, Address] = {}
        """where each listener really listens (port 0 resolved)"""
        self.ends: Mapping[str, End] = {}
        """of what is secured, by the name of listener or host"""
        self._epoll = epoll
        self._owner = owner
        self.files_max = NEVER
        """connections that the process's open files allow, beside what it needs for itself"""
        self._refused, self._refusal_said_ns = 0, -1_000_000_000
        self._spare_fd = os.open(os.devnull, os.O_RDONLY)
        self._listeners: dict[int, tuple[str, socket.socket]] = {}
        self.counts: dict[str, int] = {}
        """connections so far, by name"""
        self._asked: dict[str, Address] = {}
        """listeners, and where they were to listen"""
        self._dialled: dict[DialKey, _Dialled] = {}
        self._closed: dict[LinkId, trio.Event] = {}

    def next_link(self, name: str) -> LinkId:
        """`NAME#N`, never given before."""
        number = self.counts[name] = self.counts.get(name, 0) + 1
        return f"{name}#{number}"

    def lost(self, link: LinkId) -> None:
        """A connection is gone: whoever dialled it may dial again."""
        closed = self._closed.pop(link, None)
        if closed is not None:
            closed.set()

    # -- who comes in

    def listen(self, name: str, address: Address) -> None:
        """Accept connections on `address` as links of `name`. Raises OSError with the address in its text."""
        self.open(ListeningSocket(name, address, listening_socket(address.host, address.port)))

    def open(self, listening: ListeningSocket) -> None:
        """Accept connections from a socket that listens already."""
        sock, name = listening.sock, listening.name
        self._asked[name] = listening.address
        self._listeners[sock.fileno()] = (name, sock)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        self.addresses[name] = address_of(sock.getsockname) if sock.family != socket.AF_UNIX else listening.address

    def prepare(self, wanted: Mapping[str, Address]) -> list[ListeningSocket]:
        """Sockets for those of `wanted` that are new, or elsewhere: they listen, and nobody is accepted yet.

        Raises OSError where an address cannot be had; nothing is left open then.
        """
        found: list[ListeningSocket] = []
        try:
            for name, address in wanted.items():
                if self._asked.get(name) != address:
                    found.append(ListeningSocket(name, address, listening_socket(address.host, address.port)))
        except OSError:
            for listening in found:
                listening.sock.close()
            raise
        return found

    def move(self, wanted: Mapping[str, Address], prepared: Iterable[ListeningSocket]) -> None:
        """Listen where `wanted` says and nowhere else; `prepared` is what `prepare` gave for it."""
        for fd, (name, sock) in list(self._listeners.items()):
            if wanted.get(name) != self._asked[name]:
                self._epoll.unregister(fd)
                sock.close()
                del self._listeners[fd], self._asked[name], self.addresses[name]
        for listening in prepared:
            self.open(listening)

    def shut(self) -> None:
        """Accept nobody for now: who comes waits in the kernel."""
        for fd in self._listeners:
            self._epoll.unregister(fd)

    def reopen(self) -> None:
        """Accept again whom `shut` has left waiting."""
        for fd in self._listeners:
            self._epoll.register(fd, select.EPOLLIN)

    def is_listener(self, fd: int) -> bool:
        """True if `fd` is a listening socket of ours."""
        return fd in self._listeners

    def accept(self, fd: int, now: int) -> None:
        """Take who waits at the listening socket `fd`, up to a bound."""
        name, listener = self._listeners[fd]
        for _ in range(ACCEPTS_PER_WAKE):
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._turn_away(name, listener)
                else:
                    self._log("error", "listener.accept_failed", listener=name, reason=str(error.strerror))
                return
            if self._owner.open_connections >= self.connections_max and not self._owner.make_room(*self._bound(), now):
                sock.close()
                self._refuse(name, f"{address[0]}:{address[1]}" if address else "an edge", now)
                continue
            self._owner.add(sock, self.next_link(name), now)

    @property
    def connections_max(self) -> int:
        """As many as limits and open files allow."""
        return min(self.limits.connections, self.files_max)

    def _bound(self) -> tuple[str, int, str]:
        """What bounds the connections: its name, its value, and what to raise."""
        if self.files_max < self.limits.connections:
            return "open files", self.files_max, "the process's hard limit of open files (ulimit -Hn)"
        remedy = "connections in [limits] of the network file, and the process's open files (ulimit -Hn)"
        return "connections", self.limits.connections, remedy

    def _refuse(self, name: str, peer: str, now: int) -> None:
        """Say so, at most once a second, with how many it were."""
        self._refused += 1
        if now < self._refusal_said_ns + 1_000_000_000:
            return
        limit, value, remedy = self._bound()
        self._log("warning", "limit.reached", limit=limit, value=value, listener=name, peer=peer, times=self._refused,
                  hint=f"all that are open have signed on; raise {remedy}")  # fmt: skip
        self._refused, self._refusal_said_ns = 0, now

    def _turn_away(self, name: str, listener: socket.socket) -> None:
        """No descriptor is left: the spare one lets the peer in and out again, else the listener would stay readable for ever."""
        if self._spare_fd >= 0:
            os.close(self._spare_fd)
            self._spare_fd = -1
        with suppress(OSError):
            listener.accept()[0].close()
        with suppress(OSError):
            self._spare_fd = os.open(os.devnull, os.O_RDONLY)
        self._log("error", "limit.reached", limit="open files", value=self._owner.open_connections, listener=name,
                  hint="raise the process's hard limit of open files (ulimit -Hn), or lower connections in [limits]")  # fmt: skip

    def stop_listening(self) -> None:
        """Accept nothing more."""
        for fd, (_, sock) in self._listeners.items():
            self._epoll.unregister(fd)
            sock.close()
        self._listeners.clear()

    def close(self) -> None:
        """Accept nothing more, and give the spare descriptor back."""
        self.stop_listening()
        if self._spare_fd >= 0:
            os.close(self._spare_fd)
            self._spare_fd = -1

    # -- whom this side calls

    def kept(self) -> tuple[KeptListener, ...]:
        """The listening sockets, for another process."""
        return tuple(KeptListener(name, self._asked[name], fd) for fd, (name, _) in self._listeners.items())

    def kept_dials(self) -> tuple[tuple[str, Address, int, LinkId], ...]:
        """What is dialled, and the connections there are."""
        return tuple((*key, dialled.link) for key, dialled in self._dialled.items())

    def dial(
        self, wanted: Iterable[Dial], nursery: trio.Nursery, there: Mapping[DialKey, LinkId] | None = None
    ) -> list[LinkId]:
        """From now on keep one connection each for the `wanted`, and no others.

        Connections there are beside them stay: they are the party's to close, and returned. `there`: connections that another
        process made.
        """
        left: list[LinkId] = []
        asked = {(dial.name, dial.address, dial.number): dial for dial in wanted}
        for key, dialled in list(self._dialled.items()):
            if key not in asked:
                del self._dialled[key]
                self._closed.pop(dialled.link, None)
                left += [dialled.link] if dialled.link else []
                dialled.scope.cancel()
        for key, dial in asked.items():
            known = self._dialled.get(key)
            if known is not None:
                known.dial = dial
            else:
                new = self._dialled[key] = _Dialled(dial)
                new.link = there.get(key, "") if there else ""
                if new.link:
                    self._closed[new.link] = trio.Event()
                nursery.start_soon(self._keep, self._dialled[key])
        return left

    async def _keep(self, dialled: _Dialled) -> None:
        """Connect, wait until it is lost, back off, again."""
        with dialled.scope:
            await self._dial_again_and_again(dialled)

    async def _dial_again_and_again(self, dialled: _Dialled) -> None:
        wait_ms = dialled.dial.backoff_min_ms
        if dialled.link:
            await self._closed[dialled.link].wait()
            dialled.link = ""
        while True:
            dial = dialled.dial
            try:
                sock = await connect(dial.address)
            except OSError as error:
                self._log("warning", "link.connect_failed", link=dial.name, address=str(dial.address),
                          reason=reason_of(error), next_attempt_ms=wait_ms)  # fmt: skip
            else:
                began = trio.current_time()
                link = self.next_link(dial.name)
                await self._connected(dialled, sock, link)
                if trio.current_time() - began > STEADY_S:
                    wait_ms = dial.backoff_min_ms
            await trio.sleep(wait_ms / 1000 * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
            wait_ms = min(wait_ms * 2, dial.backoff_max_ms)

    async def _connected(self, dialled: _Dialled, sock: socket.socket, link: LinkId) -> None:
        """A connection was made: wait until it is gone."""
        closed = self._closed[link] = trio.Event()
        dialled.link = link
        now = trio_clock()
        self._owner.add(sock, link, now)
        self._owner.carry_out(now)
        await closed.wait()
        dialled.link = ""

    def _log(self, level: str, event: str, **fields: Any) -> None:
        self._owner.tell(Log(level, event, fields))
