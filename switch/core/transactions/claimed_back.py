"""Interchange of what is claimed back: it goes back to the acquirer with the amount, and stays right whatever comes in between.

The rule. At all times the interchange of a payment is that of what its issuer has not got back: fee(what stands - what is back),
by the rules of the payment's day. A step of a dispute moves what it changes of that; so does a reversal, a tip or a completion of
a payment that is in dispute (`Owed.returned`), as what stands is another amount then.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from switch.core.records.disputes import Disputed, Disputes
from switch.core.records.outcomes import Outcome
from switch.core.records.records import ENCODER, MTI_CLASS, REVERSAL, Owed
from switch.core.transactions.pricing import Pricing
from switch.core.transactions.taken_back import posted
from switch.core.transactions.transaction import Refusal
from switch.money.fee_line import Fee
from switch.money.fees import add_up, change
from switch.wire.vocabulary import MTI, Answer

INTERCHANGE: Final = "interchange"
"""kind of the fee that goes back with a payment"""


def returned_with(pricing: Pricing, payment: Outcome, back: int, now: int) -> tuple[Fee, ...] | None:
    """Interchange that has gone back once `back` minor units of a payment are with its issuer: fee(what is left) - fee(all).
    None: the network file has its rules no more."""
    known = payment.priced
    if not back or known is None or not known.fees:  # what was charged nothing gives nothing back
        return ()
    priced = pricing.of_reversal(payment, max(0, posted(payment) - back), now)
    if priced is None:
        return ()
    if priced.unpriced and not priced.fees:
        return None
    return tuple(fee for fee in priced.fees if fee.kind == INTERCHANGE)


def back_of(claims: Iterable[Disputed]) -> tuple[int, list[Fee]]:
    """Minor units that are with the issuer by these disputes, and interchange that they have given back."""
    known = list(claims)
    return sum(one.given_back for one in known), [fee for one in known for fee in one.returned]


def check_claimed(disputes: Disputes, payment: Outcome, left: int) -> None:
    """Raise Refusal where less would be left of a payment than has gone back of it otherwise: by refunds that name it, and by
    what its issuer has claimed."""
    claimed = disputes.committed.get(payment.txn, 0)
    if min(left, posted(payment)) < claimed + payment.refunded:
        parts = ((claimed, "in dispute"), (payment.refunded, "refunded: a refund is taken back first"))
        why = " and ".join(f"{minor} minor units of {payment.txn:x} are {what}" for minor, what in parts if minor)
        raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"{why}; never more goes back than stands")


def with_claims(entry: Owed, payment: Outcome, left: int, disputes: Disputes, pricing: Pricing, now: int) -> Owed:
    """`entry`, after which at most `left` minor units of a payment are posted, with the interchange that its disputes then give
    back more, or less, than before; of one without claims, as it is."""
    priced, before = entry.priced, payment.priced
    claims = disputes.of(payment.txn)
    if not claims or priced is None or before is None:
        return entry
    if entry.kind == REVERSAL:
        left = min(left, posted(payment))
    stands = msgspec.structs.replace(before, fees=add_up(before.fees, priced.fees))
    held = payment.key[MTI_CLASS] == MTI.AUTHORIZATION
    after = msgspec.structs.replace(payment, price=ENCODER.encode(stands), stands=left, captured=left if held else 0)
    back, returned = back_of(claims)
    now_returned = returned_with(pricing, after, back, now)
    lines = change(returned, now_returned) if now_returned is not None else ()
    if not lines:
        return entry
    priced = msgspec.structs.replace(priced, fees=add_up(priced.fees, lines))
    return msgspec.structs.replace(entry, priced=priced, returned=lines, returned_by=claims[-1].dispute)
