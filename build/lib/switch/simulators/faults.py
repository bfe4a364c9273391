"""Misbehaviour on request: what a host does wrong, per card and per host, decided by an injected random source.

A fault concerns the *answer* to a request. The account has moved by then: an issuer that goes silent after approving is what
reversals are for. Reversals and advices are treated well, but for latency, unless a plan says otherwise; network messages always.
"""

from collections.abc import Mapping
from enum import Enum
from math import log
from typing import Protocol

import msgspec

from switch.simulators.cards import LATE, SILENT, SLOW, TestCard


class RandomSource(Protocol):
    """What hosts need of a `random.Random`; the driver's side makes one from a seed."""

    def random(self) -> float:
        """In [0, 1)."""

    def lognormvariate(self, mu: float, sigma: float) -> float:
        """Log-normal: e to the power of a normal variable."""

    def randrange(self, start: int, stop: int) -> int:
        """A whole number, `stop` excluded."""


class Latency(msgspec.Struct, frozen=True):
    """How long an answer takes: log-normal around a median; sigma 0 is constant, median 0 is at once."""

    median_ms: float = 0.0
    sigma: float = 0.0

    def draw_ns(self, rng: RandomSource) -> int:
        """One duration, nanoseconds."""
        if self.median_ms <= 0:
            return 0
        if self.sigma <= 0:
            return int(self.median_ms * 1e6)
        return int(rng.lognormvariate(log(self.median_ms), self.sigma) * 1e6)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are of requests, 0 to 1, drawn in this order; what is left is answered properly."""

    silent: float = 0.0
    """processed, never answered"""
    late: float = 0.0
    """answered after `late_ms`"""
    wrong: float = 0.0
    """answered under another STAN: an answer to nothing"""
    cut: float = 0.0
    """the link is closed in the middle of the answer's frame"""
    slow: float = 0.0
    """answered after `slow_ms`"""
    late_ms: int = 14_000
    """above the switch's deadline for this host, or it is not late"""
    slow_ms: int = 2_000


class Fate(Enum):
    """What becomes of an answer."""

    ANSWER = "answer"
    SILENCE = "silence"
    WRONG = "wrong"
    CUT = "cut"


NO_FAULTS = Faults()
_OF_CARD = {SILENT: Faults(silent=1.0), LATE: Faults(late=1.0), SLOW: Faults(slow=1.0)}


class FaultPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A host's misbehaviour: its own, each card's instead where it has one, and its ordinary latency."""

    host: Faults = NO_FAULTS
    cards: Mapping[str, Faults] = {}
    """by PAN"""
    latency: Latency = Latency()
    advices: bool = False
    """the answers to reversals and advices meet the host's fate, too"""

    def fate(self, pan: str, rng: RandomSource) -> tuple[Fate, int]:
        """What becomes of the answer to a request for `pan`, and after how many nanoseconds."""
        faults = self.cards.get(pan, self.host)
        delay_ns = self.latency.draw_ns(rng)
        if faults is NO_FAULTS:
            return Fate.ANSWER, delay_ns
        at = rng.random()
        for share, fate, extra_ms in (
            (faults.silent, Fate.SILENCE, 0), (faults.late, Fate.ANSWER, faults.late_ms), (faults.wrong, Fate.WRONG, 0),
            (faults.cut, Fate.CUT, 0), (faults.slow, Fate.ANSWER, faults.slow_ms),
        ):  # fmt: skip
            if at < share:
                return fate, delay_ns + extra_ms * 1_000_000
            at -= share
        return Fate.ANSWER, delay_ns


def card_faults(cards: tuple[TestCard, ...], late_ms: int) -> dict[str, Faults]:
    """The faults that test cards are there to show, by PAN. `late_ms` lies above the switch's deadline for the host."""
    plan = {}
    for card in cards:
        if card.fault:
            plan[card.pan] = msgspec.structs.replace(_OF_CARD[card.fault], late_ms=late_ms)
    return plan
