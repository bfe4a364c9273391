"""What a network settles in its own currency: moves between it and a member, exchanged at the rate that was recorded.

In: moves of one record, and what the network has said (DE5, 9, 50) with its approval, or with its request of a payment that it
brings. Out: the same moves, those between it and a member in its currency; beside them, what the member exchanges them for with
its *position* in foreign currency (`fx:atlas`).

The rule. Of everything between a member and a network, kind by kind, so much stands in the payment's currency, and what that is
worth at the recorded rate stands in the network's; each record moves the difference that it makes. So what is taken back in any
number of parts comes back to zero in both. The position gives and takes what the foreign amount is worth at that rate, rounded
once; what is left of the payment's amount is the *difference* (`fx-difference:atlas`). Both are the member's own business.
"""

from typing import Final

from switch.ledger.entries import DISPUTE, PAYMENT, Move, is_merchant
from switch.ledger.moves import move
from switch.ledger.payments import Terms
from switch.money.convert import RateError, apply_rate, decode_rate, worth_at
from switch.money.currency import CurrencyError, currency
from switch.wire.vocabulary import DE, Document

POSITION: Final = "fx:"
DIFFERENCE: Final = "fx-difference:"
"""A member's name follows."""
EXCHANGE: Final = "fx"
"""Kind of moves with either."""


def abroad(network: str, asked: int, code: str, said: Document) -> Terms | None:
    """What a network's approval, or request, says of its settlement; None: nothing that can be used, or no other currency.

    `asked`: minor units of `code` that were approved, or asked.
    """
    settles, rate = said.get(DE.CURRENCY_SETTLEMENT, ""), said.get(DE.RATE_SETTLEMENT, "")
    if not rate or not settles:
        return None
    settled = said.get(DE.AMOUNT_SETTLEMENT, "")
    try:
        decode_rate(rate)
        currency(settles)
    except (RateError, CurrencyError):
        return None
    if settles == code or not (settled.isascii() and settled.isdigit()):
        return None
    return Terms(network=network, currency=settles, code=code, rate=rate, asked=asked, settled=int(settled), stands={})


def exchange(moves: list[Move], terms: Terms) -> list[Move]:
    """`moves`, those that the network takes part in and has said a rate for exchanged. `terms` then says what stands after them.

    What is in another currency than that of the terms, as an advice may say one, the network settles in that one.
    """
    made: list[Move] = []
    code = terms.code
    for one in moves:
        gets = one.payer == terms.network
        member, amount = (one.payee, one.amount) if gets else (one.payer, -one.amount)
        if one.currency != code or terms.network not in (one.payer, one.payee) or is_merchant(member):
            made.append(one)
            continue
        before = terms.stands.get(one.kind, 0)
        now = terms.stands[one.kind] = before + amount
        foreign = _settled(terms, one.kind, now) - _settled(terms, one.kind, before)
        worth = _worth(terms, one.kind, now) - _worth(terms, one.kind, before)
        move(made, terms.network, member, one.kind, terms.currency, foreign)
        move(made, member, POSITION + member, EXCHANGE, terms.currency, foreign)
        move(made, POSITION + member, member, EXCHANGE, code, worth)
        move(made, DIFFERENCE + member, member, EXCHANGE, code, amount - worth)
    return made


def _settled(terms: Terms, kind: str, stands: int) -> int:
    """What so much is in the network's currency: as it has said, or at its rate."""
    if kind in (PAYMENT, DISPUTE) and abs(stands) == terms.asked:
        return terms.settled if stands > 0 else -terms.settled
    return apply_rate(stands, terms.code, terms.currency, decode_rate(terms.rate))


def _worth(terms: Terms, kind: str, stands: int) -> int:
    """What that is worth in the payment's currency."""
    return worth_at(_settled(terms, kind, stands), terms.currency, terms.code, decode_rate(terms.rate))
