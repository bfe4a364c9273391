"""What banks have claimed back and answered, by their own books; and whether the ledger has moved just that.

In: the steps that each bank knows were taken, and the switch's records. Out: sentences about what differs. Nothing of the
switch's own arithmetic is used: a step's amount is what was asked for.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from switch.core.records.disputes import ISSUER, Disputed, Step
from switch.core.records.records import AnyEntry
from switch.ledger.entries import DISPUTE, Entry
from switch.ledger.exchange import EXCHANGE
from switch.ledger.fold import LedgerFold
from switch.ledger.levels import as_priced


class Claim(msgspec.Struct, kw_only=True):
    """A dispute as its two banks have it."""

    txn: str
    """of the payment"""
    issuer: str
    acquirer: str
    currency: str
    amount: int
    """minor units in dispute"""
    given_back: int = 0
    """of them, what the issuer has"""
    steps: int = 0

    def take(self, step: Step, amount: int, side: str) -> None:
        """A step: of a representment, `amount` of it (0: all); of an end, `side` has it."""
        self.steps += 1
        if step is Step.REPRESENTMENT:
            self.given_back -= amount or self.given_back
        elif step is Step.CLOSED:
            self.given_back = self.amount if side == ISSUER else 0
        elif step is not Step.ARBITRATION:
            self.given_back = self.amount


def _too_little(entry: Entry) -> int:
    """What the issuer has back by a step so small that it is nothing in the network's currency: the member's difference alone,
    before anything that the network moves."""
    found = 0
    if entry.what not in set(Step):
        return found
    for one in entry.moves:
        if one.kind != EXCHANGE:
            break
        found += one.amount if one.payee == entry.issuer or one.payer == entry.acquirer else -one.amount
    return found


def disagreements(claims: dict[str, Claim], records: Iterable[AnyEntry], home: str) -> Iterator[str]:
    """`claims`: by the dispute's name. `home`: numeric currency."""
    own: Counter[tuple[str, str, str]] = Counter()
    for claim in claims.values():
        own[claim.issuer, claim.acquirer, claim.currency] += claim.given_back
    moved: Counter[tuple[str, str, str]] = Counter()
    taken: Counter[str] = Counter()

    def post(entry: Entry) -> None:
        between = entry.issuer, entry.acquirer
        for payer, payee, kind, currency, amount in as_priced(entry):  # banks claim in the currency of the payment
            if kind == DISPUTE and {payer, payee} == {*between}:
                moved[*between, currency] += amount if payee == entry.issuer else -amount
        moved[*between, entry.currency] += _too_little(entry)

    ledger = LedgerFold(home, post)
    for sequence, record in enumerate(records, 1):
        ledger.fold(sequence, record)
        if isinstance(record, Disputed):
            taken[f"{record.dispute:x}"] += 1
    for name in sorted(taken.keys() | claims.keys()):
        known = claims[name].steps if name in claims else 0
        if taken[name] != known:
            yield f"of dispute {name} the banks know {known} steps, the journal {taken[name]}"
    for key in sorted(own.keys() | moved.keys()):
        issuer, acquirer, currency = key
        if issuer != acquirer and own[key] != moved[key]:
            yield f"by its own books {issuer} has {own[key]} in {currency} back from {acquirer}, by the ledger {moved[key]}"
