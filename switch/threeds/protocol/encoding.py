"""How messages travel: JSON between servers, base64url in the browser's forms. Pure.

In: bytes or text of somebody else's. Out: a message as a dict, or a ProtocolError. The one rule: what is sent has no padding,
what comes may have it.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from switch.threeds.protocol.errors import ErroCode, ProtocolError
from switch.wire.vocabulary import mask_pan

Message = dict[str, Any]


_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")


def _refuse(constant: str) -> None:
    """NaN and Infinity are no JSON."""
    raise ValueError(constant)


def decode(body: bytes) -> Message:
    """A JSON object, in which no name is there twice. Raises ProtocolError: 101, 204."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> Message:
        made = dict(pairs)
        if len(made) != len(pairs):
            names = [name for name, _ in pairs]
            repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return made

    try:
        text = body.decode("utf-8-sig")
        found = json.loads(text, object_pairs_hook=collect, parse_constant=_refuse)
        if _HALF.search(text):
            encode(found)  # half a character, escaped, is JSON to this reader, and can be written by nobody
    except (ValueError, RecursionError):
        raise ProtocolError(ErroCode.MESSAGE_INVALID, "the body is no JSON in UTF-8") from None
    if not isinstance(found, dict):
        raise ProtocolError(ErroCode.MESSAGE_INVALID, "the body is no JSON object")
    if repeated:
        raise ProtocolError(ErroCode.DUPLICATE_ELEMENT, ",".join(dict.fromkeys(repeated)), found)
    return found


def encode(message: Mapping[str, Any]) -> bytes:
    """As JSON."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def to_base64url(data: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """With padding or without, and of the alphabet of base64 too, which some write. Raises ProtocolError: 203."""
    body = text.strip().rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return urlsafe_b64decode(body.encode("ascii") + b"=" * (-len(body) % 4))
    except (binascii.Error, ValueError):
        raise ProtocolError(ErroCode.MESSAGE_INVALID, "the form's field is no base64url") from None


def to_form(message: Mapping[str, Any]) -> str:
    """A message as the browser carries it: `creq`, `cres`, `threeDSMethodData`."""
    return to_base64url(encode(message))


def from_form(text: str) -> Message:
    """What the browser carried, decoded and no more. Raises ProtocolError."""
    return decode(from_base64url(text))


def shown(message: Mapping[str, Any]) -> str:
    """A message for people: a card's number masked, what proves something left out."""
    safe = dict(message)
    pan = safe.get("acctNumber")
    if isinstance(pan, str):
        safe["acctNumber"] = mask_pan(pan)
    for name in ("authenticationValue", "cardExpiryDate"):
        if name in safe:
            safe[name] = "…"
    return json.dumps(safe, ensure_ascii=False, indent=2)
