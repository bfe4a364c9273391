"""The body of a posted form → its fields, whichever way browsers and shops' servers write one. Pure.

In: bytes, the request's Content-Type. Out: `Fields`, in the charset that they came in, or a FieldsError that says what was
expected. The one rule: what can be read as UTF-8 is UTF-8; other bytes are of the charset that the form names in its field
`encoding`, if it is one of those that are known here.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from switch.gateway.protocol.fields import UTF_8, Fields, FieldsError

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_CHARSETS: Final = {
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "iso-8859-9": "cp1254",
    "windows-1254": "cp1254",
    "iso-8859-15": "iso8859-15",
    "windows-1256": "cp1256",
}
"""by their names in forms; a browser, too, takes the first of each pair for the second (WHATWG, Encoding)"""
_BOUNDARY: Final = re.compile(r';\s*boundary="?([^";,\s]{1,100})', re.IGNORECASE)
_NAME: Final = re.compile(rb'\bname="([^"\r\n]*)"', re.IGNORECASE)
RawPairs = list[tuple[bytes, bytes]]


def read_fields(body: bytes, content_type: str, most: int) -> Fields:
    """The fields, those without a value too; at most `most`. Raises FieldsError."""
    pairs = _raw_pairs(body, content_type)
    if len(pairs) > most:
        raise FieldsError(f"the form has {len(pairs)} fields; expected at most {most}")
    charset = _charset_of(pairs)
    return Fields([(_text(name, charset), _text(value, charset)) for name, value in pairs], charset)


def read_field(body: bytes, content_type: str, name: bytes, most: int) -> bytes | None:
    """The bytes of one field's first value; None: there is none. Raises FieldsError."""
    pairs = _raw_pairs(body, content_type)
    if len(pairs) > most:
        raise FieldsError(f"the form has {len(pairs)} fields; expected at most {most}")
    return next((value for found, value in pairs if found.lower() == name.lower()), None)


def _raw_pairs(body: bytes, content_type: str) -> RawPairs:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == MULTIPART:
        return _parts(body, content_type)
    if kind not in ("", URLENCODED, "text/plain"):
        raise FieldsError(f"Content-Type {kind[:60]!r}: expected a form ({URLENCODED})")
    return [_pair(part) for part in body.split(b"&") if part]


def _pair(part: bytes) -> tuple[bytes, bytes]:
    name, _, value = part.replace(b"+", b" ").partition(b"=")
    return unquote_to_bytes(name), unquote_to_bytes(value)


def _parts(body: bytes, content_type: str) -> RawPairs:
    """RFC 7578, of texts: a file's content is taken for one."""
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise FieldsError(f"Content-Type {MULTIPART}: has no boundary")
    pairs: RawPairs = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        head, blank, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if blank and name is not None:
            pairs.append((name[1].replace(b"%22", b'"'), value))
    return pairs


def _charset_of(pairs: Iterable[tuple[bytes, bytes]]) -> str:
    named = ""
    for name, value in pairs:
        if name.lower() == b"encoding":
            named = value.decode("ascii", "replace").strip().lower()
    try:
        for pair in pairs:
            b"".join(pair).decode(UTF_8)
    except UnicodeDecodeError:
        return _CHARSETS.get(named, UTF_8)
    return UTF_8


def _text(data: bytes, charset: str) -> str:
    return data.decode(charset, "replace")
