"""moov-io/iso8583 JSON specs become dialects."""

import json
from typing import Any

import pytest

from switch.dialects import moov
from switch.dialects.foreign import Brought, Wanted
from switch.wire import Dialect
from tests.wire.test_vectors import FITTING, messages

SHORT = {
    "A": ("String", "ASCII"), "N": ("Numeric", "ASCII"), "B": ("Binary", "Binary"), "H": ("Binary", "HexToASCII"),
    "E": ("String", "EBCDIC"), "D": ("Numeric", "BCD"),
}  # fmt: skip


def fields(text: str) -> dict[str, Any]:
    """`2:N:LL:19` is a field; a range of numbers in front makes many."""
    made: dict[str, Any] = {
        "1": {"type": "Bitmap", "length": 8, "description": "Bitmap", "enc": "HexToASCII", "prefix": "Hex.Fixed"}
    }
    for word in text.split():
        span, kind, prefix, size = word.split(":")
        first, _, last = span.partition("-")
        for n in range(int(first), int(last or first) + 1):
            kinds, enc = SHORT[kind]
            family = {"EBCDIC": "EBCDIC", "BCD": "BCD"}.get(enc, "ASCII")
            made[str(n)] = {"type": kinds, "length": int(size), "description": f"Field {n}", "enc": enc,
                            "prefix": f"{family}.{prefix}"}  # fmt: skip
    return made


ISO87 = fields(
    "0:A:Fixed:4 2:A:LL:19 3:N:Fixed:6 4-6:A:Fixed:12 7:A:Fixed:10 8-10:A:Fixed:8 11-12:A:Fixed:6 13-18:A:Fixed:4 "
    "19-24:A:Fixed:3 25-26:A:Fixed:2 27:A:Fixed:1 28-31:A:Fixed:9 32-33:A:LL:11 34:A:LL:28 35:A:LL:37 36:A:LLL:104 "
    "37:A:Fixed:12 38:A:Fixed:6 "
    "39:A:Fixed:2 40:A:Fixed:3 41:A:Fixed:8 42:A:Fixed:15 43:A:Fixed:40 44:A:LL:25 45:A:LL:76 46-48:A:LLL:999 49-51:A:Fixed:3 "
    "52:H:Fixed:8 53:A:Fixed:16 54:A:LLL:120 55-63:A:LLL:999 64:H:Fixed:8 70:A:Fixed:3 90:A:Fixed:42 95:A:Fixed:42 "
    "100:A:LL:11 102-103:A:LL:28 128:H:Fixed:8"
)


def brought(given: dict[str, Any], *, skip: bool = False) -> Brought:
    return moov.read("m.json", json.dumps({"name": "Test", "fields": given}, indent=1).encode(), Wanted("m", skip=skip))


def dialect(found: Brought) -> Dialect:
    assert found.text, [m.render() for m in found.mistakes]
    return Dialect.from_spec(json.loads(found.text), "m.json")


@pytest.mark.parametrize("message", [m for m in messages() if m["name"] not in FITTING], ids=lambda m: m["name"])
def test_messages_that_moov_packed_are_read_and_written_with_a_dialect_made_of_its_spec(
    message: dict[str, Any],
) -> None:
    made = dialect(brought(ISO87))
    wire = bytes.fromhex(message["hex"])
    document = made.decode(wire)
    assert {k: v for k, v in document.items() if k not in ("p", "1")} == message["expect"]
    assert made.encode(document) == wire


@pytest.mark.parametrize(
    ("word", "value", "wire"),
    [
        ("48:D:Fixed:3", "123", b"\x01\x23"),
        ("48:D:LL:19", "123", b"\x03\x01\x23"),
        ("48:E:LLL:19", "AB", b"\xf0\xf0\xf2\xc1\xc2"),
        ("48:B:LL:19", "C0FF", b"02\xc0\xff"),
        ("48:H:Fixed:2", "C0FF", b"C0FF"),
    ],
)
def test_a_field_writes_what_moov_writes(word: str, value: str, wire: bytes) -> None:
    made = dialect(brought(ISO87 | fields(word)))
    assert made.encode({"t": "0200", "48": value}) == b"0200" + b"0000000000010000" + wire


def sub(size: int, prefix: str, enc: str = "ASCII", **more: Any) -> dict[str, Any]:
    return {"type": "String", "length": size, "enc": enc, "prefix": prefix, "description": "", **more}


def composite(inside: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "48": {
            "type": "Composite",
            "length": 99,
            "prefix": "ASCII.LLL",
            "description": "x",
            "subfields": inside,
            **more,
        }
    }


def read_parts(made: Dialect, value: str) -> dict[str, str]:
    from switch.wire.subfields import read

    return read(made.subfields["48"], value)


@pytest.mark.parametrize(
    ("given", "value", "parts"),
    [
        (composite({"2": sub(2, "ASCII.Fixed"), "1": sub(1, "ASCII.Fixed")}), "abb", {"1": "a", "2": "bb"}),
        (composite({"1": sub(1, "ASCII.Fixed"), "2": sub(9, "ASCII.LL")}), "a02bb", {"1": "a", "2": "bb"}),
        (
            composite({"2": sub(9, "ASCII.LL"), "11": sub(9, "ASCII.LL")}, tag={"length": 2, "enc": "ASCII"}),
            "0201x",
            {"02": "x"},
        ),
    ],
)
def test_a_composite_becomes_subfields(given: dict[str, Any], value: str, parts: dict[str, str]) -> None:
    assert read_parts(dialect(brought(ISO87 | given)), value) == parts


def test_a_tlv_composite_is_binary() -> None:
    inside = {"9F02": sub(6, "BerTLV", enc="Binary")}
    given = composite(inside, tag={"enc": "BerTLVTag"})
    made = dialect(brought(ISO87 | given))
    assert made.subfields["48"]["form"] == "tlv"
    assert made.encode({"t": "0200", "48": "9F0201AA"})[20:] == b"004\x9f\x02\x01\xaa"


def test_a_composite_behind_a_raw_bitmap_is_bitmapped() -> None:
    inside = {
        "1": sub(3, "ASCII.Fixed"),
        "2": sub(3, "BCD.Fixed", enc="BCD"),
        "10": sub(2, "Binary.Fixed", enc="Binary"),
        "11": sub(1, "Hex.Fixed", enc="HexToASCII"),
    }
    bitmap = {"type": "Bitmap", "length": 2, "enc": "Binary", "prefix": "Binary.Fixed", "description": ""}
    made = dialect(brought(ISO87 | composite(inside, bitmap=bitmap)))
    wire = b"\xc0\x60abc\x01\x23\xc0\xffC0"
    document = made.decode(b"0200" + b"0000000000010000" + b"011" + wire)
    assert read_parts(made, document["48"]) == {"1": "abc", "2": "123", "10": "C0FF", "11": "C0"}
    assert made.encode(document).endswith(wire)


@pytest.mark.parametrize(
    ("bitmap", "inside", "why"),
    [
        ({"length": 8, "enc": "HexToASCII"}, sub(3, "ASCII.Fixed"), "their bitmap is not raw bytes (enc Binary)"),
        ({"enc": "Binary"}, sub(3, "ASCII.Fixed"), "their bitmap has no length"),
        ({"length": 8, "enc": "Binary"}, sub(3, "BCD.LL"), "subfield 1: the length BCD.LL of ASCII behind a bitmap"),
        ({"length": 8, "enc": "Binary"}, sub(3, "BCD.Fixed", enc="LBCD"), "subfield 1: LBCD behind a bitmap"),
    ],
)
def test_a_composite_behind_a_bitmap_that_cannot_be_said_is_left_out_with_the_reason(
    bitmap: dict[str, Any], inside: dict[str, Any], why: str
) -> None:
    found = brought(ISO87 | composite({"1": inside}, bitmap=bitmap))
    assert dialect(found).subfields == {}
    assert f"field 48: its subfields are left out: {why}" in found.notes[0].render()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "Sting"}, 'did you mean "String"?'),
        ({"enc": "UTF8"}, "enc 'UTF8' is not known here"),
        ({"prefix": "Hex.LL"}, "prefix 'Hex.LL' cannot be said here"),
        ({"length": 0}, "length: expected a number above 0"),
        ({"type": "Binary", "enc": "HexToASCII", "prefix": "ASCII.LL"}, "a length that counts bytes"),
    ],
)
def test_what_cannot_be_said_has_its_place(change: dict[str, Any], says: str) -> None:
    given = ISO87 | {"48": {**ISO87["48"], **change}}
    found = brought(given)
    assert not found.text
    (mistake,) = found.mistakes
    assert mistake.line > 0
    assert says in mistake.render()
    assert "48" not in dialect(brought(given, skip=True)).elements


@pytest.mark.parametrize("text", [b"{", b"[]", b"9" * 5_000, b'{"fields": 1}', b"\xff", b"[" * 100_000, b"{}"])
def test_what_is_no_spec_is_refused(text: bytes) -> None:
    found = moov.read("m.json", text, Wanted("m"))
    assert not found.text
    assert found.mistakes


def test_a_name_that_no_file_can_hold_is_refused() -> None:
    text = json.dumps({"fields": ISO87}).replace("Field 11", "\\ud800")
    assert "half a surrogate" in moov.read("m.json", text.encode(), Wanted("m")).mistakes[0].message


def one_more(**given: Any) -> dict[str, Any]:
    return {**fields("0:A:Fixed:4 11:A:Fixed:6"), "48": given}


def test_keys_and_prefixes_are_read_in_any_case_as_gos_reader_does() -> None:
    usual = {"type": "String", "length": 12, "description": "Amount", "enc": "ASCII", "prefix": "ASCII.Fixed"}
    given = {"Type": "String", "Length": 12, "DESCRIPTION": "Amount", "Enc": "ASCII", "Prefix": "ASCII.fixed"}
    assert dialect(brought(one_more(**given))).spec == dialect(brought(one_more(**usual))).spec
    bitmap = {"type": "Bitmap", "length": 16, "enc": "HexToASCII", "prefix": "Hex.Fixed", "disableautoexpand": True}
    assert not brought(one_more(**usual) | {"1": bitmap}).notes
    (wrong,) = brought(one_more(**given | {"Length": 0})).mistakes
    assert (wrong.message, wrong.line > 1) == ("field 48: length: expected a number above 0", True)


def test_a_composite_without_a_length_is_as_long_as_its_fixed_subfields() -> None:
    part = {"type": "Numeric", "length": 3, "description": "Code", "enc": "ASCII", "prefix": "ASCII.Fixed"}
    given = {
        "type": "Composite",
        "prefix": "None.Fixed",
        "tag": {"sort": "StringsByInt"},
        "subfields": {"1": part, "2": part},
    }
    made = dialect(brought(one_more(**given)))
    assert (made.elements["48"].size, made.elements["48"].length_bytes) == (6, 0)
    variable = given | {"subfields": {"1": part, "2": {**part, "prefix": "ASCII.LL"}}}
    assert "expected a number above 0" in brought(one_more(**variable)).mistakes[0].message


@pytest.mark.parametrize(("prefix", "most"), [("ASCII.LL", 99), ("BCD.LL", 99), ("Binary.L", 255), ("ASCII.LLL", 999)])
def test_more_than_a_length_can_say_is_told_and_bounded(prefix: str, most: int) -> None:
    given = {"type": "String", "length": 1_000, "description": "Private", "enc": "ASCII", "prefix": prefix}
    found = brought(one_more(**given))
    assert dialect(found).elements["48"].size == most
    assert [note.message for note in found.notes] == [
        f"field 48: length: 1000 behind {prefix}, which can say {most}: that is the most here"
    ]
    assert not brought(one_more(**given | {"length": most})).notes
