"""pyiso8583 as the second opinion, and documents and bytes to ask both about."""

import re
from typing import Any

import iso8583
from hypothesis import strategies as st

from switch.wire import Dialect, Document
from switch.wire.element import Element

NAMES = ("cmi87", "cmi87b", "visa", "mastercard", "iso93", "ascii87", "base24", "unionpay", "iso2003")
OF_FILES = ("ipm", "ipm-ascii")
"""those that no link speaks"""
DIALECTS = {name: Dialect.load(name) for name in (*NAMES, *OF_FILES)}


def oracle_decode(dialect: Dialect, data: bytes) -> Document | None:
    """What pyiso8583 reads, or None where it refuses, or where we are stricter by intent (docs/wire.md)."""
    try:
        document, encoded = iso8583.decode(data, dialect.spec)
    except (iso8583.DecodeError, KeyError):
        return None
    if len(document.get("1", "")) > 16 or any(int(k) > 128 for k in document if k.isdecimal()):
        return None  # a third bitmap
    if any(not re.fullmatch("[0-9A-Fa-f]{16}", document[k]) for k in ("p", "1") if k in document):
        return None  # white space in a bitmap of hex digits
    if any(not re.fullmatch("[0-9]*", _length(dialect, k, parts["len"])) for k, parts in encoded.items()):
        return None  # a sign or space in a length
    return document if plausible(dialect, document) else None


def oracle_encode(dialect: Dialect, document: Document) -> bytes | None:
    """What pyiso8583 writes, or None where it refuses, or where we are stricter by intent."""
    given = dict(document)
    if not all(isinstance(k, str) and (k in ("h", "p", "1") or k in dialect.elements) and k != "65" for k in given):
        return None
    if not all(isinstance(v, str) for k, v in given.items() if k in dialect.elements and k not in ("p", "1")):
        return None
    try:
        data, _ = iso8583.encode(given, dialect.spec)
    except iso8583.EncodeError:
        return None
    return bytes(data) if plausible(dialect, document) else None


def _length(dialect: Dialect, key: str, raw: bytes) -> str:
    enc = dialect.spec[key]["len_enc"]
    return "" if enc in ("b", "bcd") else raw.decode(enc)


def plausible(dialect: Dialect, document: Document) -> bool:
    """Do values hold what their `content` says? Written apart from the codec's own checks."""
    patterns = {
        ("n", False): "[0-9]*", ("n", True): "[0-9]*", ("z", False): "[0-9=D]*", ("z", True): "[0-9=D]*",
        ("x+n", False): "[CD][0-9]*", ("x+n", True): "(C3|C4|43|44)[0-9]*", ("b", False): "([0-9A-Fa-f]{2})*",
    }  # fmt: skip
    for key, value in document.items():
        if key in ("p", "1", "h") or key not in dialect.spec:
            continue
        spec = dialect.spec[key]
        pattern = patterns.get((spec["content"], spec["data_enc"] == "b"))
        if pattern and not re.fullmatch(pattern, value):
            return False
    return True


def _text(alphabet: str, least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=least, max_size=most)


def values(e: Element) -> st.SearchStrategy[str]:
    """Values an element may have."""
    most = min(e.digits, 60)
    least = 0 if e.length_bytes else e.digits
    most = most if e.length_bytes else e.digits
    if e.content == "n":
        if not e.text and not e.nibbles:
            return st.integers(least // 2, most // 2).flatmap(lambda n: _text("0123456789", 2 * n, 2 * n))
        return _text("0123456789", least, most)
    if e.content == "z":
        return _text("0123456789=" if e.text else "0123456789D", least, most)
    if e.content == "x+n":
        signs = ["C", "D"] if e.text else ["C3", "C4", "43", "44"]
        rest = e.digits - len(signs[0])
        return st.tuples(st.sampled_from(signs), _text("0123456789", rest, rest)).map("".join)
    if e.content == "b":
        if e.nibbles:
            return _text("0123456789ABCDEF", least, most)
        return st.binary(min_size=least // 2, max_size=most // 2).map(lambda b: b.hex().upper())
    if e.text and e.text.ascii:
        return st.text(st.characters(max_codepoint=127), min_size=least, max_size=most)
    return st.text(st.characters(max_codepoint=255), min_size=least, max_size=most)


@st.composite
def documents(draw: Any, dialect: Dialect) -> Document:
    """Any message of a dialect: header, MTI and up to 24 elements."""
    numbers = [int(k) for k in dialect.elements if k.isdecimal() and k not in ("1", "65")]
    chosen = draw(st.sets(st.sampled_from(numbers), max_size=24))
    document: Document = {}
    if "h" in dialect.elements:
        document["h"] = draw(values(dialect.elements["h"]))
    document["t"] = draw(_text("0123456789", 4, 4))
    for number in sorted(chosen):
        document[str(number)] = draw(values(dialect.elements[str(number)]))
    return document


@st.composite
def damaged(draw: Any, data: bytes) -> bytes:
    """The bytes with something wrong: changed, cut, doubled, inserted. (Or, by luck, nothing.)"""
    kind = draw(st.sampled_from(("change", "change", "change", "cut", "remove", "insert", "append")))
    at = draw(st.integers(0, max(0, len(data) - 1)))
    if kind == "cut":
        return data[:at]
    if kind == "remove":
        return data[:at] + data[at + 1 :]
    byte = bytes([draw(st.one_of(st.sampled_from(b"0123456789 +-_=DCF\x00\x40\xf0\xf9"), st.integers(0, 255)))])
    if kind == "append":
        return data + byte
    return data[:at] + byte + data[at + (kind == "change") :]
