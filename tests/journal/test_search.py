"""Whoever has a receipt in hand finds its payment, however far the index is."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.find import command
from switch.journal.index import Index
from switch.journal.reports import Reports
from switch.journal.search import SearchError, Sought, read_words
from tests.journal.samples import MASKED, answered, booted, day, forwarded, written


def found(state: Path, *words: str, limit: int = 50) -> list[int]:
    reports = Reports(state)
    rows = reports.find(read_words(words), limit)
    reports.close()
    return [row.txn for row in rows]


@pytest.fixture(params=["all of it indexed", "none of it indexed", "half of it indexed"])
def state(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    written(tmp_path, [booted(), *(e for n in (0x1A2B, 0x1A2C, 0x1A2D) for e in (forwarded(n), answered(n)))])
    index = Index(tmp_path)
    while request.param.startswith("all") and index.batch():
        pass
    if request.param.startswith("half"):
        index.batch(4)
    index.close()
    if not request.param.startswith("all"):
        monkeypatch.setattr(Index, "catch_up", lambda self: 0)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("000000006699",), [0x1A2B]),
        (("006699",), [0x1A2B]),
        (("1a2b",), [0x1A2B]),
        (("8997", "123.45"), [0x1A2D, 0x1A2C, 0x1A2B]),
        (("400001******8997", "123.45"), [0x1A2D, 0x1A2C, 0x1A2B]),
        (("400002******8997", "123.45"), []),
        (("8997", "123.46"), []),
        (("8998", "123.45"), []),
        (("000000009999",), []),
    ],
)
def test_by_reference_number_stan_transaction_or_card_and_amount(
    state: Path, words: tuple[str, ...], expected: list[int]
) -> None:
    assert found(state, *words) == expected


def test_the_newest_come_first_and_no_more_than_asked_for(state: Path) -> None:
    assert found(state, "8997", "123.45", limit=2) == [0x1A2D, 0x1A2C]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("4000012345678997",), "a whole card number is not looked for"),
        (("8997",), "want the amount beside them"),
        (("8997", "much"), "is no amount"),
        (("89970", "1"), "no last four digits"),
        (("8997", "NaN"), "is no amount"),
        (("what\x1b[2J",), "letters and digits"),
        (("1", "2", "3"), "one word"),
    ],
)
def test_words_that_can_mean_nothing_are_refused_with_what_would(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(SearchError, match=said):
        read_words(words)


def test_amounts_are_major_units_of_the_payments_own_currency() -> None:
    sought = read_words(("8997", "1,234.5"))
    row = Sought(last_four="8997", amount=sought.amount)
    assert [int(row.amount.scaleb(exponent)) for exponent in (0, 2, 3)] == [1_234, 123_450, 1_234_500]


@pytest.mark.parametrize(("column", "index"), [("rrn", "by_rrn"), ("stan", "by_stan"), ("txn", "PRIMARY KEY")])
def test_the_index_goes_straight_to_it_however_many_there_are(tmp_path: Path, column: str, index: str) -> None:
    written(tmp_path, day(10))
    with_index = Index(tmp_path)
    with_index.catch_up()
    statement = f"EXPLAIN QUERY PLAN SELECT * FROM transactions WHERE {column} = ? ORDER BY txn DESC LIMIT 50"
    plan = " ".join(str(step[-1]) for step in with_index.database.execute(statement, ("1",)))
    assert plan.startswith("SEARCH")
    assert index in plan
    with_index.close()


def test_the_command_lists_what_it_finds_and_fails_where_there_is_nothing(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(0x1A2B), answered(0x1A2B)])
    state = ("--state", str(tmp_path))
    run = CliRunner().invoke(command, ["000000006699", *state])
    assert (run.exit_code, run.output.split()[0], MASKED in run.output) == (0, "1a2b", True)
    run = CliRunner().invoke(command, ["8997", "123.45", "--json", *state])
    assert json.loads(run.output)["txn"] == "1a2b"
    run = CliRunner().invoke(command, ["000000000001", *state])
    assert run.exit_code == 1
    assert "nothing is called 000000000001 in the journal" in run.output
    run = CliRunner().invoke(command, ["4000012345678997", *state])
    assert (run.exit_code, "4000012345678997" in run.output) == (2, False)
