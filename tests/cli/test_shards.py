"""Commands of a network with shards, as typed: what they print, what they refuse."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli.main import main
from switch.config.load import SHIPPED
from tests.sharded import sharded


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(sharded((SHIPPED / "morocco.toml").read_text()))
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_check_says_who_is_where_and_what_each_shard_has(file: str) -> None:
    said = run("check", file).output
    assert "shard a, number 1: atlas, cmi; owns visa" in said
    assert "shard b, number 2: rif, souss; owns souss, mastercard" in said
    waiting, owed = "max_pending 2000 of 4000", "owed_per_second 250 of 500, owed_in_flight 16 of 32"
    assert f"each shard has of host rif: connections 1, 2 together, {waiting}, {owed}" in said.splitlines()
    assert "each shard has the other [limits] whole" in said
    assert "shard" not in run("check").output


def test_check_says_what_each_shard_may_approve_in_an_issuers_place(file: str) -> None:
    path = Path(file)
    stands_in = r"""\1
standin_total = "900.00 MAD"
[[host.standin]]
product = "debit"
floor = "200.00 MAD"
per_card_count = 5
per_card_amount = "500.00 MAD"
"""
    path.write_text(re.sub(r'(connect = "127.0.0.1:8592"[^[]*)', stands_in, path.read_text()))
    said = run("check", file).output
    assert (
        "standin_total 450.00 MAD of 900.00 MAD, stand-in for debit: 2 of 5 payments and 250.00 MAD of 500.00 MAD a card"
        in said
    )


def test_serve_says_which_shards_there_are_and_refuses_others(file: str) -> None:
    assert "has shards a, b: `--shards all` runs them all, `--shard a` one of them" in run("serve", file).output
    assert 'has no shard "c"' in run("serve", file, "--shard", "c").output
    assert 'has no shard "c"' in run("serve", file, "--shards", "a,c").output
    assert "give one of them" in run("serve", file, "--shard", "a", "--shards", "all").output
    assert "has no [[shard]]" in run("serve", "--shard", "a").output
    assert "a hop log of its own" in run("serve", file, "--shards", "all", "--log", "x.jsonl").output


@pytest.mark.parametrize("which", [("--shards", "all"), ("--shard", "a")])
def test_shards_do_not_start_above_what_the_undivided_network_may_owe(
    file: str, tmp_path: Path, which: tuple[str, ...]
) -> None:
    (tmp_path / "state" / "journal").mkdir(parents=True)
    refused = run("serve", file, *which, "--state", str(tmp_path / "state"))
    assert (refused.exit_code, "has the journal of one switch" in refused.output) == (1, True)
    assert "from one switch to shards" in refused.output
