"""A writer beside a database: nobody who waits for an acknowledgement waits for a flush of the segments, too."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from switch.core.records.records import SCHEMA
from switch.journal.disk import RealDisk
from switch.journal.log import FLAG_SNAPSHOT, GENESIS, JournalError, Log
from switch.journal.segment_writer import Chunk, Home, SegmentWriter
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Claim
from switch.journal.store.writing import StoreWriter, flushed, reclaimed, write_again
from switch.journal.writer import ACK, ACKNOWLEDGED, CHUNK, serve
from tests.e2e.stage import wait_for
from tests.journal.samples import FailingDisk
from tests.journal.store.model import Database, MemoryStore
from tests.journal.store.nodes import KEY

BATCHES = 40
LEASE_MS = 60_000


class SlowDisk(RealDisk):
    """The real one; after `stall` the next flush of a file says that it has begun, and returns when it may."""

    def __init__(self) -> None:
        self.may_end, self.began, self.flushes = Event(), Event(), 0
        self.began.set()

    def stall(self) -> None:
        """The next one."""
        self.may_end.clear()
        self.began.clear()

    def sync(self, fd: int) -> None:
        if not self.began.is_set():
            self.began.set()
            assert self.may_end.wait(10)
        super().sync(fd)
        self.flushes += 1


class Beside:
    """A writer's process as a thread: what the switch says to it, and hears."""

    def __init__(self, directory: Path, store: MemoryStore, disk: RealDisk, bound: int = 1 << 30) -> None:
        owner = store.claim(Claim("a", "a-1", KEY.check, LEASE_MS))
        assert owner is not None
        self.segments = SegmentWriter(home(directory), 0, GENESIS, disk, bound=bound)
        writer = StoreWriter(Owned(store, owner, KEY.secret, LEASE_MS, lambda: 0.0), [], self.segments)
        self._switch, self._connection = socket.socketpair()
        self._heard = b""
        self.last = 0
        self._thread = Thread(target=serve, args=(self._connection, writer, self._connection.sendall))
        self._thread.start()

    def says(self, *, snapshot: bool = False) -> None:
        """One record more."""
        self.last += 1
        payload = f"record {self.last}".encode()
        head = CHUNK.pack(4 + len(payload), 1, self.last, FLAG_SNAPSHOT if snapshot else 0)
        self._switch.send(head + len(payload).to_bytes(4, "little") + payload)

    def says_until(self, begun: Event) -> None:
        """Records, until a flush of them has begun."""
        while not begun.wait(0.01):
            self.says()
            assert self.is_acknowledged()

    def is_acknowledged(self, wait_s: float = 5.0) -> bool:
        """True once all of them are."""
        while select.select([self._switch], [], [], wait_s)[0]:
            self._heard = (self._heard + self._switch.recv(65_536))[-ACK.size :]
            kind, durable, _ = ACK.unpack(self._heard)
            assert kind == ACKNOWLEDGED
            if durable == self.last:
                return True
        return False

    def ends(self) -> Thread:
        """No more comes; the thread ends when all is done."""
        self._switch.shutdown(socket.SHUT_WR)
        return self._thread

    def close(self) -> None:
        self.ends().join(10)
        self._switch.close()
        self._connection.close()


def home(directory: Path) -> Home:
    return Home(str(directory), "morocco", SCHEMA, KEY)


@contextmanager
def beside(directory: Path, disk: RealDisk) -> Iterator[tuple[Beside, MemoryStore]]:
    store = MemoryStore(Database(Random(1)))
    made = Beside(directory, store, disk)
    try:
        yield made, store
    finally:
        made.close()


def held(directory: Path) -> list[bytes]:
    """Records of the segments there."""
    return [record.payload for _, record in Log(str(directory), SCHEMA)]


def records(count: int) -> list[bytes]:
    return [f"record {number}".encode() for number in range(1, count + 1)]


def test_a_slow_flush_of_segments_delays_no_acknowledgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.journal.store.writing.SYNC_S", 0.0)
    disk = SlowDisk()
    with beside(tmp_path, disk) as (writer, store):
        assert writer.is_acknowledged()
        disk.stall()
        writer.says_until(disk.began)
        for _ in range(BATCHES):
            writer.says()
            assert writer.is_acknowledged(), "while the flush has not returned"
        assert [batch.last for batch in store.batches(0)] == list(range(1, writer.last + 1))
        assert held(tmp_path) == records(writer.last), "readers see them"
        assert writer.segments.durable == 0
        disk.may_end.set()
        writer.says()
        wait_for(lambda: writer.segments.durable > 0)


def test_a_segment_begins_when_all_before_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a writer ends then: but another node may claim the journal before."""
    monkeypatch.setattr("switch.journal.store.writing.SYNC_S", 0.0)
    disk = SlowDisk()
    with beside(tmp_path, disk) as (writer, store):
        assert writer.is_acknowledged()
        disk.stall()
        writer.says_until(disk.began)
        writer.says(snapshot=True)
        assert not writer.is_acknowledged(0.2)
        assert len(list(tmp_path.glob("*.log"))) == 1
        disk.may_end.set()
        assert writer.is_acknowledged()
        assert len(list(tmp_path.glob("*.log"))) == 2
        wait_for(lambda: writer.segments.durable == writer.last)
        disk.stall()
        writer.says_until(disk.began)
        ending = writer.ends()
        wait_for(lambda: store.claim(Claim("b", "b-1", KEY.check, LEASE_MS)))
        assert ending.is_alive()
        disk.may_end.set()
        ending.join(10)
    assert held(tmp_path) == records(writer.last)


def test_a_flush_that_nobody_needs_is_none(tmp_path: Path) -> None:
    disk = SlowDisk()
    with beside(tmp_path, disk) as (writer, _):
        assert writer.is_acknowledged()
        before = disk.flushes
        for _ in range(BATCHES):
            writer.says()
            assert writer.is_acknowledged()
        assert disk.flushes - before <= 2, "once a second"


@pytest.mark.parametrize("trouble", ["killed", "flush", "write"])
def test_what_a_writer_acknowledged_and_did_not_flush_its_successor_writes_again(tmp_path: Path, trouble: str) -> None:
    """The first one flushes nothing, and goes; the second one does; then a power cut takes what was not flushed."""
    disk, store = FailingDisk(), MemoryStore(Database(Random(1)))
    owner = store.claim(Claim("a", "a-1", KEY.check, LEASE_MS))
    assert owner is not None
    segments = SegmentWriter(home(tmp_path), 0, GENESIS, disk)
    writer = StoreWriter(Owned(store, owner, KEY.secret, LEASE_MS, lambda: 0.0), [], segments)
    append(writer, 1, 2)
    segments.flush()
    append(writer, 3, 9)
    if trouble == "flush":
        disk.fail_sync_in = 1
        with pytest.raises(JournalError, match="fdatasync failed"):
            segments.flush()
    elif trouble == "write":
        disk.fail_write_in = 1
        with pytest.raises(JournalError, match="write failed"):
            append(writer, 10, 11)
    after, chain = flushed(str(tmp_path), KEY.secret, writer.durable, segments.chain)
    assert after == 2
    segments = SegmentWriter(home(tmp_path), after, chain, disk)
    write_again(segments, store, 9)
    owned, known = reclaimed(store, "a-1", LEASE_MS, KEY.secret, 9, lambda: 0.0)
    assert known == (records(11)[9:] if trouble == "write" else [])
    writer = StoreWriter(owned, known, segments)
    assert writer.durable == 9
    append(writer, 10, 12)
    segments.flush()
    disk.power_cut()
    assert held(tmp_path) == records(12)


def test_a_first_segment_that_fails_takes_nothing_with_it_that_was_acknowledged(tmp_path: Path) -> None:
    """It is removed, as on a full disk that frees some."""
    disk, store = FailingDisk(), MemoryStore(Database(Random(1)))
    owner = store.claim(Claim("a", "a-1", KEY.check, LEASE_MS))
    assert owner is not None
    segments = SegmentWriter(home(tmp_path), 0, GENESIS, disk)
    writer = StoreWriter(Owned(store, owner, KEY.secret, LEASE_MS, lambda: 0.0), [], segments)
    append(writer, 1, 5)
    disk.room = 0
    with pytest.raises(JournalError, match="No space left"):
        append(writer, 6, 7)
    assert not list(tmp_path.glob("*.log"))
    disk.room = 1 << 20
    segments = SegmentWriter(home(tmp_path), *flushed(str(tmp_path), KEY.secret, 5, segments.chain), disk)
    write_again(segments, store, 5)
    assert (segments.written, held(tmp_path)) == (5, [])
    segments.close()
    assert held(tmp_path) == records(5)


def append(writer: StoreWriter, first: int, last: int) -> None:
    writer.add(Chunk(first, records(last)[first - 1 :], snapshot=False))
    writer.flush()
