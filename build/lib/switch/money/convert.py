"""Exchange of amounts: rates as Decimal, one rounding rule, and the form a rate has in DE9 and DE10.

A rate is what one major unit of the currency changed from buys of the other (assumed: ISO 8583 names the element a factor and
leaves the units to the parties). It is cut to what DE9 and DE10 can carry *before* it is applied, so that whoever receives
DE4 and DE10 arrives at the same DE6.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Final

import msgspec

from switch.money.currency import currency

ROUNDING: Final = ROUND_HALF_UP
"""The one rule by which a fraction of a minor unit becomes whole: from a half on, away from zero."""

RATE_DIGITS: Final = 7
_RATE_LIMIT: Final = Decimal(10**RATE_DIGITS)
_EXACT: Final = Context(prec=60, rounding=ROUNDING)
"""No step but the last may round: 60 digits hold any product of amounts and rates met here."""


class DatedRate(msgspec.Struct, frozen=True, kw_only=True):
    """A rate that holds on some business days only."""

    currency: str
    """ISO 4217 numeric"""
    rate: Decimal
    """units of the home currency that one unit buys"""
    begin: str = ""
    end: str = ""
    """first and last business day it holds on (YYYY-MM-DD); "": any"""
    line: int = 0
    """in the network file"""

    def holds(self, day: str) -> bool:
        """True on a business day that it is for."""
        return (not self.begin or self.begin <= day) and (not self.end or day <= self.end)


def rates_on(day: str, rates: Mapping[str, Decimal], dated: Iterable[DatedRate]) -> Mapping[str, Decimal]:
    """Units of the home currency that one unit of each currency buys on a business day: a dated rate goes before one that is not.

    >>> eur = DatedRate(currency="978", rate=Decimal("10.90"), begin="2026-12-01")
    >>> [str(rates_on(day, {"978": Decimal("10.84")}, [eur])["978"]) for day in ("2026-11-30", "2026-12-01")]
    ['10.84', '10.90']
    """
    found = {each.currency: each.rate for each in dated if each.holds(day)}
    return {**rates, **found} if found else rates


class RateError(ValueError):
    """No rate for a currency, or a rate that DE9 and DE10 cannot carry. The message says which."""


def round_minor(value: Decimal) -> int:
    """A value in minor units, made whole by `ROUNDING`."""
    return int(_EXACT.quantize(value, Decimal(1)))


def product(*factors: Decimal) -> Decimal:
    """Their product, not rounded."""
    result = Decimal(1)
    for factor in factors:
        result = _EXACT.multiply(result, factor)
    return result


def carried_rate(rate: Decimal) -> Decimal:
    """`rate` as DE9 and DE10 carry it: 7 digits, at most 9 of decimals. RateError: it is not above 0 or too large for them."""
    return decode_rate(encode_rate(rate))


def encode_rate(rate: Decimal) -> str:
    """DE9/DE10, n 8: the number of decimals, then 7 digits; as many decimals as fit. `10.84` -> `51084000`.

    RateError: the rate is not above 0, is 10,000,000 or more, or so small that nothing of it is left.
    """
    if not rate.is_finite() or rate <= 0:
        raise RateError(f"a rate is above 0, not {rate}")
    for decimals in range(9, -1, -1):
        digits = (
            _EXACT.quantize(_EXACT.scaleb(rate, decimals), Decimal(1)) if rate.adjusted() < RATE_DIGITS else _RATE_LIMIT
        )
        if digits < _RATE_LIMIT:
            if not digits:
                raise RateError(f"a rate of {rate} is below what 9 decimals can say")
            return f"{decimals}{int(digits):07d}"
    raise RateError(f"a rate of {rate} has more than 7 digits before its point")


def decode_rate(element: str) -> Decimal:
    """The rate in DE9 or DE10: `51084000` -> 10.84000. RateError: it is not 8 digits, or zero."""
    if len(element) != 8 or not (element.isascii() and element.isdigit()):
        raise RateError(f"a conversion rate is 8 digits, not {element!r}")
    rate = Decimal(element[1:]).scaleb(-int(element[0]))
    if not rate:
        raise RateError(f"a conversion rate of zero: {element!r}")
    return rate


def rate_between(source: str, target: str, rates: Mapping[str, Decimal], margin: Decimal = Decimal(0)) -> Decimal:
    """What one unit of `source` buys of `target` (numeric codes), `margin` (0.01: 1 %) on top; as DE9/DE10 carry it.

    `rates` are units of one common currency that one unit of each buys. Equal currencies: 1, without margin.
    RateError: a currency has no rate, or the rate is out of range.
    """
    if source == target:
        return Decimal(1)
    for code in (source, target):
        if code not in rates:
            raise RateError(f"no rate for currency {code}")
        if abs(rates[code].adjusted()) > 2 * RATE_DIGITS:
            raise RateError(f"a rate of {rates[code]} is out of reach")
    rate = _EXACT.divide(_EXACT.multiply(rates[source], 1 + margin), rates[target])
    return carried_rate(rate)


def apply_rate(amount: int, source: str, target: str, rate: Decimal) -> int:
    """`amount` in minor units of `source` at `rate`, in minor units of `target`, rounded once."""
    if source == target:
        return amount
    shift = currency(target).exponent - currency(source).exponent
    return round_minor(_EXACT.scaleb(_EXACT.multiply(Decimal(amount), rate), shift))


def worth_at(amount: int, target: str, source: str, rate: Decimal) -> int:
    """`amount` in minor units of `target`, in those of `source`, of which one major unit buys `rate` of it; rounded once."""
    shift = currency(source).exponent - currency(target).exponent
    return round_minor(_EXACT.scaleb(_EXACT.divide(Decimal(amount), rate), shift))


def convert(
    amount: int, source: str, target: str, rates: Mapping[str, Decimal], margin: Decimal = Decimal(0)
) -> tuple[int, Decimal]:
    """`amount` (minor units of `source`) in minor units of `target`, and the rate applied, ready for `encode_rate`.

    RateError: as `rate_between`. CurrencyError: a code that is no currency.
    """
    rate = rate_between(source, target, rates, margin)
    return apply_rate(amount, source, target, rate), rate
