"""How dialects differ, and how one looks."""

import json
from typing import Any

from switch.dialects.compare import as_text, differences
from switch.dialects.table import show
from switch.wire import Dialect
from switch.wire.dialect import DIRECTORY, names


def changed(**changes: Any) -> Dialect:
    raw = json.loads((DIRECTORY / "cmi87.json").read_text(encoding="utf-8"))
    for key, change in changes.items():
        raw[key.removeprefix("e")] |= change
    return Dialect.from_spec(raw, "changed")


CMI87 = Dialect.load("cmi87")


def test_a_dialect_does_not_differ_from_itself() -> None:
    for name in names():
        assert differences(Dialect.load(name), Dialect.load(name)) == []
    assert as_text("a", "b", []) == "a and b are the same"


def test_each_difference_says_what_both_have_and_whether_the_wire_shows_it() -> None:
    other = changed(e4={"max_len": 10}, e41={"desc": "Terminal"}, e35={"sensitive": False}, e32={"data_enc": "cp037"})
    found = {(d.element, d.what, d.a, d.b, d.touches) for d in differences(CMI87, other)}
    assert found == {
        ("4", "form", "fixed 12", "fixed 10", "wire"),
        ("41", "name", "Card Acceptor Terminal ID", "Terminal", "meaning"),
        ("35", "sensitive", "yes", "no", "meaning"),
        ("32", "data", "ASCII", "EBCDIC cp037", "wire"),
    }


def test_an_element_one_lacks_and_subfields_that_differ_are_told() -> None:
    raw = json.loads((DIRECTORY / "cmi87.json").read_text(encoding="utf-8"))
    del raw["70"]
    raw["48"]["subfields"]["parts"][0] = {"id": "42", "desc": "ECI"}
    raw["48"]["subfields"]["parts"].append({"id": "99"})
    raw["48"]["subfields"]["len_len"] = 3
    raw["55"].pop("subfields")
    found = [(d.element, d.what, d.a, d.b) for d in differences(CMI87, Dialect.from_spec(raw, "x"))]
    assert found == [
        ("48", "subfields len_len", "2", "3"),
        ("48", "subfield 42", "Electronic commerce indicator (ECI)", "ECI"),
        ("48", "subfield 99", "", "there"),
        ("55", "subfields", "tlv", ""),
        ("70", "element", "fixed 3 n ASCII", ""),
    ]


def test_what_differs_in_many_elements_is_said_once() -> None:
    text = as_text("cmi87", "mastercard", differences(CMI87, Dialect.load("mastercard")))
    assert "* data           ASCII  " in text
    assert "DE2–" in text
    assert len(text.split("\n")) < 80


def test_the_table_has_a_line_for_each_element_and_its_parts() -> None:
    text = show(Dialect.load("visa"))
    assert "ISO 8583:1987, family visa, framing base1" in text
    assert "DE2   Primary Account Number (PAN)" in text
    assert "VAR 19 digits     n    BCD, odd: 0 left, length 1 binary byte" in text
    assert "  9F26   Application cryptogram" in text
    assert "  57     Track 2 equivalent data  sensitive" in text
    assert show(CMI87, wanted=lambda key: key == "4").endswith("fixed 12          n    ASCII")
