"""The older protocol of Maroc Telecommerce: forms with an MD5 checksum, and the confirmation that a shop answers with one line.

In: a form, the secret. Out: whether its checksum is right, with what count of parts; the fields of a confirmation; what a shop's
answer means. The one rule: the text of a checksum is percent-encoded (RFC 3986, nothing kept) before MD5; the first part is the
address that is being called: ours in a request, the shop's own updateURL or bookURL in what we send.
"""

import hashlib
import hmac
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from switch.gateway.protocol.answers import Decision, Result, bare, brand_of
from switch.gateway.protocol.fields import Fields, Pairs
from switch.gateway.protocol.hashes import MTC
from switch.gateway.protocol.requests import (
    FIELDS_MAX,
    REFRESH_S,
    SESSION_S,
    PaymentRequest,
    RequestError,
    check_no_card,
    read_amount,
    read_oid,
    read_url,
)

_ACCEPTED: Final = re.compile(r"1;([^;]*);\d{8};\d")
"""`1;cartId;yyyymmdd;2`; some end in 1"""
HOME: Final = "504"
"""ISO 4217 of all sums: they are dirhams; totalAmountCur and symbolCur are another currency's equivalent, to be shown"""


VERSION: Final = MTC
"""what orders keep as the version of their form; and the name by which a merchant is allowed this protocol"""


def checksum(*parts: str) -> str:
    """Lower-case hexadecimal MD5 of the percent-encoded parts, joined with nothing."""
    return hashlib.md5(quote("".join(parts), safe="").encode()).hexdigest()  # noqa: S324 - the protocol's


def check_request(fields: Fields, action_url: str, secret: str) -> bool:
    """Is the checksum right, by the short form (no Count), that of version 1.9 (with it), or one without the e-mail address?

    `action_url`: the address that the merchant posts to, as its settings have it. One client leaves the address out by mistake.
    """
    store, cart, amount, email = request_key(fields)
    count = fields.get("Count")
    texts = [
        (action_url, store, cart, *middle, amount, address, secret)
        for middle in ((), (count,))
        for address in (email, "")
    ]
    given = fields.get("checksum").encode()
    return any(hmac.compare_digest(given, checksum(*text).encode()) for text in texts)


def request_key(fields: Fields) -> tuple[str, str, str, str]:
    """Store, cart, amount, e-mail of a form. `TotalmountTx` is the name that version 1.9 has on the wire."""
    amount = fields.get("totalAmountTx", "TotalmountTx")
    return fields.get("storeId"), fields.get("cartId"), amount, fields.get("email")


def confirmation(url: str, request: Fields, secret: str, result: Pairs) -> Pairs:
    """What is posted to `bookURL` (or given to `updateURL`): the cart, `result`, and the checksum over `url`."""
    store, cart, amount, email = request_key(request)
    proof = checksum(url, store, cart, amount, email, secret)
    return [("cartId", cart), ("email", email), ("totalAmountTx", amount), *result, ("checksum", proof)]


def read_request(fields: Fields) -> PaymentRequest:
    """Check and read a form. Raises RequestError.

    Without `bookURL` (version 1.9 has none) nobody is asked: the payment is captured when it is approved.
    """
    if len(fields.pairs) > FIELDS_MAX:
        raise RequestError(f"the form has {len(fields.pairs)} fields; expected at most {FIELDS_MAX}")
    check_no_card(fields)
    amount_name = fields.name("totalAmountTx", "TotalmountTx") or "totalAmountTx"
    book = read_url(fields, "bookURL")
    return PaymentRequest(
        clientid=fields.get("storeId"),
        oid=read_oid(fields, "cartId"),
        amount=read_amount(fields, amount_name, HOME),
        currency=HOME,
        sale=not book,
        ok_url=read_url(fields, "updateURL", needed=True),
        fail_url=read_url(fields, "offerURL", needed=True),
        callback_url=book,
        language="en" if fields.get("langue").upper() == "EN" else "fr",
        session_s=SESSION_S,
        refresh_s=REFRESH_S,
    )


def booked(result: Result) -> Pairs:
    """What a confirmation says of the payment. The card's bank and expiry are not kept, and empty."""
    return [
        ("orderNumber", result.number.lstrip("0")),
        ("pmtSeqId", result.rrn),
        ("approvalCode", result.approval),
        ("3DSecureResult", ""),
        ("bankName", ""),
        ("expirationDate", ""),
        ("ccn", result.masked[-4:]),
        ("paymentBrandName", brand_of(result.scheme)),
    ]


def returning(url: str, request: Fields, secret: str, *, paid: bool) -> tuple[str, Pairs]:
    """Where the customer goes back to by GET, and with what: `url`'s own query, and of a payment the cart and its checksum."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if paid:
        wanted = ("cartId", "totalAmountTx", "checksum")
        pairs += [pair for pair in confirmation(url, request, secret, []) if pair[0] in wanted]
    return url.partition("#")[0].partition("?")[0], pairs


def decide(body: str, cart: str) -> Decision:
    """What a shop's answer to a confirmation decides: `1;cartId;date;2` keeps the payment; a refusal, an answer about another
    cart and any other text do not."""
    accepted = _ACCEPTED.fullmatch(bare(body))
    return Decision.CAPTURE if accepted and accepted[1] == cart else Decision.REVERSE
