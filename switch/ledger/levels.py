"""What payments cost at the three levels of a national network: a card of the national scheme, a bank of the country's card of
an international one, a foreign card. Entries in, sums out; pure.

Only what a merchant was paid counts: cash has no service charge. All amounts are minor units of the home currency, signed: what
is taken back is taken off again.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from switch.ledger.entries import DISPUTE, PAYMENT, VAT, Entry, Move, is_merchant
from switch.ledger.exchange import EXCHANGE
from switch.ledger.moves import move

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


def is_claim(entry: Entry) -> bool:
    """True for a step of a dispute: it moves money, and is no payment, which stands as it did."""
    return any(one.kind == DISPUTE for one in entry.moves)


def costs(entry: Entry, home: str) -> Costs | None:
    """Of one entry. None: no merchant is paid by it, or in another currency than `home` (numeric); or it is a claim."""
    found = Costs(payments=0 if entry.counters else 1)
    paid = False
    for payer, payee, kind, code, amount in as_priced(entry):
        merchant = is_merchant(payer) or is_merchant(payee)
        if kind == PAYMENT:
            if merchant and code == home:
                paid = True
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
    network = entry.issuer
    if network not in networks or is_claim(entry):
        return 0
    fees = [m for m in as_priced(entry) if network in (m.payer, m.payee) and m.kind not in (PAYMENT, VAT, WITHDRAWAL)]
    return sum(m.amount if m.payee == network else -m.amount for m in fees)


def as_priced(entry: Entry) -> list[Move]:
    """Its moves as they were priced: those that a network settles in its own currency in the payment's again.

    What a member gets for them from its position and as difference, right behind them, is what they were. Of a fee so small that
    it is nothing in the network's currency only the difference is there: it counts to the fee right before it, or to none.
    """
    moves: list[Move] = []
    got: list[int] = []
    """what the member got for each"""
    last = -1
    """the one before, where it is in another currency"""
    for one in entry.moves:
        if one.kind != EXCHANGE:
            last = len(moves) if one.currency != entry.currency else -1
            moves.append(one)
            got.append(0)
        elif one.currency == entry.currency and last >= 0:
            got[last] += -one.amount if ":" in one.payee else one.amount
    made = []
    for one, amount in zip(moves, got, strict=True):
        if not amount:
            made.append(one)
            continue
        whole = amount if one.kind != PAYMENT else entry.amount
        made.append(one._replace(currency=entry.currency, amount=abs(whole)))
        move(made, one.payer, one.payee, EXCHANGE, entry.currency, abs(amount) - abs(whole))
    return made
