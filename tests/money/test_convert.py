"""Exchange: one rounding, at the end, at a rate that DE9 and DE10 can carry."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.money import RateError, apply_rate, convert, decode_rate, encode_rate, rate_between

RATES = {"504": Decimal(1), "978": Decimal("10.84"), "392": Decimal("0.0657"), "788": Decimal("3.21")}
CODES = st.sampled_from(sorted(RATES))
AMOUNTS = st.integers(0, 10**12 - 1)
MARGINS = st.decimals(0, Decimal("0.1"), places=4)


@pytest.mark.parametrize(
    ("rate", "element"),
    [
        ("10.84", "51084000"),
        ("1", "61000000"),
        ("0.0657", "86570000"),
        ("0.000000001", "90000001"),
        ("9999999", "09999999"),
        ("1.00000005", "61000000"),
        ("1.0000005", "61000001"),
        ("999999.95", "01000000"),
    ],
)
def test_a_rate_is_its_number_of_decimals_and_seven_digits(rate: str, element: str) -> None:
    assert encode_rate(Decimal(rate)) == element


@pytest.mark.parametrize(
    ("rate", "why"),
    [
        ("0", "above 0"),
        ("-1", "above 0"),
        ("nan", "above 0"),
        ("inf", "above 0"),
        ("10000000", "more than 7 digits"),
        ("9999999.5", "more than 7 digits"),
        ("1e999", "more than 7 digits"),
        ("0.0000000004", "below what 9 decimals"),
    ],
)
def test_a_rate_that_de10_cannot_carry_is_refused(rate: str, why: str) -> None:
    with pytest.raises(RateError, match=why):
        encode_rate(Decimal(rate))


@pytest.mark.parametrize("element", ["", "5108400", "510840000", "5108400x", "50000000", "٥1084000"])
def test_what_is_no_rate_is_refused(element: str) -> None:
    with pytest.raises(RateError):
        decode_rate(element)


@given(st.from_regex(r"[0-9]{8}", fullmatch=True).filter(lambda e: e.isascii() and int(e[1:])))
def test_a_rate_read_and_written_has_the_same_value(element: str) -> None:
    assert decode_rate(encode_rate(decode_rate(element))) == decode_rate(element)


@given(st.decimals(Decimal("1e-9"), Decimal(9999999), allow_nan=False))
def test_a_rate_written_is_off_by_half_its_last_digit_at_most(rate: Decimal) -> None:
    element = encode_rate(rate)
    assert abs(Fraction(decode_rate(element)) - Fraction(rate)) <= Fraction(1, 2 * 10 ** int(element[0]))


@pytest.mark.parametrize(
    ("amount", "source", "target", "expected"),
    [
        (10_000, "978", "504", 108_400),
        (10_000, "504", "978", 923),  # 100.00 MAD at 0.0922509 is 9.22509 EUR
        (10_000, "392", "504", 65_700),  # 10,000 JPY have no decimals
        (10_000, "504", "392", 1_522),
        (1_000, "788", "504", 321),  # 1.000 TND has three
        (50, "504", "504", 50),
    ],
)
def test_an_amount_is_exchanged_with_the_decimals_of_both(amount: int, source: str, target: str, expected: int) -> None:
    assert convert(amount, source, target, RATES)[0] == expected


def test_half_a_minor_unit_is_rounded_up() -> None:
    assert apply_rate(1, "978", "504", Decimal("0.5")) == 1
    assert apply_rate(1, "978", "504", Decimal("0.4999999")) == 0
    assert apply_rate(-1, "978", "504", Decimal("0.5")) == -1


def test_a_margin_makes_foreign_money_dearer_and_home_money_no_dearer() -> None:
    assert convert(10_000, "978", "504", RATES, Decimal("0.01"))[0] == 109_484
    assert convert(10_000, "504", "504", RATES, Decimal("0.01")) == (10_000, Decimal(1))


@given(AMOUNTS, CODES, CODES, MARGINS)
def test_who_receives_de4_and_de10_arrives_at_the_same_de6(
    amount: int, source: str, target: str, margin: Decimal
) -> None:
    converted, rate = convert(amount, source, target, RATES, margin)
    assert apply_rate(amount, source, target, decode_rate(encode_rate(rate))) == converted


@given(AMOUNTS, AMOUNTS, CODES, CODES)
def test_more_money_is_never_less_after_exchange(a: int, b: int, source: str, target: str) -> None:
    low, high = sorted((a, b))
    assert convert(low, source, target, RATES)[0] <= convert(high, source, target, RATES)[0]


def test_a_currency_without_a_rate_is_named() -> None:
    with pytest.raises(RateError, match="no rate for currency 826"):
        rate_between("504", "826", RATES)
