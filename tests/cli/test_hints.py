"""Hints can be typed as they are: they name the network file that runs. That a switch is ready is no sentence for programs."""

import json
from pathlib import Path

from click.testing import CliRunner

from switch.cli.main import main
from tests.cli.conftest import Running


def test_ready_lines_name_the_file_that_runs(here: Path, running: Running) -> None:
    with running("issuer", "--network", "net.toml") as (_, said):
        assert said.rstrip().endswith("next: `cmi-switch serve net.toml`, then `cmi-switch pay --network net.toml`")
    with running("serve", "net.toml", "--state", "st") as (_, said):
        assert "`cmi-switch issuer --network net.toml`, `cmi-switch network visa --network net.toml`" in said
        ready = json.loads((here / "st" / "ready.json").read_text())
        assert set(ready["listeners"]) == {"acquirers", "pos"}
        assert all(address in said for address in ready["listeners"].values())
        assert (ready["recovered_records"], ready["restarts"], ready["log"]) == (0, 0, "st/hops.jsonl")


def test_a_switch_that_ends_in_order_is_not_said_to_be_ready(here: Path, running: Running) -> None:
    with running("serve", "net.toml", "--state", "st") as (process, _):
        process.terminate()
        process.wait(30)
    assert not (here / "st" / "ready.json").exists()


def test_errors_name_the_file_that_should_run(here: Path) -> None:
    for command in (["links", "list"], ["health"], ["pay"], ["terminal"]):
        result = CliRunner().invoke(main, [*command, "--network", "net.toml"])
        assert result.exit_code, command
        assert "`cmi-switch serve net.toml`" in result.output, command
