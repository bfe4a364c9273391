"""What speaks for and against a payment at an issuer: the card, its limits, its money. Pure rules; `accounts` asks them in order.

In: a card or account, a document in internal format. Out: a verdict that refuses, or nothing.
"""

from typing import Final

import msgspec

from switch.core.messages.internal import Additional, Private48, additional_amount, additional_amounts
from switch.simulators.card_file import Account
from switch.simulators.cards import TestCard
from switch.simulators.clock import Moment
from switch.simulators.de48 import private_elements
from switch.wire.vocabulary import DE, Answer, Document, Processing

STATUS: Final = {
    "lost": Answer.LOST, "stolen": Answer.STOLEN, "restricted": Answer.RESTRICTED, "refused": Answer.DO_NOT_HONOUR,
}  # fmt: skip
DEBITS: Final = frozenset({Processing.PURCHASE, Processing.CASH, Processing.CASH_BACK})
INQUIRIES: Final = frozenset({Processing.BALANCE, Processing.VERIFICATION})


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What a message is answered with."""

    de39: str
    extra: Document = {}
    """elements the answer adds: DE38, DE48, DE54"""
    reason: str = ""
    """why, for the host's own log; never secret"""
    repeated: bool = False


def billed_amount(document: Document, currency: str) -> int | None:
    """What the account pays, minor units of its currency; None where the message does not say it."""
    if document.get(DE.CURRENCY_BILLING) == currency and DE.AMOUNT_BILLING in document:
        return int(document[DE.AMOUNT_BILLING])
    if document.get(DE.CURRENCY, currency) == currency and DE.AMOUNT in document:
        return int(document[DE.AMOUNT])
    return None


def card_refusal(card: TestCard, kind: str, document: Document, at: Moment) -> Verdict | None:
    """What speaks against the card itself, the heaviest first; None: nothing."""
    if card.status != "active":
        return Verdict(STATUS[card.status], reason=f"the card is {card.status}")
    if card.expiry < at.day[:4] or document.get(DE.EXPIRY, card.expiry) != card.expiry:
        return Verdict(Answer.EXPIRED, reason="the card has expired, or DE14 is not its expiry date")
    if kind not in DEBITS and kind not in INQUIRIES and kind != Processing.REFUND:
        return Verdict(Answer.INVALID_TRANSACTION, reason=f"transaction type {kind or 'absent'} (DE3)")
    if kind in card.forbidden:
        return Verdict(Answer.NOT_PERMITTED_CARDHOLDER, reason=f"product {card.product} does not allow type {kind}")
    private = private_elements(document)
    if document.get(DE.ENTRY_MODE, "")[:2] == "81" and Private48.CVV2 not in private and Private48.CAVV not in private:
        return Verdict(Answer.DO_NOT_HONOUR, reason="a web payment without CVV2 or authentication value")
    return None


def cash_refusal(kind: str, document: Document) -> Verdict | None:
    """What speaks against the cash part (DE54, amount type 40) of a purchase with cash back; None: nothing."""
    if kind != Processing.CASH_BACK:
        return None
    cash = additional_amounts(document).get(Additional.CASH_BACK, 0)
    if 0 < cash <= int(document.get(DE.AMOUNT, "0")):
        return None
    return Verdict(Answer.INVALID_AMOUNT, reason="cash back without its part in DE54, or with more than the whole")


def may_approve_part(document: Document, account: Account) -> bool:
    """True where a purchase may be approved in part: its terminal says so, in the account's own currency."""
    return (
        private_elements(document).get(Private48.PARTIAL) == "1"
        and document.get(DE.PROCESSING_CODE, "")[:2] == Processing.PURCHASE
        and document.get(DE.CURRENCY) == account.card.currency
    )


def money_refusal(account: Account, kind: str, billed: int | None, at: Moment) -> Verdict | None:
    """What speaks against the amount; None: nothing."""
    if billed is None:
        return Verdict(
            Answer.INVALID_TRANSACTION, reason=f"no amount in the account's currency {account.card.currency}"
        )
    if billed == 0:
        return Verdict(Answer.INVALID_AMOUNT, reason="amount zero")
    if kind == Processing.REFUND:
        return None
    card = account.card
    if card.per_transaction and billed > card.per_transaction:
        return Verdict(Answer.EXCEEDS_AMOUNT, reason="above the limit per transaction")
    spent = account.spent if account.day == at.day else 0
    if card.per_day and spent + billed > card.per_day:
        return Verdict(Answer.EXCEEDS_AMOUNT, reason="above the daily limit")
    if billed > account.available:
        return Verdict(Answer.INSUFFICIENT_FUNDS, reason="not sufficient funds")
    return None


def balances(account: Account) -> str:
    """DE54: ledger and available balance, each account type 00, amount type, currency, C/D, 12 digits."""

    currency = account.card.currency
    return additional_amount(Additional.LEDGER, currency, account.balance) + additional_amount(
        Additional.AVAILABLE, currency, account.available
    )
