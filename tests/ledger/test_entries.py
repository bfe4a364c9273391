"""Entries: no centime appears or vanishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.ledger.entries import Account, Entry, Line, Move, Window
from tests.ledger.balance import check_balance
from tests.ledger.stories import moved

PARTIES = st.sampled_from(["atlas", "rif", "souss", "switch", "merchant:M1", "visa"])


def entry(*moves: Move) -> Entry:
    return Entry(
        sequence=1,
        at_us=0,
        window=Window("2026-11-27", 1),
        txn=1,
        what="purchase",
        acquirer="rif",
        issuer="atlas",
        currency="504",
        amount=1,
        moves=moves,
    )


@given(
    st.lists(st.tuples(PARTIES, PARTIES, st.sampled_from(["504", "978"]), st.integers(-(10**12), 10**12)), max_size=8)
)
def test_each_currency_of_an_entry_comes_to_zero(wanted: list[tuple[str, str, str, int]]) -> None:
    moves = [m for payer, payee, code, amount in wanted for m in moved(payer, payee, "payment", code, amount)]
    made = entry(*moves)
    check_balance(made.lines)
    assert len(made.lines) == 2 * len(moves)
    for line in made.lines:
        mirrored = Account(line.account.counterpart, line.account.owner, line.account.kind)
        assert Line(mirrored, line.currency, -line.amount) in made.lines


def test_what_is_given_back_moves_the_other_way() -> None:
    assert moved("atlas", "rif", "payment", "504", -500) == (Move("rif", "atlas", "payment", "504", 500),)
    assert moved("atlas", "rif", "payment", "504", 0) == ()
    assert moved("atlas", "atlas", "payment", "504", 500) == ()


def test_lines_that_were_read_are_held_to_zero_currency_by_currency() -> None:
    lines = [Line(Account("a", "b", "payment"), "504", 1), Line(Account("b", "a", "payment"), "978", -1)]
    with pytest.raises(ValueError, match=r"\+1 minor units of 504, -1 minor units of 978"):
        check_balance(lines)
