"""A security module that is a process of its own: keys and PINs are in that process's memory, and never in the caller's.

In: batches of commands over a Unix socket, each a message of 4 bytes of length and msgpack; out: as many replies. One round trip
a batch. Rule: a module that is away, late or talks nonsense has refused everything (`UNREACHABLE`): what is not proved is not
processed. A call waits for its answer, `TIMEOUT_S` at most; the next one connects anew.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from switch.security.commands import UNREACHABLE, Command, Reply
from switch.security.module import SecurityModule

TIMEOUT_S: Final = 2.0
REST_S: Final = 1.0
"""a module that has let a call wait so long that it was given up is not asked for so long: its callers have others to serve"""
BATCH_BYTES_MAX: Final = 8 << 20
CLIENTS_MAX: Final = 64
_LENGTH: Final = 4

_encode_commands = msgspec.msgpack.Encoder().encode
_decode_commands = msgspec.msgpack.Decoder(list[Command]).decode
_encode_replies = msgspec.msgpack.Encoder().encode
_decode_replies = msgspec.msgpack.Decoder(list[Reply]).decode


class RemoteModule:
    """Asks the module behind a socket."""

    def __init__(self, path: Path | str, timeout_s: float = TIMEOUT_S) -> None:
        self._path = str(path)
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._rests_until = 0.0

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """See SecurityModule."""
        if not commands:
            return []
        if time.monotonic() < self._rests_until:
            return self._refused(len(commands), f"it let a call wait for {self._timeout_s:g} s just now")
        try:
            replies = self._exchange(_encode_commands(commands))
            if len(replies) != len(commands):
                raise OSError(f"{len(replies)} replies to {len(commands)} commands")
        except (OSError, msgspec.MsgspecError) as error:
            self.close()
            if isinstance(error, TimeoutError):
                self._rests_until = time.monotonic() + REST_S
            return self._refused(len(commands), str(error))
        return replies

    def _refused(self, count: int, why: str) -> list[Reply]:
        reason = f"the security module at {self._path} did not answer ({why}): is `cmi-switch security` running?"
        return [Reply(False, b"", UNREACHABLE, reason)] * count

    def _exchange(self, batch: bytes) -> list[Reply]:
        if self._socket is None:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.settimeout(self._timeout_s)
            self._socket = made
            made.connect(self._path)
        self._socket.sendall(len(batch).to_bytes(_LENGTH, "big") + batch)
        size = int.from_bytes(self._exactly(_LENGTH), "big")
        if size > BATCH_BYTES_MAX:
            raise OSError(f"an answer of {size} bytes")
        return _decode_replies(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        assert self._socket is not None
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(size - len(parts))
            if not part:
                raise OSError("it closed the connection")
            parts += part
        return bytes(parts)

    def close(self) -> None:
        """Let the connection go; the next batch makes another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _Client:
    """One caller's connection, and what has come of its next batch."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = bytearray()

    def batches(self) -> list[bytes]:
        """Whole batches that have come. Raises OSError for one too long."""
        whole = []
        while len(self.buffer) >= _LENGTH:
            size = int.from_bytes(self.buffer[:_LENGTH], "big")
            if size > BATCH_BYTES_MAX:
                raise OSError("batch too long")
            if len(self.buffer) < _LENGTH + size:
                break
            whole.append(bytes(self.buffer[_LENGTH : _LENGTH + size]))
            del self.buffer[: _LENGTH + size]
        return whole


class ModuleServer:
    """Serves a module to the callers of a Unix socket, which is for this user alone (mode 0600)."""

    def __init__(
        self, module: SecurityModule, path: Path, log: Callable[[str], None], before: Callable[[], None] = lambda: None
    ) -> None:
        """`log` is told, in words, of callers that are let go. `before`: called before each batch. Raises OSError where the
        socket cannot be made."""
        self._module = module
        self._before = before
        self._path = path
        self._log = log
        self._clients: dict[int, _Client] = {}
        with suppress(FileNotFoundError):
            path.unlink()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._listening.bind(str(path))
        path.chmod(0o600)
        self._listening.listen(CLIENTS_MAX)
        self._poll = select.epoll()
        self._poll.register(self._listening.fileno(), select.EPOLLIN)

    def serve(self, stop: Callable[[], bool]) -> None:
        """Answer until `stop`, which is asked several times a second, says so."""
        while not stop():
            for fd, _ in self._poll.poll(0.2):
                if fd == self._listening.fileno():
                    self._accept()
                else:
                    self._serve(self._clients[fd])

    def _accept(self) -> None:
        try:
            sock, _ = self._listening.accept()
        except OSError:
            return
        if len(self._clients) >= CLIENTS_MAX:
            self._log(f"{CLIENTS_MAX} callers are connected: one more is turned away")
            sock.close()
            return
        sock.settimeout(TIMEOUT_S)
        self._clients[sock.fileno()] = _Client(sock)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _serve(self, client: _Client) -> None:
        try:
            data = client.sock.recv(1 << 16)
            client.buffer += data
            batches = client.batches() if data else []
            for batch in batches:
                self._before()
                replies = _encode_replies(self._module.ask(_decode_commands(batch)))
                client.sock.sendall(len(replies).to_bytes(_LENGTH, "big") + replies)
            if data:
                return
        except (OSError, msgspec.MsgspecError) as error:
            self._log(f"a caller is let go: {error}")
        self._drop(client)

    def _drop(self, client: _Client) -> None:
        del self._clients[client.sock.fileno()]
        self._poll.unregister(client.sock.fileno())
        client.sock.close()

    def close(self) -> None:
        """Let everybody go, and take the socket away."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._poll.close()
        self._listening.close()
        with suppress(FileNotFoundError):
            self._path.unlink()
