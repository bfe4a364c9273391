"""Dialect files: what they are, and that a wrong one is told everything that is wrong with it."""

import json
from pathlib import Path
from typing import Any

import iso8583
import pytest

from switch.wire import Dialect, DialectError
from switch.wire.dialect import names
from switch.wire.vocabulary import SENSITIVE
from tests.wire.oracle import NAMES
from tests.wire.samples import changed, purchase

TEXTS = "ascii, latin-1 or an EBCDIC page of Latin-1 such as cp037"
EVEN = "an even number of nibbles, or a left_pad or right_pad"
SPECS = Path(__file__).parents[2] / "specs" / "dialects"


def spec(**changes: Any) -> dict[str, Any]:
    """cmi87's file, elements changed: `e4={"max_len": 0}` changes DE4."""
    raw: dict[str, Any] = json.loads((SPECS / "cmi87.json").read_text(encoding="utf-8"))
    for key, change in changes.items():
        raw[key.removeprefix("e")] |= change
    return raw


def mistakes(raw: Any) -> list[str]:
    with pytest.raises(DialectError) as caught:
        Dialect.from_spec(raw, "test.json")
    return list(caught.value.mistakes)


def test_the_five_dialects_ship() -> None:
    assert set(NAMES) <= set(names())


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_pyiso8583_spec_that_says_who_it_is(name: str) -> None:
    dialect = Dialect.load(name)
    document = purchase(dialect)
    assert iso8583.encode(dict(document), dialect.spec)[0] == dialect.encode(document)
    assert dialect.name == name
    assert dialect.title
    assert dialect.about
    assert dialect.assumed
    assert dialect.version == document["t"][0]
    assert dialect.family in ("cmi", "visa", "mastercard", "iso93")
    assert dialect.framing in ("length2", "tpdu", "base1")
    assert dialect.sensitive >= SENSITIVE & dialect.elements.keys()
    whole = {"h", "t", "p", "1", *(str(n) for n in range(2, 129))}
    assert set(dialect.spec) == whole if name != "unionpay" else set(dialect.spec) < whole
    assert all(entry["content"] for entry in dialect.spec.values())
    assert dialect.names["4"] == "Amount, Transaction"


@pytest.mark.parametrize("name", NAMES)
def test_each_file_has_one_element_a_line(name: str) -> None:
    lines = (SPECS / f"{name}.json").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('  "') and "data_enc" in line for line in lines) == len(Dialect.load(name).spec)


def test_a_path_loads_a_file() -> None:
    assert Dialect.load(str(SPECS / "visa.json")).name == "visa"


def test_pyiso8583s_own_specs_load_as_they_are() -> None:
    from iso8583.specs import default_ascii

    raw = {k: v for k, v in default_ascii.items() if not k.isdecimal() or int(k) < 129}
    dialect = Dialect.from_spec(raw, "default_ascii")
    assert dialect.decode(b"02004010100000000000161234567890123456123456111")["20"] == "111"


def test_a_misspelt_name_is_told_the_near_one() -> None:
    with pytest.raises(DialectError, match=r"^cmi78: no dialect of this name; did you mean cmi87\?$"):
        Dialect.load("cmi78")
    with pytest.raises(DialectError, match=r"there are .*visa.*; or give a path"):
        Dialect.load("qqq")


def test_a_file_that_cannot_be_read_or_is_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DialectError, match=r"none\.json: cannot be read: No such file"):
        Dialect.load(str(tmp_path / "none.json"))
    for text, says in (
        ('{"h": {},\n "t" 1}', "line 2, column 6: "),
        ('{"h": 1, "h": 2}', "key 'h' is given twice"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", r"expected an object of data elements, found \[\]"),
    ):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(DialectError, match=says):
            Dialect.load(str(tmp_path / "bad.json"))
    (tmp_path / "bad.json").write_bytes(b"\xff\xfe")
    with pytest.raises(DialectError, match=r"bad\.json"):
        Dialect.load(str(tmp_path / "bad.json"))


@pytest.mark.parametrize(
    ("element", "change", "says"),
    [
        ("e4", {"max_len": "12"}, '4.max_len: expected a whole number from 0 to 999999, found "12"'),
        ("e4", {"max_len": True}, "4.max_len: expected a whole number from 0 to 999999, found true"),
        ("e4", {"max_len": 0}, "4.max_len: expected a whole number above 0, found 0"),
        ("e2", {"max_len": 100}, "2.max_len: expected at most 99, what its length can say, found 100"),
        ("e2", {"len_type": 9}, "2.len_type: expected a whole number from 0 to 6, found 9"),
        ("e4", {"data_enc": "utf-8"}, f'4.data_enc: expected b, {TEXTS}, found "utf-8"'),
        ("e4", {"data_enc": "cp1252"}, f'4.data_enc: expected b, {TEXTS}, found "cp1252"'),
        ("e2", {"len_enc": "bdc"}, f'2.len_enc: expected b, bcd, {TEXTS}, found "bdc"'),
        ("e4", {"content": "N"}, '4.content: expected n or a or an or ans or b or z or x+n, found "N"'),
        ("e4", {"sensitive": 1}, "4.sensitive: expected true or false, found 1"),
        ("e4", {"desc": None}, "4.desc: expected a string, found null"),
        ("e4", {"len_count": "nibbles"}, '4.len_count: expected bytes (nibbles are for data_enc b), found "nibbles"'),
        ("e4", {"left_pad": "00"}, '4.left_pad: expected one hex digit, upper case, found "00"'),
        ("e4", {"left_pad": "0", "right_pad": "F"}, '4.right_pad: expected one pad, left or right, found "F"'),
        ("e19", {"data_enc": "b", "len_count": "nibbles"}, f"19.max_len: expected {EVEN}, found 3"),
        ("e4", {"maxlen": 12}, "4.maxlen: unknown key; did you mean max_len?"),
        ("h", {"max_len": 4, "len_type": 2}, "h.len_type: expected 0 (a header of fixed size), found 2"),
        ("t", {"max_len": 2}, 't: expected len_type 0, max_len 4, counted in bytes, found {"len_type": 0, "max_len": 2}'),
        ("dialect", {"version": "7"}, 'dialect.version: expected "0" (1987), "1" (1993) or "2" (2003), found "7"'),
        ("dialect", {"framing": 2}, "dialect.framing: expected a string, found 2"),
        ("dialect", {"framing": "length9"}, None),
        ("dialect", {"name": ""}, None),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_key_value_and_what_was_expected(
    element: str, change: Any, says: str | None
) -> None:
    found = mistakes(spec(**{element: change}))
    assert len(found) == 1
    assert says is None or found == [says]


def test_a_subfields_annotation_is_checked_too() -> None:
    annotation = {"form": "tlv", "fill": "0", "parts": [{"id": "8"}]}
    found = mistakes(spec(e3={"subfields": annotation}))
    assert [line.split(":")[0] for line in found] == ["3.subfields.fill", "3.subfields.parts.0.id"]
    assert "3.subfields.form: expected one of" in mistakes(spec(e3={"subfields": {"form": "tvl"}}))[0]


def test_all_mistakes_of_a_file_are_reported_at_once() -> None:
    raw = spec(e4={"max_len": -1}, e5={"content": "digits"}) | {"129": {}, "7": [1], "x": 1}
    del raw["p"], raw["11"]["desc"]
    found = mistakes(raw)
    assert [line.split(":")[0] for line in found] == ["4.max_len", "5.content", "7", "11.desc", "129", "x", "p"]
    assert "p: missing" in found


def test_the_header_is_left_out_where_it_has_no_size() -> None:
    assert "h" not in Dialect.load("cmi87").elements
    assert Dialect.load("visa").elements["h"].size == 22


@pytest.mark.parametrize(
    ("name", "header", "says"),
    [
        ("base24", "ISO", "12 characters, as h has"),
        ("unionpay", "60" * 10 + "0G", "hex digits"),
        ("cmi87", "60", "none, as h has no size"),
    ],
)
def test_a_header_that_no_message_could_have_is_a_mistake_of_the_file(name: str, header: str, says: str) -> None:
    with pytest.raises(DialectError, match=f"dialect.header: expected .*{says}"):
        changed(name, {"header": header})
