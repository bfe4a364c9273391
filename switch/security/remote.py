"""A security module that is a process of its own: keys and PINs are in that process's memory, and never in the caller's.

In: batches of commands over a Unix socket, each a message of 4 bytes of length and msgpack; out: as many replies. One round trip
a batch. Rules: a change of keys is made on a thread of its own (`key_changes`), and asked for on a connection of its own, so that
no MAC waits for a disk. A module that is away, late or talks nonsense has refused everything (`UNREACHABLE`): what is not proved
is not processed. A call waits for its answer, `TIMEOUT_S` at most (and that once more for the last piece of one that comes in
pieces), once: from then on the module is asked on another connection whether it is there, nobody waits for that, and all is
refused until it has said so.
"""

import select
import socket
import struct
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from switch.security.commands import UNREACHABLE, Command, Reply
from switch.security.key_changes import ChangeThread
from switch.security.key_commands import KEY_CHANGES, AwaitChanges
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


def _with_length(batch: bytes) -> bytes:
    return len(batch).to_bytes(_LENGTH, "big") + batch


class _UnixModule(FarModule):
    """A module behind a Unix socket, on one connection."""

    def _converse(self, sock: socket.socket, commands: Sequence[Command]) -> list[Reply]:
        sock.sendall(_with_length(_encode_commands(commands)))
        answer = self._received(sock, b"", _LENGTH)
        size = int.from_bytes(answer[:_LENGTH], "big")
        if size > BATCH_BYTES_MAX:
            raise OSError(f"an answer of {size} bytes")
        return _decode_replies(self._received(sock, answer, _LENGTH + size)[_LENGTH:])


class _KeyChanges(_UnixModule):
    """The connection for changes of keys. One that is late is made all the same: until then the next ones are refused at once."""

    probe = _with_length(_encode_commands([AwaitChanges()]))
    alive = _with_length(_encode_replies([Reply(True)]))
    hint = "the keys it changes are not on its disk yet: see to the disk of the key file, and to who else has the file open"


class RemoteModule(_UnixModule):
    """Asks the module behind a Unix socket."""

    probe = alive = _with_length(_encode_commands([]))
    """no command; as it happens that is its answer, too"""
    hint = "is `cmi-switch security` running?"

    def __init__(self, path: Path | str, timeout_s: float = TIMEOUT_S) -> None:
        """See FarModule."""
        super().__init__(str(path), timeout_s)
        self._changes = _KeyChanges(str(path), timeout_s)

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """See SecurityModule. A change of keys that is late says nothing of MACs and PINs: they are asked for as before."""
        if len(commands) == 1 and type(commands[0]) in KEY_CHANGES:
            return self._changes.ask(commands)
        return super().ask(commands)

    def close(self) -> None:
        """See FarModule."""
        super().close()
        self._changes.close()


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
        self.waiting: deque[bytearray] = deque()
        """whole batches that are not answered"""
        self.awaits_change = False
        """the one before them changes keys, and its answer comes later"""

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


def _why(error: Exception) -> str:
    """Why a caller's connection ends; of a batch that nobody foresaw, too: others need their keys."""
    if isinstance(error, OSError | ValueError | msgspec.MsgspecError):
        return f"a caller is let go: {error}"
    at = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{at.filename.rpartition('/')[2]}:{at.lineno}"
    return f"a caller is let go: {type(error).__name__} at {where}, an error of this program: please report it"


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
        self._calls: dict[int, Callable[[], None]] = {}
        """what else is waited for: a descriptor, and what is called once it can be read"""
        self._call_on(listening.fileno(), self._accept)

    def _call_on(self, fd: int, call: Callable[[], None]) -> None:
        self._calls[fd] = call
        self._poll.register(fd, select.EPOLLIN)

    def serve(self, stop: Callable[[], bool]) -> None:
        """Answer until `stop`, which is asked several times a second, says so."""
        while not stop():
            for fd, _ in self._poll.poll(0.2):
                call = self._calls.get(fd)
                if call is not None:
                    call()
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
            client.waiting.extend(client.batches(data, self._length))
            self._go_on(client)
            if data:
                return
        except Exception as error:
            self._log(_why(error))
        self._drop(client)

    def _go_on(self, client: _Client) -> None:
        """Answer what waits, in order. Raises what ends a caller's connection."""
        while client.waiting and not client.awaits_change:
            self._take(client, client.waiting.popleft())

    def _take(self, client: _Client, batch: bytearray) -> None:
        self._reply(client, self._answer(batch))

    def _reply(self, client: _Client, replies: bytes) -> None:
        client.sock.sendall(len(replies).to_bytes(self._length, "big") + replies)

    def _drop(self, client: _Client) -> None:
        del self._clients[client.sock.fileno()]
        if not client.awaits_change:
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
        self,
        module: SecurityModule,
        path: Path,
        log: Callable[[str], None],
        before: Callable[[], None] = lambda: None,
        changes: SecurityModule | None = None,
    ) -> None:
        """`before`: called before each batch. `changes`: of the same keys, for a thread of its own, which makes their changes;
        None: they are made as anything else is answered. Raises OSError where the socket cannot be made."""
        self._module = module
        self._before = before
        self._changes: ChangeThread[_Client] | None = None
        self._path = path
        with suppress(FileNotFoundError):
            path.unlink()
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        path.chmod(0o600)
        super().__init__(listening, _LENGTH, self._replies, log)
        if changes is not None:
            self._changes = ChangeThread(changes)
            self._call_on(self._changes.done_fd, self._changed)

    def _replies(self, batch: bytearray) -> bytes:
        return self._asked(_decode_commands(batch))

    def _asked(self, commands: list[Command]) -> bytes:
        self._before()
        return _encode_replies(self._module.ask(commands))

    def _take(self, client: _Client, batch: bytearray) -> None:
        commands = _decode_commands(batch)
        if self._changes is None or not any(type(command) in KEY_CHANGES for command in commands):
            self._reply(client, self._asked(commands))
            return
        # Nothing more is read of this caller before its answer: batches are answered in order, and none is kept meanwhile.
        client.awaits_change = True
        self._poll.unregister(client.sock.fileno())
        self._changes.ask(client, commands)

    def _changed(self) -> None:
        """Changes are durable, or refused: answer, and go on with their callers."""
        assert self._changes is not None
        for client, replies in self._changes.done():
            client.awaits_change = False
            self._poll.register(client.sock.fileno(), select.EPOLLIN)
            try:
                if isinstance(replies, Exception):
                    raise replies
                self._reply(client, _encode_replies(replies))
                self._go_on(client)
            except Exception as error:
                self._log(_why(error))
                self._drop(client)

    def close(self) -> None:
        """Let everybody go, once the changes that go on are made, and take the socket away."""
        if self._changes is not None:
            self._changes.close(CALLER_TIMEOUT_S)
        super().close()
        with suppress(FileNotFoundError):
            self._path.unlink()
