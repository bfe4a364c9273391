"""Hints can be typed as they are: they name the network file that runs. That a switch is ready is no sentence for programs."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli._network import spell
from switch.cli.main import main
from switch.config import load_network
from switch.config.load import SHIPPED
from switch.core.shards import of_shard
from switch.loopback import on_free_ports
from tests.cli.conftest import Running
from tests.sharded import sharded


def test_ready_lines_name_the_file_that_runs(here: Path, running: Running) -> None:
    with running("issuer", "--network", "net.toml") as (_, ready):
        assert ready.sentence.endswith("next: `cmi-switch serve net.toml`, then `cmi-switch pay --network net.toml`")
    with running("serve", "net.toml", "--state", "st") as (_, ready):
        assert "`cmi-switch issuer --network net.toml`, `cmi-switch network visa --network net.toml`" in ready.sentence


@pytest.mark.parametrize(
    "arguments",
    [
        ("journal", "prune", "--discard", "--before", "999999d"),
        ("journal", "prune", "--discard", "--before", "99999999999d"),
        ("certificates", "make", "tls", "--days", "99999999"),
        ("journal", "show", "f" * 24),
        ("fees", "explain", "f" * 16),
        ("hops", "--log", "net.toml", "--txn", "1_0"),
        ("disputes", "open", "f" * 24, "--reason", "C4", "--state", "st"),
    ],
)
def test_what_no_calendar_and_no_journal_holds_is_a_wrong_option_and_no_defect(
    here: Path, arguments: tuple[str, ...]
) -> None:
    result = CliRunner().invoke(main, list(arguments))
    assert (result.exit_code, "Error: " in result.output) == (2, True), result.output


def test_errors_name_the_file_that_should_run(here: Path) -> None:
    for command in (["links", "list"], ["health"], ["pay"], ["terminal"]):
        result = CliRunner().invoke(main, [*command, "--network", "net.toml"])
        assert result.exit_code, command
        assert "`cmi-switch serve net.toml`" in result.output, command


@pytest.fixture
def shards(here: Path) -> Path:
    """`net.toml` has shards, and lies in a directory whose name a shell would part."""
    directory = here / "a b"
    directory.mkdir()
    (directory / "net.toml").write_text(on_free_ports(sharded((SHIPPED / "morocco.toml").read_text())))
    return directory


def test_of_a_network_with_shards_all_are_started(here: Path, shards: Path, running: Running) -> None:
    serve = "`cmi-switch serve 'a b/net.toml' --shards all`"
    with running("issuer", "atlas", "--network", "a b/net.toml") as (_, ready):
        assert ready.sentence.endswith(f"next: {serve}, then `cmi-switch pay --network 'a b/net.toml'`")
    with running("network", "visa", "--network", "a b/net.toml") as (_, ready):
        assert ready.sentence.endswith(f"next: {serve}")
    for command in (["pay"], ["terminal"]):
        assert serve in CliRunner().invoke(main, [*command, "--network", "a b/net.toml"]).output, command


def test_a_shard_says_at_which_of_its_ports_and_as_whom_to_pay(shards: Path) -> None:
    whole = load_network(str(shards / "net.toml"))
    assert spell("pay", of_shard(whole, "a")) == "cmi-switch pay"
    assert spell("pay", of_shard(whole, "b")) == "cmi-switch pay --port acquirers-b --bank rif"


def test_what_is_hinted_at_is_about_the_same_directory(here: Path) -> None:
    result = CliRunner().invoke(main, ["saf", "list", "--state", "my state"])
    assert "start it with `cmi-switch serve --state 'my state'`" in result.output
    assert (
        "(as `cmi-switch saf list --state st` shows them)"
        in CliRunner().invoke(main, ["saf", "retry", "--state", "st"]).output
    )
    result = CliRunner().invoke(main, ["journal", "show", "zz", "--state", "my state"])
    assert "'zz' is no transaction" in result.output
