"""`cmi-switch journal days`: what an operator reads of business days, and what a program does."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.records.day_records import Cutover
from switch.core.records.records import Answered, AnyEntry, Forwarded
from switch.wire.dates import DAY_US
from tests.journal.samples import START_US, answered, booted, declined, forwarded, owed, stood_in, written


def of(txn: int, acquirer: str, host: str, currency: str, amount: int) -> tuple[Forwarded, Answered]:
    """A payment approved by `host`."""
    made = forwarded(txn)
    key = (acquirer, *made.key[1:])
    return msgspec.structs.replace(made, key=key, host=host, currency=currency, amount=amount), answered(txn)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A day closed by a host, one closed by an operator, and one that is open."""
    first: list[AnyEntry] = [
        booted(),
        *of(2, "rif", "atlas", "504", 300_000),
        *of(3, "souss", "atlas", "788", 12_345),
        declined(4),
    ]
    second: list[AnyEntry] = [
        Cutover(at_us=START_US + 10 * 3_600_000_000, day="2025-11-26", closed="2025-11-25", by="atlas"),
        owed(5, 2),
        stood_in(6),
    ]
    third: list[AnyEntry] = [
        Cutover(at_us=START_US + DAY_US, day="2025-11-27", closed="2025-11-26", by="operator"),
        *of(9, "rif", "souss", "504", 99),
    ]
    written(tmp_path, [*first, *second, *third])
    return tmp_path


def days(state: Path, *arguments: str) -> str:
    result = CliRunner().invoke(command, ["days", "--state", str(state), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_has_a_line_a_day_newest_first(state: Path) -> None:
    assert [line.split(maxsplit=8) for line in days(state).splitlines()] == [
        ["DAY", "CLOSED", "BY", "APPROVED", "STOOD-IN", "DECLINED", "REVERSED", "ADVICES", "NET"],
        ["2025-11-27", "open", "-", "1", "0", "0", "0", "0", "0.99 MAD"],
        ["2025-11-26", "2025-11-26T12:00:00Z", "operator", "1", "1", "0", "1", "0", "-2876.55 MAD"],
        ["2025-11-25", "2025-11-25T22:00:00Z", "atlas", "2", "0", "1", "0", "0", "3000.00 MAD, 12.345 TND"],
    ]


@pytest.mark.parametrize(
    ("by", "parts"),
    [
        ("acquirer", ["rif", "100001", "rif", "100001", "rif", "souss"]),
        ("issuer", ["souss", "atlas", "bank-a", "-", "atlas"]),
        ("route", ["domestic", "domestic", "stand-in", "domestic", "refused"]),
    ],
)
def test_a_day_is_told_in_parts(state: Path, by: str, parts: list[str]) -> None:
    heading, *lines = days(state, "--by", by).splitlines()
    assert heading.split()[3] == by.upper()
    assert [line.split()[3] for line in lines] == parts
    assert [json.loads(line)[by] for line in days(state, "--by", by, "--json").splitlines()] == [
        "" if part == "-" else part for part in parts
    ]


def test_json_has_minor_units_by_currency_and_says_which_day_is_open(state: Path) -> None:
    lines = [json.loads(line) for line in days(state, "--json").splitlines()]
    assert lines[2] == {
        "day": "2025-11-25", "open": False, "closed": "2025-11-25T22:00:00Z", "closed_by": "atlas", "approved": 2,
        "stood_in": 0, "declined": 1, "reversed": 0, "advices": 0, "net": {"504": 300_000, "788": 12_345}, "held": {},
        "whole": True,
    }  # fmt: skip
    assert (lines[0]["open"], lines[0]["closed"], lines[0]["closed_by"]) == (True, "", "")


def test_limit_is_of_days_and_says_so(state: Path) -> None:
    result = CliRunner().invoke(command, ["days", "--state", str(state), "--limit", "1", "--by", "acquirer"])
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "(up to 1 days shown; --limit 0 shows all)\n"


def test_a_day_that_is_not_whole_is_noted(tmp_path: Path) -> None:
    late = msgspec.structs.replace(owed(8, 2), original=2)
    written(tmp_path, [booted(), late])
    assert "is not whole: the beginning of it, or of payments that it changes, has been pruned" in days(tmp_path)


def test_where_there_is_no_journal_that_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["days", "--state", str(tmp_path)])
    assert result.exit_code == 1
    assert "no journal here; --state names the switch's state directory" in result.output
