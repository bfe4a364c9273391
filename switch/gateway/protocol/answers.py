"""What merchants are told of a payment: the fields of the callback and of the browser's post, and what a callback's answer means.

In: the form as it came, what became of it. Out: pairs, all that was posted echoed, the result behind it, unsigned. The one rule:
`Approved` and `00` stand for money that is held or captured, and for nothing else.
"""

from enum import StrEnum
from typing import Final

import msgspec

from switch.gateway.protocol.fields import Fields, Pairs

CAPTURE, HOLD = "ACTION=POSTAUTH", "APPROVED"
_BOM: Final = "\ufeff"
"""before the text of a page whose file was saved with one"""
_BRANDS: Final = {"visa": "VISA", "mastercard": "MASTERCARD", "cmi": "CMI"}


class Decision(StrEnum):
    """What the answer to a callback about an approval decides."""

    CAPTURE = "capture"
    HOLD = "hold"
    REVERSE = "reverse"


class Money(msgspec.Struct, frozen=True, kw_only=True):
    """What has been captured, as text; "" where it is not known, or not yet."""

    captured: str
    """decimal, without what was given back"""
    window: str = ""
    """in which it is cleared: the business day and the number of the window, `20261127001`"""
    fees: str = ""
    """that the merchant pays of it, tax included"""
    net: str = ""
    """what the merchant gets"""
    settles: str = ""
    """when the window is settled, local: YYYYMMDD hh:mm:ss"""


class Authenticated(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant is told of 3-D Secure; as it stands: it was not used."""

    md_status: str = "2"
    text: str = "not authenticated"
    status: str = ""
    """transStatus"""
    eci: str = ""
    value: str = ""
    """CAVV or AAV"""
    xid: str = ""
    """the directory server's transaction id"""
    protocol: str = ""
    server_id: str = ""
    acs_id: str = ""
    liability: str = "merchant"
    """who bears the loss where the cardholder denies the payment: `issuer` or `merchant`"""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a payment, for its merchant."""

    approved: bool
    code: str
    """DE39, or 99 for the gateway's own refusals"""
    text: str
    """ErrMsg: one sentence; "" for an approval"""
    approval: str = ""
    """DE38"""
    rrn: str = ""
    stan: str = ""
    number: str = ""
    """TransId: the gateway's own of this payment"""
    masked: str = ""
    """first six and last four digits"""
    scheme: str = ""
    expiry: str = ""
    """YYMM"""
    at: str = ""
    """local: YYYYMMDD hh:mm:ss"""
    client: str = ""
    """the customer's address"""
    money: Money | None = None
    """None: nothing is captured"""
    authentication: Authenticated = Authenticated()


def decide(body: str) -> Decision:
    """What a shop's answer to the callback of an approval decides. Blanks around it do not count, nor does a byte order mark,
    which nobody sees either; markup, quotes and small letters do."""
    text = bare(body)
    if text == CAPTURE:
        return Decision.CAPTURE
    return Decision.HOLD if text == HOLD else Decision.REVERSE


def bare(body: str) -> str:
    """A shop's answer without what surrounds it unseen: blanks, and byte order marks, of which each of its files may have one."""
    text = body.strip()
    while text.startswith(_BOM):
        text = text.removeprefix(_BOM).lstrip()
    return text


def why_not(body: str) -> str:
    """Why an answer decides nothing but a reversal, for the merchant's log."""
    text = bare(body)
    found = next((word for word in (CAPTURE, HOLD) if word in text.upper()), "")
    if not text:
        return "the answer is empty"
    if not found:
        return "the answer is another text than the two that keep it"
    return f"the answer holds {found}, but not that alone: no markup, no quotes (as JSON has them), no small letters"


def answer_fields(request: Fields, result: Result, *, to_server: bool) -> Pairs:
    """The pairs to be signed and posted. `to_server`: for the callback, not the browser.

    Every field is there whatever the result, empty where there is nothing to say: clients read many of them unasked.
    `encoding` and `hashAlgorithm` are those of the request. A field of the request that has a name of ours is not echoed.
    """
    year, month = result.expiry[:2], result.expiry[2:]
    money, proof = result.money or Money(captured=""), result.authentication
    own: Pairs = [
        ("ReturnOid", request.get("oid")),
        ("Response", "Approved" if result.approved else "Declined"),
        ("ProcReturnCode", result.code),
        ("AuthCode", result.approval),
        ("HostRefNum", result.rrn),
        ("TransId", result.number),
        ("acqStan", result.stan),
        ("SettleId", money.window),
        ("EXTRA.CAPTURED", money.captured),
        ("EXTRA.FEES", money.fees),
        ("EXTRA.NET", money.net),
        ("EXTRA.SETTLEDATE", money.settles),
        ("ErrMsg", result.text),
        ("ErrorCode", "" if result.approved else f"CORE-{result.code}"),
        ("mdStatus", proof.md_status),
        ("mdErrorMsg", proof.text),
        ("txstatus", proof.status),
        ("eci", proof.eci),
        ("cavv", proof.value),
        ("xid", proof.xid),
        ("protocol", proof.protocol),
        ("TDS2.transStatus", proof.status),
        ("TDS2.threeDSServerTransID", proof.server_id),
        ("TDS2.dsTransID", proof.xid),
        ("TDS2.acsTransID", proof.acs_id),
        ("EXTRA.LIABILITY", proof.liability),
        ("md", ""),
        ("maskedCreditCard", _spaced(result.masked)),
        ("MaskedPan", result.masked),
        ("EXTRA.CARDBRAND", brand_of(result.scheme)),
        ("EXTRA.CARDISSUER", ""),
        ("EXTRA.TRXDATE", result.at),
        ("Ecom_Payment_Card_ExpDate_Month", month),
        ("Ecom_Payment_Card_ExpDate_Year", year),
        ("merchantID", request.get("clientid")),
        ("clientIp", result.client),
        ("callbackCall", "true" if to_server else ""),
    ]
    ours = {name.lower() for name, _ in own} | {"hash"}
    return [*((name, value) for name, value in request if name.lower() not in ours), *own]


def brand_of(scheme: str) -> str:
    """A card's scheme as merchants are told it; "" where it is none of these."""
    return _BRANDS.get(scheme, "")


def _spaced(masked: str) -> str:
    return " ".join(masked[at : at + 4] for at in range(0, len(masked), 4))
