"""Hosts count for themselves, in ways of their own, and compare at each cutover: money is money, wherever a host puts it."""

from collections import Counter
from typing import Any

import pytest

from switch.config import load_network
from switch.core.records import totals
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.simulators.issuer import Issuer
from switch.simulators.own_totals import AS_ASKED, UNDER_ORIGINALS, Compared, OwnTotals, Sums, compare


def compared(world: World) -> list[Compared]:
    parties = (world.nodes[name].party for name in world.hosts)
    hosts = [one for party in parties if isinstance(party, Issuer) for one in party.comparing.compared]
    return hosts + [one for terminal in world.terminals for one in terminal.comparing.compared]


def run(cast: Cast, *seeds: int) -> tuple[list[Compared], list[str], set[str]]:
    found: list[Compared] = []
    failures: list[str] = []
    counts: set[str] = set()
    for seed in seeds:
        world = World(cast, seed, 120)
        failures += [failure.sentence for failure in world.run().failures]
        found += compared(world)
        counts |= {mind.counts for mind in world.minds.values()}
    return found, failures, counts


def test_days_with_faults_and_cutovers_are_compared_and_every_net_is_the_same_in_the_end() -> None:
    found, failures, _ = run(Cast(load_network("morocco")), 2, 5, 6, 10)
    assert not failures
    results = Counter(one.result for one in found)
    assert results["1"] >= 5, "in balance"
    assert all(one.disagreements[0].cause for one in found if one.result == "2")


def test_acquirers_compare_what_their_answers_have_said() -> None:
    world = World(Cast(load_network("morocco")), 5, 120)
    assert world.run().failures == ()
    assert "1" in [one.result for terminal in world.terminals for one in terminal.comparing.compared]


def test_a_host_of_another_mind_differs_in_its_elements_and_by_no_money() -> None:
    cast = Cast(load_network("morocco"), minds=True)
    _, failures, counts = run(cast, *range(2_000, 2_004))
    assert not failures
    assert counts >= {UNDER_ORIGINALS, AS_ASKED}


@pytest.mark.parametrize("broken", ["follow", "approve_late"])
def test_a_switch_that_counts_otherwise_is_found(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(self: totals.Totals, *_: Any, **__: Any) -> None:
        del self

    def once(self: totals.Totals, request: Any, window: str) -> None:
        self._count(window, (totals.AS_ISSUER, request.host, request.currency), totals.DEBIT, request.amount)

    monkeypatch.setattr(totals.Totals, broken, nothing if broken == "follow" else once)
    assert any(run(Cast(load_network("morocco")), seed)[1] for seed in (7, 1, 2, 3))


def test_what_is_taken_back_counts_beside_its_original_or_under_it() -> None:
    apart, under = OwnTotals(), OwnTotals()
    under.counts = UNDER_ORIGINALS
    for own in (apart, under):
        own.move("1125", "504", 0, 100)
        own.move("1125", "504", 100, 30)
        own.move("1125", "504", 30, 0)
        own.move("1125", "504", 0, -50)
        own.move("1125", "504", -50, 0)
        own.move("1126", "504", 80, 0)
    assert apart.days["1125", "504"] == Sums(numbers=[1, 2, 1, 1], amounts=[50, 100, 100, 50])
    assert under.days["1125", "504"] == Sums(numbers=[0, 0, 0, 0], amounts=[0, 0, 0, 0])
    assert under.days["1126", "504"] == Sums(numbers=[0, 1, 0, 0], amounts=[0, 80, 0, 0]), (
        "its original is of another day"
    )
    assert apart.net("504") == under.net("504") == 80


@pytest.mark.parametrize(
    ("numbers", "amounts", "cause"),
    [
        ([0, 0, 2, 0], [0, 0, 300, 0], ""),
        ([0, 0, 3, 0], [0, 0, 350, 0], "missing there, in another window there, or doubled here"),
        ([0, 0, 1, 0], [0, 0, 200, 0], "missing here, in another window here, or doubled there"),
        ([0, 0, 2, 0], [0, 0, 299, 0], "amount: the same payments, and one of another amount"),
        (
            [0, 1, 3, 0],
            [0, 50, 350, 0],
            "taken back: one side has it in its original's sums, or, late, never saw it approved",
        ),
    ],
)
def test_a_disagreement_names_each_element_both_values_and_its_likely_cause(
    numbers: list[int], amounts: list[int], cause: str
) -> None:
    answer = Sums(numbers=[0, 0, 2, 0], amounts=[0, 0, 300, 0]).elements()
    found = compare(Sums(numbers=numbers, amounts=amounts), answer)
    assert {one.cause for one in found} == ({cause} if cause else set())
    assert all(one.here != one.there for one in found)
    assert ("97" in {one.element for one in found}) == (bool(cause) and not cause.startswith("taken back"))


def test_an_answer_without_totals_says_nothing() -> None:
    assert compare(Sums(), {"t": "0512", "66": "3"}) == ()
