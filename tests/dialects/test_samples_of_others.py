"""Messages of the shipped dialects' kinds that others have published decode to what they say, and come back byte for byte.

No message of ISO 8583:2003 was found in public (jPOS has packagers, and no message beside them): `iso2003` has no sample.
Of BASE24, some do not read: one has letters in DE3, a national form (Croatia's instalments), and two have values of other
lengths than jPOS's BASE24Packager reads.
"""

import json
from pathlib import Path
from typing import Any

import iso8583
import pytest

from switch.wire import Dialect
from switch.wire.codec import COMPILE_AFTER

SAMPLES = json.loads((Path(__file__).parent / "samples_of_others.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "sample"),
    [pytest.param(name, sample, id=f"{name}-{sample['name']}") for name, rows in SAMPLES.items() for sample in rows],
)
def test_a_published_message_reads_as_its_source_says_and_comes_back(name: str, sample: dict[str, Any]) -> None:
    dialect = Dialect.load(name)
    wire = bytes.fromhex(sample["hex"]) if "hex" in sample else sample["text"].encode("ascii")
    for _ in range(COMPILE_AFTER + 2):
        document = dialect.decode(wire)
        assert sample["says"].items() <= document.items(), sample["source"]
        assert dialect.encode(document) == wire
    if name != "unionpay":  # odd numbers are followed by a 0 there, which pyiso8583 does not know
        assert document == iso8583.decode(wire, dialect.spec)[0]
