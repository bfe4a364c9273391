"""Random splits: whatever a table charges, no centime is made or lost, and each line is what plain arithmetic says.

In: tables of random rows (percentage, fixed, least and most, tax, what a refund does), payments of random amounts in currencies
of 0, 2 and 3 decimals, purchases and refunds, taken back in parts and whole. Each price is a split. The arithmetic they are held
against is another one than the product's: whole numbers over one denominator, row by row.

CMI_SWITCH_SPLITS says how many; a few thousand are made by default.
"""

import os
from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import NamedTuple

from switch.ledger.entries import Move
from switch.ledger.moves import fee_moves
from switch.money.convert import DatedRate
from switch.money.fee_line import Fee
from switch.money.fees import FeeRule, Fees, Payment, Refunds, add_up, change, given_back

SPLITS = int(os.environ.get("CMI_SWITCH_SPLITS", "4000"))
HOME = "504"
DAY = "2026-11-27"
RATES = {"978": Decimal("10.84"), "392": Decimal("0.0657"), "788": Decimal("3.21"), "952": Decimal("0.0165")}
WORTH = {"504": (1, 1), "978": (1084, 100), "392": (657, 100), "788": (321, 1000), "952": (165, 100)}
"""minor units of the home currency that one minor unit is worth, as a fraction: decimals of the currency are in it"""
MILLION = 1_000_000
PARTIES = ("merchant", "acquirer", "issuer", "network", "switch", "gateway")
NAMES = {"acquirer": "rif", "issuer": "atlas", "network": "visa", "switch": "switch", "gateway": "gateway"}
PAID = Payment("visa", "debit", "pos", "inter", "5411", "", "rif", "atlas", "visa", "", HOME)


class Row(NamedTuple):
    """A rule in whole numbers."""

    payer: str
    payee: str
    percent: int
    """millionths of the amount"""
    fixed: int
    least: int
    most: int
    vat: int
    """thousandths of the fee"""
    refund: Refunds


def drawn(rng: Random) -> tuple[list[Row], list[FeeRule]]:
    """A table of one to six rows, as whole numbers and as the product has it."""
    rows = []
    for _ in range(rng.randrange(1, 7)):
        payer, payee = rng.sample(PARTIES, 2)
        least = rng.choice((-1, -1, 0, rng.randrange(200)))
        rows.append(
            Row(
                payer,
                payee,
                rng.choice((0, rng.randrange(50_000), rng.randrange(1, 500) * 100)),
                rng.choice((0, 30, rng.randrange(1_000))),
                least,
                rng.choice((-1, -1, max(least, 0) + rng.randrange(5_000))),
                rng.choice((0, 55, 100, 200)),
                rng.choice(list(Refunds)),
            )
        )
    rules = [
        FeeRule(
            id=f"r{n}",
            kind=f"k{n}",
            payer=row.payer,
            payee=row.payee,
            percent=Decimal(row.percent) / MILLION,
            fixed=row.fixed,
            least=row.least,
            most=row.most,
            vat=Decimal(row.vat) / 1_000,
            refund=row.refund,
        )
        for n, row in enumerate(rows)
    ]
    return rows, rules


def half_away(above: int, below: int) -> int:
    """A quotient that is not below zero, rounded."""
    whole, rest = divmod(above, below)
    return whole + (2 * rest >= below)


def plain(rows: list[Row], amount: int, currency: str, direction: int) -> list[tuple[str, str, int, int]]:
    """Payer, payee, fee and tax of each row."""
    above, below = WORTH[currency]
    lines, owed = [], dict[tuple[str, str, int], int]()
    for row in rows:
        if direction < 0 and row.refund is Refunds.NONE:
            continue
        sign = 1 if direction > 0 or row.refund is Refunds.CHARGE else -1
        by = amount * row.percent * above
        bounded = row.least >= 0 or row.most >= 0
        pair = row.payer, row.payee, sign
        before = 0 if bounded or not row.percent else owed.get(pair, 0)
        if not bounded:
            owed[pair] = owed.get(pair, 0) + by
        value = row.fixed + half_away(before + by, below * MILLION) - half_away(before, below * MILLION)
        value = max(value, row.least)
        value = min(value, row.most) if row.most >= 0 else value
        payer, payee = NAMES.get(row.payer, "merchant:M1"), NAMES.get(row.payee, "merchant:M1")
        lines.append((payer, payee, sign * value, sign * half_away(value * row.vat, 1_000)))
    return lines


def nets(fees: tuple[Fee, ...]) -> dict[str, int]:
    """What each party comes to by the lines, tax included."""
    sums: dict[str, int] = {}
    for fee in fees:
        whole = fee.amount + fee.vat
        sums[fee.payer] = sums.get(fee.payer, 0) - whole
        sums[fee.payee] = sums.get(fee.payee, 0) + whole
    return {party: amount for party, amount in sums.items() if amount}


def moved(fees: tuple[Fee, ...]) -> dict[str, int]:
    """What each party comes to by the ledger's moves: an acquirer keeps nothing of what goes through it."""
    moves: list[Move] = []
    fee_moves(moves, "rif", fees, HOME)
    sums: dict[str, int] = {}
    for payer, payee, _, _, amount in moves:
        assert amount > 0
        assert payer != payee
        sums[payer] = sums.get(payer, 0) - amount
        sums[payee] = sums.get(payee, 0) + amount
    return {party: amount for party, amount in sums.items() if amount}


def split(rng: Random, rows: list[Row], table: Fees) -> Iterator[None]:
    """A payment, and what is taken back of it until nothing stands; after each price."""
    currency, direction = rng.choice(list(WORTH)), rng.choice((1, 1, -1))
    payment = PAID._replace(currency=currency)
    amount = rng.choice((rng.randrange(1, 300), rng.randrange(1, 300_000), rng.randrange(1, 10**12)))
    stands: tuple[Fee, ...] = ()
    posted: dict[str, int] = {}
    while amount:
        fees, why = table.price(payment, DAY, "M1", amount, direction)
        assert not why
        assert [(fee.payer, fee.payee, fee.amount, fee.vat) for fee in fees] == plain(rows, amount, currency, direction)
        step = change(stands, fees) if stands else fees
        for party, net in moved(step).items():
            posted[party] = posted.get(party, 0) + net
        assert nets(step) == moved(step)
        assert sum(posted.values()) == 0
        stands = add_up(fees)
        amount = rng.choice((0, rng.randrange(amount)))
        yield
    for party, net in moved(given_back(stands)).items():
        posted[party] = posted.get(party, 0) + net
    assert not any(posted.values()), "all that stood has been given back"


def test_no_centime_is_made_or_lost_by_any_split() -> None:
    rng, made = Random(os.environ.get("CMI_SWITCH_SEED", "splits")), 0
    dated = DatedRate(currency="978", rate=Decimal("10.84"), begin="2026-11-01", end="")
    while made < SPLITS:
        rows, rules = drawn(rng)
        table = Fees(rules, RATES, HOME, (dated,))
        for _ in range(20):
            made += sum(1 for _ in split(rng, rows, table))
    assert made >= SPLITS
