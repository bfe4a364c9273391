"""What peers send: messages of every dialect, in every framing and behind every header, with their dialects' habits changed."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from switch.doctor.survey import Doctor
from switch.wire import Dialect, Document
from switch.wire.careful import Table, encode
from switch.wire.dialect import names
from switch.wire.framing import FRAMINGS, make_framing
from tests.wire.samples import HEADERS, purchase

NAMES = ("cmi87", "cmi87b", "visa", "mastercard", "iso93")
DIALECTS = {name: Dialect.load(name) for name in NAMES}
DOCTOR = Doctor(list(DIALECTS.values()))
SHIPPED = {name: Dialect.load(name) for name in names() if not name.startswith("ipm")}
ALL_KNOWN = Doctor(list(SHIPPED.values()))
"""one that knows every shipped dialect that links speak"""

LEADS = {
    "none": b"",
    "TPDU": bytes.fromhex("6001230000"),
    "ISO literal": b"ISO026000050",
    "BASE I": bytes.fromhex("16010200001234566543210000000000000000000000"),
    "unknown": bytes.fromhex("A5C07E9912F3D4"),
}


def sign_on(dialect: Dialect, **changes: str) -> Document:
    document = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}
    if dialect.family == "iso93":
        document |= {"t": f"{dialect.version}804", "12": "261125120000", "24": "801"}
        del document["70"]
    document = {de: value for de, value in document.items() if de in dialect.elements}
    return headed(dialect, document | changes)


def headed(dialect: Dialect, document: Document) -> Document:
    return {"h": HEADERS[dialect.name], **document} if dialect.name in HEADERS else document


def documents(dialect: Dialect) -> list[Document]:
    """A sign-on, a purchase and its answer, an authorization with no secondary bitmap, a reversal, an echo's answer."""
    bought = purchase(dialect)
    first, dated = dialect.version, dialect.family == "iso93"
    answer = {k: v for k, v in bought.items() if k in ("h", "2", "3", "4", "7", "11", "12", "32", "37", "41", "49")}
    answer |= {"t": f"{first}210", "38": "A12345", "39": "000" if dated else "00"}
    short = {k: v for k, v in bought.items() if k not in ("55", "102", "35", "43")} | {"t": f"{first}100"}
    undo = {k: v for k, v in bought.items() if k not in ("55", "35", "102")} | {"t": f"{first}420"}
    if dated or "90" in dialect.elements:
        undo["56" if dated else "90"] = (
            f"{first}200000123261125120000" + "06504102" if dated else "0200000123061510153000000504101" + "0" * 11
        )
    echoed = sign_on(dialect, t=f"{first}814" if dated else "0810") | {"39": "000" if dated else "00"}
    return [sign_on(dialect), bought, answer, short, undo, echoed]


def body(dialect: Dialect, document: Document, elements: dict[str, Any] | None = None) -> bytes:
    """The message without its header."""
    table = Table(dialect.name, {k: e for k, e in (elements or dialect.elements).items() if k != "h"})
    return encode(table, {k: v for k, v in document.items() if k != "h"})


def framed(framing: str, messages: Sequence[bytes]) -> bytes:
    return b"".join(make_framing(framing).frame(message) for message in messages)


def bent(dialect: Dialect, document: Document, key: str, **changes: Any) -> bytes:
    """A message with one element in another form than the dialect says."""
    elements = {**dialect.elements, key: msgspec.structs.replace(dialect.elements[key], **changes)}
    header = bytes.fromhex(document["h"]) if "h" in document else b""
    return header + body(dialect, document, elements)


def fits(framing: str, message: bytes, lead: str) -> bool:
    """Whether a framing can carry such a message."""
    if framing == "stxetx":
        return b"\x03" not in message
    return {"tpdu": "TPDU", "base1": "BASE I"}.get(framing, lead) == lead


def named_framings() -> Iterator[tuple[str, str, Any]]:
    """Framings written here once more: what the doctor calls them, the name in a network file, and how they frame."""
    yield "a 2-byte length with its low byte first", "length2-little", lambda m: len(m).to_bytes(2, "little") + m
    yield "a 4-byte length with its low byte first", "length4-little", lambda m: len(m).to_bytes(4, "little") + m
    words = "a length of 4 ASCII digits that counts its own four bytes"
    yield words, "ascii4-inclusive", lambda m: b"%04d" % (len(m) + 4) + m
    yield "a length of 4 hexadecimal ASCII digits", "hex4", lambda m: b"%04X" % len(m) + m
    yield "a length of 4 EBCDIC digits", "ebcdic4", lambda m: f"{len(m):04d}".encode("cp037") + m
    yield "a length of 3 ASCII digits", "ascii3", lambda m: b"%03d" % len(m) + m
    yield "a length of 5 ASCII digits", "ascii5", lambda m: b"%05d" % len(m) + m
    yield "a length of 6 ASCII digits", "ascii6", lambda m: b"%06d" % len(m) + m
    yield "a 3-byte binary length", "length3", lambda m: len(m).to_bytes(3, "big") + m
    words = "a 2-byte length that counts an ETX behind each message"
    yield words, "length2-etx", lambda m: (len(m) + 1).to_bytes(2, "big") + m + b"\3"


def foreign_framings() -> Iterator[tuple[str, Any]]:
    """Framings that are none of ours: what the doctor calls them begins so, and how they frame."""
    yield "STX before and ETX behind each message, without an LRC", lambda m: b"\2" + m + b"\3"
    yield "a line end behind each message and no length", lambda m: m + b"\r\n"


ALL_FRAMINGS = tuple(FRAMINGS)
