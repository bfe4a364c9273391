"""The process that makes records durable: one write and one fdatasync for all that waits.

In: chunks of records on an inherited socket. Out: segment files, the head, and on the socket the last durable sequence
number. Started by `journal.feed` as `python -m switch.journal.writer`; it knows nothing of what a record holds, and imports
little, so that it starts at once and stays small.

Rules. Where a write or flush has failed (`journal.segment_writer`), the process says why and ends; its successor is told what was
acknowledged last and writes everything after it again, to a new file. It ends with its parent: at the end of the stream it
makes durable what it has.
"""

import signal
import socket
import sys
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from struct import Struct
from typing import Final, Protocol

from switch.journal.disk import RealDisk
from switch.journal.head import CopyPort
from switch.journal.head_copy import HeadCopy, take_turns
from switch.journal.log import (
    FLAG_SNAPSHOT,
    NO_KEY,
    ChainKey,
    JournalError,
)
from switch.journal.segment_writer import Chunk, Home, SegmentWriter
from switch.security.private_memory import keep_memory_private

CHUNK: Final = Struct("=IIQI")
"""Switch to writer: bytes of the chunk after this head, records, first sequence, flags; then their lengths (u32), payloads."""
ACK: Final = Struct(">BQ16s")
"""Writer to switch: kind ACKNOWLEDGED, last durable sequence number, chain hash there."""
FAIL: Final = Struct(">BH")
"""Writer to switch: kind FAILED, bytes of the reason (UTF-8) that follows; then it ends."""
KEY: Final = Struct("32s8s")
"""Switch to writer, before all else: the chain's secret and key check value; zeros: it has no key. Never in the arguments, which
anybody may read."""
COPY: Final = FAIL
"""Writer to switch: kind COPIED, bytes of what is wrong with the head's copy (UTF-8), which follow: 0 of them, all is well."""
ACKNOWLEDGED: Final = 1
FAILED: Final = 2
COPIED: Final = 3
FENCED: Final = 4
"""as FAILED, and another process owns the journal now"""

_RECEIVE_BYTES: Final = 1 << 20


class Writer(Protocol):
    """What makes records durable. Methods raise JournalError: then it has been given up."""

    @property
    def durable(self) -> int:
        """The last record that is."""

    @property
    def chain_durable(self) -> bytes:
        """The chain hash of the segments there."""

    @property
    def wants_room(self) -> bool:
        """True where it is worth a quiet moment to lay out room."""

    def lay_out(self) -> None:
        """Do so."""

    def wait(self, connection: socket.socket) -> None:
        """Return when there is something to read, having done meanwhile what has its time."""

    def add(self, chunk: Chunk) -> None:
        """Take the chunk's records."""

    def flush(self) -> None:
        """Make durable what was added."""

    def close(self) -> None:
        """Flush, and end."""


class Inbox:
    """Bytes of the stream in, whole chunks out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._have = 0
        self._need = CHUNK.size

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """The chunks that `data` completes."""
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need:
            return
        buffer = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        at = 0
        while True:
            if self._have - at < CHUNK.size:
                self._need = CHUNK.size
                break
            size, count, first, flags = CHUNK.unpack_from(buffer, at)
            end = at + CHUNK.size + size
            if end > self._have:
                self._need = CHUNK.size + size
                break
            at += CHUNK.size + 4 * count
            payloads = []
            for length in array("I", buffer[at - 4 * count : at]):
                payloads.append(buffer[at : at + length])
                at += length
            if at != end or not all(payloads):
                raise JournalError(f"the switch sent {count} records from {first} that do not fill their chunk")
            yield Chunk(first, payloads, bool(flags & FLAG_SNAPSHOT))
        self._parts = [buffer[at:]] if at < self._have else []
        self._have -= at


def _receive(connection: socket.socket, flags: int = 0) -> bytes:
    """All there is, at least a byte; b"" at the end of the stream. BlockingIOError where `flags` forbid to wait."""
    while True:
        try:
            return connection.recv(_RECEIVE_BYTES, flags)
        except ConnectionResetError:
            continue  # the switch ended with acknowledgements unread; what it sent before is still to be had


def serve(connection: socket.socket, writer: Writer, send: Callable[[bytes], None]) -> None:
    """Write what comes, acknowledge what is durable by `send`, until the stream ends. Raises JournalError."""
    inbox = Inbox()
    while True:
        with suppress(BrokenPipeError, ConnectionResetError):  # nobody listens: what was sent is still made durable
            send(ACK.pack(ACKNOWLEDGED, writer.durable, writer.chain_durable))
        data = b""
        if writer.wants_room:
            try:
                data = _receive(connection, socket.MSG_DONTWAIT)
            except BlockingIOError:
                writer.lay_out()
        if not data:
            writer.wait(connection)
            data = _receive(connection)
        if not data:
            writer.close()
            return
        for chunk in inbox.feed(data):
            writer.add(chunk)
        writer.flush()


def _copy(connection: socket.socket, path: str) -> tuple[Callable[[bytes], None], CopyPort | None]:
    """What sends to the switch, and what writes the head's copy, if there is to be one: it tells the switch how that goes."""
    if not path:
        return connection.sendall, None
    send = take_turns(connection.sendall)

    def tell(reason: str) -> None:
        text = reason.encode()[:4096]
        with suppress(OSError):
            send(COPY.pack(COPIED, len(text)) + text)

    return send, HeadCopy(RealDisk(), path, tell)


def main(arguments: list[str]) -> int:
    """Run as a process: `--fd N --dir DIR --network NAME --schema N --after SEQUENCE --chain HEX --bound BYTES --head-count N
    --head-copy PATH`, and where a database decides what is durable `--store URL --journal NAME --holder TOKEN
    --lease-ms N --replicated 0|1`.
    """
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    connection = socket.socket(fileno=int(given["--fd"]))
    keep_memory_private()  # the chain's secret comes now
    try:
        secret, check = KEY.unpack(connection.recv(KEY.size, socket.MSG_WAITALL))
        key = ChainKey(secret, check) if any(check) else NO_KEY
        home = Home(given["--dir"], given["--network"], int(given["--schema"]), key)
        after, chain, bound = int(given["--after"]), bytes.fromhex(given["--chain"]), int(given["--bound"])
        if "--store" in given:
            after, chain = _flushed(home, after, chain)
        send, copy = _copy(connection, given["--head-copy"])
        count = int(given["--head-count"])
        segments = SegmentWriter(home, after, chain, RealDisk(), bound=bound, head_count=count, copy=copy)
        segments.lay_out(needed=True)
        serve(connection, _writer(segments, key, given), send)
    except JournalError as error:
        reason = str(error).encode()[:4096]
        try:
            connection.sendall(FAIL.pack(FENCED if error.fenced else FAILED, len(reason)) + reason)
        except OSError:
            sys.stderr.write(f"journal writer: {error}\n")
        return 1
    return 0


def _flushed(home: Home, after: int, chain: bytes) -> tuple[int, bytes]:
    """Where segments beside a database go on: what was acknowledged behind that is in the database, and need not be in them."""
    from switch.journal.store.writing import flushed  # noqa: PLC0415 - as below

    return flushed(home.directory, home.key.secret, after, chain)


def _writer(segments: SegmentWriter, key: ChainKey, given: dict[str, str]) -> Writer:
    """These segments alone, or what writes them behind a database."""
    if "--store" not in given:
        return segments
    from switch.journal.store.writing import open_writer  # noqa: PLC0415 - nobody else needs to wait for it

    return open_writer(segments, key.secret, given)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
