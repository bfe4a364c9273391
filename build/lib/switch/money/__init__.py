"""Amounts, currencies, rates, fees. Integers of minor units; rates are Decimal."""

from switch.money.convert import ROUNDING, RateError, apply_rate, convert, decode_rate, encode_rate, rate_between
from switch.money.country import country_numeric
from switch.money.currency import Currency, CurrencyError, currency, format_amount, parse_amount, parse_money

__all__ = [
    "ROUNDING",
    "Currency",
    "CurrencyError",
    "RateError",
    "apply_rate",
    "convert",
    "country_numeric",
    "currency",
    "decode_rate",
    "encode_rate",
    "format_amount",
    "parse_amount",
    "parse_money",
    "rate_between",
]
