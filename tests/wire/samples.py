"""A purchase as an acquirer's host sends it: 20 data elements, both bitmaps, 120 bytes of ICC data. One document a dialect."""

import json
from collections.abc import Mapping

from switch.wire import Dialect, Document
from switch.wire.dialect import DIRECTORY

ICC = (
    "9F2608A1B2C3D4E5F607189F2701809F101307010103A0A800010A010000000000A1B2C3D49F37049BADBCAB9F36020012"
    "950500800080009A032606159C01005F2A020504820239009F1A0205049F03060000000000009F3303E0F8C89F34031E0300"
    "9F3501229F1E0831323334353637388407A00000000310109F4104000001"
)

PURCHASE: Document = {
    "t": "0200", "2": "5047391234567890", "3": "000000", "4": "000000012350", "7": "0615101530", "11": "000123",
    "12": "111530", "13": "0615", "14": "2812", "18": "5411", "22": "051", "25": "00", "32": "504101",
    "35": "5047391234567890=28122010000012300000", "37": "616611000123", "41": "POS00017", "42": "504101000000017",
    "43": "MARJANE HAY RIAD          RABAT       MA", "49": "504", "55": ICC.ljust(240, "0"), "102": "00078100012345678901",
}  # fmt: skip
"""In `cmi87`."""

HEADERS = {
    "cmi87b": "6000030000",
    "visa": "16010200F1123456654321000000000000000000000A",
    "base24": "ISO026000050",
    "unionpay": "6000030000603100310000",
}


def purchase(dialect: Dialect) -> Document:
    """`PURCHASE` as this dialect says it."""
    document = dict(PURCHASE)
    if dialect.name in HEADERS:
        document = {"h": HEADERS[dialect.name], **document}
    if dialect.name in ("cmi87b", "visa", "unionpay"):
        document["35"] = document["35"].replace("=", "D")
    if dialect.name == "visa":
        document["22"] = "0510"
    if dialect.name == "base24":
        document["41"] = document["41"].ljust(16)
    if dialect.family == "iso93":
        document |= {
            "t": f"{dialect.version}200",
            "12": "260615111530",
            "13": "2406",
            "22": "510101511344",
            "25": "1000",
        }
    return {de: value for de, value in document.items() if de in dialect.elements}


def changed(name: str, head: Mapping[str, object] | None = None, **elements: Mapping[str, object]) -> Dialect:
    """A shipped dialect with entries of its head, and of elements (`de28`), changed."""
    raw = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    raw["dialect"] |= head or {}
    for key, entry in elements.items():
        raw[key.removeprefix("de")] |= entry
    return Dialect.from_spec(raw)
