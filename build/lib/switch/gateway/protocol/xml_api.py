"""The API of merchants' servers: a CC5Request in, a CC5Response out. Pure.

In: the body of a post, as XML or as the form field DATA. Out: an `ApiRequest`, or an ApiError; the response as bytes. The one
rule: a document type declaration is refused unread, so that there is no entity to expand.
"""

from typing import Final
from urllib.parse import parse_qsl
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import msgspec

from switch.gateway.protocol.fields import Pairs

BODY_MAX: Final = 32_768
_FIELDS_MAX: Final = 10


class ApiError(ValueError):
    """A body that is no request; says what was expected."""


class ApiRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant's server asks."""

    name: str
    password: str
    clientid: str
    oid: str
    kind: str
    """`PostAuth`, `Void`, `Credit`, `ORDERSTATUS`, `ORDERHISTORY`"""
    total: str
    """"": all of it"""
    currency: str = ""
    """that `total` is in; "": the order's"""

    def __repr__(self) -> str:
        return f"ApiRequest({self.kind})"


def read_api_request(body: bytes, content_type: str) -> ApiRequest:
    """Raises ApiError."""
    text = body.decode("utf-8", "replace")
    if content_type.startswith("application/x-www-form-urlencoded") or text.startswith("DATA="):
        text = _data_of(text)
    if "<!" in text or len(text) > BODY_MAX:
        raise ApiError(f"expected a CC5Request of at most {BODY_MAX} characters without document type or comments")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - declarations are refused above
    except ElementTree.ParseError as error:
        raise ApiError(f"expected a CC5Request in XML, as body or as form field DATA: {error}") from None
    if root.tag != "CC5Request":
        raise ApiError(f"expected CC5Request, found {root.tag[:40]}")

    def text_of(name: str) -> str:
        return (root.findtext(name) or "").strip()

    kind = text_of("Type")
    for query in ("ORDERSTATUS", "ORDERHISTORY"):
        if root.find(f"Extra/{query}") is not None:
            kind = query
    return ApiRequest(
        name=text_of("Name"),
        password=text_of("Password"),
        clientid=text_of("ClientId"),
        oid=text_of("OrderId"),
        kind=kind,
        total=text_of("Total"),
        currency=text_of("Currency"),
    )


def _data_of(form: str) -> str:
    try:
        return dict(parse_qsl(form, keep_blank_values=True, max_num_fields=_FIELDS_MAX)).get("DATA", "")
    except ValueError:
        raise ApiError(f"expected a form of at most {_FIELDS_MAX} fields, one of them DATA") from None


def make_api_response(values: Pairs, extra: Pairs) -> bytes:
    """A CC5Response; elements without a value are there, empty."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values)
    more = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in extra)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<CC5Response>{inner}<Extra>{more}</Extra></CC5Response>\n'.encode()
