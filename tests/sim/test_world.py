"""The simulated world: the same seed is the same day, days end in agreement, and a failing day can be made small."""

import subprocess
import sys
from pathlib import Path

import pytest

from switch.config import load_network
from switch.sim.cast import Cast
from switch.sim.faults import Fault, Kind
from switch.sim.runner import Sum, days, tell_day
from switch.sim.shrink import shrink
from switch.sim.trace import HashTrace
from switch.sim.world import World
from tests.sim import mutants

ROOT = Path(__file__).parents[2]
TRACE_OF = """
import sys
from switch.config import load_network
from switch.sim.cast import Cast
from switch.sim.trace import HashTrace
from switch.sim.world import World

trace = HashTrace()
World(Cast(load_network("morocco")), int(sys.argv[1]), 150, trace=trace).run()
print(trace.digest(), trace.effects)
"""


def traced(cast: Cast, seed: int) -> tuple[str, int]:
    trace = HashTrace()
    World(cast, seed, 150, trace=trace).run()
    return trace.digest(), trace.effects


@pytest.mark.parametrize("seed", [2, 14])
def test_the_same_seed_gives_the_same_trace_to_the_byte(seed: int, cast: Cast) -> None:
    first = traced(cast, seed)
    assert first == traced(cast, seed) == traced(Cast(load_network("morocco")), seed)
    assert first[1] > 1_000
    assert first[0] != traced(cast, seed + 1)[0]


def test_the_same_seed_gives_the_same_trace_in_another_process_whatever_its_hash_seed(cast: Cast) -> None:
    digest, effects = traced(cast, 14)
    for hash_seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", TRACE_OF, "14"], env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == [digest, str(effects)]


def test_days_of_all_kinds_end_in_agreement(cast: Cast) -> None:
    total = Sum()
    for seed in range(100, 116):
        day = World(cast, seed, 150).run()
        assert day.failures == (), f"seed {seed}"
        total.add(day)
    assert total.transactions >= 2_400
    assert total.approved > 1_200
    assert total.reversed > 120
    assert total.crashes > 16


def test_a_day_without_faults_is_all_approvals_and_honest_declines(cast: Cast) -> None:
    world = World(cast, 7, 200, faults=())
    day = world.run()
    assert (day.failures, day.crashes, day.faults) == ((), 0, 0)
    assert day.approved > 100
    assert not world.unrest()


def test_every_kind_of_fault_is_drawn_and_strikes(cast: Cast) -> None:
    drawn = {fault.kind for seed in range(40) for fault in World(cast, seed, 1_000).faults}
    assert drawn == set(Kind) - {Kind.DEFECT}, "errors of our own are planted by tests/sim/test_defects.py"


def test_a_crash_strikes_between_the_two_effects_it_names(cast: Cast) -> None:
    for detail in ("before record 1", "after record 1", "before send 1", "after send 2", "after any 3"):
        world = World(cast, 3, 100, (Fault(700, Kind.CRASH, "", 50, detail),))
        assert (world.run().failures, world.switch.crashes) == ((), 1)


def test_days_over_several_processes_are_those_of_one() -> None:
    network = load_network("morocco")
    assert list(days(network, range(1, 5), 60, jobs=2)) == list(days(network, range(1, 5), 60, jobs=1))


@pytest.mark.long
def test_a_failing_day_is_cut_down_and_told(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.forwarded_is_not_reversed_at_a_restart(monkeypatch)
    seed = next(s for s in range(3, 11) if World(cast, s, 200).run().failures)
    small = shrink(cast, seed, 200, runs_max=60)
    assert len(small.faults) == 1
    assert small.faults[0].kind in (Kind.CRASH, Kind.RESTART)
    day, text = tell_day(cast, seed, 200, small.faults, small.payments)
    assert day.failures
    assert text.startswith(f"seed {seed}: ")
    assert str(small.faults[0]) in text


def test_a_story_shows_the_way_of_the_payment_it_is_about(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    mutants.repeat_is_forwarded_again(monkeypatch)
    seed = next(s for s in range(1, 11) if World(cast, s, 200).run().failures)
    _, text = tell_day(cast, seed, 200)
    assert "was forwarded twice" in text
    assert text.count("──0200──") > 1
    assert "acquirer                switch                  issuer" in text


def test_what_a_party_raises_is_a_failure_with_its_place(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("host")

    monkeypatch.setattr("switch.core.transactions.payments.Payments._admit", broken)
    (failure,) = World(cast, 1, 50).run().failures
    assert failure.sentence.startswith("KeyError in ")
