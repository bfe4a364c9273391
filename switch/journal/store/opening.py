"""How a node comes to own a journal in a database, and its segments to hold all that is in it.

In: what its own segments hold. Out: the same, and what others appended since, so that a fold of the segments is a fold of the
journal. Order is the rule: the claim is committed, and replicated, before anything of the journal is read; what is there then
is on a standby, too, and nobody else can add to it.

The witness: segments never hold what the database has not, for they are written after it. A database that ends before them, or
has other records there, is a server that was promoted though it lacks what was acknowledged: it is refused, and the files are
kept.
"""

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

import msgspec

from switch.journal.disk import RealDisk
from switch.journal.log import FLAG_SNAPSHOT, GENESIS, Log, Segment, read_header, segments
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Batch, Claim, Owner, Store, StoreError, chain_of
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.safety import refuse_unsafe
from switch.journal.store.shared import SharedLog
from switch.journal.store.writing import boot_clock
from switch.journal.writer import Chunk, Home, SegmentWriter
from switch.security.files import open_private

FLUSH_BYTES: Final = 8 << 20
"""of what is fetched, at once on the disk"""
UPLOAD_RECORDS: Final = 500
_UPLOAD_MS: Final = 3_600_000
OPENING_MS: Final = 10_000
"""lease of a node that fetches and folds, until its writer owns the journal: longer than anything holds up all threads"""
STANDBY_S: Final = 0.25
"""A node that stands by tries so often."""
_NODE: Final = "node"
_NAMED: Final = re.compile(r"[A-Za-z0-9._-]{1,80}-[0-9a-f]{8}")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a node's own segments end."""

    home: Home
    last: int
    chain: bytes
    """of the segments"""


def node_of(state_dir: Path | str) -> str:
    """The stable name of a state directory's node: drawn once, and kept in it."""
    path = Path(state_dir) / "journal" / _NODE
    try:
        name = path.read_text(errors="replace").strip()
    except FileNotFoundError:
        name = f"{os.uname().nodename}-{secrets.token_hex(4)}"
        handle = open_private(str(path), os.O_WRONLY | os.O_TRUNC)
        with open(handle, "w") as file:
            file.write(name + "\n")
            file.flush()
            os.fsync(handle)
    if not _NAMED.fullmatch(name):
        raise StoreError(
            f"{path} is damaged: it has the name by which the database knows this node. Remove it, and another is drawn; the "
            "lease of the old one runs out by itself"
        )
    return name


class Keeper:
    """Renews a claim while its node fetches and folds, which may take longer than any lease."""

    def __init__(self, shared: SharedLog, epoch: int, lease_ms: int) -> None:
        """Until `end`, or until another epoch is claimed, by whomever."""
        self._shared, self._epoch, self._lease_ms = shared, epoch, lease_ms
        self._ended = Event()
        Thread(target=self._keep, name="journal lease", daemon=True).start()

    def _keep(self) -> None:
        """A connection for each: most nodes are done before the first, and the other connection is busy."""
        shared = self._shared
        while not self._ended.wait(self._lease_ms / 3_000):
            with suppress(
                StoreError
            ):  # away, or held up: the next is in time, or the claim is lost, as its writer is told
                store = PostgreSQL(shared.url, shared.journal, replicated=shared.replicated)
                with closing(store):
                    store.renew(self._epoch, self._lease_ms)

    def end(self) -> None:
        """The writer owns the journal, or nobody is to."""
        self._ended.set()


def take(
    shared: SharedLog, state_dir: Path | str, place: Place, tell: Callable[[str], None], keeping: ExitStack
) -> bool:
    """Own the journal, and have in the segments, which end at `place`, what is in it. True: that was more than they held.

    `tell`: is told whom a standby waits for. `keeping`: while it is open, the claim is renewed. Raises StoreError.
    """
    lease_ms = max(shared.lease_ms, OPENING_MS)
    claim = Claim(node_of(state_dir), shared.holder, place.home.key.check, lease_ms)
    store, owner = _reached(shared, claim, tell)
    try:
        check_key(owner, claim)
        keeping.callback(Keeper(shared, owner.epoch, lease_ms).end)
        catch_up(store, owner, place)
        return owner.last > place.last
    finally:
        store.close()


def _reached(shared: SharedLog, claim: Claim, tell: Callable[[str], None]) -> tuple[PostgreSQL, Owner]:
    """A connection that owns the journal. Raises StoreError: not from a standby that waits already, which asks again.

    A primary that is lost would end it else, at the moment at which it is to take over.
    """
    told = ""

    def tell_once(sentence: str) -> None:
        nonlocal told
        if sentence != told:
            tell(sentence)
        told = sentence

    while True:
        try:
            store = PostgreSQL(shared.url, shared.journal, replicated=shared.replicated)
            with ExitStack() as unless_owned:
                unless_owned.callback(store.close)
                refuse_unsafe(store, shared)
                store.make_tables()
                owner = claimed(store, claim, standby=shared.standby, tell=tell_once)
                unless_owned.pop_all()
            return store, owner
        except StoreError as error:
            if not told:
                raise
            tell_once(str(error))
            time.sleep(STANDBY_S)


def claimed(store: Store, claim: Claim, *, standby: bool, tell: Callable[[str], None]) -> Owner:
    """Own the journal; where another node does and `standby` is set, wait for it, and `tell` once. Raises StoreError."""
    told = False
    while True:
        owner = store.claim(claim)
        if owner is not None:
            return owner
        there = store.look()
        whose = there.node if there is not None else "nobody"
        if not standby:
            raise StoreError(
                f"the journal is owned by node {whose}, whose lease has not run out: stop that switch, or start this one with "
                "--standby"
            )
        if not told:
            tell(f"node {whose} owns the journal")
            told = True
        time.sleep(STANDBY_S)


def check_key(owner: Owner, claim: Claim) -> None:
    """Raises StoreError: the journal is chained under another key than this node has."""
    if owner.check != claim.check:
        raise StoreError(
            f"the journal was begun with the vault key of check value {owner.check.hex() or 'none'}, and this node has "
            f"{claim.check.hex() or 'none'}: bring the key of the first node here (docs/scaling.md)"
        )


def catch_up(store: Store, owner: Owner, place: Place) -> int:
    """Bring the segments to where the journal ends, or a new journal to where the segments end; how many records that were.

    Raises StoreError: they are not of one journal; nothing has changed then.
    """
    if owner.last == 0 and place.last:
        return _upload(store, owner, place)
    _check_seam(store, owner, place)
    if owner.last == place.last:
        return 0
    return _fetch(store, owner, place)


def _check_seam(store: Store, owner: Owner, place: Place) -> None:
    if owner.last < place.last:
        raise StoreError(
            f"the database ends at record {owner.last}, and {place.home.directory} at {place.last}: a server was promoted that "
            "lacks what was acknowledged. Bring back the one that was primary before; these files are the only copy of what "
            "lies between, keep them (docs/scaling.md)"
        )
    if not place.last:
        return
    batch = next(store.batches(place.last - 1), None)
    if batch is None or batch.first > place.last:
        raise StoreError(
            f"the database has let go of record {place.last}, at which {place.home.directory} ends: move that directory away, "
            "and begin with an empty one"
        )
    ours = dict(_own_records(place, batch.first))
    for sequence, payload in enumerate(batch.payloads[: place.last + 1 - batch.first], batch.first):
        if ours.get(sequence, payload) != payload:
            raise StoreError(
                f"record {sequence} of the database is another one than in {place.home.directory}: they are not of one journal, "
                "or a server was promoted that lacked it. Keep both, and find out which was acknowledged (docs/scaling.md)"
            )


def _own_records(place: Place, first: int) -> Iterator[tuple[int, bytes]]:
    """The segments' records from `first` on."""
    directory, _, schema, _ = place.home
    listed = [segment for segment in segments(directory) if not segment.end or segment.end > first]
    for _, record in Log(directory, schema, listed):
        if record.sequence >= first:
            yield record.sequence, record.payload


def _fetch(store: Store, owner: Owner, place: Place) -> int:
    """What is behind the segments' end, into segments; into empty ones from the newest snapshot on."""
    after = place.last or max(0, store.snapshot_before(owner.last) - 1)
    writer: SegmentWriter | None = None
    expected, waiting = after + 1, 0
    for batch in _whole(store, owner, after, place.home.key.secret):
        payloads = list(batch.payloads[max(0, expected - batch.first) :])
        if writer is None:
            chain = place.chain if place.last else GENESIS
            writer = SegmentWriter(place.home, after, chain, RealDisk())
        writer.add(Chunk(expected, payloads, batch.snapshot))
        expected = batch.last + 1
        waiting += sum(map(len, payloads))
        if waiting > FLUSH_BYTES:
            writer.flush()
            waiting = 0
    if writer is not None:
        writer.close()
    return expected - after - 1


def _whole(store: Store, owner: Owner, after: int, secret: bytes) -> Iterator[Batch]:
    """The batches behind `after`, checked: none is missing, none changed, and the last one is the owner's."""
    before: Batch | None = None
    for batch in store.batches(after):
        expected = after + 1 if before is None else before.last + 1
        if batch.first > expected or (before is not None and batch.first != expected):
            raise StoreError(f"records {expected} to {batch.first - 1} are missing in the database")
        if before is not None and batch.chain != chain_of(before.chain, batch.first, batch.payloads, secret):
            raise StoreError(
                f"records {batch.first} to {batch.last} of the database are not those that were appended (chain)"
            )
        yield batch
        before = batch
    if before is None or (before.last, before.chain) != (owner.last, owner.chain):
        ends = before.last if before is not None else after
        raise StoreError(f"the database's records end with {ends}, and its owner's row says {owner.last}")


def _upload(store: Store, owner: Owner, place: Place) -> int:
    """A journal of files becomes the database's, in one commit: from its newest snapshot on, or whole."""
    listed = segments(place.home.directory)
    begins = [segment for segment in listed if _begins_with_snapshot(segment, place.home.schema)] or listed[:1]
    first = begins[-1].first
    with store.together():
        if first > 1:
            store.begin_at(owner.epoch, first - 1)
        owned = Owned(store, owner._replace(last=first - 1), place.home.key.secret, _UPLOAD_MS, boot_clock)
        for payloads, snapshot in _groups(place, listed[listed.index(begins[-1]) :]):
            owned.append(payloads, snapshot=snapshot)
    return owned.last - first + 1


def _groups(place: Place, listed: list[Segment]) -> Iterator[tuple[list[bytes], bool]]:
    """The records of these segments as batches: snapshots alone."""
    waiting: list[bytes] = []
    for segment, record in Log(place.home.directory, place.home.schema, listed):
        snapshot = record.sequence == segment.first and _begins_with_snapshot(segment, place.home.schema)
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
