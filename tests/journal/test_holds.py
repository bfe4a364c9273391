"""Holds in the business days: what is held is counted apart from what has moved."""

from pathlib import Path

from tests.core.test_mechanisms import Counter
from tests.journal.test_days import days_of, told


def test_a_hold_is_no_money_until_its_completion_counts_on_its_own_day(tmp_path: Path) -> None:
    shop = Counter()
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    shop.book.asks("day.close", again=True)
    shop.completes(asked, said, 250_00)
    shop.book.asks("day.close", again=True)
    shop.takes_back(asked)
    assert told(shop.book, tmp_path) == [
        ("2025-11-27", "", 0, 0, 1, 0, {"504": -250_00}),
        ("2025-11-26", "operator", 0, 0, 0, 1, {"504": 250_00}),
        ("2025-11-25", "operator", 1, 0, 0, 0, {"504": 0}),
    ]
    assert [d.held for d in days_of(tmp_path)] == [{}, {"504": -300_00}, {"504": 300_00}]


def test_a_hold_that_is_taken_back_has_never_been_money(tmp_path: Path) -> None:
    shop = Counter()
    shop.asks("purchase", "atlas-approved", 100_00)
    asked, _ = shop.asks("preauth", "atlas-approved", 800_00)
    shop.book.asks("day.close", again=True)
    shop.takes_back(asked)
    assert told(shop.book, tmp_path) == [
        ("2025-11-26", "", 0, 0, 1, 0, {"504": 0}),
        ("2025-11-25", "operator", 2, 0, 0, 0, {"504": 100_00}),
    ]
    assert [d.held for d in days_of(tmp_path)] == [{"504": -800_00}, {"504": 800_00}]
