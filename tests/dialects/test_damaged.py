"""Damaged files of every kind are refused with mistakes, never with a traceback; whatever is written loads."""

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

import pytest

from switch.dialects import jpos, moov
from switch.dialects.drift import messages
from switch.dialects.files import dump
from switch.dialects.foreign import Brought, Wanted
from switch.dialects.lint import lint
from switch.wire import Dialect, DialectError
from switch.wire.dialect import DIRECTORY
from tests.dialects.jpos_files import xml
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


@pytest.mark.parametrize(("read", "good"), [(jpos.read, XML), (moov.read, JSON)], ids=["jpos", "moov"])
@pytest.mark.parametrize("skip", [False, True])
def test_damaged_foreign_files(read: Callable[[str, bytes, Wanted], Brought], good: bytes, skip: bool) -> None:
    assert read("x", good, Wanted("x")).text
    assert len(good) < 4_096
    for data in islice(inputs([good], 3), 1_500):
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
