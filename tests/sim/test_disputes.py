"""Days in which payments are claimed back: no more goes back than stands, and each step is what a restart knows."""

from collections import Counter

import pytest

from switch.config import load_network
from switch.core.records.day_records import Cutover
from switch.core.records.disputes import Disputed, Disputes
from switch.core.records.records import Forwarded
from switch.ledger import fold
from switch.ledger.fold import LedgerFold
from switch.sim.cast import Cast
from switch.sim.world import World

DISPUTED_SEEDS = (8, 42)
"""the second: claims, closes and crashes while payments are made"""


def days(*seeds: int) -> tuple[Counter[str], list[str]]:
    steps: Counter[str] = Counter()
    failures: list[str] = []
    cast = Cast(load_network("morocco"))
    for seed in seeds:
        world = World(cast, seed, 120)
        failures += [failure.sentence for failure in world.run().failures]
        entries = world.switch.disk.entries
        steps.update(entry.step for entry in entries if isinstance(entry, Disputed))
        kinds = [type(entry) for entry in entries]
        steps.update(kind.__name__ for kind in kinds[kinds.index(Disputed) :] if kind in (Forwarded, Cutover))
        steps["crashes"] += world.switch.crashes
    return steps, failures


def test_days_with_disputes_end_in_agreement() -> None:
    steps, failures = days(*DISPUTED_SEEDS)
    assert not failures
    assert steps.keys() >= {"chargeback", "representment", "pre-arbitration", "closed"}
    assert steps["Forwarded"] > 20, "while payments are made"
    assert steps["Cutover"], "between closes"
    assert steps["crashes"] > 5, "and crashes"


def test_a_switch_that_forgets_what_is_in_dispute_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a second claim, of what is claimed already."""
    apply = Disputes.apply

    def forgetful(self: Disputes, entry: Disputed, keep: int) -> None:
        apply(self, entry, keep)
        self.committed[entry.original] = 0

    monkeypatch.setattr(Disputes, "apply", forgetful)
    assert any("is in dispute, and" in failure for failure in days(DISPUTED_SEEDS[0])[1])


def test_the_banks_own_books_find_a_ledger_that_moves_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    dispute = LedgerFold._dispute

    def lost(self: LedgerFold, entry: Disputed, sequence: int, place: bytes) -> None:
        if entry.step != "representment":
            dispute(self, entry, sequence, place)

    monkeypatch.setitem(fold._TAKES, Disputed, lost)
    assert any("by its own books" in failure for failure in days(DISPUTED_SEEDS[0])[1])
