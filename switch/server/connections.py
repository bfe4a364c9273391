"""One TCP connection as the driver holds it: a non-blocking socket and what waits to leave on it.

Rule: bounded. What a peer does not read is kept up to a limit; beyond it the connection is given up and what did not leave is
named, so that the party can take it back.
"""

import errno
import fcntl
import os
import select
import socket
import stat
import sys
import termios
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import trio

from switch.core.network import Address
from switch.core.party import LinkId
from switch.exception_groups import first_of
from switch.security.files import FILE_MODE, make_private_directory

RECEIVE_BYTES = 16_384
"""of one link in one turn, some 80 messages: what has come beyond waits for the next, so that no link has a turn for itself"""

LINKS_PER_TURN = 512


class Connection:
    """A socket, its link, and its unsent bytes."""

    __slots__ = ("closing", "fd", "link", "peer", "queue", "queued_bytes", "sock", "txns", "writing")

    def __init__(self, sock: socket.socket, link: LinkId) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.fd = sock.fileno()
        self.link = link
        self.peer = peer_name(sock)
        self.queue: list[bytes] = []
        self.queued_bytes = 0
        self.txns: list[tuple[int, int]] = []
        """transactions whose answers are in the queue, each with the byte of the queue that its answer ends at"""
        self.closing = ""
        """reason, once the party asked to close it: it goes when the queue has left"""
        self.writing = False
        """True while the driver waits for the socket to take more"""

    def receive(self) -> bytes | None:
        """What has arrived; b"" when the peer has closed or the connection broke; None when there was nothing after all."""
        try:
            return self.sock.recv(RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def part(self) -> None:
        """Take leave before it is closed, where that takes words."""

    def unread(self) -> int:
        """How many bytes have arrived and wait in the kernel."""
        try:
            return int.from_bytes(fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4)), sys.byteorder)
        except OSError:
            return 0

    def put(self, data: bytes, txn: int) -> None:
        """Queue framed bytes; `txn` (0: none) is reported if they never leave."""
        self.queue.append(data)
        self.queued_bytes += len(data)
        if txn:
            self.txns.append((txn, self.queued_bytes))

    def flush(self) -> bool:
        """Hand the queue to the socket. True if all of it left; False if the rest must wait. Raises OSError when broken."""
        data = self.queue[0] if len(self.queue) == 1 else b"".join(self.queue)
        try:
            sent = self.sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        if sent == len(data):
            self.queue.clear()
            self.txns.clear()
            self.queued_bytes = 0
            return True
        self.queue[:] = [data[sent:]]
        self.txns[:] = [(txn, end - sent) for txn, end in self.txns if end > sent]
        self.queued_bytes = len(data) - sent
        return False


def turns_behind(epoll: select.epoll, connections: Mapping[int, Connection]) -> int:
    """How many turns it takes to read what has arrived on every link by now."""
    ready = epoll.poll(0, len(connections) + LINKS_PER_TURN)
    unread = [connections[fd].unread() for fd, _ in ready if fd in connections]
    return (max(unread, default=0) // RECEIVE_BYTES + 1) * (len(ready) // LINKS_PER_TURN + 1)


def peer_name(sock: socket.socket) -> str:
    """`127.0.0.1:51324`, or "" where the peer has already gone."""
    try:
        name = sock.getpeername()
    except OSError:
        return ""
    return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name)


def host_of(peer: str) -> str:
    """`127.0.0.1:51324` -> `127.0.0.1`."""
    return peer.rpartition(":")[0]


def address_of(name: Callable[[], Any]) -> Address:
    """What `getsockname` or `getpeername` of a socket says; port 0 where it has gone, or is no TCP socket."""
    try:
        found = name()
    except OSError:
        found = None
    return Address(found[0], found[1]) if isinstance(found, tuple) else Address("", 0)


class ListenError(OSError):
    """An address that cannot be had; as text it is a sentence."""

    def __str__(self) -> str:
        return str(self.strerror)


def listening_socket(host: str, port: int, backlog: int = 1024) -> socket.socket:
    """A non-blocking listening socket; at a path, for this user only, where `host` has a slash. Raises ListenError (address in
    use, not permitted …) with the address in its text."""
    local = "/" in host
    sock = socket.socket(
        socket.AF_UNIX if local else socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
    )
    try:
        if local:
            _free(host)
            sock.bind(host)
            os.chmod(host, FILE_MODE)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
        sock.listen(backlog)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        where = host if local else f"{host}:{port}"
        raise ListenError(error.errno, f"cannot listen on {where}: {error.strerror}") from error
    return sock


def _free(path: str) -> None:
    """Take away a socket that nobody listens on any more. Raises OSError: somebody does."""
    make_private_directory(Path(path).parent)
    with suppress(FileNotFoundError, ConnectionRefusedError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(path)
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)


def reason_of(error: OSError) -> str:
    """Why a connection failed; where Trio tried several addresses, why the first of them did."""
    cause: BaseException = error
    if isinstance(error.__cause__, OSError | BaseExceptionGroup):
        cause = error.__cause__
    cause = first_of(cause)
    number = getattr(cause, "errno", None)
    return os.strerror(number) if number else str(cause)


async def connect(address: Address) -> socket.socket:
    """A connected non-blocking socket; to a path where the host has a slash. Raises OSError."""
    stream = (
        await trio.open_unix_socket(address.host)
        if "/" in address.host
        else await trio.open_tcp_stream(address.host, address.port)
    )
    sock = socket.socket(fileno=socket.dup(stream.socket.fileno()))
    stream.socket.close()  # not aclose(): a cancellation there would leave `sock` to nobody
    return sock
