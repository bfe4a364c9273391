"""A writer beside a database: nobody who waits for an acknowledgement waits for a flush of the segments, too."""

import os
import socket
from pathlib import Path
from random import Random

import pytest

from switch.core.records.records import SCHEMA
from switch.journal.disk import RealDisk
from switch.journal.log import GENESIS
from switch.journal.segment_writer import Home, SegmentWriter
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Claim
from switch.journal.store.writing import StoreWriter
from switch.journal.writer import ACK, ACKNOWLEDGED, CHUNK, serve
from tests.journal.store.model import Database, MemoryStore
from tests.journal.store.nodes import KEY

BATCHES = 40


class NotedDisk(RealDisk):
    """The real one; `done` says what was asked of it, and what others add."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def sync(self, fd: int) -> None:
        self.done.append("flush")
        super().sync(fd)


@pytest.mark.parametrize(("every_s", "flushes"), [(0.0, BATCHES), (3_600.0, 0)])
def test_segments_are_flushed_when_what_was_committed_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_s: float, flushes: int
) -> None:
    monkeypatch.setattr("switch.journal.store.writing.SYNC_S", every_s)
    store, disk = MemoryStore(Database(Random(1))), NotedDisk()
    owner = store.claim(Claim("a", "a-1", KEY.check, 60_000))
    assert owner is not None
    segments = SegmentWriter(Home(str(tmp_path), "morocco", SCHEMA, KEY), 0, GENESIS, disk)
    writer = StoreWriter(Owned(store, owner, KEY.secret, 60_000, lambda: 0.0), [], segments)
    switch, connection = socket.socketpair()
    disk.done.clear()

    def send(data: bytes) -> None:
        kind, durable, _ = ACK.unpack(data)
        assert kind == ACKNOWLEDGED
        disk.done.append(f"{durable}")
        if durable < BATCHES:
            payload = f"record {durable + 1}".encode()
            lengths = len(payload).to_bytes(4, "little")
            switch.send(CHUNK.pack(4 + len(payload), 1, durable + 1, 0) + lengths + payload)
        else:
            switch.shutdown(socket.SHUT_WR)

    with switch, connection:
        serve(connection, writer, send)
    assert [batch.last for batch in store.batches(0)] == list(range(1, BATCHES + 1))
    while disk.done[-1] == "flush":
        disk.done.pop()  # of its end
    assert disk.done[0] == "0"
    assert [said for said in disk.done if said != "flush"] == [str(number) for number in range(BATCHES + 1)]
    for earlier, later in zip(disk.done, disk.done[1:], strict=False):
        assert later != "flush" or earlier != "flush", "one flush is enough"
    assert BATCHES - 1 <= disk.done.count("flush") <= flushes if flushes else disk.done.count("flush") == 0
    assert sum(os.path.getsize(path) for path in tmp_path.iterdir()) > 0
