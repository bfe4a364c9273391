"""Segments as they are written: records appended to files, flushed, and followed by the next.

In: chunks of records. Out: segment files, and the head behind them. Used by the writer's process, where a database decides beside
it (`journal.store`), and by who makes a journal's files whole before that process starts (`journal.recovery`).

Rule: a failed write or flush gives the segment up for good. After an fdatasync failed, the kernel may call clean what never
reached the disk, and a second one would succeed and lie. Where nothing waits, zeros are laid out ahead of the records: a flush
that need not move the end of the file takes half as long.
"""

import socket
from contextlib import suppress
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from switch.journal.disk import Disk
from switch.journal.head import CopyPort, Head, before_any_record
from switch.journal.log import (
    FLAG_SNAPSHOT,
    NEW_SUFFIX,
    NO_KEY,
    ChainKey,
    Header,
    JournalError,
    Place,
    chain_start,
    named,
    segment_path,
)
from switch.journal.scan import HEAD, REST
from switch.journal.waiting import wait

SEGMENT_BYTES: Final = 64 << 20
"""A segment that has grown beyond is followed by another."""
AHEAD_BYTES: Final = 256 << 10
"""Zeros laid out at a time, where less than half of that is left."""
_CRC: Final = Struct(">I")


class Chunk(NamedTuple):
    """Records `first`, `first` + 1 … as they came from the switch. A snapshot comes alone."""

    first: int
    payloads: list[bytes]
    snapshot: bool


class Home(NamedTuple):
    """Whose journal it is, and where."""

    directory: str
    network: str
    schema: int
    """of the records"""
    key: ChainKey = NO_KEY
    """of the chain and the head"""


class Mark(NamedTuple):
    """What of a segment is written by now, to be flushed."""

    fd: int
    place: Place


class SegmentWriter:
    """Appends records to segments. `durable` and `chain_durable` are those of the last flush; up to there nothing is lost.

    Raises JournalError (file, operation, the system's reason) from any method: then the segment has been given up, and this
    object with it.
    """

    def __init__(
        self,
        home: Home,
        after: int,
        chain: bytes,
        disk: Disk,
        *,
        bound: int = SEGMENT_BYTES,
        draft: bool = False,
        head_count: int = 0,
        copy: CopyPort | None = None,
    ) -> None:
        """Opens a segment whose first record is `after` + 1. `chain`: the chain hash of record `after`. `bound`: bytes.

        `draft`: the segment does not count until `close`, when it does as a whole. `head_count`: how often the head was
        written, at least. `copy`: of the head.
        """
        self._home, self._disk, self._bound, self._suffix = home, disk, bound, NEW_SUFFIX if draft else ""
        self._written = self.durable = after
        self._chain = self.chain_durable = chain
        self._out: list[bytes] = []
        self._out_bytes = self._last_at = 0
        self._head = None if draft else self._begin_head(head_count, copy)
        self._open(0)

    def _begin_head(self, count: int, copy: CopyPort | None) -> Head:
        """The head, brought back to where this writer begins before it supersedes anything that lies beyond."""
        try:
            head = Head(self._disk, self._home.directory, self._home.key.secret, count, copy)
            head.put(before_any_record(self.durable, self.chain_durable), sync=True)
        except OSError as error:
            raise JournalError(
                f"{self._home.directory}: writing the head failed: {error.strerror or error} (errno {error.errno})"
            ) from None
        return head

    def _fail(self, doing: str, error: OSError) -> JournalError:
        """The error to raise. A segment nobody was told anything of is removed, which frees its space on a full disk."""
        if self._made and self._first > self.durable:
            with suppress(OSError):  # else it stays, superseded
                self._disk.remove(self._path)
        return JournalError(f"{self._path}: {doing} failed: {error.strerror or error} (errno {error.errno})")

    def _open(self, flags: int) -> None:
        """A new segment, its header and its name on the disk. Its records begin after the last one written."""
        directory, network, schema, key = self._home
        self._first, self._path, self._made = self._written + 1, directory, False
        try:
            used = (named(name) for name in self._disk.names(directory))
            ordinal = max((numbers[1] for numbers in used if numbers is not None), default=0) + 1
            header = Header(schema, flags, ordinal, self._first, self._chain, network, key.check).pack()
            self._path = segment_path(directory, self._first, ordinal) + self._suffix
            self._fd = self._disk.create(self._path)
            self._made = True
            self._end = self._laid_out = 0
            self._ordinal = ordinal
            self._hash = chain_start(header, key.secret)
            self._put(header)
            self._disk.sync(self._fd)
            self._disk.sync_directory(directory)
        except OSError as error:
            raise self._fail("making the segment", error) from None

    def _put(self, data: bytes) -> None:
        """Write all of `data` at the end."""
        done = 0
        while done < len(data):
            done += self._disk.write(self._fd, data[done:] if done else data, self._end + done)
        self._end += done

    def add(self, chunk: Chunk) -> None:
        """Take the chunk's records; those written already are skipped. They leave with the next `flush`, or before it."""
        if self.ends_before(chunk):
            self._next(FLAG_SNAPSHOT if chunk.snapshot else 0)
        sequence, out, running = self._written, self._out, self._hash
        if chunk.first > sequence + 1:
            raise JournalError(f"{self._path}: record {chunk.first} came where {sequence + 1} belongs")
        payloads, durable, pack, crc_pack = chunk.payloads, self.durable, REST.pack, _CRC.pack
        for payload in payloads[sequence + 1 - chunk.first :] if chunk.first <= sequence else payloads:
            sequence += 1
            running.update(payload)
            rest = pack(len(payload), sequence, sequence - durable - 1, running.copy().digest())
            out.append(crc_pack(crc32(payload, crc32(rest))))
            out.append(rest)
            out.append(payload)
        if sequence != self._written:
            self._written, self._chain = sequence, rest[-16:]
            self._out_bytes += sum(map(len, payloads)) + 36 * len(payloads)

    def ends_before(self, chunk: Chunk) -> bool:
        """True if adding it ends the segment, which is flushed then, and begins another."""
        return chunk.snapshot or self._end + self._out_bytes > self._bound

    def flush(self) -> None:
        """One write and one fdatasync for all that was added; then `durable` is the last of it."""
        self.write()
        self.flush_to(self.mark())

    def mark(self) -> Mark:
        """What is written by now, for `flush_to`."""
        return Mark(self._fd, Place(self._ordinal, self._last_at, self._written, self._chain))

    def flush_to(self, mark: Mark) -> None:
        """One fdatasync for what was written when that was marked; then `durable` is the last of it.

        Another thread may do it while this one adds and writes, one flush at a time, and none while a segment ends.
        """
        if self.durable == mark.place.sequence:
            return
        try:
            self._disk.sync(mark.fd)
        except OSError as error:
            raise self._fail("fdatasync", error) from None
        if self._head is not None:
            try:
                self._head.put(mark.place)
            except OSError as error:
                raise self._fail("writing the head", error) from None
        self.durable, self.chain_durable = mark.place.sequence, mark.place.chain

    def write(self) -> None:
        """One write for all that was added, which readers see and a power cut may take."""
        if not self._out:
            return
        try:
            self._put(b"".join(self._out))
        except OSError as error:
            raise self._fail("write", error) from None
        self._last_at = self._end - len(self._out[-1]) - HEAD.size
        self._out.clear()
        self._out_bytes = 0

    @property
    def written(self) -> int:
        """The last record added."""
        return self._written

    @property
    def chain(self) -> bytes:
        """The chain hash there."""
        return self._chain

    def _next(self, flags: int) -> None:
        """Go on in a new segment. The zeros laid out ahead go; a segment without a record goes whole."""
        self.flush()
        old, path, empty = self._fd, self._path, self._written < self._first
        try:
            self._disk.truncate(old, self._end)
            self._disk.close(old)
            self._open(flags)
            if empty:
                self._disk.remove(path)
        except OSError as error:
            raise self._fail("closing the segment", error) from None

    @property
    def wants_room(self) -> bool:
        """True where it is worth a quiet moment to lay out zeros ahead."""
        return self._laid_out - self._end < AHEAD_BYTES // 2 and self._end + AHEAD_BYTES < self._bound

    def wait(self, connection: socket.socket) -> None:
        """See writer.Writer. Reading would wait by itself, and be woken by each acknowledgement that the switch takes:
        room to write wakes whoever waits in `recv`."""
        wait(connection)

    def lay_out(self, needed: bool = False) -> None:
        """Put zeros ahead of the records, on the disk. Unless `needed`, no room for them is no failure."""
        start = max(self._laid_out, self._end)
        try:
            done = self._disk.write(self._fd, bytes(AHEAD_BYTES), start)
        except OSError as error:
            if needed:
                raise self._fail("laying out room for records", error) from None
            self._laid_out = self._bound
            return
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            raise self._fail("fdatasync", error) from None
        self._laid_out = start + done

    def close(self) -> None:
        """Flush, then mark the end: the last record repeated without its payload, which says that it was durable."""
        self.flush()
        try:
            rest = REST.pack(0, self._written, 0, self._chain)
            if self._written >= self._first:
                self._put(_CRC.pack(crc32(rest)) + rest)
            self._disk.truncate(self._fd, self._end)
            self._disk.sync(self._fd)
            self._disk.close(self._fd)
            if self._suffix:
                self._disk.rename(self._path, self._path.removesuffix(self._suffix))
                self._disk.sync_directory(self._home.directory)
            if self._head is not None:
                self._head.close()
        except OSError as error:
            raise self._fail("closing the segment", error) from None
