"""Damaged files of every kind are refused with mistakes, never with a traceback; whatever is written loads."""

import json
from contextlib import suppress
from itertools import islice

import pytest

from switch.dialects import kinds
from switch.dialects.drift import messages
from switch.dialects.files import dump
from switch.dialects.foreign import Wanted
from switch.dialects.lint import lint
from switch.wire import Dialect, DialectError
from switch.wire.dialect import DIRECTORY
from tests.dialects.jpos_files import xml
from tests.dialects.of_others import J8583, JAVA, PYISO
from tests.dialects.test_jpos import composite, sub
from tests.dialects.test_moov import ISO87
from tests.dialects.test_moov import composite as moov_composite
from tests.dialects.test_moov import sub as moov_sub
from tests.fuzz.mutate import inputs

FEW = {
    "IFB_NUMERIC pad": "0:4 3:6 11:6 19:3",
    "IFB_BITMAP": "1:16",
    "IFB_LLNUM": "2:19",
    "IFB_LLLCHAR": "60:999",
    "IFB_BINARY": "64:8",
}
XML = xml(FEW, composite(sub(1, "IF_CHAR", 2) + sub(2, "IFA_LLCHAR", 9)))
SPEC = {k: ISO87[k] for k in ("0", "1", "2", "11", "52")} | moov_composite(
    {"1": moov_sub(9, "ASCII.LL")}, tag={"length": 2}
)
JSON = json.dumps({"name": "m", "fields": SPEC}).encode()
RAW = json.loads((DIRECTORY / "visa.json").read_text(encoding="utf-8"))
OURS = dump({"name": "x", "framing": "base1"}, {k: RAW[k] for k in ("h", "t", "p", "1", "2", "28", "63")}).encode()


GOOD = {
    "jpos": XML,
    "moov": JSON,
    "jpos-class": JAVA["jPOS PostPackager"].encode(),
    "j8583": J8583["j8583's test of composites and bytes"].encode(),
    "pyiso8583": PYISO["a copy of the default, changed"].encode(),
}


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("skip", [False, True])
def test_damaged_foreign_files(kind: str, skip: bool) -> None:
    read, good = kinds.READERS[kind], GOOD[kind]
    assert read("x", good, Wanted("x")).text
    assert len(good) < 4_096
    for data in islice(inputs([good], 3), 1_500 if kind in ("jpos", "moov") else 300):
        kinds.kind_of(data)
        found = read("x", data, Wanted("x", skip=skip))
        assert found.text or found.mistakes, data
        for mistake in (*found.mistakes, *found.notes):
            mistake.render()
        if found.text:
            Dialect.from_spec(json.loads(found.text), "x")


def test_damaged_dialect_files_have_mistakes_where_loading_refuses_them() -> None:
    for data in islice(
        inputs([OURS[:4_000], b'{"h": 1, "t": [], "p": {"subfields": {"form": "tlv"}}, "1": null}'], 5), 1_500
    ):
        found = [m.render() for m in lint("x.json", data)]
        try:
            Dialect.from_spec(json.loads(data), "x.json")
        except (ValueError, DialectError):
            assert found, data


def test_damaged_message_files() -> None:
    good = b'{"hex": "30383030"}\n30 38\n{"t": "0800", "11": "1"}\n'
    for data in islice(inputs([good, b"\x00\x040800"], 7), 1_500):
        for framing in (None, "length2"):
            with suppress(ValueError):
                list(messages(data, framing))
