"""`cmi-switch simulate`: days run, failures told, and a story that can be repeated."""

import json

import pytest
from click.testing import CliRunner

from switch.cli.simulate import command
from tests.sim import mutants


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    return result.exit_code, result.stdout


def test_days_that_hold_exit_with_0_and_say_how_much_was_tried() -> None:
    code, text = run("--seeds", "3", "--transactions", "60", "--jobs", "1")
    assert code == 0
    assert text.startswith("3 days, ")
    assert text.splitlines()[-1] == "nothing lost, doubled or left half-done"


def test_json_has_the_sums_and_no_failures() -> None:
    code, text = run("--seeds", "2", "--first-seed", "5", "--transactions", "60", "--jobs", "1", "--json")
    data = json.loads(text)
    assert (code, data["seeds"], data["failed"], data["failures"]) == (0, 2, [], {})
    assert data["transactions"] >= 100
    assert data["per_second"] > 0


@pytest.mark.long
def test_a_failing_day_is_cut_down_and_the_command_that_repeats_it_fails_the_same_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mutants.forwarded_is_not_reversed_at_a_restart(monkeypatch)
    code, text = run("--seeds", "8", "--first-seed", "3", "--transactions", "200", "--jobs", "1", "--json")
    seed = json.loads(text)["failed"][0]
    code, text = run("--seeds", "1", "--first-seed", str(seed), "--transactions", "200", "--jobs", "1")
    assert code == 1
    assert "1 fault(s):" in text
    repeat = next(line for line in text.splitlines() if "repeat: " in line).split("repeat: cmi-switch simulate ")[1]
    code, again = run(*repeat.split())
    assert code == 1
    assert again.startswith(f"seed {seed}: ")
    assert "1 fault(s):" in again


def test_a_fault_that_a_schedule_does_not_have_is_a_mistake() -> None:
    code, _ = run("--seeds", "1", "--only", "9999", "--transactions", "50")
    assert code == 2
