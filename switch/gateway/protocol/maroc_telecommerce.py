"""The older protocol of Maroc Telecommerce: forms with an MD5 checksum, and the confirmation that a shop answers with one line.

In: a form, the secret. Out: whether its checksum is right, with what count of parts; the fields of a confirmation; what a shop's
answer means. The one rule: the text of a checksum is percent-encoded (RFC 3986, nothing kept) before MD5; the first part is the
address that is being called: ours in a request, the shop's own updateURL or bookURL in what we send.
"""

import hashlib
import hmac
import re
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from switch.gateway.protocol.fields import Fields, Pairs

_ACCEPTED: Final = re.compile(r"1;([^;]*);\d{8};\d")
"""`1;cartId;yyyymmdd;2`; some end in 1"""
_REFUSED: Final = re.compile(r"0;.*")


class Answer(StrEnum):
    """What a shop says to a confirmation."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


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


def read_answer(body: str, cart: str) -> Answer:
    """What a shop's answer to a confirmation means; one about another cart is not known."""
    text = body.strip()
    accepted = _ACCEPTED.fullmatch(text)
    if accepted:
        return Answer.ACCEPTED if accepted[1] == cart else Answer.UNKNOWN
    return Answer.REFUSED if _REFUSED.fullmatch(text) else Answer.UNKNOWN
