"""DE46 of answers that say what a payment costs: amounts of fees, in the form that the 1993 edition has for them.

In: amounts, each with what it is for. Out: DE46, and the amounts back. The one rule: an acquirer is told what it or its merchant
pays or gets, and nothing of what others owe each other.

A set has 34 characters: type 2, currency 3, C or D and amount 8, then rate, C or D and amount, currency of the reconciliation (8,
9, 3: zeros and the same currency, nothing is converted). D: the acquirer or its merchant pays; C: it is paid. The codes, of those
that are left to national use, are assumed, as is that a 1987 message has fees in DE46: no public manual of the centre's has any.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from switch.money.fee_line import MERCHANT_ACCOUNT, Fee

SET_CHARS: Final = 34
SETS_MAX: Final = 6
"""in the edition's 204 characters"""
SERVICE, INTERCHANGE, SWITCH, GATEWAY, OTHER, SERVICE_TAX, TAX = "70", "71", "72", "73", "74", "78", "79"
"""of national use: SERVICE_TAX is on what the merchant pays, TAX on the rest"""
_CODES: Final = {"service": SERVICE, "interchange": INTERCHANGE, "switch": SWITCH, "gateway": GATEWAY}
_AMOUNT_MAX: Final = 99_999_999
MERCHANT: Final = MERCHANT_ACCOUNT


class FeeAmount(NamedTuple):
    """One amount."""

    code: str
    """one of those above, or one that is not known"""
    currency: str
    """ISO 4217 numeric"""
    amount: int
    """minor units; above 0 it is paid, below 0 it comes back, or is received"""


def fees_of(fees: Iterable[Fee], acquirer: str, currency: str) -> list[FeeAmount]:
    """What an acquirer is told of fees: by code, what it or its merchant pays; what its merchant owes it counts as paid."""
    sums: dict[str, int] = {}
    for fee in fees:
        of_merchant = fee.payer.startswith(MERCHANT)
        sign = 1 if of_merchant or fee.payer == acquirer else -1 if fee.payee == acquirer else 0
        if sign:
            for code, amount in (
                (_CODES.get(fee.kind, OTHER), fee.amount),
                (SERVICE_TAX if of_merchant else TAX, fee.vat),
            ):
                sums[code] = sums.get(code, 0) + sign * amount
    return [FeeAmount(code, currency, amount) for code, amount in sorted(sums.items()) if amount]


def write_fees(fees: Iterable[FeeAmount]) -> str:
    """DE46; "" where there are none. Above six sets, or an amount above eight digits, the rest is left out: an answer is no
    invoice."""
    whole = [fee for fee in fees if abs(fee.amount) <= _AMOUNT_MAX][:SETS_MAX]
    return "".join(
        f"{code}{currency}{'D' if amount > 0 else 'C'}{abs(amount):08d}{0:08d}D{0:08d}{currency}"
        for code, currency, amount in whole
    )


def read_fees(value: str) -> list[FeeAmount]:
    """The amounts of DE46; sets that cannot be read are left out.

    >>> read_fees("70504D00000988" + "0" * 8 + "D" + "0" * 8 + "504")
    [FeeAmount(code='70', currency='504', amount=988)]
    """
    found: list[FeeAmount] = []
    for at in range(0, len(value) - SET_CHARS + 1, SET_CHARS):
        part = value[at : at + SET_CHARS]
        sign, digits = part[5], part[6:14]
        if sign in "CD" and digits.isascii() and digits.isdecimal():
            found.append(FeeAmount(part[:2], part[2:5], int(digits) * (1 if sign == "D" else -1)))
    return found
