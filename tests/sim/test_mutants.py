"""Each promise, broken on purpose, is seen to be broken within the days stated here; whole, it holds in the same days.

`CMI_SWEEP=1 pytest tests/sim/test_mutants.py -s` counts how many of 60 days catch each.
"""

import os
from collections.abc import Callable

import msgspec
import pytest

from switch.config import load_network
from switch.sim.audit import Failure
from switch.sim.cast import Cast, Climate
from switch.sim.faults import Fault
from switch.sim.world import World
from tests.sim import mutants, storms

Storm = Callable[[int], tuple[Fault, ...]]

pytestmark = pytest.mark.long


class Trial(msgspec.Struct, frozen=True):
    """Days in which a mutant is to be caught."""

    mutant: Callable[[pytest.MonkeyPatch], None]
    seeds: range
    transactions: int = 200
    storm: Storm | None = None
    climate: Climate | None = None

    def day(self, cast: Cast, seed: int) -> tuple[Failure, ...]:
        faults = self.storm(seed) if self.storm else None
        return World(cast, seed, self.transactions, faults, climate=self.climate).run().failures


def stormy(mutant: Callable[[pytest.MonkeyPatch], None], days: int, storm: Storm, climate: Climate) -> Trial:
    return Trial(mutant, range(1, days + 1), 300, storm, climate)


TRIALS = (
    # what must be durable before what leaves, row by row
    Trial(mutants.forwarded_is_not_reversed_at_a_restart, range(1, 6)),
    stormy(mutants.approval_leaves_before_it_is_durable, 5, storms.lost_promises, storms.FAIR),
    stormy(mutants.timeout_is_said_before_its_reversal_is_durable, 10, storms.lost_promises, storms.FAIR),
    Trial(mutants.reversal_leaves_before_it_is_durable_and_is_forgotten_at_a_restart, range(1, 6)),
    stormy(mutants.reversal_is_acknowledged_before_it_is_durable, 5, storms.lost_promises, storms.FAIR),
    stormy(mutants.repeat_is_answered_before_what_it_says_is_durable, 5, storms.lost_promises, storms.FAIR),
    # no orphan approval
    stormy(mutants.undelivered_is_ignored, 3, storms.lost_answers, storms.FAIR),
    Trial(mutants.nothing_times_out, range(4, 5)),
    stormy(mutants.reversal_is_never_repeated, 5, storms.deaf_hosts, storms.SLOW_HOSTS),
    Trial(
        mutants.reversal_refused_for_the_moment_is_refused_for_ever, range(1, 2), 160, storms.full_queues, storms.TAKEN_BACK
    ),
    Trial(mutants.snapshot_forgets_what_is_owed, range(7, 8), 1_000),
    # once
    Trial(mutants.repeat_is_forwarded_again, range(1, 11)),
    Trial(mutants.repeat_of_a_reversal_is_taken_again, range(1, 16)),
    Trial(mutants.approved_is_reversed_twice, range(1, 6)),
    Trial(mutants.acquirers_messages_are_told_apart_without_their_terminal, range(1, 3)),
    Trial(mutants.answers_are_matched_on_stan_alone, range(6, 7), 300, storms.lost_numbers, storms.SLOW_HOSTS),
    Trial(
        mutants.answers_are_matched_without_looking_at_the_payment, range(9, 10), 300, storms.lost_numbers, storms.SLOW_HOSTS
    ),
    stormy(mutants.original_that_its_reversal_overtook_is_forwarded, 3, storms.overtaken, storms.NARROW),
    # in order, and never dropped
    stormy(mutants.later_messages_of_a_transaction_overtake, 2, storms.given_up, storms.UNDONE),
    stormy(mutants.dead_letter_lets_those_behind_it_go, 2, storms.given_up, storms.UNDONE),
    stormy(mutants.dead_letter_is_dropped, 2, storms.given_up, storms.UNDONE),
    stormy(mutants.partial_reversal_takes_back_all, 1, storms.lost_answers, storms.IN_PART),
    Trial(mutants.close_of_a_day_is_said_and_not_recorded, range(1, 11)),
    stormy(mutants.outcome_is_in_the_window_that_its_day_began_with, 1, storms.closing_windows, storms.FAIR),
    stormy(mutants.repeat_is_answered_with_the_day_that_it_is, 1, storms.closing_windows, storms.FAIR),
    # what the switch approves itself
    stormy(mutants.stand_in_is_said_before_it_is_durable, 3, storms.issuers_away, storms.AWAY),
    stormy(mutants.stand_in_is_not_told_after_a_restart, 3, storms.issuers_away, storms.AWAY),
    stormy(mutants.stand_in_asks_no_stop_list, 5, storms.issuers_away, storms.AWAY_SHOWCASE),
    stormy(mutants.stand_in_is_not_counted_over_a_restart, 5, storms.issuers_away, storms.AWAY_NARROW),
    # bounded
    Trial(mutants.memory_is_never_let_go, range(1, 11)),
    stormy(mutants.memory_forgets_what_the_journal_does_not_hold, 5, storms.full_memory, storms.NARROW),
)  # fmt: skip


def name(trial: Trial) -> str:
    return trial.mutant.__name__


@pytest.mark.parametrize("trial", TRIALS, ids=name)
def test_a_broken_promise_is_seen_within_so_many_days(
    trial: Trial, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.mutant(monkeypatch)
    assert any(trial.day(cast, seed) for seed in trial.seeds)


def test_a_switch_that_forgets_its_answers_at_a_restart_is_seen_within_three_days() -> None:
    cast = Cast(load_network("morocco"), make_switch=mutants.Forgetful)
    days = (World(cast, seed, 200, storms.issuers_away(seed), climate=storms.FAIR) for seed in range(1, 4))
    assert any(day.run().failures for day in days)


@pytest.mark.parametrize("counting", [True, False])
def test_a_stand_in_that_counts_no_card_is_seen_on_the_first_day(
    counting: bool, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = tuple(
        msgspec.structs.replace(h, standin=tuple(msgspec.structs.replace(r, per_card_count=1) for r in h.standin))
        for h in cast.network.hosts
    )
    if not counting:
        mutants.stand_in_counts_no_card(monkeypatch)
    strict = Cast(msgspec.structs.replace(cast.network, hosts=once))
    failures = World(strict, 1, 300, storms.issuers_gone(1), climate=storms.AWAY).run().failures
    assert failures == () if counting else any("per_card_count" in f.sentence for f in failures)


@pytest.mark.parametrize(
    ("storm", "climate"),
    [
        (storms.lost_promises, storms.FAIR), (storms.lost_answers, storms.FAIR), (storms.lost_numbers, storms.SLOW_HOSTS),
        (storms.overtaken, storms.NARROW), (storms.full_memory, storms.NARROW), (storms.full_queues, storms.TAKEN_BACK),
        (storms.deaf_hosts, storms.SLOW_HOSTS), (storms.given_up, storms.UNDONE), (storms.issuers_away, storms.AWAY),
        (storms.issuers_away, storms.AWAY_NARROW), (storms.issuers_gone, storms.AWAY),
        (storms.lost_promises, storms.IN_PART), (storms.issuers_away, storms.IN_PART),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)  # fmt: skip
def test_whole_the_switch_holds_in_these_storms(storm: Storm, climate: Climate, cast: Cast) -> None:
    for seed in range(1, 6):
        assert World(cast, seed, 300, storm(seed), climate=climate).run().failures == ()


@pytest.mark.skipif("CMI_SWEEP" not in os.environ, reason="takes minutes; set CMI_SWEEP=1")
@pytest.mark.parametrize("trial", TRIALS, ids=name)
def test_count_the_days_that_see_it(trial: Trial, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(trial.day(cast, seed) for seed in range(1, 61))
    trial.mutant(monkeypatch)
    seen = [seed for seed in range(1, 61) if trial.day(cast, seed)]
    print(f"\n{name(trial)}: {len(seen)} of 60 days, the first is {seen[0] if seen else None}")  # noqa: T201
    assert seen
