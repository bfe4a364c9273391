"""Card networks that die in the middle of a day, in both of their parts: issuer of foreign cards, acquirer abroad."""

from random import Random

import pytest

from switch.sim.cast import Cast
from switch.sim.faults import Fault, Kind
from switch.sim.world import Day, World
from switch.simulators.acquiring import Acquiring
from switch.simulators.journal_records import HostEntry
from switch.simulators.network import CardNetwork


def day(cast: Cast, seed: int, transactions: int = 100) -> Day:
    """The day of a seed with its own faults, and six deaths of networks among them."""
    rng = Random(seed)
    deaths = tuple(
        Fault(
            at_ms=rng.randrange(600, 12_000), kind=Kind.HOST_CRASH, target=rng.choice(("visa", "mastercard")),
            amount=rng.randrange(1, 3_000), detail=rng.choice(("", "keeps")),
        )
        for _ in range(6)
    )  # fmt: skip
    faults = sorted((*World(cast, seed, transactions).faults, *deaths), key=lambda fault: fault.at_ms)
    return World(cast, seed, transactions, faults=tuple(faults)).run()


@pytest.mark.parametrize("seed", range(1, 6))
def test_books_agree_after_networks_died(cast: Cast, seed: int) -> None:
    assert day(cast, seed).failures == ()


def test_a_network_that_forgets_what_it_has_begun_is_seen(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Acquiring, "resume", lambda self, now: None)
    assert any(day(cast, seed).failures for seed in range(1, 6))


def test_a_network_that_does_not_record_what_it_answers_is_seen(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CardNetwork, "record", _forgetting)
    assert any(day(cast, seed).failures for seed in range(1, 6))


def _forgetting(network: CardNetwork, entry: HostEntry) -> int:
    """One record in five is left out."""
    return 0 if network.ledger.holdings.taken % 5 == 0 else super(CardNetwork, network).record(entry)
