"""The virtual network and disk, one piece at a time."""

from random import Random
from typing import Any

from switch.core.limits import Limits
from switch.core.records.records import Booted
from switch.journal.memory import DictHistory
from switch.sim.clock import MS_NS, Clock
from switch.sim.disk import Disk, recover
from switch.sim.network import Connection, End, Weather


class Listener:
    """An end's station that notes what happens to it."""

    name = "listener"

    def __init__(self) -> None:
        self.heard = b""
        self.over = False
        self.unsent: list[int] = []

    def arrived(self, end: End, data: bytes) -> None:
        self.heard += data

    def hung_up(self, end: End) -> None:
        self.over = True

    def not_sent(self, end: End, txns: list[int]) -> None:
        self.unsent += txns


class Line:
    """Two stations and what is between them."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = Clock()
        weather = Weather(Random(seed), MS_NS, 0.5)
        self.near, self.far = Listener(), Listener()
        self.a, self.b = End(self.clock, weather, self.near, "a#1"), End(self.clock, weather, self.far, "b#1")
        self.connection = Connection(self.a, self.b)

    def runs(self) -> None:
        while self.clock.step():
            pass


def test_bytes_arrive_in_order_whatever_their_pieces() -> None:
    line = Line()
    for n in range(50):
        line.a.send(bytes([n]) * 5, 0, 1_000)
    line.runs()
    assert line.far.heard == b"".join(bytes([n]) * 5 for n in range(50))
    assert not line.far.over


def test_a_cut_lets_a_prefix_through_and_tells_both_ends() -> None:
    lengths = set()
    for seed in range(40):
        line = Line(seed)
        for n in range(5):
            line.a.send(bytes([n]) * 10, 0, 1_000)
        line.connection.cut()
        line.runs()
        sent = b"".join(bytes([n]) * 10 for n in range(5))
        assert sent.startswith(line.far.heard)
        assert line.far.over
        assert line.near.over
        lengths.add(len(line.far.heard))
    assert {0, 50} & lengths
    assert any(length % 10 for length in lengths), "no cut tore a frame"


def test_a_half_open_end_speaks_to_nobody_and_is_not_told() -> None:
    line = Line()
    left = line.connection.half_open("switch")
    assert left is line.a
    line.a.send(b"hello", 7, 1_000)
    line.runs()
    assert (line.far.heard, line.far.over, line.near.over, line.near.unsent) == (b"", True, False, [])
    left.drop()
    assert line.near.over


def test_what_a_peer_does_not_read_is_kept_and_beyond_the_bound_reported_unsent() -> None:
    line = Line()
    line.a.stall()
    line.a.send(b"x" * 8_000, 1, 1_000)
    line.a.send(b"y" * 900, 2, 1_000)
    assert not line.near.over
    line.a.send(b"z" * 900, 3, 1_000)
    assert line.near.over
    assert line.near.unsent == [2, 3]


def test_a_peer_that_reads_again_gets_all_of_it() -> None:
    line = Line()
    line.a.stall()
    line.a.send(b"x" * 8_000, 1, 9_000)
    line.a.send(b"y" * 900, 2, 9_000)
    line.a.resume()
    line.runs()
    assert line.far.heard == b"x" * 8_000 + b"y" * 900
    assert line.near.unsent == []


def records(disk: Disk, count: int) -> None:
    for _ in range(count):
        disk.append(len(disk.entries) + 1, Booted(at_us=len(disk.entries), schema=1, network="test"))


def test_a_flush_makes_durable_what_was_there_when_it_began() -> None:
    clock = Clock()
    told: list[Any] = []
    disk = Disk(clock, Random(1), told.append)
    records(disk, 3)
    disk.push(waited_for=True)
    records(disk, 2)
    clock.step()
    assert (told, disk.durable) == ([3], 3)


def test_a_crash_keeps_the_durable_prefix_and_perhaps_some_of_what_was_being_written() -> None:
    kept = set()
    for seed in range(60):
        clock = Clock()
        disk = Disk(clock, Random(seed), lambda position: None)
        records(disk, 3)
        disk.push(waited_for=True)
        clock.step()
        records(disk, 4)
        disk.push(waited_for=True)
        records(disk, 5)
        disk.crash()
        kept.add(len(disk.entries))
    assert kept == {3, 4, 5, 6, 7}


def test_a_disk_that_fails_acknowledges_nothing_until_it_is_mended() -> None:
    clock = Clock()
    told: list[Any] = []
    disk = Disk(clock, Random(1), told.append)
    records(disk, 2)
    disk.push(waited_for=True)
    disk.fail()
    while clock.step():
        pass
    assert told == []
    disk.mend()
    disk.push(waited_for=True)
    while clock.step():
        pass
    assert told == [2]


def test_history_knows_what_is_durable_only() -> None:
    disk = Disk(Clock(), Random(1), lambda position: None)
    assert DictHistory(disk).find(("", "", "", "", "", "")) is None
    assert recover((), Limits()).open == {}
