"""The API of merchants' servers: a CC5Request in, a CC5Response out. Pure.

In: the body of a post, as XML or as the form field DATA, in whatever encoding it says. Out: an `ApiRequest`, or an ApiError; the
response as bytes. The one rule: a document type declaration is refused where it begins, so that there is no entity to expand.
"""

from typing import Final
from xml.etree import ElementTree
from xml.parsers import expat
from xml.sax.saxutils import escape

import msgspec

from switch.gateway.protocol.bodies import MULTIPART, read_field
from switch.gateway.protocol.fields import FieldsError, Pairs

BODY_MAX: Final = 32_768
_FIELDS_MAX: Final = 10
_DEPTH_MAX: Final = 8
_KINDS: Final = {kind.lower(): kind for kind in ("PostAuth", "Void", "Credit")}
_QUERIES: Final = ("ORDERSTATUS", "ORDERHISTORY")


class ApiError(ValueError):
    """A body that is no request; says what was expected."""


class ApiRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant's server asks."""

    name: str
    password: str
    clientid: str
    oid: str
    kind: str
    """`PostAuth`, `Void`, `Credit`, `ORDERSTATUS`, `ORDERHISTORY`; or whatever else was asked for"""
    total: str
    """"": all of it"""
    currency: str = ""
    """that `total` is in; "": the order's"""

    def __repr__(self) -> str:
        return f"ApiRequest({self.kind})"


def read_api_request(body: bytes, content_type: str) -> ApiRequest:
    """Names of elements count in any case, as those of a form's fields do. Raises ApiError."""
    root = _parse(_document_of(body, content_type))
    if root.tag != "CC5Request":
        raise ApiError(f"expected CC5Request, found {root.tag[:40]}")
    told = {child.tag.lower(): (child.text or "").strip() for child in root}
    extra = next((child for child in root if child.tag.lower() == "extra"), None)
    asked = {child.tag.upper() for child in extra} if extra is not None else set()
    kind = told.get("type", "")
    return ApiRequest(
        name=told.get("name", ""),
        password=told.get("password", ""),
        clientid=told.get("clientid", ""),
        oid=told.get("orderid", ""),
        kind=next((query for query in _QUERIES if query in asked), _KINDS.get(kind.lower(), kind)),
        total=told.get("total", ""),
        currency=told.get("currency", ""),
    )


def _document_of(body: bytes, content_type: str) -> bytes:
    """The XML: the body itself, or its field DATA, encoded as forms are, or just written behind `DATA=`, as old samples do.

    What the request says of its content counts little: an unset one is a form's with many clients, whatever they post.
    """
    text = body.strip()
    if text.startswith((b"<", b"\xef\xbb\xbf<")) or text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return text
    if text[:5].upper() == b"DATA=" and text[5:].lstrip().startswith(b"<"):
        return text[5:].strip()
    kind = content_type if content_type.lower().startswith(MULTIPART) else ""
    try:
        return (read_field(body, kind, b"DATA", _FIELDS_MAX) or b"").strip()
    except FieldsError as error:
        raise ApiError(f"{error}; one of them DATA") from None


def _parse(document: bytes) -> ElementTree.Element:
    if len(document) > BODY_MAX:
        raise ApiError(f"expected a CC5Request of at most {BODY_MAX} bytes")
    builder, depth = ElementTree.TreeBuilder(), 0

    def refuse(*_: object) -> None:
        raise ApiError("expected a CC5Request without a document type declaration")

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEPTH_MAX:
            raise ApiError(f"expected a CC5Request of at most {_DEPTH_MAX} elements within each other")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, builder.data
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # of an encoding that nobody knows, too
        if isinstance(error, ApiError):
            raise
        raise ApiError(f"expected a CC5Request in XML, as body or as form field DATA: {error}") from None
    return builder.close()


def make_api_response(values: Pairs, extra: Pairs) -> bytes:
    """A CC5Response; elements without a value are there, empty."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values)
    more = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in extra)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<CC5Response>{inner}<Extra>{more}</Extra></CC5Response>\n'.encode()
