"""The faults that a soak draws, and when each comes."""

from itertools import islice
from random import Random

from switch.soak.faults import Fault, Kind, Targets, draw_faults

TARGETS = Targets(killed=("switch", "atlas"), stopped=("rif",), links=("pos",), disk=True)


def drawn(seed: int, count: int = 500, targets: Targets = TARGETS) -> list[Fault]:
    return list(islice(draw_faults(Random(seed), 3.0, targets), count))


def test_the_same_seed_deals_the_same_blows() -> None:
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_every_kind_comes_and_most_are_kills() -> None:
    kinds = [fault.kind for fault in drawn(1)]
    assert set(kinds) == set(Kind)
    assert kinds.count(Kind.KILL) > 250


def test_each_kind_hits_what_it_can_hit() -> None:
    for fault in drawn(2):
        assert fault.target in {Kind.KILL: ("switch", "atlas"), Kind.STOP: ("rif",), Kind.FULL: ("disk",)}.get(
            fault.kind, ("pos",)
        )


def test_they_come_as_often_as_asked_and_are_mended_within_seconds() -> None:
    waits = [fault.wait_s for fault in drawn(3)]
    assert min(waits) >= 1.5
    assert max(waits) <= 4.5
    assert 2.8 < sum(waits) / len(waits) < 3.2
    assert all(0 <= fault.for_s <= 6 for fault in drawn(3))


def test_a_disk_that_cannot_be_filled_is_not() -> None:
    targets = Targets(killed=("switch",), stopped=("rif",), links=("pos",), disk=False)
    assert Kind.FULL not in {fault.kind for fault in drawn(1, targets=targets)}
