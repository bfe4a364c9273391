"""Amounts are integers of minor units; a currency says how many decimals they hide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.money import Currency, CurrencyError, country_numeric, currency, format_amount, parse_amount, parse_money
from switch.money.country import ALPHA, NUMERIC
from switch.money.currency import BY_ALPHA, CURRENCIES


def test_a_currency_is_known_by_number_and_by_letters() -> None:
    assert currency("504") == currency("MAD") == currency("mad") == Currency("504", "MAD", 2)


@pytest.mark.parametrize(
    ("alpha", "numeric", "exponent"),
    [("EUR", "978", 2), ("JPY", "392", 0), ("TND", "788", 3), ("XOF", "952", 0), ("CLF", "990", 4), ("ALL", "008", 2)],
)
def test_currencies_have_the_decimals_of_the_standard(alpha: str, numeric: str, exponent: int) -> None:
    assert currency(alpha) == Currency(numeric, alpha, exponent)


def test_no_code_stands_for_two_currencies_or_countries() -> None:
    assert len(CURRENCIES) == len(BY_ALPHA) > 150
    assert all(len(c.numeric) == len(c.alpha) == 3 and c.numeric.isdigit() for c in CURRENCIES.values())
    assert len(NUMERIC) == len(ALPHA) == 249


@pytest.mark.parametrize("code", ["", "999", "XXX", "MA"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(CurrencyError, match="no ISO 4217 currency code"):
        currency(code)


def test_a_country_is_known_by_letters_and_by_number() -> None:
    assert country_numeric("ma") == country_numeric("504") == "504"
    with pytest.raises(ValueError, match="'XY' is no ISO 3166"):
        country_numeric("XY")


@pytest.mark.parametrize(
    ("minor", "code", "text"),
    [
        (12345, "504", "123.45 MAD"),
        (5, "504", "0.05 MAD"),
        (-5, "MAD", "-0.05 MAD"),
        (500, "392", "500 JPY"),
        (1, "788", "0.001 TND"),
        (7, "999", "7 (minor units of 999)"),
    ],
)
def test_an_amount_is_shown_with_its_decimals(minor: int, code: str, text: str) -> None:
    assert format_amount(minor, code) == text


@given(st.integers(-(10**12) + 1, 10**12 - 1), st.sampled_from(sorted(CURRENCIES)))
def test_what_is_shown_reads_as_the_same_amount(minor: int, code: str) -> None:
    assert parse_money(format_amount(minor, code), "504") == (minor, code)


@pytest.mark.parametrize(
    ("text", "minor"), [("123.45", 12345), ("123.4", 12340), ("123", 12300), (" 0.01 ", 1), ("-1", -100)]
)
def test_an_amount_is_read_in_major_units(text: str, minor: int) -> None:
    assert parse_amount(text, "504") == minor


@pytest.mark.parametrize("text", ["123.45 EUR", "123.45EUR", "123.45 978", "123.45 eur"])
def test_an_amount_may_name_its_currency(text: str) -> None:
    assert parse_money(text, "504") == (12345, "978")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no amount"),
        ("1,5", "is no amount"),
        ("1e3", "is no amount"),
        ("nan", "is no amount"),
        ("١٢", "is no amount"),
        ("1234567890123", "1 to 12 digits"),
        ("1.005", "more decimals than MAD, which has 2"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(CurrencyError, match=why):
        parse_amount(text, "504")
