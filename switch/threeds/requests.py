"""An AReq, made of a payment, a card and a browser. Pure.

In: who asks, for what, what the browser has said of itself. Out: the message. The one rule: what a browser said and is none of
the form that the message has is left out, with the script's other findings: then it counts as a browser without scripts.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from switch.threeds.protocol import forms
from switch.threeds.protocol.encoding import Message
from switch.threeds.protocol.errors import OLDEST, VERSION
from switch.threeds.protocol.messages import BROWSER, PAYMENT

REFERENCE: Final = "CMI-SWITCH-3DSS"
_FOUND: Final = {
    "browserColorDepth": forms.color_depth,
    "browserScreenHeight": forms.digits(6, 1),
    "browserScreenWidth": forms.digits(6, 1),
    "browserTZ": forms.offset,
}


_EMAIL: Final = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,189}")
_LANGUAGE_MAX: Final = 8


class Requestor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: a merchant and its acquirer."""

    id: str
    name: str
    url: str
    acquirer: str
    """its institution"""
    category: str
    """merchant category code"""
    country: str
    """ISO 3166 numeric"""


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """For what."""

    pan: str
    expiry: str
    """YYMM"""
    amount: int
    """minor units"""
    currency: str
    """ISO 4217 numeric"""
    exponent: int
    at: str
    """YYYYMMDDHHMMSS, UTC"""

    def __repr__(self) -> str:
        return "Purchase(…)"


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the cardholder's browser."""

    accept: str
    agent: str
    language: str
    address: str
    found: dict[str, str] = {}
    """what a script of the page has found out: the elements of an AReq by name; empty where none ran"""

    @property
    def scripted(self) -> bool:
        """Do scripts run there?"""
        return all(form(self.found.get(name)) for name, form in _FOUND.items())


class Cardholder(msgspec.Struct, frozen=True, kw_only=True):
    """Who pays, as the shop has it; "": it does not say, or not in the form that the message has."""

    name: str = ""
    email: str = ""

    def __repr__(self) -> str:
        return "Cardholder(…)"


def cardholder_of(name: str, email: str) -> Cardholder:
    """Of a shop's form. Names are told in ASCII, as on cards (EMV, book 4, annex B): accents are left out, and a name that is not
    in Latin letters altogether."""
    told = unicodedata.normalize("NFKD", " ".join(name.split()))
    latin = "".join(mark for mark in told if not unicodedata.combining(mark))
    right = latin.isascii() and latin.isprintable() and forms.text(45, 2)(latin)
    return Cardholder(name=latin if right else "", email=email if _EMAIL.fullmatch(email) else "")


def browser_of(headers: Mapping[str, str], address: str, form: Mapping[str, str]) -> Browser:
    """What a request that posts a card says of its browser."""
    found = {name: form[name] for name in (*_FOUND, "browserJavaEnabled") if name in form}
    return Browser(
        accept=headers.get("accept", "*/*"),
        agent=headers.get("user-agent", "unknown"),
        language=_language(headers.get("accept-language", "")),
        address=address,
        found=found,
    )


def _language(accepted: str) -> str:
    """The first that the browser prefers, of its subtags (RFC 5646) as many as the element has room for."""
    tag = accepted.partition(",")[0].partition(";")[0].strip()
    while len(tag) > _LANGUAGE_MAX and "-" in tag:
        tag = tag.rpartition("-")[0]
    return tag if 0 < len(tag) <= _LANGUAGE_MAX and tag != "*" else "fr"


def make_areq(
    trans_id: str,
    who: Requestor,
    what: Purchase,
    browser: Browser,
    *,
    server_url: str,
    notification_url: str,
    comp: str,
    version: str = VERSION,
    holder: Cardholder | None = None,
) -> Message:
    """`server_url`: where results go. `comp`: threeDSCompInd: Y the 3DS Method is done, N it was not, U there is none.

    `version`: that the card's server speaks. 2.1.0 does not know browsers without scripts: of one the message lacks what it
    requires, and is refused.
    """
    made: dict[str, Any] = {
        "messageType": "AReq",
        "messageVersion": version,
        "threeDSServerTransID": trans_id,
        "threeDSServerRefNumber": REFERENCE,
        "threeDSServerURL": server_url,
        "threeDSRequestorID": who.id[:35],
        "threeDSRequestorName": who.name[:40],
        "threeDSRequestorURL": who.url,
        "threeDSRequestorAuthenticationInd": "01",
        "threeDSRequestorChallengeInd": "01",
        "threeDSCompInd": comp,
        "deviceChannel": BROWSER,
        "messageCategory": PAYMENT,
        "acctNumber": what.pan,
        "cardExpiryDate": what.expiry,
        "acquirerBIN": who.acquirer,
        "acquirerMerchantID": who.id[:35],
        "mcc": who.category,
        "merchantName": who.name[:40],
        "merchantCountryCode": who.country,
        "purchaseAmount": str(what.amount),
        "purchaseCurrency": what.currency,
        "purchaseExponent": str(what.exponent),
        "purchaseDate": what.at,
        "notificationURL": notification_url,
        "browserAcceptHeader": browser.accept[:2_048] or "*/*",
        "browserLanguage": browser.language,
        "browserUserAgent": browser.agent[:2_048] or "unknown",
    }
    if version != OLDEST:
        made["browserJavascriptEnabled"] = browser.scripted
    if holder is not None:
        said = {"cardholderName": holder.name, "email": holder.email}
        made |= {name: value for name, value in said.items() if value}
    if forms.address(browser.address):
        made["browserIP"] = browser.address
    if browser.scripted:
        made |= {name: browser.found[name] for name in _FOUND}
        made["browserJavaEnabled"] = browser.found.get("browserJavaEnabled") == "true"
    return made


def make_creq(trans_id: str, acs_trans_id: str, version: str = VERSION) -> Message:
    """The message that a browser brings to the challenge; the page has the whole window."""
    return {
        "messageType": "CReq",
        "messageVersion": version,
        "threeDSServerTransID": trans_id,
        "acsTransID": acs_trans_id,
        "challengeWindowSize": "05",
    }
