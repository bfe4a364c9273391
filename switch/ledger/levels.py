"""What payments cost at the three levels of a national network: a card of the national scheme, a bank of the country's card of
an international one, a foreign card. Entries in, sums out; pure.

Only what a merchant was paid counts: cash has no service charge. All amounts are minor units of the home currency, signed: what
is taken back is taken off again.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from switch.ledger.entries import PAYMENT, VAT, Entry, is_merchant

WITHDRAWAL: Final = "withdrawal"
"""the one kind that a card's side pays: it is no cost of the machine's"""


class Level(StrEnum):
    """Whose card it was, from the cheapest to the dearest."""

    NATIONAL = "national"
    """of the scheme that no network stands for: Cmi"""
    LOCAL = "local"
    """a member's card of a network's scheme: it never leaves the country"""
    FOREIGN = "foreign"
    """a network answers for it"""


class Costs(msgspec.Struct, kw_only=True):
    """What merchants' payments came to and cost."""

    payments: int = 0
    """entries, but for those that change an earlier one"""
    amount: int = 0
    charge: int = 0
    """what the merchants pay, before tax: service charge, gateway"""
    vat: int = 0
    interchange: int = 0
    """to the card's issuer"""
    network: int = 0
    """to the card's network for itself: processing, scheme, cross-border"""
    others: int = 0
    """to the switch, and to whoever else is paid"""

    @property
    def kept(self) -> int:
        """What acquirers keep of the charge."""
        return self.charge - self.interchange - self.network - self.others

    def add(self, other: "Costs") -> None:
        """The sums of both."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def level_of(entry: Entry, networks: Mapping[str, str]) -> Level | None:
    """`networks`: name -> scheme. None: a network brought it, so that its merchant is abroad."""
    if entry.acquirer in networks:
        return None
    if entry.issuer in networks:
        return Level.FOREIGN
    return Level.LOCAL if entry.scheme in networks.values() else Level.NATIONAL


def costs(entry: Entry, home: str) -> Costs | None:
    """Of one entry. None: no merchant takes part in it, or it is in another currency than `home` (numeric)."""
    found = Costs(payments=0 if entry.counters else 1)
    paid = False
    for payer, payee, kind, code, amount in entry.moves:
        merchant = is_merchant(payer) or is_merchant(payee)
        if kind == PAYMENT:
            if merchant:
                paid = code == home
                found.amount += amount if is_merchant(payee) else -amount
        elif merchant:
            signed = amount if is_merchant(payer) else -amount
            if kind == VAT:
                found.vat += signed
            else:
                found.charge += signed
        elif kind != VAT:
            _add_paid(found, entry, kind, amount if payer == entry.acquirer else -amount, {payer, payee})
    return found if paid else None


def _add_paid(found: Costs, entry: Entry, kind: str, amount: int, parties: set[str]) -> None:
    """What the acquirer pays on."""
    if entry.acquirer not in parties:
        return
    if kind == "interchange":
        found.interchange += amount
    elif entry.issuer in parties and entry.issuer != entry.acquirer:
        found.network += amount
    else:
        found.others += amount


def by_level(entries: Iterable[Entry], networks: Mapping[str, str], home: str) -> dict[Level, Costs]:
    """Each level's sums, all three."""
    sums = {level: Costs() for level in Level}
    for entry in entries:
        level, found = level_of(entry, networks), costs(entry, home)
        if level is not None and found is not None:
            sums[level].add(found)
    return sums


def network_cost(entry: Entry, networks: Mapping[str, str]) -> int:
    """What the hop log calls its cost: all that is owed to the network that answers, interchange included; cash, too."""
    if entry.issuer not in networks:
        return 0
    between = [
        m for m in entry.moves if entry.issuer in (m.payer, m.payee) and m.kind not in (PAYMENT, VAT, WITHDRAWAL)
    ]
    return sum(m.amount if m.payee == entry.issuer else -m.amount for m in between)
