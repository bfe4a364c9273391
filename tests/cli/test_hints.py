"""Hints can be typed as they are: they name the network file that runs. That a switch is ready is no sentence for programs."""

from pathlib import Path

from click.testing import CliRunner

from switch.cli.main import main
from tests.cli.conftest import Running


def test_ready_lines_name_the_file_that_runs(here: Path, running: Running) -> None:
    with running("issuer", "--network", "net.toml") as (_, ready):
        assert ready.sentence.endswith("next: `cmi-switch serve net.toml`, then `cmi-switch pay --network net.toml`")
    with running("serve", "net.toml", "--state", "st") as (_, ready):
        assert "`cmi-switch issuer --network net.toml`, `cmi-switch network visa --network net.toml`" in ready.sentence


def test_errors_name_the_file_that_should_run(here: Path) -> None:
    for command in (["links", "list"], ["health"], ["pay"], ["terminal"]):
        result = CliRunner().invoke(main, [*command, "--network", "net.toml"])
        assert result.exit_code, command
        assert "`cmi-switch serve net.toml`" in result.output, command
