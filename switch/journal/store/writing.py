"""The writer's process where a database decides: first the database, then the segments beside it, then the acknowledgement.

In: chunks as `journal.writer` cuts them. Out: what is durable. Segments are written after the commit, and flushed once in a
while by a thread, so that no append, no acknowledgement and no lease waits for a disk that decides nothing: what a power cut
takes of them is fetched again when the journal is claimed. One thing waits for a flush: a segment that begins says that all
before it is on the disk.

A process that starts again after one that was killed claims first. What that one wrote to its segments and did not flush it
fetches from the database, and writes anew: a flush of its own could lie. Then it sees which of the records that it is handed
again are in the database already: those are compared, not appended.
"""

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import SimpleQueue
from threading import Event, Thread
from typing import Final

from switch.journal.head import head_path, read_slots
from switch.journal.log import JournalError
from switch.journal.segment_writer import Chunk, Mark, SegmentWriter
from switch.journal.store.fencing import Owned, unsafe_now
from switch.journal.store.port import FencedError, Store, StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.waiting import wait

TRYING_S: Final = 4.0
"""so long a database that cannot be reached is asked"""
AGAIN_S: Final = 0.1
SYNC_S: Final = 1.0
"""Segments are flushed so often: the index follows what is."""


def boot_clock() -> float:
    """Seconds since the machine was started, those included in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Flusher:
    """Flushes segments in a thread of its own, one flush at a time. Raises JournalError from any method: a flush has failed."""

    def __init__(self, segments: SegmentWriter) -> None:
        self._segments = segments
        self._asked: SimpleQueue[Mark] = SimpleQueue()
        self._idle = Event()
        self._idle.set()
        self._failed: JournalError | None = None
        Thread(target=self._run, name="segments' flush", daemon=True).start()

    def begin(self) -> None:
        """Have what is written by now flushed; not while the flush before has not returned, which the next time makes up for."""
        self.check()
        if self._idle.is_set():
            self._idle.clear()
            self._asked.put(self._segments.mark())

    def wait(self) -> None:
        """Return when nothing is being flushed."""
        self._idle.wait()
        self.check()

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        while True:
            mark = self._asked.get()
            try:
                self._segments.flush_to(mark)
            except JournalError as error:
                self._failed = error
            self._idle.set()


class StoreWriter:
    """See `journal.writer.Writer`."""

    def __init__(self, owned: Owned, known: Iterable[bytes], segments: SegmentWriter) -> None:
        """`known`: payloads that the database has already, of the records behind the last one of `segments`."""
        self._owned, self._segments, self._flusher = owned, segments, Flusher(segments)
        self._known = deque(known)
        self._added = self.durable = segments.written
        self._chunks: list[Chunk] = []
        self._synced_s = boot_clock()

    @property
    def chain_durable(self) -> bytes:
        """See Writer."""
        return self._segments.chain

    @property
    def wants_room(self) -> bool:
        """See Writer: room makes flushes cheaper for which somebody waits, and here is none."""
        return False

    def lay_out(self) -> None:
        """See Writer."""

    def wait(self, connection: socket.socket) -> None:
        """See Writer: the segments' flush is begun, and the lease is renewed."""
        self._flusher.check()
        if boot_clock() - self._synced_s >= SYNC_S:
            self._sync()
        while not wait(connection, self._owned.renew_in_s):
            self._owned.renew()
            self._sync()

    def _sync(self) -> None:
        self._flusher.begin()
        self._synced_s = boot_clock()

    def add(self, chunk: Chunk) -> None:
        """See Writer."""
        if chunk.first > self._added + 1:
            raise JournalError(f"record {chunk.first} came where {self._added + 1} belongs")
        fresh = chunk.payloads[self._added + 1 - chunk.first :]
        if fresh:
            self._chunks.append(Chunk(self._added + 1, fresh, chunk.snapshot))
            self._added += len(fresh)

    def flush(self) -> None:
        """See Writer."""
        together: list[bytes] = []
        for chunk in self._chunks:
            fresh = self._without_known(chunk)
            if chunk.snapshot:
                self._append(together)
                self._append(fresh, snapshot=True)
                together = []
            else:
                together += fresh
        self._append(together)
        for chunk in self._chunks:
            if self._segments.ends_before(chunk):
                self._flusher.wait()
            self._segments.add(chunk)
        self._chunks.clear()
        self._segments.write()
        self.durable = self._added

    def _append(self, payloads: list[bytes], *, snapshot: bool = False) -> None:
        if payloads:
            self._owned.append(payloads, snapshot=snapshot)

    def _without_known(self, chunk: Chunk) -> list[bytes]:
        """What the database has not. JournalError: it has something else there."""
        for done, payload in enumerate(chunk.payloads):
            if not self._known:
                return chunk.payloads[done:]
            if self._known.popleft() != payload:
                raise StoreError(
                    f"the database has another record {chunk.first + done} than this switch: a wrong primary?"
                )
        return []

    def close(self) -> None:
        """See Writer. Another node may claim the journal at once, before these segments are on their disk."""
        self.flush()
        try:
            self._owned.release()
        finally:
            self._flusher.wait()
            self._segments.close()


def flushed(directory: str, secret: bytes, after: int, chain: bytes) -> tuple[int, bytes]:
    """The last record that a node's own segments have on the disk, and their chain there: no further than `after`, which was
    acknowledged last, and `chain`. The head says so: it is written behind each flush."""
    with suppress(JournalError):  # damaged: it is written anew
        found = read_slots(head_path(directory), secret)
        if found is not None and found.place.sequence < after:
            return found.place.sequence, found.place.chain
    return after, chain


def write_again(segments: SegmentWriter, store: Store, acknowledged: int) -> None:
    """Fetch what was acknowledged, and is behind the last record of `segments`, into them; as far as the database has it.

    Before the journal is claimed again, which lasts a second: what was acknowledged nobody needs to own to read.
    """
    for batch in store.batches(segments.written) if segments.written < acknowledged else ():
        first = segments.written + 1
        payloads = batch.payloads[first - batch.first : acknowledged + 1 - batch.first]
        if batch.first > first or not payloads:
            return
        segments.add(Chunk(first, list(payloads), batch.snapshot))


def reclaimed(
    store: Store, holder: str, lease_ms: int, secret: bytes, after: int, clock: Callable[[], float] = boot_clock
) -> tuple[Owned, list[bytes]]:
    """The journal, owned under a new epoch, and the payloads that it has behind record `after`. Raises StoreError."""
    owner = store.reclaim(holder, lease_ms)
    if owner is None:
        there = store.look()
        if there is not None and there.holder != holder:
            raise FencedError(f"node {there.node} owns the journal since epoch {there.epoch}")
        raise unsafe_now(store)
    if owner.last < after:
        raise StoreError(
            f"the database ends at record {owner.last}, and {after} was acknowledged: a primary was promoted that lacks what "
            "others had; bring back the one that was there before"
        )
    known: list[bytes] = []
    for batch in store.batches(after):
        known += batch.payloads[max(0, after + 1 - batch.first) :]
    return Owned(store, owner, secret, lease_ms, clock), known


def _connected(url: str, journal: str, *, replicated: bool) -> PostgreSQL:
    """Who owns the journal is to be back before another node thinks that it is gone: while a server is promoted it asks again and
    again, where a process started anew for each time would cost more than the lease. Raises StoreError after `TRYING_S`."""
    until = boot_clock() + TRYING_S
    while True:
        try:
            return PostgreSQL(url, journal, replicated=replicated)
        except StoreError:
            if boot_clock() >= until:
                raise
        time.sleep(AGAIN_S)


def open_writer(segments: SegmentWriter, secret: bytes, given: dict[str, str]) -> StoreWriter:
    """What the writer's process runs with, of its arguments; `segments` go on after what is `flushed`. Raises StoreError."""
    replicated = given["--replicated"] == "1"
    store = _connected(given["--store"], given["--journal"], replicated=replicated)
    if store.unsafe():  # another server may lead by now
        raise unsafe_now(store)
    after = int(given["--after"])
    write_again(segments, store, after)
    owned, known = reclaimed(store, given["--holder"], int(given["--lease-ms"]), secret, after)
    if segments.written < after:
        raise StoreError(f"records {segments.written + 1} to {after} are missing in the database")
    return StoreWriter(owned, known, segments)
