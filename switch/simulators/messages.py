"""What acquirers say, in internal format: requests, completions, reversals, sign-ons. Pure builders, shared by terminals,
networks and `cmi-switch pay`.
"""

from typing import Final

import msgspec

from switch.core.messages.internal import Additional, additional_amount, original_data, replacement_amounts
from switch.simulators.cards import TestCard
from switch.simulators.clock import Moment
from switch.simulators.de48 import Private48, private_elements, with_private
from switch.wire.vocabulary import DE, MTI, Document, Processing, repeat_of

PURCHASE, WEB, CASH, REFUND = "purchase", "web", "cash", "refund"
BALANCE, PREAUTH, VERIFICATION = "balance", "preauth", "verification"
CASH_BACK, INCREMENT = "cashback", "increment"

PREAUTH_CONDITION: Final = "06"
"""DE25: preauthorized request"""
_WEB_CONDITION: Final = "59"
_WEB_ENTRY: Final = "812"
_CHIP_ENTRY: Final = "051"
_STRIPE_ENTRY: Final = "021"
SERVICE_CODE: Final = "201"
"""international, chip, no restrictions"""


def track_2(card: TestCard, value: str) -> str:
    """DE35; `value`: the card's CVV, or iCVV where its chip was read. PVKI and PVV before it are zeros."""
    return f"{card.pan}={card.expiry}{SERVICE_CODE}00000{value}00"


STOP_LIST: Final = "HOTCARDS"

KINDS: Final[dict[str, tuple[str, str, str]]] = {
    PURCHASE: ("0200", Processing.PURCHASE, "5411"),
    WEB: ("0200", Processing.PURCHASE, "5942"),
    CASH: ("0200", Processing.CASH, "6011"),
    CASH_BACK: ("0200", Processing.CASH_BACK, "5411"),
    REFUND: ("0200", Processing.REFUND, "5311"),
    BALANCE: ("0100", Processing.BALANCE, "6011"),
    PREAUTH: ("0100", Processing.PURCHASE, "7011"),
    VERIFICATION: ("0100", Processing.VERIFICATION, "5999"),
}
"""kind -> MTI, transaction type (DE3, first two digits), merchant category (DE18)"""

REVERSAL_ECHO: Final = (
    DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.AMOUNT_SETTLEMENT, DE.AMOUNT_BILLING, DE.RATE_SETTLEMENT, DE.RATE_BILLING,
    DE.LOCAL_TIME, DE.LOCAL_DATE, DE.CONVERSION_DATE, DE.MERCHANT_TYPE, DE.ACQUIRER_COUNTRY, DE.ENTRY_MODE, DE.CONDITION_CODE,
    DE.ACQUIRER, DE.RRN, DE.TERMINAL, DE.MERCHANT, DE.MERCHANT_NAME, DE.CURRENCY, DE.CURRENCY_SETTLEMENT, DE.CURRENCY_BILLING,
)  # fmt: skip
"""what a message about a request repeats of it"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a payment is made."""

    institution: str
    """DE32 of the acquirer"""
    terminal: str
    """DE41, eight characters"""
    merchant: str
    """DE42"""
    title: str
    city: str
    country: str
    """ISO 3166 numeric"""
    country_alpha: str
    currency: str
    """ISO 4217 numeric"""

    @property
    def name(self) -> str:
        """DE43: title (25), city (13), country (2)."""
        return f"{self.title[:25]:<25}{self.city[:13]:<13}{self.country_alpha[:2]:<2}"


class Web(msgspec.Struct, frozen=True):
    """What a web payment carries in DE48."""

    cvv2: str = ""
    eci: str = "07"
    """05 fully authenticated (with a CAVV), 07 not authenticated"""
    cavv: str = ""


def request(
    kind: str, card: TestCard, amount: int, place: Place, at: Moment, stan: str, rrn: str, web: Web | None = None, *,
    cash: int = 0,
) -> Document:  # fmt: skip
    """A payment request of one of `KINDS`. `amount` in minor units of the place's currency; `web` makes any kind a web one.

    `cash`: the part of a purchase with cash back that is paid out.
    """
    mti, transaction, category = KINDS[kind]
    online = web is not None or kind == WEB
    document: Document = {
        DE.MTI: mti,
        DE.PAN: card.pan,
        DE.PROCESSING_CODE: f"{transaction}0000",
        DE.AMOUNT: f"{amount:012d}",
        DE.TRANSMISSION_TIME: at.sent_at,
        DE.STAN: stan,
        DE.LOCAL_TIME: at.local_time,
        DE.LOCAL_DATE: at.local_date,
        DE.EXPIRY: card.expiry,
        DE.MERCHANT_TYPE: category,
        DE.ACQUIRER_COUNTRY: place.country,
        DE.ENTRY_MODE: _WEB_ENTRY if online else _STRIPE_ENTRY if card.chip else _CHIP_ENTRY,
        DE.CONDITION_CODE: PREAUTH_CONDITION if kind == PREAUTH else _WEB_CONDITION if online else "00",
        DE.ACQUIRER: place.institution,
        DE.RRN: rrn,
        DE.TERMINAL: place.terminal,
        DE.MERCHANT: f"{place.merchant:<15}",
        DE.MERCHANT_NAME: place.name,
        DE.CURRENCY: place.currency,
    }
    if not online:
        document[DE.TRACK2] = track_2(card, card.cvv if card.chip else card.icvv)
    if kind == CASH_BACK:
        document[DE.ADDITIONAL_AMOUNTS] = additional_amount(Additional.CASH_BACK, place.currency, cash, "D")
    if web is None:
        return document
    parts = {Private48.ECI: web.eci, Private48.CAVV: web.cavv, Private48.CVV2: web.cvv2}
    return with_private(document, {key: value for key, value in parts.items() if value})


def allow_partial(request: Document) -> Document:
    """The same request, of a terminal that can take an approval of less than it asks (DE39=10)."""
    return with_private(request, {**private_elements(request), Private48.PARTIAL: "1"})


def _again(original: Document, mti: str, at: Moment, stan: str) -> Document:
    """A message about `original`: its elements, a STAN and time of its own, DE90 naming it."""
    document: Document = {DE.MTI: mti}
    document.update((de, original[de]) for de in REVERSAL_ECHO if de in original)
    document[DE.TRANSMISSION_TIME], document[DE.STAN] = at.sent_at, stan
    document[DE.ORIGINAL] = original_data(
        original[DE.MTI], original[DE.STAN], original[DE.TRANSMISSION_TIME], original.get(DE.ACQUIRER, ""), ""
    )
    return document


def reversal(original: Document, approval: str, at: Moment, stan: str, left: int = 0) -> Document:
    """0400: takes `original` back, all of it or down to `left` (minor units). `approval`: DE38 of its answer, "" for none."""
    document = _again(original, "0400", at, stan)
    if left:
        document[DE.REPLACEMENT] = replacement_amounts(left)
    if approval:
        document[DE.APPROVAL_CODE] = approval
    return document


def increment(original: Document, approval: str, amount: int, at: Moment, stan: str) -> Document:
    """0100: adds `amount` (minor units) to what a pre-authorization holds; `approval`: DE38 of that. DE37 is its own. It may be
    approved in part where that might."""
    document = _again(original, "0100", at, stan)
    if private_elements(original).get(Private48.PARTIAL):
        document = allow_partial(document)
    document[DE.AMOUNT], document[DE.RRN] = f"{amount:012d}", at.rrn_prefix + stan
    if approval:
        document[DE.APPROVAL_CODE] = approval
    return document


def completion(original: Document, approval: str, amount: int, at: Moment, stan: str) -> Document:
    """0220: captures `amount` (minor units) of a pre-authorization; `approval` "": it was approved without a code (DE38)."""
    document = _again(original, "0220", at, stan)
    document[DE.AMOUNT] = f"{amount:012d}"
    if approval:
        document[DE.APPROVAL_CODE] = approval
    return document


def repeat(document: Document) -> Document:
    """The same message, sent again: MTI origin 0 -> 1 (0400 -> 0401, 0220 -> 0221)."""
    return {**document, DE.MTI: repeat_of(document[DE.MTI])}


def file_update(code: str, pan: str, reason: str, institution: str, at: Moment, stan: str) -> Document:
    """0302 of an issuer: its card goes on the stop list (`code`: DE91) for `reason` (DE39: 41, 43), or is taken off."""
    document: Document = {
        DE.MTI: "0302",
        DE.PAN: pan,
        DE.TRANSMISSION_TIME: at.sent_at,
        DE.STAN: stan,
        DE.ACQUIRER: institution,
        DE.FILE_UPDATE: code,
        DE.FILE_NAME: STOP_LIST,
    }
    if reason:
        document[DE.RESPONSE_CODE] = reason
    return document


def network_request(code: str, institution: str, at: Moment, stan: str, terminal: str = "") -> Document:
    """0800 with `code` in DE70 (001 sign-on, 002 sign-off, 301 echo)."""
    document: Document = {
        DE.MTI: MTI.NETWORK_REQUEST,
        DE.TRANSMISSION_TIME: at.sent_at,
        DE.STAN: stan,
        DE.ACQUIRER: institution,
        DE.NETWORK_CODE: code,
    }
    if terminal:
        document[DE.TERMINAL] = terminal
    return document
