"""A line of what a payment costs, as records keep it."""

from typing import Final

import msgspec

MERCHANT_ACCOUNT: Final = "merchant:"
"""what the account of a merchant begins with; DE42 follows, or where there is none the acquirer"""


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
    """accounts: `MERCHANT_ACCOUNT` and DE42, members and networks by name, `switch`"""
    amount: int
    """minor units of the home currency, before tax; negative where it is given back"""
    vat: int = 0
    """tax on it, paid beside it"""
