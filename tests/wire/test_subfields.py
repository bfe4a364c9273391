from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.subfields import AnnotationError, SubfieldError, build, form_of, read

DE3 = {"form": "positional", "parts": [{"id": str(n), "len": 2} for n in (1, 2, 3)]}
DE44 = {"form": "positional", "parts": [{"id": "1", "len": 1}, {"id": "5", "len": 1}, {"id": "10", "len": 2}]}
DE48 = {"form": "numbered", "parts": [{"id": "42"}, {"id": "92", "sensitive": True}]}
DE48_TCC = {"form": "numbered", "lead": {"id": "TCC", "len": 1}, "parts": [{"id": "42"}]}
DE55 = {"form": "tlv", "parts": [{"id": "9F02", "desc": "amount"}]}
DE55_VISA = {"form": "tlv", "dataset": "01"}
DE48_LLVAR = {"form": "llvar", "parts": [{"id": "kind", "len": 1}, {"id": "name"}, {"id": "street"}]}
DE62 = {
    "form": "bitmapped",
    "bitmap": 8,
    "parts": [
        {"id": "1", "len": 1, "enc": "cp500"},
        {"id": "2", "len": 15, "enc": "bcd"},
        {"id": "9", "len": 2, "enc": "b"},
    ],
}

ids = st.text("0123456789", min_size=2, max_size=2)
tags = st.sampled_from(["82", "95", "9A", "9F02", "9F10", "5F2A", "DF8101", "BF0C"])
hex_bytes = st.binary(max_size=200).map(lambda b: b.hex().upper())


def test_positional_parts_stand_one_after_another() -> None:
    assert read(DE3, "011020") == {"1": "01", "2": "10", "3": "20"}
    assert build(DE3, {"1": "01", "2": "10", "3": "20"}) == "011020"


def test_a_positional_value_may_end_early_and_gaps_are_filled() -> None:
    assert read(DE44, "2") == {"1": "2"}
    assert build(DE44, {"10": "M "}) == "  M "
    assert build(DE44, {"1": "5"}) == "5"
    assert build({**DE3, "fill": "0"}, {"3": "20"}) == "000020"


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_positional_value_survives(value: str) -> None:
    assert build(DE44, read(DE44, value)) == value


@settings(deadline=None)
@given(st.dictionaries(ids, st.text(max_size=99)))
def test_any_numbered_subelements_survive(parts: dict[str, str]) -> None:
    assert read(DE48, build(DE48, parts)) == parts


def test_a_lead_stands_before_the_numbered_subelements() -> None:
    assert build(DE48_TCC, {"TCC": "T", "42": "0103212"}) == "T42070103212"
    assert read(DE48_TCC, "T42070103212") == {"TCC": "T", "42": "0103212"}
    assert build(DE48_TCC, {"42": "05"}) == " 420205"


def test_llvar_parts_are_led_by_their_lengths_and_a_value_may_end_early() -> None:
    assert build(DE48_LLVAR, {"kind": "T", "name": "AYA", "street": ""}) == "T03AYA00"
    assert read(DE48_LLVAR, "T03AYA00") == {"kind": "T", "name": "AYA", "street": ""}
    assert read(DE48_LLVAR, "T03AYA") == {"kind": "T", "name": "AYA"}
    assert read(DE48_LLVAR, "T03AYA02R1more") == {"kind": "T", "name": "AYA", "street": "R1", "rest": "more"}


@settings(deadline=None)
@given(st.text(max_size=1), st.lists(st.text(max_size=99), max_size=2), st.text(min_size=1, max_size=5))
def test_any_llvar_value_survives(kind: str, texts: list[str], rest: str) -> None:
    parts = dict(zip(("kind", "name", "street"), (kind, *texts), strict=False)) if kind else {}
    if len(parts) == 3:
        parts["rest"] = rest
    assert read(DE48_LLVAR, build(DE48_LLVAR, parts)) == parts


def test_a_repeated_id_is_kept_under_its_number() -> None:
    value = "420205" + "420207" + "9203123"
    parts = read(DE48, value)
    assert parts == {"42": "05", "42#2": "07", "92": "123"}
    assert build(DE48, parts) == value


@settings(deadline=None)
@given(st.lists(st.tuples(tags, hex_bytes), max_size=6))
def test_any_tlv_survives_with_its_unknown_tags(pairs: list[tuple[str, str]]) -> None:
    value = "".join(build(DE55, {tag: data}) for tag, data in pairs)
    assert build(DE55, read(DE55, value)) == value


def test_long_lengths_and_zero_padding_of_tlv() -> None:
    value = build(DE55, {"9F10": "AB" * 200})
    assert value.startswith("9F1081C8")
    assert read(DE55, "9A032511250000") == {"9A": "251125", "rest": "0000"}
    assert build(DE55, {"9A": "251125", "rest": "0000"}) == "9A032511250000"


def test_a_dataset_wraps_its_tags_and_keeps_others_whole() -> None:
    value = "01000A" + "9F0206000000012345"[:18] + "00" + "02" + "0001" + "FF"
    parts = read(DE55_VISA, value)
    assert parts == {"9F02": "000000012345", "rest": "00", "dataset 02": "FF"}
    assert build(DE55_VISA, parts) == value


def test_an_empty_dataset_and_no_value_at_all_are_not_the_same() -> None:
    assert read(DE55_VISA, "") == {}
    assert build(DE55_VISA, {}) == ""
    assert build(DE55_VISA, read(DE55_VISA, "010000")) == "010000"


def test_bitmapped_parts_are_announced_by_bits() -> None:
    parts = {"1": "E", "2": "416329123456789"}
    value = build(DE62, parts)
    assert value == "C000000000000000" + "C5" + "0416329123456789"
    assert read(DE62, value) == parts


def test_bits_the_annotation_does_not_know_are_kept_with_all_behind_them() -> None:
    value = "D080000000000000" + "C5" + "0416329123456789" + "ABCDEF01"
    parts = read(DE62, value)
    assert parts == {"1": "E", "2": "416329123456789", "4+9": "ABCDEF01"}
    assert build(DE62, parts) == value


@settings(deadline=None)
@given(st.binary(min_size=8, max_size=60))
def test_any_bitmapped_value_survives_or_is_refused(data: bytes) -> None:
    value = data.hex().upper()
    try:
        parts = read(DE62, value)
    except SubfieldError:
        return
    assert build(DE62, parts) == value


@pytest.mark.parametrize(
    ("annotation", "value", "part", "offset", "expected"),
    [
        (DE48, "42x205", "42", 2, "a length of 2 digits"),
        (DE48, "420", "42", 2, "a length of 2 digits"),
        (DE48, "42020592", "92", 8, "a length of 2 digits"),
        (DE48, "42050592", "42", 2, "at most 4 characters"),
        (DE48, "42²205", "42", 2, "a length of 2 digits"),
        (DE48_TCC, "", "TCC", 0, "1 characters"),
        (DE48_LLVAR, "T0", "name", 1, "a length of 2 digits"),
        (DE48_LLVAR, "T05AYA", "name", 1, "5 characters"),
        (DE55, "9F02060000", "9F02", 3, "6 bytes"),
        (DE55, "9F", "", 0, "a BER-TLV tag"),
        (DE55, "9A", "9A", 1, "a length"),
        (DE55, "9A8103251125", "9A", 1, "in its shortest form"),
        (DE55, "9A8", "", 1, "pairs of hex digits"),
        (DE55, "9Ag3", "", 1, "pairs of hex digits"),
        (DE55_VISA, "010005FF", "01", 0, "a dataset id"),
        (DE62, "C000", "bitmap", 0, "8 bytes"),
        (DE62, "C000000000000000C504", "2", 9, "8 bytes"),
        (DE62, "40000000000000000A16329123456789", "2", 8, "15 BCD digits"),
        (DE62, "40000000000000001416329123456789", "2", 8, "15 BCD digits"),
    ],
)
def test_a_value_that_does_not_divide_says_where_and_why(
    annotation: dict[str, Any], value: str, part: str, offset: int, expected: str
) -> None:
    with pytest.raises(SubfieldError) as caught:
        read(annotation, value)
    assert (caught.value.part, caught.value.offset) == (part, offset)
    assert expected in caught.value.expected


@pytest.mark.parametrize(
    ("annotation", "parts", "says"),
    [
        (DE3, {"1": "001"}, "2 characters"),
        (DE3, {"1": "0", "2": "00"}, "2 characters"),
        (DE3, {"7": "00"}, "one of the parts 1, 2, 3"),
        (DE48, {"4": "05"}, "an id of 2 characters"),
        (DE48, {"43": "x" * 100}, "at most 99 characters"),
        (DE48_TCC, {"TCC": "TT"}, "1 characters"),
        (DE48_LLVAR, {"kind": "T", "street": "x"}, "a value, since others stand behind it"),
        (DE48_LLVAR, {"kind": "TT"}, "1 characters"),
        (DE48_LLVAR, {"kind": "T", "name": "x" * 100}, "at most 99"),
        (DE48_LLVAR, {"kind": "T", "name": "", "street": "", "town": "x"}, "one of the parts kind, name, street"),
        (DE55, {"9F": "00"}, "a BER-TLV tag"),
        (DE55, {"9A": "2"}, "pairs of hex digits"),
        (DE62, {"2": "12"}, "15 characters"),
        (DE62, {"2": "41632912345678x"}, "15 digits"),
        (DE62, {"9": "00"}, "2 bytes"),
        (DE62, {"1": "€"}, "characters of cp500"),
        (DE62, {"65": "00"}, "a bit from 1 to 64"),
        (DE62, {"4": "00", "9": "0000"}, "nothing behind part 4"),
    ],
)
def test_parts_that_make_no_value_are_refused(annotation: dict[str, Any], parts: dict[str, str], says: str) -> None:
    with pytest.raises(SubfieldError, match=says):
        build(annotation, parts)


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        ({}, "form: expected one of positional"),
        ({"form": "numbered", "bitmap": 8}, "bitmap: no key of a numbered annotation"),
        ({"form": "positional", "parts": [{"id": "1"}]}, "expected len above 0"),
        ({"form": "positional", "parts": [{"len": 1}]}, "parts.0: id is missing"),
        ({"form": "numbered", "parts": [{"id": "01"}, {"id": "01"}]}, "an id stands twice"),
        ({"form": "bitmapped", "bitmap": 3, "parts": [{"id": "25", "len": 1, "enc": "b"}]}, "expected a bit"),
        ({"form": "bitmapped", "bitmap": 3, "parts": [{"id": "2", "len": 1, "enc": "latin-99"}]}, "enc: expected"),
        ({"form": "bitmapped", "bitmap": 3, "parts": [{"id": "2", "len": 1, "enc": "rot13"}]}, "enc: expected"),
        ({"form": "bitmapped", "parts": []}, "bitmap: expected a whole number from 1 to 16, found None"),
        ({"form": "numbered", "lead": {"id": "TCC"}}, "lead.len: expected len above 0"),
        ({"form": "numbered", "parts": [{"id": "1"}]}, "an id of 2 characters"),
        ({"form": "numbered", "len_len": "2"}, "len_len: expected a whole number from 1 to 4"),
        ({"form": "tlv", "dataset": "1"}, "dataset: expected two hex digits"),
        ({"form": "tlv", "parts": [{"id": "9f02"}]}, "parts.0.id: expected a tag"),
        ({"form": "tlv", "parts": [{"id": "82", "sensetive": True}]}, "no key of a part; did you mean sensitive"),
        ({"form": "tlv", "parts": {}}, "parts: expected a list"),
        ([], "expected an object with a form"),
    ],
)
def test_an_annotation_that_is_none_is_refused(annotation: Any, says: str) -> None:
    with pytest.raises(AnnotationError, match=says):
        form_of(annotation)


@pytest.mark.parametrize("name", names())
def test_annotations_of_shipped_dialects_compile_and_fill_their_elements(name: str) -> None:
    dialect = Dialect.load(name)
    assert dialect.subfields
    for de, annotation in dialect.subfields.items():
        form = form_of(annotation)
        element = dialect.elements[de]
        if annotation["form"] == "positional":
            total = sum(part.len for part in form.parts.values())
            assert total <= element.digits, f"DE{de}"
            assert element.length_bytes or total == element.digits, f"DE{de}"


def test_a_part_that_is_none_is_refused_beside_what_stands_behind_the_known_ones() -> None:
    with pytest.raises(SubfieldError, match="found 9"):
        build({"form": "positional", "parts": [{"id": "1", "len": 2}]}, {"1": "ab", "9": "zz", "rest": "q"})


def test_an_id_that_looks_like_a_repeat_comes_back_as_it_was() -> None:
    value = "4#02aa4#02bb4#02cc"
    assert build({"form": "numbered"}, read({"form": "numbered"}, value)) == value


def test_padding_stays_behind_a_tag_that_is_added() -> None:
    parts = read({"form": "tlv"}, "9A032401010000") | {"9C": "00"}
    assert build({"form": "tlv"}, parts) == "9A032401019C01000000"
