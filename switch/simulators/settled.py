"""What each bank's own books say it is owed for payments, beside what the ledger has posted for them.

A bank knows two things: what its terminals took, and what its cards have paid. The one less the other is what it expects to be
paid, in each currency; a payment that is held is no money yet. It knows nothing of whose card was used at its terminals, or whose
terminal its cards were used at, so that this is all it can compare.
"""

from collections.abc import Iterable, Mapping

import msgspec

from switch.ledger.entries import Entry
from switch.ledger.levels import is_claim
from switch.ledger.netting import Settlement
from switch.simulators.reconciliation import AcquirerBook, Books, Difference, Payment, money


class OwnPosition(msgspec.Struct, kw_only=True):
    """Of one bank or network in one currency, minor units."""

    took: int = 0
    """at its terminals; of a network: at terminals abroad, with members' cards"""
    paid: int = 0
    """with its cards"""

    @property
    def net(self) -> int:
        """What it expects to get, or below zero to pay."""
        return self.took - self.paid


def own_positions(books: Books, members: Mapping[str, str]) -> dict[tuple[str, str], OwnPosition]:
    """By bank or network, and currency. `members`: DE32 -> name."""
    held = {debit.key for book in books.issuers for debit in book.debits if debit.held}
    found: dict[tuple[str, str], OwnPosition] = {}
    for book in books.terminals:
        for payment in _standing(book, held):
            party = members.get(payment.key.partition("/")[0], book.name)
            found.setdefault((party, payment.currency), OwnPosition()).took += payment.amount
    for book in books.networks:
        for payment in _standing(book, held):
            found.setdefault(
                (book.name.removesuffix("-abroad"), payment.currency), OwnPosition()
            ).took += payment.amount
    for issuer in books.issuers:
        for debit in issuer.debits:
            if not debit.held:
                found.setdefault((issuer.name, debit.currency), OwnPosition()).paid += debit.amount
    return found


def _standing(book: AcquirerBook, held: set[str]) -> list[Payment]:
    return [payment for payment in book.payments if payment.amount and payment.key not in held]


def settled(settlement: Settlement) -> dict[tuple[str, str], dict[str, int]]:
    """By bank or network, and currency: what the settlement pays it by kind, in the net and with networks together."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for netted in (*settlement.net, *settlement.bilateral):
        for position in netted.positions:
            kinds = found.setdefault((position.party, position.currency), {})
            for kind, amount in position.kinds:
                kinds[kind] = kinds.get(kind, 0) + amount
    return found


def posted(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """By bank or network, and currency of the payments: what the ledger has posted for payments, without fees and claims.

    A network that settles in its own currency is there in the payments', as in everybody's books.
    """
    found: dict[tuple[str, str], int] = {}
    for entry in entries:
        if is_claim(entry):
            continue
        for party, amount in ((entry.acquirer, entry.amount), (entry.issuer, -entry.amount)):
            found[party, entry.currency] = found.get((party, entry.currency), 0) + amount
    return found


def compare_settled(
    own: Mapping[tuple[str, str], OwnPosition], paid: Mapping[tuple[str, str], int]
) -> list[Difference]:
    """Every bank whose own books come to another net for payments than the ledger (`posted`); empty: they agree."""
    found = []
    for key in sorted(own.keys() | paid.keys()):
        party, currency = key
        expects, pays = own.get(key, OwnPosition()).net, paid.get(key, 0)
        if expects != pays:
            said = f"by its own books {party} is to get {money(expects, currency)} for its payments"
            found.append(Difference(key="", sentence=f"{said}, by the ledger {money(pays, currency)}"))
    return found
