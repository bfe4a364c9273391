"""What a hop costs: flat + (ad valorem + cross-border) of the amount, in minor units of the home currency."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from switch.money.convert import RateError, product, round_minor
from switch.money.currency import CurrencyError, currency


class Terms(Protocol):
    """The part of a tariff that makes a hop's cost (`core.network.Tariff` has it)."""

    @property
    def per_transaction(self) -> int:
        """Minor units of the home currency."""

    @property
    def ad_valorem(self) -> Decimal:
        """A fraction of the amount."""

    @property
    def cross_border(self) -> Decimal:
        """A fraction of the amount, added across a border."""


def _minor_rate(code: str, rates: Mapping[str, Decimal], home: str) -> Decimal:
    """Minor units of `home` that one minor unit of `code` is worth."""
    if code == home:
        return Decimal(1)
    if code not in rates:
        raise RateError(f"no rate for currency {code}")
    return rates[code].scaleb(currency(home).exponent - currency(code).exponent)


def hop_cost(tariff: Terms, amount: int, code: str, cross_border: bool, rates: Mapping[str, Decimal], home: str) -> int:
    """Cost of one request of `amount` minor units of currency `code` (numeric), in minor units of `home`, rounded once.

    `rates`: units of the home currency one unit buys. RateError: no rate for `code`. CurrencyError: no such currency.
    """
    share = tariff.ad_valorem + tariff.cross_border if cross_border else tariff.ad_valorem
    return tariff.per_transaction + round_minor(product(Decimal(amount), share, _minor_rate(code, rates, home)))


class HopCosts:
    """`hop_cost` of one tariff with the sums done before: whole numbers only, one lookup a call."""

    def __init__(self, tariff: Terms, rates: Mapping[str, Decimal], home: str) -> None:
        """Every currency of `rates` is prepared; a rate whose currency is not known is left out."""
        self.flat = tariff.per_transaction
        self._shares: dict[tuple[str, bool], tuple[int, int, int]] = {}
        for code in {*rates, home}:
            try:
                minor = _minor_rate(code, rates, home)
            except CurrencyError:
                continue
            for across in (False, True):
                share = tariff.ad_valorem + tariff.cross_border if across else tariff.ad_valorem
                numerator, denominator = product(share, minor).as_integer_ratio()
                self._shares[code, across] = (2 * numerator, denominator, 2 * denominator)

    def cost(self, amount: int, code: str, cross_border: bool) -> int:
        """Minor units of the home currency; the flat part alone where the currency has no rate. `amount` is not negative."""
        share = self._shares.get((code, cross_border))
        if share is None:
            return self.flat
        twice, denominator, double = share
        return self.flat + (amount * twice + denominator) // double
