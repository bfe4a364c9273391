"""A node's own segments brought to where a journal in a database ends: once by who claims it, all the while by who stands by.

In: what the segments hold, and a store. Out: the same, and what others appended since, in the segments and handed on (`put`), so
that a fold of the one is a fold of the other.

The witness: segments never hold what the database could lose, for they are written after it. A database that ends before them, or
has other records there, is a server that was promoted though it lacks what was acknowledged: it is refused, and the files are
kept. What a reader sees need not be on a standby yet; so who stands by commits something of its own behind what it has read, and
writes only then: what is on a standby with that commit includes all that came before it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec

from switch.journal.disk import RealDisk
from switch.journal.log import FLAG_SNAPSHOT, GENESIS, Log, Segment, read_header, segments
from switch.journal.segment_writer import Chunk, Home, SegmentWriter
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Batch, Claim, Owner, Store, StoreError, chain_of
from switch.journal.store.writing import boot_clock

PAGE: Final = 64
"""batches that are fetched, and then written, at once"""
FLUSH_BYTES: Final = 8 << 20
"""of what is fetched, at once on the disk"""
UPLOAD_RECORDS: Final = 500
_UPLOAD_MS: Final = 3_600_000


class OwnEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node's own segments end."""

    home: Home
    last: int
    chain: bytes
    """of the segments"""


class Copy:
    """A node's own segments. `last` and `chain`: where they end by now."""

    def __init__(self, end: OwnEnd, put: Callable[[int, Sequence[bytes]], None]) -> None:
        """`put`: is handed what the segments get, a number and the records from it on."""
        self.last, self.chain = end.last, end.chain
        self._home, self._put = end.home, put
        self._known: tuple[int, bytes | None] | None = None
        """up to which record the database's batches are these segments', and their chain there; None: that was not asked yet"""
        self._writer: SegmentWriter | None = None
        self._unflushed = 0

    @property
    def check(self) -> bytes:
        """Key check value of their chain's key."""
        return self._home.key.check

    def follow(self, store: Store, claim: Claim) -> bool:
        """Take what another node has appended, up to `PAGE` batches of it; True: there may be more. For who stands by.

        Raises StoreError: the two are not of one journal, or the database is away.
        """
        there = store.look()
        if there is None or not there.last:
            return False
        page = self._page(store, there)
        if not page or not store.mark(claim, page[-1].last, page[-1].chain):
            return False
        self._add(page)
        if len(page) < PAGE and self._writer is not None:
            self._flush(self._writer)
        return len(page) == PAGE

    def finish(self, store: Store, owner: Owner) -> int:
        """Take the rest, as the owner; a new journal in the database is brought to where the segments end. How many records that
        were. Raises StoreError: they are not of one journal; nothing is lost then."""
        if owner.last == 0 and self.last:
            return _upload(store, owner, OwnEnd(home=self._home, last=self.last, chain=self.chain))
        count = 0
        while page := self._page(store, owner):
            count += self._add(page)
        ends, chain = self._known or (self.last, None)
        if ends != owner.last or chain not in (None, owner.chain):
            raise StoreError(f"the database's records end with {ends}, and its owner's row says {owner.last}")
        return count

    def close(self) -> None:
        """Nothing more is written by this object."""
        if self._writer is not None:
            self._writer.close()
            self.chain = self._writer.chain_durable
            self._writer = None

    def _page(self, store: Store, there: Owner) -> list[Batch]:
        """The next batches, checked: none is missing, none changed."""
        if there.last < self.last:
            raise StoreError(
                f"the database ends at record {there.last}, and {self._home.directory} at {self.last}: a server was promoted "
                "that lacks what was acknowledged. Bring back the one that was primary before; these files are the only copy of "
                "what lies between, keep them (docs/scaling.md)"
            )
        if self._known is None:
            self._known = self._seam(store, there)
        last, chain = self._known
        page: list[Batch] = []
        for batch in islice(store.batches(last), PAGE):
            if batch.first != last + 1:
                raise StoreError(f"records {last + 1} to {batch.first - 1} are missing in the database")
            if chain is not None and batch.chain != chain_of(chain, batch.first, batch.payloads, self._home.key.secret):
                raise StoreError(
                    f"records {batch.first} to {batch.last} of the database are not those that were appended (chain)"
                )
            page.append(batch)
            last, chain = batch.last, batch.chain
        return page

    def _add(self, page: list[Batch]) -> int:
        """Into segments; how many records that were."""
        count = 0
        if not self.last:
            self.last, self.chain = page[0].first - 1, GENESIS
        for batch in page:
            fresh = batch.payloads[max(0, self.last + 1 - batch.first) :]
            if not fresh:
                continue
            if self._writer is None:
                self._writer = SegmentWriter(self._home, self.last, self.chain, RealDisk())
            self._writer.add(Chunk(self.last + 1, list(fresh), batch.snapshot))
            self._put(self.last + 1, fresh)
            self.last = batch.last
            count += len(fresh)
            self._unflushed += sum(map(len, fresh))
            if self._unflushed > FLUSH_BYTES:
                self._flush(self._writer)
        self._known = page[-1].last, page[-1].chain
        return count

    def _flush(self, writer: SegmentWriter) -> None:
        writer.flush()
        self._unflushed = 0

    def _seam(self, store: Store, there: Owner) -> tuple[int, bytes | None]:
        """Behind which record the database's batches go on with these segments, which have the same where they end."""
        if not self.last:
            return max(0, store.snapshot_before(there.last) - 1), None
        batch = next(store.batches(self.last - 1), None)
        if batch is None or batch.first > self.last:
            raise StoreError(
                f"the database has let go of record {self.last}, at which {self._home.directory} ends: move that directory away, "
                "and begin with an empty one"
            )
        ours = dict(self._own_records(batch.first))
        for sequence, payload in enumerate(batch.payloads[: self.last + 1 - batch.first], batch.first):
            if ours.get(sequence, payload) != payload:
                raise StoreError(
                    f"record {sequence} of the database is another one than in {self._home.directory}: they are not of one "
                    "journal, or a server was promoted that lacked it. Keep both, and find out which was acknowledged "
                    "(docs/scaling.md)"
                )
        return batch.first - 1, None

    def _own_records(self, first: int) -> Iterator[tuple[int, bytes]]:
        """The segments' records from `first` on."""
        listed = [segment for segment in segments(self._home.directory) if not segment.end or segment.end > first]
        for _, record in Log(self._home.directory, self._home.schema, listed):
            if record.sequence >= first:
                yield record.sequence, record.payload


def _upload(store: Store, owner: Owner, end: OwnEnd) -> int:
    """A journal of files becomes the database's, in one commit: from its newest snapshot on, or whole."""
    listed = segments(end.home.directory)
    begins = [segment for segment in listed if _begins_with_snapshot(segment, end.home.schema)] or listed[:1]
    first = begins[-1].first
    with store.together():
        if first > 1:
            store.begin_at(owner.epoch, first - 1)
        owned = Owned(store, owner._replace(last=first - 1), end.home.key.secret, _UPLOAD_MS, boot_clock)
        for payloads, snapshot in _groups(end, listed[listed.index(begins[-1]) :]):
            owned.append(payloads, snapshot=snapshot)
    return owned.last - first + 1


def _groups(end: OwnEnd, listed: list[Segment]) -> Iterator[tuple[list[bytes], bool]]:
    """The records of these segments as batches: snapshots alone."""
    waiting: list[bytes] = []
    for segment, record in Log(end.home.directory, end.home.schema, listed):
        snapshot = record.sequence == segment.first and _begins_with_snapshot(segment, end.home.schema)
        if waiting and (snapshot or len(waiting) == UPLOAD_RECORDS):
            yield waiting, False
            waiting = []
        if snapshot:
            yield [record.payload], True
        else:
            waiting.append(record.payload)
    if waiting:
        yield waiting, False


def _begins_with_snapshot(segment: Segment, schema: int) -> bool:
    with open(segment.path, "rb", buffering=0) as file:
        return bool(read_header(file, segment, schema).flags & FLAG_SNAPSHOT)
