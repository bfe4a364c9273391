"""Days in which payments are claimed back: no more goes back than stands, and each step is what a restart knows."""

from collections import Counter

import pytest

from switch.config import load_network
from switch.core.records.disputes import Disputed, Disputes
from switch.sim.cast import Cast
from switch.sim.world import World

DISPUTED_SEEDS = (1, 5, 7, 8)


def days(*seeds: int) -> tuple[Counter[str], list[str]]:
    steps: Counter[str] = Counter()
    failures: list[str] = []
    cast = Cast(load_network("morocco"))
    for seed in seeds:
        world = World(cast, seed, 120)
        failures += [failure.sentence for failure in world.run().failures]
        steps.update(entry.step for entry in world.switch.disk.entries if isinstance(entry, Disputed))
    return steps, failures


def test_days_with_disputes_end_in_agreement() -> None:
    steps, failures = days(*DISPUTED_SEEDS)
    assert not failures
    assert steps.keys() >= {"chargeback", "representment", "pre-arbitration", "closed"}


def test_a_switch_that_forgets_what_is_in_dispute_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second claim, of what is claimed already."""
    apply = Disputes.apply

    def forgetful(self: Disputes, entry: Disputed, keep: int) -> None:
        apply(self, entry, keep)
        self.committed[entry.original] = 0

    monkeypatch.setattr(Disputes, "apply", forgetful)
    assert any("is in dispute, and" in failure for failure in days(*DISPUTED_SEEDS)[1])
