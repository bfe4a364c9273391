"""Fees: what a payment costs, line by line, in minor units of the home currency.

Rules are data. Each says which payments it is for (empty: any), from and to which day, who pays whom, and how much. Of the rules
of one `kind` the first that fits holds; kinds add up. Rounding is half away from zero, once for what one party owes another by
percentage: its lines are cut from that sum, so that they add up to it. A rule with `least` or `most` is rounded by itself, then
bounded, then taxed. What the acquirer keeps is what is left of its merchant's charge, and no line.

A refund turns the sign of what goes by percentage, and fixed fees are charged again (`Refunds`). What somebody would owe himself
is no line.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

import msgspec

from switch.money.convert import DatedRate, rates_on
from switch.money.currency import CURRENCIES
from switch.money.fee_code import Line, Priced, compiled
from switch.money.fee_line import Fee

MERCHANT: Final = "merchant"
ACQUIRER: Final = "acquirer"
ISSUER: Final = "issuer"
NETWORK: Final = "network"
ROLES: Final = (MERCHANT, ACQUIRER, ISSUER, NETWORK)
"""Payers and payees that each payment has its own of; any other name is an account's."""

DOMESTIC: Final = "domestic"
INTRA: Final = "intra"
INTER: Final = "inter"
REGIONS: Final = (DOMESTIC, INTRA, INTER)
"""Countries of card and acquirer: one; two of one region; of different regions, or of none."""

_PLANS_MAX: Final = 20_000
_DAYS_MAX: Final = 16


class Refunds(StrEnum):
    """What a refund does to a fee."""

    MIRROR = "mirror"
    """it is given back: the fee of the amount, with its sign turned"""
    CHARGE = "charge"
    """it is charged again"""
    NONE = "none"
    """it stays as it is: no line"""


class FeeRule(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the fee table."""

    id: str
    kind: str
    payer: str
    payee: str
    percent: Decimal = Decimal(0)
    """of the amount, a fraction: 0.0065 is 0.65 %"""
    fixed: int = 0
    """minor units of the home currency, a payment"""
    least: int = -1
    most: int = -1
    """bounds of the fee before tax, minor units; -1: none"""
    vat: Decimal = Decimal(0)
    """a fraction of the fee"""
    refund: Refunds = Refunds.MIRROR
    begin: str = ""
    end: str = ""
    """first and last business day it holds on (YYYY-MM-DD); "": any"""
    schemes: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    mccs: tuple[str, ...] = ()
    """categories: `5411`, or a range `5811-5814`"""
    merchants: tuple[str, ...] = ()
    acquirers: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    """host links of the networks that the payment goes out through"""
    line: int = 0
    """in the network file"""
    listed: bool = True
    """False: it is made of a `[[tariff]]`"""


class Payment(NamedTuple):
    """What selects rules."""

    scheme: str
    product: str
    channel: str
    region: str
    mcc: str
    merchant: str
    acquirer: str
    """member or network that brought it"""
    issuer: str
    """member or network that answers for the card"""
    out: str
    """the network it goes out through; "": none"""
    into: str
    """the network that brought it; "": a member did"""
    currency: str
    """ISO 4217 numeric, of the amount"""


class Plan(NamedTuple):
    """The rules of one kind of payment on one day, made ready: what remains to be said is the amount, and the merchant."""

    fees: Priced
    """of so many minor units of the payment's currency, and DE42"""
    unpriced: str
    """why there are none, where that is a mistake of the table; "" else"""
    rate: str = ""
    """at which it is taken: units of the home currency that one of the payment's buys; "": they are one currency"""


FREE: Final = Plan(compiled((), ""), "")
"""Of what costs nothing: a hold, which moves no money."""


def add_up(*fees: Iterable[Fee]) -> tuple[Fee, ...]:
    """Lines of one rule between the same two as one line, in the order they first come; what comes to nothing is left out."""
    sums: dict[tuple[str, str, str, str], tuple[int, int]] = {}
    for lines in fees:
        for line in lines:
            name = (line.rule, line.kind, line.payer, line.payee)
            amount, vat = sums.get(name, (0, 0))
            sums[name] = (amount + line.amount, vat + line.vat)
    return tuple(
        Fee(rule=rule, kind=kind, payer=payer, payee=payee, amount=amount, vat=vat)
        for (rule, kind, payer, payee), (amount, vat) in sums.items()
        if amount or vat
    )


def given_back(fees: Iterable[Fee]) -> tuple[Fee, ...]:
    """The same lines with their signs turned."""
    return tuple(msgspec.structs.replace(line, amount=-line.amount, vat=-line.vat) for line in fees)


def change(old: Iterable[Fee], new: Iterable[Fee]) -> tuple[Fee, ...]:
    """Lines that make `new` of `old`: fee(new) - fee(old), not the fee of a difference."""
    return add_up(new, given_back(old))


def owed_to(account: str, fees: Iterable[Fee]) -> int:
    """What the account is owed by these lines, before tax."""
    return sum(line.amount for line in fees if line.payee == account)


def region_of(one: str, other: str, regions: Mapping[str, str]) -> str:
    """Of two countries (ISO 3166 numeric). `regions`: country -> name of its region."""
    if one == other:
        return DOMESTIC
    return INTRA if one in regions and regions[one] == regions.get(other) else INTER


class Fees:
    """A fee table, ready to be asked. What selects the same rules is compiled once; what is kept is bounded."""

    def __init__(
        self, rules: Iterable[FeeRule], rates: Mapping[str, Decimal], home: str, dated: Iterable[DatedRate] = ()
    ) -> None:
        """`rates`: units of the home currency that one unit of a currency (numeric) buys; `home`: that currency. `dated`: rates
        that go before these on their days."""
        self.rules = tuple(rules)
        self._rates, self._home, self._dated = {**rates, home: Decimal(1)}, home, tuple(dated)
        self.by_merchant = any(rule.merchants for rule in self.rules)
        """whether `Payment.merchant` selects anything; else it is better left out, so that merchants share what is compiled"""
        self._listed = any(rule.listed for rule in self.rules)
        self._days: dict[tuple[str, int], dict[Payment, Plan]] = {}

    def price(
        self, payment: Payment, day: str, merchant: str, amount: int, direction: int, rate: str = ""
    ) -> tuple[tuple[Fee, ...], str]:
        """Fees of `amount` minor units of the payment's currency on a business day, and `Plan.unpriced`. `merchant`: DE42.
        `direction`: 1 a purchase or cash, -1 a refund, 0 a hold, which costs nothing. `rate`: `Plan.rate` of what it follows;
        "": that of the day."""
        plan = self.plan(payment, day, direction)
        if direction and rate not in ("", plan.rate):
            plan = self._made(payment, day, direction, Decimal(rate))
        return plan.fees(amount, merchant), plan.unpriced

    def plan(self, payment: Payment, day: str, direction: int) -> Plan:
        """The rules of such a payment made ready; for who prices many of a kind."""
        if not direction:
            return FREE
        plans = self._days.get((day, direction))
        if plans is None:
            plans = self._begin(day, direction)
        return plans.get(payment) or self._compile(plans, payment, day, direction)

    def fitting(self, payment: Payment, day: str) -> tuple[FeeRule, ...]:
        """The rules that hold for it on a business day, one a kind, in the table's order."""
        chosen: dict[str, FeeRule] = {}
        for rule in self.rules:
            if rule.kind not in chosen and _fits(rule, payment, day):
                chosen[rule.kind] = rule
        return tuple(chosen.values())

    def exact(self, rule: FeeRule, amount: int, currency: str, day: str, rate: str = "") -> Fraction:
        """What the rule's percentage comes to before it is rounded, in minor units of the home currency. `rate`: as `price`."""
        found = Decimal(rate) if rate else rates_on(day, self._rates, self._dated).get(currency)
        return amount * Fraction(rule.percent) * (_worth(found, currency, self._home) if found is not None else 0)

    def _begin(self, day: str, direction: int) -> dict[Payment, Plan]:
        while len(self._days) >= _DAYS_MAX:
            del self._days[next(iter(self._days))]
        return self._days.setdefault((day, direction), {})

    def _compile(self, plans: dict[Payment, Plan], payment: Payment, day: str, direction: int) -> Plan:
        if len(plans) >= _PLANS_MAX:
            plans.clear()
        found = rates_on(day, self._rates, self._dated).get(payment.currency)
        plan = plans[payment] = self._made(payment, day, direction, found)
        return plan

    def _made(self, payment: Payment, day: str, direction: int, rate: Decimal | None) -> Plan:
        rules, why = self.fitting(payment, day), ""
        if rate is None:
            on = f" on {day}" if any(each.currency == payment.currency for each in self._dated) else ""
            why = f"no rate for currency {_alpha(payment.currency)}{on}" if self.rules else ""
        elif self._listed and not any(rule.listed for rule in rules):
            why = f"no [[fee]] is for {described(payment)} on {day}"
        if rate is None or why:
            return Plan(compiled((), payment.acquirer), why)
        lines = _lines(rules, payment, _worth(rate, payment.currency, self._home), direction)
        return Plan(compiled(lines, payment.acquirer), "", "" if payment.currency == self._home else str(rate))


def described(payment: Payment) -> str:
    """What selects rules, in words."""
    brought = f"brought by {payment.acquirer}" if payment.acquirer else "brought by anybody"
    card = f"{payment.scheme or 'unknown'} {payment.product} cards of {payment.issuer}".replace("  ", " ")
    return f"{card}, {payment.channel}, {payment.region}, MCC {payment.mcc or 'absent'}, {brought}"


def _worth(rate: Decimal, code: str, home: str) -> Fraction:
    """Minor units of `home` that one minor unit of `code` is worth."""
    exponents = [CURRENCIES[c].exponent if c in CURRENCIES else 2 for c in (home, code)]
    return Fraction(rate) * Fraction(10) ** (exponents[0] - exponents[1])


def _alpha(code: str) -> str:
    return CURRENCIES[code].alpha if code in CURRENCIES else code or "(none)"


def _fits(rule: FeeRule, payment: Payment, day: str) -> bool:
    """True if the rule is for it. One that a merchant pays or gets is for payments that a member brings; one of a network, for
    those that come or go through one."""
    if (rule.begin and day < rule.begin) or (rule.end and day > rule.end):
        return False
    roles = (rule.payer, rule.payee)
    if (MERCHANT in roles and payment.into) or (NETWORK in roles and not (payment.out or payment.into)):
        return False
    return (
        _in(payment.scheme, rule.schemes)
        and _in(payment.product, rule.products)
        and _in(payment.channel, rule.channels)
        and _in(payment.region, rule.regions)
        and _in(payment.merchant, rule.merchants)
        and _in(payment.acquirer, rule.acquirers)
        and _in(payment.issuer, rule.issuers)
        and _in(payment.out, rule.networks)
        and (not rule.mccs or any(_holds(each, payment.mcc) for each in rule.mccs))
    )


def _in(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


def _holds(wanted: str, mcc: str) -> bool:
    low, _, high = wanted.partition("-")
    return low <= mcc <= (high or low)


def _account(role: str, payment: Payment) -> str:
    """Whose account a role means; "" for the merchant's."""
    if role == MERCHANT:
        return ""
    if role == ACQUIRER:
        return payment.acquirer
    if role == ISSUER:
        return payment.issuer
    return (payment.out or payment.into) if role == NETWORK else role


def _lines(rules: Iterable[FeeRule], payment: Payment, worth: Fraction, direction: int) -> tuple[Line, ...]:
    owed: dict[tuple[str, str, int], Fraction] = {}
    lines = []
    for rule in rules:
        payer, payee = _account(rule.payer, payment), _account(rule.payee, payment)
        sign = 1 if direction > 0 or rule.refund is Refunds.CHARGE else -1
        if payer == payee or (direction < 0 and rule.refund is Refunds.NONE):
            continue
        share, before = Fraction(rule.percent) * worth, Fraction(0)
        if rule.least < 0 and rule.most < 0:
            before = owed.get((payer, payee, sign), Fraction(0)) if share else before
            owed[payer, payee, sign] = owed.get((payer, payee, sign), Fraction(0)) + share
        after = before + share
        common = lcm(before.denominator, after.denominator)
        lines.append(
            Line(
                whole=_whole(rule, payer, payee, sign) if payer and payee and not share else None,
                rule=rule.id,
                kind=rule.kind,
                payer=payer,
                payee=payee,
                fixed=rule.fixed,
                after=2 * int(after * common),
                before=2 * int(before * common),
                half=common,
                double=2 * common,
                least=rule.least,
                most=rule.most,
                vat=2 * Fraction(rule.vat).numerator,
                vat_half=Fraction(rule.vat).denominator,
                sign=sign,
            )
        )
    return tuple(lines)


def _bound(value: int, rule: FeeRule) -> int:
    """`value`, but no less than the rule's least and no more than its most."""
    value = max(value, rule.least)
    return value if rule.most < 0 else min(value, rule.most)


def _whole(rule: FeeRule, payer: str, payee: str, sign: int) -> Fee:
    """A fee that no amount changes."""
    value = _bound(rule.fixed, rule)
    vat = Fraction(rule.vat)
    tax = (2 * value * vat.numerator + vat.denominator) // (2 * vat.denominator)
    return Fee(rule=rule.id, kind=rule.kind, payer=payer, payee=payee, amount=value * sign, vat=tax * sign)
