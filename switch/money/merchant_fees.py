"""Fees that a merchant owes without a payment: a set-up fee once, a subscription each month. What is due on a day, and how much.

Rules are data. Each names the merchants that are under contract, from and to which day; of the rules of one `kind` and payee the
first that fits a merchant holds, so that a tariff that ends and one that follows it are one contract. The first months may be
free: they are due at 0.00. Pure.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from switch.money.fee_line import MERCHANT_ACCOUNT, Fee
from switch.money.fees import ACQUIRER

ONCE: Final = "once"
MONTH: Final = "month"
EVERY: Final = (ONCE, MONTH)


class MerchantFee(msgspec.Struct, frozen=True, kw_only=True):
    """One row."""

    id: str
    kind: str
    """`set-up`, `monthly` …"""
    payee: str
    """an account, or `acquirer`: the merchant's"""
    amount: int
    """minor units of the home currency, before tax"""
    vat: Decimal = Decimal(0)
    """a fraction of it"""
    every: str = MONTH
    free: int = 0
    """of a monthly one: so many months from the first are 0.00"""
    begin: str = ""
    end: str = ""
    """first and last business day it holds on (YYYY-MM-DD); "": any"""
    merchants: tuple[str, ...]
    """DE42"""
    acquirer: str
    """member that is their bank: what goes to somebody else goes through it"""
    line: int = 0
    """in the network file"""

    def fits(self, day: str) -> bool:
        """True if it holds on the business day."""
        return (not self.begin or day >= self.begin) and (not self.end or day <= self.end)

    @property
    def account(self) -> str:
        """Who gets it."""
        return self.acquirer if self.payee == ACQUIRER else self.payee

    def fee(self, merchant: str, number: int) -> Fee:
        """What is owed for the `number`th time, from 1. The tax is rounded half away from zero."""
        amount = 0 if number <= self.free else self.amount
        above, below = self.vat.as_integer_ratio()
        tax = (2 * amount * above + below) // (2 * below)
        return Fee(
            rule=self.id, kind=self.kind, payer=MERCHANT_ACCOUNT + merchant, payee=self.account, amount=amount, vat=tax
        )


class Contract(NamedTuple):
    """What is charged once, or once a month: rows that follow one another are the same one."""

    kind: str
    payee: str
    merchant: str


class Due(NamedTuple):
    """A fee that is to be charged."""

    rule: MerchantFee
    merchant: str
    month: str
    """YYYY-MM; "": it is charged once"""


def contracts(rules: Iterable[MerchantFee], day: str) -> Iterator[tuple[Contract, MerchantFee]]:
    """What holds on a business day: of each contract, the first rule that fits."""
    seen: set[Contract] = set()
    for rule in rules:
        if not rule.fits(day):
            continue
        for merchant in rule.merchants:
            contract = Contract(rule.kind, rule.account, merchant)
            if contract not in seen:
                seen.add(contract)
                yield contract, rule


def due(
    rules: Iterable[MerchantFee], contract: Contract, rule: MerchantFee, day: str, charged: str | None
) -> list[Due]:
    """What a contract, for which `rule` holds, owes as a business day is closed, oldest month first.

    `charged`: the newest month it has been charged for, "" where it has been once; None: never. A month in which no day was
    closed is made up for, by the one of `rules` that held on its last day.
    """
    merchant, month = contract.merchant, day[:7]
    if rule.every == ONCE:
        return [Due(rule, merchant, "")] if charged is None else []
    found = []
    missed = _after(charged) if charged else month
    while missed < month:
        held = _of(rules, _last_day(missed), contract)
        if held is not None:
            found.append(Due(held, merchant, missed))
        missed = _after(missed)
    return [*found, Due(rule, merchant, month)] if missed == month else found


def _of(rules: Iterable[MerchantFee], day: str, contract: Contract) -> MerchantFee | None:
    for rule in rules:
        mine = (rule.kind, rule.account) == contract[:2] and contract.merchant in rule.merchants
        if mine and rule.fits(day):
            return rule
    return None


def _after(month: str) -> str:
    """The next month."""
    return (date.fromisoformat(f"{month}-01") + timedelta(31)).isoformat()[:7]


def _last_day(month: str) -> str:
    return (date.fromisoformat(f"{_after(month)}-01") - timedelta(1)).isoformat()
