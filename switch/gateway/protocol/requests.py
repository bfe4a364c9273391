"""What a merchant's form asks for, read and checked.

In: the fields of a form posted to the payment page. Out: a `PaymentRequest`, or a RequestError that names the field. The one
rule: values are read, never changed: what is echoed and hashed is the form as it came.
"""

import re
from typing import Final
from urllib.parse import quote, urlsplit

import msgspec

from switch.gateway.protocol.fields import Fields
from switch.money.currency import CurrencyError, currency, parse_amount

LANGUAGES: Final = ("fr", "ar", "en")
SESSION_MIN_S, SESSION_MAX_S, SESSION_S = 30, 2_700, 900
REFRESH_S: Final = 5
OID_MAX: Final = 64
FIELDS_MAX: Final = 150
CARD_FIELDS: Final = ("pan", "cv2", "cvv", "cvv2", "Ecom_Payment_Card_ExpDate_Month", "Ecom_Payment_Card_ExpDate_Year")
_HOSTED: Final = frozenset({"3dpayhosting", "payhosting"})
_OF_URLS: Final = "%/?#[]@!$&'()*+,;=:~"
"""what stands in addresses as it is"""
_OID: Final = re.compile(r"[!-~]+")


class RequestError(ValueError):
    """A form that asks for nothing that can be done; says which field, what was expected, and what to do."""


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One payment, as asked."""

    clientid: str
    oid: str
    amount: int
    """minor units of `currency`"""
    currency: str
    """ISO 4217 numeric"""
    sale: bool
    """TranType Auth: captured when approved. PreAuth: the callback, or the merchant later, decides"""
    ok_url: str
    fail_url: str
    callback_url: str
    """"": none, the merchant captures later"""
    language: str
    session_s: int
    refresh_s: int
    """before the result page returns by itself; 0: it waits for a click"""


def read_request(fields: Fields) -> PaymentRequest:
    """Check and read a form. Raises RequestError."""
    _check_shape(fields)
    code = fields.get("currency")
    kind = fields.get("TranType", "islemtipi", "processType")
    if kind.lower() not in ("preauth", "auth"):
        raise RequestError(f"field TranType: expected PreAuth or Auth, found {kind[:20]!r}")
    return PaymentRequest(
        clientid=fields.get("clientid"),
        oid=read_oid(fields, "oid"),
        amount=read_amount(fields, "amount", code),
        currency=currency(code).numeric,
        sale=kind.lower() == "auth",
        ok_url=read_url(fields, "okUrl", needed=True),
        fail_url=read_url(fields, "failUrl", needed=True),
        callback_url=read_url(fields, "callbackUrl"),
        language=read_language(fields),
        session_s=_read_session(fields),
        refresh_s=int(fields.get("refreshtime"))
        if re.fullmatch(r"[0-9]{1,3}", fields.get("refreshtime"))
        else REFRESH_S,
    )


def read_language(fields: Fields) -> str:
    """The page's language: `fr`, `FR` and `fr_MA` are one; French, where it is none of ours."""
    asked = re.split(r"[-_]", fields.get("lang").lower())[0]
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _check_shape(fields: Fields) -> None:
    if len(fields.pairs) > FIELDS_MAX:
        raise RequestError(f"the form has {len(fields.pairs)} fields; expected at most {FIELDS_MAX}")
    for name in ("clientid", "storetype", "amount", "currency", "oid", "okUrl", "failUrl", "rnd"):
        if not fields.get(name):
            raise RequestError(f"field {name}: is missing or empty")
    check_no_card(fields)
    store = fields.get("storetype")
    if store.lower().replace("_", "") not in _HOSTED:
        raise RequestError(f"field storetype: expected 3D_PAY_HOSTING, found {store[:20]!r}; no other model is served")


def check_no_card(fields: Fields) -> None:
    """RequestError: there is a field of a card's data."""
    for name in CARD_FIELDS:
        if name in fields:
            raise RequestError(
                f"field {name}: cards are entered on the payment page; use storetype 3D_PAY_HOSTING without it"
            )


def read_oid(fields: Fields, name: str) -> str:
    """An order's id. Raises RequestError."""
    oid = fields.get(name)
    if not _OID.fullmatch(oid) or len(oid) > OID_MAX:
        raise RequestError(f"field {name}: expected 1 to {OID_MAX} visible ASCII characters without blanks")
    return oid


def read_amount(fields: Fields, name: str, code: str) -> int:
    """An amount, in minor units of `code`: with a point or a comma, one client writes the latter. Raises RequestError."""
    text = fields.get(name)
    try:
        currency(code)
    except CurrencyError as error:
        raise RequestError(f"field currency: {error}") from None
    try:
        amount = parse_amount(text.replace(",", "."), code) if text[:1].isdigit() else 0
    except CurrencyError as error:
        raise RequestError(f"field {name}: {error}") from None
    if amount <= 0:
        raise RequestError(f"field {name}: expected digits and a decimal point, above 0, such as 123.45")
    return amount


def read_url(fields: Fields, name: str, *, needed: bool = False) -> str:
    """An address; "" where it may be missing. Raises RequestError."""
    url = _encoded(fields.get(name))
    if not url and not needed:
        return ""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname is not None and parts.username is None
        valid = (
            valid and parts.port != 0 and url.isascii() and url.isprintable() and len(url) <= 2_000 and " " not in url
        )
    except ValueError:
        valid = False
    if not valid:
        raise RequestError(
            f"field {name}: expected an address such as https://shop.example/paid, without a user's name"
        )
    return url


def _encoded(url: str) -> str:
    """The address as a browser writes what people type: blanks and accents of its path and query as percent signs."""
    head, slashes, rest = url.partition("://")
    host, slash, way = rest.partition("/")
    return f"{head}{slashes}{host}{slash}{quote(way, safe=_OF_URLS)}" if url.isprintable() else url


def _read_session(fields: Fields) -> int:
    text = fields.get("sessiontimeout")
    seconds = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    return seconds if SESSION_MIN_S <= seconds <= SESSION_MAX_S else SESSION_S
