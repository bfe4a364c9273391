"""Whoever has a receipt in hand finds its payment, however far the index is."""

import json
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.find import command
from switch.gateway.orders.beside import store_beside
from switch.gateway.orders.order import Attempt
from switch.gateway.orders.store import Store
from switch.journal.index import Index
from switch.journal.projections import transactions
from switch.journal.projections.projection import PLACE, Values
from switch.journal.reports import Reports
from switch.journal.search import SearchError, Sought, find_rows, read_words
from tests.gateway.test_store import NAMES, order
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


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1,234", "1234"),
        ("12,345,678", "12345678"),
        ("1234,50", "1234.50"),
        ("1.234,50", "1234.50"),
        ("0,5", "0.5"),
        ("1,2345", "1.2345"),
    ],
)
def test_a_comma_is_read_as_receipts_have_it(typed: str, meant: str) -> None:
    assert read_words(("8997", typed)).amount == Decimal(meant)


def test_amounts_are_major_units_of_the_payments_own_currency() -> None:
    sought = read_words(("8997", "1,234.5"))
    row = Sought(last_four="8997", amount=sought.amount)
    assert [int(row.amount.scaleb(exponent)) for exponent in (0, 2, 3)] == [1_234, 123_450, 1_234_500]


def test_a_card_and_an_amount_are_found_among_runs_of_records_without_reading_all(tmp_path: Path) -> None:
    """The same card in six runs, some rows of another amount: newest first, each statement a search."""
    written(tmp_path, [booted()])
    index = Index(tmp_path)
    index.catch_up()
    asked: list[tuple[str, Values]] = []

    def look(statement: str, values: Values) -> Iterator[Values]:
        asked.append((statement, values))
        return index.look(statement, values)

    rows = [
        msgspec.structs.replace(transactions._forwarded(forwarded(n), PLACE.pack(n * 40_000, 1, 0)), amount=amount)
        for n, amount in ((1, 12_345), (2, 12_345), (3, 99), (5, 12_345), (8, 123_450), (9, 12_345), (9_000, 99))
    ]
    index.database.executemany(transactions._PUT, map(msgspec.structs.astuple, rows))
    sought = read_words(("8997", "123.45"))
    assert [row.txn for row in find_rows(look, {}, sought)] == [9, 5, 2, 1]
    assert [row.txn for row in find_rows(look, {}, sought, 2)] == [9, 5]
    for statement, values in asked:
        plan = " ".join(str(step[-1]) for step in index.look(f"EXPLAIN QUERY PLAN {statement}", values))
        assert "by_card" in plan, statement
        assert "SCAN" not in plan, statement
    index.close()


def test_the_command_finds_what_a_web_shop_calls_its_order(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(0x1A2B), answered(0x1A2B), forwarded(0x1A2C)])
    (tmp_path / "gateway").mkdir()
    state = ("--state", str(tmp_path))
    names = msgspec.structs.replace(NAMES, rrn=f"{0x1A2B:012d}")
    with closing(Store(store_beside(tmp_path))) as store:
        store.open_order(order("CMD-7", attempt=Attempt(names=names, masked=MASKED, scheme="visa", client="")))
        store.open_order(order("CMD 8"))
    run = CliRunner().invoke(command, ["CMD-7", *state])
    assert run.exit_code == 0
    told, paid = run.output.splitlines()
    assert (told[:11], told[-4:], paid.split()[0]) == ("order CMD-7", "open", "1a2b")
    run = CliRunner().invoke(command, ["CMD", "8", "--json", *state])
    assert [json.loads(line)["rrn"] for line in run.output.splitlines()] == [""]
    run = CliRunner().invoke(command, ["CMD-9", *state])
    assert (run.exit_code, "is no DE37" in run.output) == (2, True)


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
