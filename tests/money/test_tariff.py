"""What a hop costs: flat, and a share of the amount, in the home currency."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.money import HopCosts, RateError, currency, hop_cost

RATES = {"504": Decimal(1), "978": Decimal("10.84"), "392": Decimal("0.0657"), "788": Decimal("3.21")}
SHARES = st.decimals(0, 1, places=6)


class Terms(msgspec.Struct, frozen=True):
    per_transaction: int
    ad_valorem: Decimal
    cross_border: Decimal


VISA = Terms(55, Decimal("0.0011"), Decimal("0.008"))


@pytest.mark.parametrize(
    ("amount", "code", "cross_border", "cost"),
    [
        (10_000, "504", False, 55 + 11),
        (10_000, "504", True, 55 + 91),
        (10_000, "978", True, 55 + 986),  # 100.00 EUR are 1,084.00 MAD, and 0.91 % of them 9.86
        (10_000, "392", False, 55 + 72),  # 10,000 JPY are 657.00 MAD
        (0, "504", True, 55),
        (455, "504", False, 56),  # 0.5005 of a centime is one
        (454, "504", False, 55),
    ],
)
def test_a_hop_costs_its_flat_fee_and_its_shares_of_the_amount(
    amount: int, code: str, cross_border: bool, cost: int
) -> None:
    assert hop_cost(VISA, amount, code, cross_border, RATES, "504") == cost
    assert HopCosts(VISA, RATES, "504").cost(amount, code, cross_border) == cost


def test_a_currency_without_a_rate_is_named_and_costs_the_flat_fee_on_the_way() -> None:
    with pytest.raises(RateError, match="no rate for currency 826"):
        hop_cost(VISA, 10_000, "826", True, RATES, "504")
    assert HopCosts(VISA, RATES, "504").cost(10_000, "826", True) == 55


@given(st.integers(0, 10**12 - 1), st.sampled_from(sorted(RATES)), st.booleans(), st.integers(0, 10**6), SHARES, SHARES)
def test_the_prepared_costs_are_the_exact_ones_rounded_once(
    amount: int, code: str, cross_border: bool, flat: int, ad_valorem: Decimal, cross: Decimal
) -> None:
    terms = Terms(flat, ad_valorem, cross)
    share = Fraction(ad_valorem) + (Fraction(cross) if cross_border else 0)
    exact = amount * share * Fraction(RATES[code]) * Fraction(100, 10 ** currency(code).exponent)
    rounded = flat + int(exact + Fraction(1, 2))
    assert HopCosts(terms, RATES, "504").cost(amount, code, cross_border) == rounded
    assert hop_cost(terms, amount, code, cross_border, RATES, "504") == rounded
