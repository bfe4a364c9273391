"""A security module that is a process of its own: keys and PINs are in that process's memory, and never in the caller's.

In: batches of commands over a Unix socket, each a message of 4 bytes of length and msgpack; out: as many replies. One round trip
a batch. Rule: a module that is away, late or talks nonsense has refused everything (`UNREACHABLE`): what is not proved is not
processed. A call waits for its answer, `TIMEOUT_S` at most (and that once more for the last piece of one that comes in pieces),
once: from then on the module is asked on another connection whether it is there, nobody waits for that, and all is refused
until it has said so.
"""

import select
import socket
import struct
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from switch.security.commands import UNREACHABLE, Command, Reply
from switch.security.module import SecurityModule

TIMEOUT_S: Final = 0.5
CALLER_TIMEOUT_S: Final = 2.0
"""a server waits so long for who does not read its replies"""
BATCH_BYTES_MAX: Final = 8 << 20
CLIENTS_MAX: Final = 64
_LENGTH: Final = 4
_CHUNK: Final = 1 << 16
_TIMEVAL: Final = struct.Struct("@ll")

_encode_commands = msgspec.msgpack.Encoder().encode
_decode_commands = msgspec.msgpack.Decoder(list[Command]).decode
_encode_replies = msgspec.msgpack.Encoder().encode
_decode_replies = msgspec.msgpack.Decoder(list[Reply]).decode


class FarModule:
    """Asks a module over a connection, and keeps to this file's rule."""

    far = True
    probe = b""
    """a message that asks for nothing"""
    alive = b""
    """the answer to that"""
    hint = ""
    """what to look at where it does not answer"""

    def __init__(self, address: str | tuple[str, int], timeout_s: float = TIMEOUT_S) -> None:
        """`address`: of a Unix socket, or host and port. `timeout_s`: what a caller waits for a batch, at most."""
        self._address = address
        self._timeout_s = timeout_s
        self._until = 0.0
        """when a call that goes on has waited long enough"""
        self._socket: socket.socket | None = None
        self._hangs = False
        """it has let a call wait so long that it was given up"""
        self._probe: socket.socket | None = None
        """while it hangs: asked whether it is there"""
        self._probed = False

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """See SecurityModule."""
        if not commands:
            return []
        if self._hangs and not self._is_back():
            return self._refused(
                len(commands), f"it let a call wait for {self._timeout_s:g} s, and has not come back yet"
            )
        self._until = time.monotonic() + self._timeout_s
        try:
            replies = self._converse(self._connected(), commands)
            if len(replies) != len(commands):
                raise OSError(f"{len(replies)} replies to {len(commands)} commands")
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self.close()
            self._hangs = isinstance(error, TimeoutError | BlockingIOError)
            why = f"no whole answer within {self._timeout_s:g} s" if self._hangs else str(error)
            return self._refused(len(commands), why)
        return replies

    def _converse(self, sock: socket.socket, commands: Sequence[Command]) -> list[Reply]:
        """Send and receive. Raises OSError, ValueError or MsgspecError; BlockingIOError or TimeoutError: not in time."""
        raise NotImplementedError

    def _received(self, sock: socket.socket, parts: bytes, size: int) -> bytes:
        """What has come, so many bytes of it at least. Raises OSError; TimeoutError where they come one by one, and too long."""
        while len(parts) < size:
            if time.monotonic() > self._until:
                raise TimeoutError
            part = sock.recv(_CHUNK)
            if not part:
                raise OSError("it closed the connection")
            parts += part
        return parts

    def _new_socket(self) -> socket.socket:
        return socket.socket(socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._new_socket()
            _wait_at_most(self._socket, self._timeout_s)
            self._socket.connect(self._address)
        return self._socket

    def _is_back(self) -> bool:
        """Ask, or look whether there is an answer; never wait."""
        try:
            if self._probe is None:
                self._probe, self._probed = self._new_socket(), False
                self._probe.setblocking(False)
                self._probe.connect(self._address)
            if not self._probed:
                self._probe.sendall(self.probe)
                self._probed = True
                return False
            if self._probe.recv(len(self.alive)) != self.alive:
                raise OSError("it answers otherwise")
        except BlockingIOError:
            return False
        except OSError:
            self.close()  # and asked anew with the next call
            return False
        self._socket, self._probe, self._hangs = self._probe, None, False
        _wait_at_most(self._socket, self._timeout_s)
        return True

    def _refused(self, count: int, why: str) -> list[Reply]:
        at = self._address if isinstance(self._address, str) else f"{self._address[0]}:{self._address[1]}"
        reason = f"the security module at {at} did not answer ({why}): {self.hint}"
        return [Reply(False, b"", UNREACHABLE, reason)] * count

    def close(self) -> None:
        """Let the connection go; the next batch makes another."""
        for sock in (self._socket, self._probe):
            if sock is not None:
                sock.close()
        self._socket = self._probe = None


class RemoteModule(FarModule):
    """Asks the module behind a Unix socket."""

    probe = alive = b"\0\0\0\1" + _encode_commands([])
    """no command; as it happens that is its answer, too"""
    hint = "is `cmi-switch security` running?"

    def __init__(self, path: Path | str, timeout_s: float = TIMEOUT_S) -> None:
        """See FarModule."""
        super().__init__(str(path), timeout_s)

    def _converse(self, sock: socket.socket, commands: Sequence[Command]) -> list[Reply]:
        batch = _encode_commands(commands)
        sock.sendall(len(batch).to_bytes(_LENGTH, "big") + batch)
        answer = self._received(sock, b"", _LENGTH)
        size = int.from_bytes(answer[:_LENGTH], "big")
        if size > BATCH_BYTES_MAX:
            raise OSError(f"an answer of {size} bytes")
        return _decode_replies(self._received(sock, answer, _LENGTH + size)[_LENGTH:])


def _wait_at_most(sock: socket.socket, seconds: float) -> None:
    """What is sent and read waits so long, in the kernel: Python's own timeouts would cost a call to `poll` each time. Too late
    is BlockingIOError."""
    sock.setblocking(True)
    span = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1_000_000))
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, span)


class _Client:
    """One caller's connection, and what has come of its next batch."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = bytearray()

    def batches(self, data: bytes, length: int) -> list[bytearray]:
        """Whole batches, with what has just come; each has its size before it, in `length` bytes. Raises OSError for one too
        long."""
        self.buffer += data
        whole: list[bytearray] = []
        at = 0
        while len(self.buffer) - at >= length:
            size = int.from_bytes(self.buffer[at : at + length], "big")
            if size > BATCH_BYTES_MAX:
                raise OSError("batch too long")
            if len(self.buffer) - at < length + size:
                break
            whole.append(self.buffer[at + length : at + length + size])
            at += length + size
        del self.buffer[:at]
        return whole


class Server:
    """Answers callers of one socket, batch by batch."""

    def __init__(
        self, listening: socket.socket, length: int, answer: Callable[[bytearray], bytes], log: Callable[[str], None]
    ) -> None:
        """`length`: how many bytes say how long a batch is; `log` is told, in words, of callers that are let go."""
        self._listening = listening
        self._length = length
        self._answer = answer
        self._log = log
        self._clients: dict[int, _Client] = {}
        listening.setblocking(False)
        listening.listen(CLIENTS_MAX)
        self._poll = select.epoll()
        self._poll.register(listening.fileno(), select.EPOLLIN)

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
        _wait_at_most(sock, CALLER_TIMEOUT_S)
        self._clients[sock.fileno()] = _Client(sock)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _serve(self, client: _Client) -> None:
        try:
            data = client.sock.recv(_CHUNK)
            for batch in client.batches(data, self._length):
                replies = self._answer(batch)
                client.sock.sendall(len(replies).to_bytes(self._length, "big") + replies)
            if data:
                return
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._log(f"a caller is let go: {error}")
        except Exception as error:  # of a batch that nobody foresaw: others need their keys
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{at.filename.rpartition('/')[2]}:{at.lineno}"
            self._log(
                f"a caller is let go: {type(error).__name__} at {where}, an error of this program: please report it"
            )
        self._drop(client)

    def _drop(self, client: _Client) -> None:
        del self._clients[client.sock.fileno()]
        self._poll.unregister(client.sock.fileno())
        client.sock.close()

    def close(self) -> None:
        """Let everybody go."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._poll.close()
        self._listening.close()


class ModuleServer(Server):
    """Serves a module to the callers of a Unix socket, which is for this user alone (mode 0600)."""

    def __init__(
        self, module: SecurityModule, path: Path, log: Callable[[str], None], before: Callable[[], None] = lambda: None
    ) -> None:
        """`before`: called before each batch. Raises OSError where the socket cannot be made."""
        self._module = module
        self._before = before
        self._path = path
        with suppress(FileNotFoundError):
            path.unlink()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        path.chmod(0o600)
        super().__init__(listening, _LENGTH, self._replies, log)

    def _replies(self, batch: bytearray) -> bytes:
        self._before()
        return _encode_replies(self._module.ask(_decode_commands(batch)))

    def close(self) -> None:
        """Let everybody go, and take the socket away."""
        super().close()
        with suppress(FileNotFoundError):
            self._path.unlink()
