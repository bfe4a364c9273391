"""The writer's process where a database decides: first the database, then the segments beside it, then the acknowledgement.

In: chunks as `journal.writer` cuts them. Out: what is durable. Segments are written after the commit, and flushed once in a
while, when what was committed has been acknowledged: what a power cut takes of them is fetched again when the journal is claimed.
A process that starts again after one that was killed claims first, and then sees which of the records that it is handed again are
in the database already: those are compared, not appended.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from switch.journal.log import JournalError
from switch.journal.segment_writer import Chunk, SegmentWriter
from switch.journal.store.fencing import Owned, unsafe_now
from switch.journal.store.port import FencedError, Store, StoreError
from switch.journal.store.postgresql import PostgreSQL

TRYING_S: Final = 4.0
"""so long a database that cannot be reached is asked"""
AGAIN_S: Final = 0.1
SYNC_S: Final = 1.0
"""Segments are flushed so often: the index follows what is."""


def boot_clock() -> float:
    """Seconds since the machine was started, those included in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class StoreWriter:
    """See `journal.writer.Writer`."""

    def __init__(self, owned: Owned, known: Iterable[bytes], segments: SegmentWriter) -> None:
        """`known`: payloads that the database has already, of the records behind those that `segments` goes on after."""
        self._owned, self._segments = owned, segments
        self._known = deque(known)
        self._added = self.durable = segments.durable
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
        """See Writer: the segments are flushed, and the lease is renewed."""
        if boot_clock() - self._synced_s >= SYNC_S:
            self._sync()
        while not select.select([connection], [], [], self._owned.renew_in_s)[0]:
            self._owned.renew()
            self._sync()

    def _sync(self) -> None:
        self._segments.flush()
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
        """See Writer. Another node may claim the journal at once."""
        self.flush()
        self._segments.close()
        self._owned.release()


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
    """What the writer's process runs with, of its arguments. Raises StoreError."""
    replicated = given["--replicated"] == "1"
    store = _connected(given["--store"], given["--journal"], replicated=replicated)
    if store.unsafe():  # another server may lead by now
        raise unsafe_now(store)
    owned, known = reclaimed(store, given["--holder"], int(given["--lease-ms"]), secret, segments.durable)
    return StoreWriter(owned, known, segments)
