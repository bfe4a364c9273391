"""What the gateway says to the switch about an order, in internal format: 0100, 0220, 0400. Pure builders.

In: where the merchant is, the names that the order's request was given (kept with the order), the card for the request alone.
Out: documents. The one rule: only the request has the card; what follows names the request (DE90, DE37, DE38, DE41), so that no
card number need be kept.
"""

from typing import Final

import msgspec

from switch.core.messages.internal import original_data, replacement_amounts
from switch.simulators.de48 import Private48, with_private
from switch.wire.vocabulary import DE, Document, Processing

WEB_ENTRY: Final = "812"
"""DE22: entered by the cardholder in electronic commerce; no PIN entry"""
WEB_CONDITION: Final = "59"
"""DE25: electronic commerce"""
NOT_AUTHENTICATED: Final = "07"
"""ECI: the channel was secured, the cardholder not authenticated"""


class CardAcceptor(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant, as messages name it (DE42, DE43)."""

    institution: str
    """DE32 of its acquirer"""
    terminal: str
    """DE41, eight characters"""
    merchant: str
    """DE42"""
    title: str
    city: str
    country: str
    """ISO 3166 numeric"""
    country_alpha: str
    category: str
    """DE18: merchant category code"""


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer typed. Lives from the form to the 0100 and nowhere else; its repr shows nothing."""

    pan: str
    expiry: str
    """YYMM"""
    cvv2: str

    def __repr__(self) -> str:
        return "Card(…)"


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What a request is known by, for what follows it."""

    stan: str
    sent_at: str
    """DE7"""
    local_time: str
    local_date: str
    rrn: str
    amount: int
    """minor units"""
    currency: str
    """ISO 4217 numeric"""


def terminal_of(clientid: str) -> str:
    """DE41 of a merchant's payments."""
    return f"W{clientid[-7:]:0>7}"


def authorization(
    acceptor: CardAcceptor, card: Card, names: Names, eci: str = NOT_AUTHENTICATED, proof: str = ""
) -> Document:
    """0100: hold the amount. `eci`: of the internal format; `proof`: the value that proves what it says, base64."""
    document: Document = {
        DE.MTI: "0100",
        DE.PAN: card.pan,
        **_common(acceptor, names),
        DE.TRANSMISSION_TIME: names.sent_at,
        DE.STAN: names.stan,
        DE.EXPIRY: card.expiry,
    }
    proved = {Private48.CAVV: proof} if proof else {}
    return with_private(document, {Private48.ECI: eci, **proved, Private48.CVV2: card.cvv2})


def completion(acceptor: CardAcceptor, request: Names, approval: str, own: Names) -> Document:
    """0220: post `own.amount` of what `request` holds."""
    document: Document = {
        DE.MTI: "0220",
        **_common(acceptor, request),
        **_about(acceptor, request, "0100"),
        **_sent(own),
    }
    document[DE.AMOUNT] = f"{own.amount:012d}"
    return {**document, DE.APPROVAL_CODE: approval} if approval else document


def reversal(acceptor: CardAcceptor, request: Names, approval: str, own: Names, left: int = 0) -> Document:
    """0400: take back what `request` holds, or has had posted: all of it, or down to `left` minor units (DE95)."""
    document: Document = {
        DE.MTI: "0400",
        **_common(acceptor, request),
        **_about(acceptor, request, "0100"),
        **_sent(own),
    }
    if left:
        document[DE.REPLACEMENT] = replacement_amounts(left)
    return {**document, DE.APPROVAL_CODE: approval} if approval else document


def _common(acceptor: CardAcceptor, names: Names) -> Document:
    return {
        DE.PROCESSING_CODE: f"{Processing.PURCHASE}0000",
        DE.AMOUNT: f"{names.amount:012d}",
        DE.LOCAL_TIME: names.local_time,
        DE.LOCAL_DATE: names.local_date,
        DE.MERCHANT_TYPE: acceptor.category,
        DE.ACQUIRER_COUNTRY: acceptor.country,
        DE.ENTRY_MODE: WEB_ENTRY,
        DE.CONDITION_CODE: WEB_CONDITION,
        DE.ACQUIRER: acceptor.institution,
        DE.RRN: names.rrn,
        DE.TERMINAL: acceptor.terminal,
        DE.MERCHANT: f"{acceptor.merchant:<15}",
        DE.MERCHANT_NAME: f"{acceptor.title[:25]:<25}{acceptor.city[:13]:<13}{acceptor.country_alpha[:2]:<2}",
        DE.CURRENCY: names.currency,
    }


def _sent(own: Names) -> Document:
    return {DE.TRANSMISSION_TIME: own.sent_at, DE.STAN: own.stan}


def _about(acceptor: CardAcceptor, request: Names, mti: str) -> Document:
    return {DE.ORIGINAL: original_data(mti, request.stan, request.sent_at, acceptor.institution, "")}
