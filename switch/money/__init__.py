"""Amounts, currencies, rates, tariffs. Integers of minor units; rates are Decimal."""

from switch.money.convert import ROUNDING, RateError, apply_rate, convert, decode_rate, encode_rate, rate_between
from switch.money.country import country_numeric
from switch.money.currency import Currency, CurrencyError, currency, format_amount, parse_amount, parse_money
from switch.money.tariff import HopCosts, hop_cost

__all__ = [
    "ROUNDING",
    "Currency",
    "CurrencyError",
    "HopCosts",
    "RateError",
    "apply_rate",
    "convert",
    "country_numeric",
    "currency",
    "decode_rate",
    "encode_rate",
    "format_amount",
    "hop_cost",
    "parse_amount",
    "parse_money",
    "rate_between",
]
