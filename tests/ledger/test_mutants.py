"""Each posting rule, broken on purpose, is seen to be broken by what the tests of the ledger hold it to; whole, it is not."""

from collections.abc import Iterator

import pytest

from tests.ledger import test_exchange, test_fold
from tests.ledger.mutants import MUTANTS, Mutant


def noticed() -> Iterator[str]:
    """What the rules are held to, by the tests that say them: those that do not hold."""
    for row in test_fold.rows("what happens"):
        if _fails(test_fold.test_the_page_says_what_is_posted, *row):
            yield f"the page's row: {row[0]}"
    for check in (
        test_fold.test_the_worked_example_to_the_centime,
        test_fold.test_a_merchants_fee_without_a_payment_goes_through_its_bank,
        test_fold.test_what_a_merchant_owes_to_others_goes_through_its_acquirer,
        test_fold.test_a_completion_in_another_currency_gives_back_what_stood,
        test_fold.test_windows_are_decided_by_the_cutovers_before_a_record,
        test_exchange.test_the_worked_example_to_the_centime,
        test_exchange.test_what_is_taken_back_in_parts_comes_back_to_zero_everywhere,
    ):
        if _fails(check):
            yield check.__name__


def _fails(check: object, *arguments: str) -> bool:
    try:
        check(*arguments)  # type: ignore[operator]
    except Exception:
        return True
    return False


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    assert next(noticed(), None) is not None


def test_each_row_of_the_posting_table_notices_a_broken_rule() -> None:
    """A row that stands whatever is broken would prove nothing."""
    left = {row[0]: row for row in test_fold.rows("what happens")}
    assert left
    for mutant in MUTANTS:
        with pytest.MonkeyPatch.context() as patch:
            mutant(patch)
            left = {
                name: row for name, row in left.items() if not _fails(test_fold.test_the_page_says_what_is_posted, *row)
            }
    assert list(left) == []


def test_whole_rules_hold() -> None:
    assert list(noticed()) == []
