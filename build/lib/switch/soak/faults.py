"""The faults of a soak, and when each comes, drawn with an injected generator. The same seed draws the same faults."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from switch.simulators.faults import RandomSource


class Kind(StrEnum):
    """What is done."""

    KILL = "kill"
    """kill -9, and started again after a while"""
    STOP = "stop"
    """SIGSTOP, and SIGCONT after a while"""
    CUT = "cut"
    """connections reset, in the middle of what passes; none is let through for a while"""
    STALL = "stall"
    """what is sent waits for a while, then arrives"""
    SWALLOW = "swallow"
    """what is sent goes nowhere for a while, then the connection is reset: a half-open link"""
    FULL = "full"
    """the disk under the switch's journal"""


class Targets(msgspec.Struct, frozen=True):
    """What there is to hit, by name."""

    killed: Sequence[str]
    """processes; one that is listed twice is hit twice as often"""
    stopped: Sequence[str]
    links: Sequence[str]
    disk: bool
    """it can be filled"""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is done to one target."""

    wait_s: float
    """after the one before"""
    kind: Kind
    target: str
    for_s: float
    """until it is mended"""


_LONGEST: Final = {Kind.KILL: 3.0, Kind.STOP: 5.0, Kind.CUT: 3.0, Kind.STALL: 5.0, Kind.SWALLOW: 6.0, Kind.FULL: 4.0}
"""seconds until it is mended, at most; above the time a host has to answer, so that some of them cost a reversal"""
_SHARES: Final = {
    Kind.KILL: 0.66,
    Kind.STOP: 0.13,
    Kind.CUT: 0.07,
    Kind.STALL: 0.05,
    Kind.SWALLOW: 0.04,
    Kind.FULL: 0.05,
}


def draw_faults(rng: RandomSource, every_s: float, targets: Targets) -> Iterator[Fault]:
    """Without end; `every_s` apart in the mean, each at most half of it early or late."""
    while True:
        wait_s = every_s * (0.5 + rng.random())
        kind = _kind(rng, targets)
        among = {Kind.KILL: targets.killed, Kind.STOP: targets.stopped, Kind.FULL: ("disk",)}.get(kind, targets.links)
        target = among[rng.randrange(0, len(among))]
        for_s = _LONGEST[kind] * rng.random() ** 2
        yield Fault(wait_s, kind, target, for_s)


def _kind(rng: RandomSource, targets: Targets) -> Kind:
    at = rng.random()
    for kind, share in _SHARES.items():
        if at < share:
            return kind if kind is not Kind.FULL or targets.disk else Kind.KILL
        at -= share
    return Kind.KILL
