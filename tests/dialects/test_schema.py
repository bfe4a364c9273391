"""The JSON Schema that editors check dialect files with says what the loader says."""

import copy
import json
from pathlib import Path
from typing import Any

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.wire import Dialect, DialectError
from switch.wire.annotation import FORMS
from switch.wire.dialect import DIRECTORY, READINGS, names
from switch.wire.element import CONTENTS, encoding
from switch.wire.framing import FRAMINGS
from tests.dialects.json_schema import wrong
from tests.wire.samples import purchase

SCHEMA = json.loads((DIRECTORY.parent / "dialect.schema.json").read_text(encoding="utf-8"))
FILES = [*sorted(DIRECTORY.glob("*.json")), *sorted((Path(__file__).parents[1] / "vectors").glob("*[0-9][ab].json"))]
RAW = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}
DEFS = SCHEMA["$defs"]


def refused(raw: Any) -> bool:
    try:
        Dialect.from_spec(raw, "x")
    except DialectError:
        return True
    return False


@pytest.mark.parametrize("name", RAW)
def test_every_dialect_fits_the_schema(name: str) -> None:
    assert wrong(SCHEMA, RAW[name], SCHEMA) == ""


@pytest.mark.parametrize("name", names())
def test_each_dialect_that_ships_names_the_schema_and_is_a_pyiso8583_spec_all_the_same(name: str) -> None:
    assert (DIRECTORY / RAW[name]["$schema"]).resolve() == DIRECTORY.parent / "dialect.schema.json"
    document = purchase(Dialect.load(name))
    assert iso8583.encode(dict(document), RAW[name])[0] == Dialect.load(name).encode(document)


def test_the_schema_knows_the_same_words_as_the_loader() -> None:
    assert DEFS["head"]["properties"]["framing"]["enum"] == list(FRAMINGS)
    assert DEFS["head"]["properties"]["reversals"]["enum"] == list(READINGS)
    assert DEFS["element"]["properties"]["content"]["enum"] == list(CONTENTS)
    assert DEFS["subfields"]["properties"]["form"]["enum"] == list(FORMS)
    for schema in DEFS["subfields"]["anyOf"]:
        form = schema["properties"]["form"]["const"]
        assert set(schema["properties"]) == {"form", "parts", "about", *FORMS[form]}
    assert all(encoding(name) for name in DEFS["encoding"]["enum"])


PLANTED: list[tuple[tuple[str | int, ...], Any]] = [
    (("4", "max_len"), "12"), (("4", "max_len"), -1), (("4", "max_len"), 0), (("4", "max_len"), True),
    (("4", "max_len"), 1_000_000),
    (("2", "len_type"), 7), (("4", "data_enc"), "utf-8"), (("2", "len_enc"), "bdc"), (("4", "content"), "N"),
    (("4", "sensitive"), 1), (("4", "desc"), None), (("4", "len_count"), "nibbles"), (("4", "len_count"), "bits"),
    (("4", "left_pad"), "00"), (("4", "left_pad"), "f"), (("4", "maxlen"), 12), (("h", "len_type"), 2), (("t", "max_len"), 2),
    (("t", "len_type"), 1), (("p", "max_len"), 8), (("dialect", "version"), "7"), (("dialect", "framing"), "length9"),
    (("dialect", "name"), ""), (("dialect", "nmae"), ""), (("129",), {}), (("x",), 1), (("7",), [1]),
    (("3", "subfields"), {"form": "positonal"}), (("3", "subfields"), {"form": "positional", "parts": [{"id": "1"}]}),
    (("3", "subfields"), {"form": "tlv", "fill": "0"}), (("3", "subfields"), {"form": "tlv", "parts": [{"id": "9f02"}]}),
    (("3", "subfields"), {"form": "tlv", "dataset": "1"}), (("3", "subfields"), {"form": "numbered", "id_len": 0}),
    (("3", "subfields"), {"form": "numbered", "lead": {"id": "x"}}), (("3", "subfields"), {"form": "llvar", "len_len": 9}),
    (("3", "subfields"), {"form": "bitmapped", "parts": []}), (("3", "subfields"), []),
    (("3", "subfields"), {"form": "bitmapped", "bitmap": 8, "parts": [{"id": "1", "len": 1}]}),
    (("3", "subfields", "parts", 0, "sensetive"), True), (("3", "subfields", "parts", 0, "len"), "2"),
    (("3", "subfields", "fill"), "00"), (("dialect", "reversals"), "by-sign"), (("28", "len_count"), "nibbles"),
    (("dialect", "key_data"), "1"), (("dialect", "key_data"), "129"), (("dialect", "key_sets"), "PMPM"),
    (("dialect", "key_sets"), "0000"),
]  # fmt: skip


def planted(path: tuple[str | int, ...], value: Any) -> Any:
    raw = copy.deepcopy(RAW["cmi87"])
    here = raw
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return raw


@pytest.mark.parametrize(("path", "value"), PLANTED, ids=lambda v: json.dumps(v)[:40])
def test_a_planted_mistake_is_refused_by_both(path: tuple[str | int, ...], value: Any) -> None:
    raw = planted(path, value)
    assert refused(raw)
    assert wrong(SCHEMA, raw, SCHEMA)


@pytest.mark.parametrize("key", ["h", "t", "p", "1"])
def test_what_must_be_there_is_missed_by_both(key: str) -> None:
    raw = {k: v for k, v in RAW["cmi87"].items() if k != key}
    assert refused(raw)
    assert wrong(SCHEMA, raw, SCHEMA)


keys = [
    "data_enc",
    "len_enc",
    "len_type",
    "max_len",
    "len_count",
    "left_pad",
    "right_pad",
    "content",
    "sensitive",
    "desc",
]
odd = st.sampled_from(
    ["b", "bcd", "ascii", "cp037", "", "0", "F", "n", "x+n", "nibbles", "bytes", 0, 1, 3, 8, 12, 9_999, True, None]
)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["h", "t", "p", "2", "4", "28", "64"]), st.dictionaries(st.sampled_from(keys), odd, max_size=4))
def test_what_the_loader_takes_fits_the_schema(key: str, change: dict[str, Any]) -> None:
    raw = {**RAW["cmi87"], key: {**RAW["cmi87"][key], **change}}
    if not refused(raw):
        assert wrong(SCHEMA, raw, SCHEMA) == ""
