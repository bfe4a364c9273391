"""Fees: what a payment costs, line by line, in minor units of the home currency."""

from collections.abc import Iterable

import msgspec


class Fee(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One line of what a payment costs: who owes whom, by which rule.

    It is written into records as it is: a new member goes to its end, with a default, and raises their schema.
    """

    rule: str
    """id of the rule in the network file"""
    kind: str
    """`service`, `interchange`, `scheme`, `switch`, `cross-border`, `processing` …"""
    payer: str
    payee: str
    """accounts: `merchant:` and DE42 (where there is none, the acquirer), members and networks by name, `switch`"""
    amount: int
    """minor units of the home currency, before tax; negative where it is given back"""
    vat: int = 0
    """tax on it, paid beside it"""


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
