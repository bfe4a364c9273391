"""The journals of a network's shards, asked as one: each payment once, and nothing final before all of them have closed."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.config import load_network
from switch.config.load import SHIPPED
from switch.core.network import Network, Shard
from switch.core.records.records import AnyEntry
from switch.journal.ledgers import open_ledger
from switch.journal.log import JournalError
from switch.journal.reports import Filters, Reports
from switch.journal.search import read_words
from switch.journal.shards import check_whole, journals_of
from switch.ledger.entries import Window
from switch.ledger.netting import settle
from tests.journal.samples import written
from tests.ledger.stories import DAY, MAD, START_US, Sides, answered, cutover, forwarded
from tests.sharded import sharded

NEXT = "2026-11-28"
RIF, SOUSS = Sides(acquirer="rif"), Sides(acquirer="souss")
PASSED = Sides(acquirer="shard-b-visa")
NETS = {"atlas": -9_500, "rif": 8_000, "souss": 1_500, "switch": 0}


def paid(at: int, shard: int, amount: int, sides: Sides = RIF) -> list[AnyEntry]:
    """A purchase of this amount: the `at`-th of its shard."""
    txn = at * 16 + shard
    answer = answered(txn, 1, sides=sides)
    return [forwarded(txn, "0200", amount, "00", sides), answer]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Shard a (1) has one of Rif's and what b passed on to it; shard b (2) two of Souss', one of them passed on. a has closed its
    day."""
    written(tmp_path / "a", [*paid(1, 1, 8_000), *paid(3, 1, 500, PASSED), cutover(70, DAY, NEXT)])
    written(tmp_path / "b", [*paid(2, 2, 1_000, SOUSS), *paid(3, 2, 500, SOUSS)])
    return tmp_path


def close(state: Path) -> None:
    """b closes its day, too."""
    written(state / "b", [*paid(2, 2, 1_000, SOUSS), *paid(3, 2, 500, SOUSS), cutover(80, DAY, NEXT)])


def divided(*names: str) -> Network:
    """A network of these shards."""
    shards = tuple(Shard(name=name, number=number) for number, name in enumerate(names, 1))
    return msgspec.structs.replace(load_network("morocco"), shards=shards)


def test_a_directory_means_its_own_journal_or_those_below_it(state: Path) -> None:
    assert journals_of(state) == (state / "a", state / "b")
    assert journals_of(state / "a") == (state / "a",)
    assert journals_of(state / "nothing") == (state / "nothing",)


def test_transactions_are_listed_together_and_what_was_passed_on_once(state: Path) -> None:
    reports = Reports(state)
    assert [row.txn for row in reports.transactions(Filters())] == [3 * 16 + 2, 2 * 16 + 2, 1 * 16 + 1]
    assert [row.txn for row in reports.transactions(Filters(), 2)] == [3 * 16 + 2, 2 * 16 + 2]
    assert [row.txn for row in reports.transactions(Filters(acquirer="shard-b-visa"))] == [3 * 16 + 1]
    named = reports.transaction(3 * 16 + 1)
    assert named is not None
    assert len(named[1]) == 2
    assert reports.transaction(99) is None
    reports.close()


def test_of_what_was_passed_on_both_are_found(state: Path) -> None:
    for shard in ("a", "b"):  # they have one DE37
        entries = paid(3, 1 if shard == "a" else 2, 500, PASSED if shard == "a" else SOUSS)
        request = entries[0]
        entries[0] = msgspec.structs.replace(request, elements={**request.elements, "37": "633120794786"})  # type: ignore[union-attr]
        written(state / shard, entries)
    reports = Reports(state)
    assert [row.txn for row in reports.find(read_words(("633120794786",)))] == [3 * 16 + 2, 3 * 16 + 1]
    reports.close()


def test_a_copy_of_a_journal_beside_the_others_is_refused(state: Path) -> None:
    written(state / "old", paid(1, 1, 8_000))
    reports = Reports(state)
    with pytest.raises(JournalError, match="transaction 11 is in two journals: one of them is a copy"):
        reports.transactions(Filters())
    reports.close()


def test_a_day_is_open_until_each_shard_has_closed_it(state: Path) -> None:
    for closed in (False, True):
        if closed:
            close(state)
        reports = Reports(state)
        days = {one.day: (one.closed_us, one.approved, one.net.get(MAD)) for one in reports.days(START_US)}
        reports.close()
        assert days[DAY] == (START_US + 80 if closed else 0, 3, 9_500)
        assert (NEXT in days) is closed


def test_a_window_is_open_until_each_shard_has_closed_it_and_comes_to_all_of_them(state: Path) -> None:
    window = Window(DAY, 1)
    with open_ledger(state, MAD) as ledger:
        assert (ledger.closed_as(window), list(ledger.closed), ledger.now) == (None, [], window)
    close(state)
    with open_ledger(state, MAD) as ledger:
        closed = ledger.closed_as(window)
        assert closed is not None
        assert (closed.at_us, ledger.now, ledger.whole(window)) == (START_US + 80, Window(NEXT, 1), True)
        found = settle(window, ledger.positions(window), members=["atlas", "rif", "souss"], networks=set(), home=MAD)
        assert {p.party: p.net for p in found.net[0].positions} == NETS
        entries = list(ledger.entries(window))
    assert [entry.sequence for entry in entries] == [1_000_000_000_002, 2_000_000_000_002, 2_000_000_000_004]
    assert sum(entry.amount for entry in entries) == 9_500


def test_a_shard_that_had_no_such_window_does_not_hold_it_up(state: Path) -> None:
    """An operator closed a window in one of them."""
    middle = msgspec.structs.replace(cutover(65, DAY, DAY), ended=1, window=2)
    written(state / "a", [*paid(1, 1, 8_000), middle, *paid(5, 1, 700), cutover(90, DAY, NEXT, ended=2)])
    close(state)
    with open_ledger(state, MAD) as ledger:
        assert [str(one.window) for one in ledger.closed] == [f"{DAY}/1", f"{DAY}/2"]
        assert sum(entry.amount for entry in ledger.entries(Window(DAY, 2))) == 700
        assert sum(entry.amount for entry in ledger.entries(Window(DAY, 1))) == 9_500


def test_money_is_not_added_up_of_some_shards_or_of_strangers(state: Path) -> None:
    check_whole(state, divided())
    check_whole(state, divided("a", "b"))
    with pytest.raises(
        JournalError, match=r"shard c has no journal in .*/c: what the network comes to is known with all"
    ):
        check_whole(state, divided("a", "b", "c"))
    with pytest.raises(JournalError, match=r"/b has a journal, and is no shard of the network: move it away"):
        check_whole(state, divided("a"))
    with pytest.raises(JournalError, match=r"/a is not the directory of the network's shards \(a, b\)"):
        check_whole(state / "a", divided("a", "b"))


def test_journals_of_several_machines_are_settled_from_their_backups(state: Path, tmp_path: Path) -> None:
    """As docs/scaling.md says; and again, once there is more."""
    file = tmp_path / "mine.toml"
    file.write_text(sharded((SHIPPED / "morocco.toml").read_text()))
    copies = tmp_path / "copies"

    def settled(where: Path) -> dict[str, Any]:
        done = CliRunner().invoke(main, ["settle", str(file), "--state", str(where), "--window", f"{DAY}/1", "--json"])
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.output)
        return found

    def back_up(shard: str) -> None:
        done = CliRunner().invoke(
            main, ["journal", "backup", str(copies / shard), "--state", str(state / shard)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output

    original = tmp_path / "original"
    original.mkdir()
    back_up("a")
    lacking = CliRunner().invoke(main, ["settle", str(file), "--state", str(copies)])
    assert (lacking.exit_code, "shard b has no journal in" in lacking.output) == (1, True)
    back_up("b")
    state.joinpath("a").rename(original / "a")
    state.joinpath("b").rename(original / "b")
    assert settled(copies) == settled(original)
    shown = CliRunner().invoke(main, ["journal", "list", "--state", str(copies), "--json"])
    assert len(shown.output.splitlines()) == 3
