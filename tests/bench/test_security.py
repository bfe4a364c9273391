"""The bench of MACs and PINs runs, both ways, and measures what it says."""

import json

import pytest
from click.testing import CliRunner

from switch.bench.security import main


@pytest.mark.alone
def test_macs_and_a_pin_translation_cost_what_they_may() -> None:
    done = CliRunner().invoke(main, ["--batches", "8", "--rounds", "3", "--json"])
    assert done.exit_code == 0, done.output
    costs = {(cost["algorithm"], cost["where"]): cost for cost in json.loads(done.output.splitlines()[-1])}
    assert set(costs) == {(a, w) for a in ("retail", "aes-cmac") for w in ("in process", "behind a socket")}
    for cost in costs.values():
        assert 0 < cost["caller_us"] <= cost["cpu_us"] < 4 * cost["target_us"], "a slow or busy machine is no defect"
    # behind a socket, what the caller itself pays is far less than with the keys in process
    assert costs["retail", "behind a socket"]["caller_us"] < 0.5 * costs["retail", "in process"]["caller_us"]


@pytest.mark.long
def test_a_whole_switch_is_measured_with_and_without_by_turns() -> None:
    done = CliRunner().invoke(main, ["--switch", "--batch", "16", "--batches", "1", "--rounds", "1", "--json"])
    assert done.exit_code == 0, done.output
    without, *sealed = json.loads(done.output.splitlines()[-1])
    assert (without["algorithm"], without["ratio"]) == ("", 1.0)
    assert {(one["algorithm"], one["where"]) for one in sealed} == {
        (algorithm, where) for algorithm in ("retail", "aes-cmac") for where in ("in process", "behind a socket")
    }
    for one in sealed:
        assert one["ratio"] > 0
        assert one["cpu_us"] > 0
