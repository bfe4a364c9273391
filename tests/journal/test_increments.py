"""What a pre-authorization holds in all, asked of the journal."""

from pathlib import Path

import pytest

from switch.core.records.records import Answered, Forwarded
from switch.journal.projections.projection import PLACE
from switch.journal.projections.transactions import TransactionFold
from switch.ledger.fold import LedgerFold
from tests.core.operator.test_disputes import naming
from tests.core.scripts import Scene
from tests.core.test_mechanisms import Counter
from tests.core.transactions.test_reconciliation import pays, takes_back
from tests.journal.samples import catch_up, find_outcome, open_writer, write
from tests.journal.test_days import days_of, told


@pytest.mark.parametrize("indexed", [0, 1, 3, 5, 100])
def test_history_knows_what_is_held_in_all_however_far_the_index_lags(tmp_path: Path, indexed: int) -> None:
    shop = Counter()
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    first, _ = shop.adds(asked, said, 50_00)
    shop.adds(asked, said, 20_00)
    shop.takes_back(first)
    key = shop.book.recorded(Forwarded)[0].key
    writer = open_writer(tmp_path)
    write(writer, shop.book.entries[:indexed])
    catch_up(tmp_path)
    write(writer, shop.book.entries[indexed:])
    found = find_outcome(tmp_path, key)
    assert found == shop.book.switch.state.recent[key]
    assert found is not None
    assert (found.amount, found.added) == (320_00, 20_00)


@pytest.mark.parametrize("indexed", [0, 2, 4, 5, 100])
def test_history_knows_what_was_refunded_of_a_payment_however_far_the_index_lags(tmp_path: Path, indexed: int) -> None:
    scene = Scene()
    paid = pays(scene, "000001", "100.00")
    key = scene.book.recorded(Forwarded)[0].key
    refund = pays(scene, "000002", "70.00", **naming(paid))
    takes_back(scene, refund, "000003", "20.00")
    pays(scene, "000004", "10.00", **naming(paid))
    writer = open_writer(tmp_path)
    write(writer, scene.book.entries[:indexed])
    catch_up(tmp_path)
    write(writer, scene.book.entries[indexed:])
    found = find_outcome(tmp_path, key)
    assert found == scene.book.switch.state.recent[key]
    assert found is not None
    assert (found.amount, found.refunded) == (100_00, 30_00)
    catch_up(tmp_path)
    assert days_of(tmp_path)[0].net == {"504": 70_00}


def test_an_increment_counts_on_its_own_day_and_so_does_its_reversal(tmp_path: Path) -> None:
    shop = Counter()
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    shop.book.asks("day.close", again=True)
    first, _ = shop.adds(asked, said, 50_00)
    shop.adds(asked, said, 20_00)
    shop.adds(asked, said, 90_000_00)
    shop.book.asks("day.close", again=True)
    shop.takes_back(first)
    shop.completes(asked, said, 315_00)
    assert told(shop.book, tmp_path) == [
        ("2025-11-27", "", 0, 0, 1, 1, {"504": 315_00}),
        ("2025-11-26", "operator", 2, 1, 0, 0, {"504": 0}),
        ("2025-11-25", "operator", 1, 0, 0, 0, {"504": 0}),
    ]
    assert [d.held for d in days_of(tmp_path)] == [{"504": -370_00}, {"504": 70_00}, {"504": 300_00}]


def test_an_increment_approved_after_its_hold_was_completed_is_neither_moved_nor_held() -> None:
    """The issuer closed the hold when it posted the completion; the switch reverses such an approval."""
    shop = Counter()
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    shop.adds(asked, said, 50_00)
    forwarded, answered = shop.book.entries[-2:]
    assert isinstance(forwarded, Forwarded)
    assert isinstance(answered, Answered)
    shop.completes(asked, said, 315_00)
    entries = [e for e in shop.book.entries if e not in (forwarded, answered)]
    ledger, rows = LedgerFold("504"), TransactionFold()
    for sequence, entry in enumerate([*entries, forwarded, answered], 1):
        ledger.fold(sequence, entry)
        if type(entry) in rows.takes:
            rows.takes[type(entry)](entry, sequence, PLACE.pack(1, sequence, 0))
    hold = rows.find(forwarded.hold.txn if forwarded.hold is not None else 0)
    assert hold is not None
    assert (hold.stands, hold.holds) == (315_00, 0)
    assert sum(held.amount for held in ledger.holds.values()) == 0
