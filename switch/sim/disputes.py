"""Disputes of a simulated day: once its payments have ended, an operator claims some of them back, and goes on step by step.

Whatever an operator asks, the switch may refuse; what it takes is a record, and audited as such.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from switch.core.records.disputes import MOVES, Step
from switch.core.switch import Switch

SHARE = 0.3
"""of days that have some"""
CLAIMS = 2
"""in each look"""
LOOKS = 6
REASONS = {"cmi": ("C1", "C4"), "visa": ("10.4", "13.1"), "mastercard": ("4837", "4853")}


class Disputing:
    """Of one day."""

    def __init__(self, seed: int, ask: Callable[..., Any]) -> None:
        """`ask`: a command of an operator and its arguments; what is refused is no answer."""
        self._rng = Random(f"{seed} disputes")  # noqa: S311 - its own: else other days change
        self._ask = ask
        self.left = LOOKS if self._rng.random() < SHARE else 0
        """looks that are still to come"""

    def look(self, switch: Switch) -> None:
        """Take a step in what is open, and claim back some of the newest payments."""
        if not self.left:
            return
        self.left -= 1
        rng = self._rng
        for one in [d for d in switch.state.disputes.last.values() if d.open]:
            step = rng.choice(MOVES[Step(one.step)])
            amount = rng.randrange(0, one.given_back + 1) if step is Step.REPRESENTMENT else 0
            side = rng.choice(("issuer", "acquirer")) if step is Step.CLOSED else ""
            self._ask(
                "disputes.step", dispute=f"{one.dispute:x}", step=step.value, by="operator", amount=amount, side=side
            )
        paid = [one for one in switch.state.recent.values() if one.approved]
        for outcome in rng.sample(paid, min(CLAIMS, len(paid))):
            priced = outcome.priced
            self._ask(
                "disputes.open",
                txn=f"{outcome.txn:x}",
                acquirer=outcome.key[0],
                rrn=outcome.rrn,
                reason=rng.choice(REASONS.get(priced.scheme if priced is not None else "", ("C1",))),
                by="operator",
                amount=rng.choice((0, rng.randrange(1, outcome.amount + 1))) if outcome.amount else 0,
            )
