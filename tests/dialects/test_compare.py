"""How dialects differ, and how one looks."""

import json

from switch.dialects.compare import as_text, differences
from switch.dialects.table import show
from switch.wire import Dialect
from switch.wire.dialect import DIRECTORY, names
from tests.wire.samples import changed

CMI87 = Dialect.load("cmi87")


def test_a_dialect_does_not_differ_from_itself() -> None:
    for name in names():
        assert differences(Dialect.load(name), Dialect.load(name)) == []
    assert as_text("a", "b", []) == "a and b are the same"


def test_each_difference_says_what_both_have_and_whether_the_wire_shows_it() -> None:
    other = changed(
        "cmi87", de4={"max_len": 10}, de41={"desc": "Terminal"}, de35={"sensitive": False}, de32={"data_enc": "cp037"}
    )
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


def test_a_dialect_with_both_bitmaps_always_or_another_header_differs_on_the_wire() -> None:
    base24 = Dialect.load("base24")
    both, header = changed("base24", {"bitmaps": "both"}), changed("base24", {"header": "ISO025000050"})
    assert [(d.what, d.a, d.b, d.touches) for d in differences(base24, both)] == [
        ("bitmaps", "as needed", "both", "wire")
    ]
    assert [(d.what, d.b, d.touches) for d in differences(base24, header)] == [("header", "ISO025000050", "wire")]
    assert "1 difference in 0 elements, 1 of them on the wire" in as_text("a", "b", differences(base24, both))


def test_the_length_before_a_part_is_told() -> None:
    parts = [[{"id": "1", "len": 9, "enc": "ascii", "len_len": n}] for n in (1, 2)]
    a, b = (
        changed(
            "ascii87",
            de60={"content": "b", "data_enc": "b", "subfields": {"form": "bitmapped", "bitmap": 1, "parts": p}},
        )
        for p in parts
    )
    assert [(d.what, d.a, d.b) for d in differences(a, b)] == [("subfield 1", "9 LVAR ascii", "9 LLVAR ascii")]
