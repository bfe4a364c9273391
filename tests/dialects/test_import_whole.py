"""Bringing a file in drops nothing in silence: what it says is read, or named."""

import json
from typing import Any

import pytest

from switch.core.messages.translator import translator_for
from switch.dialects import jpos, moov
from switch.dialects.foreign import Brought, Wanted
from switch.wire import DecodeError, Dialect
from switch.wire.codec import COMPILE_AFTER
from switch.wire.subfields import SubfieldError, read
from tests.dialects.jpos_files import BINARY_87, POSTILION, POSTILION_127, xml
from tests.dialects.test_jpos import BASE, composite, dialect, field, sub
from tests.dialects.test_moov import ISO87

REFUSED = {
    "inclusive": '<isofield id="48" length="9" name="x" class="IFA_LLCHAR" inclusive="true"/>',
    "trimm": '<isofield id="48" length="9" name="x" class="IFA_LLCHAR" trimm="true"/>',
    "pad": '<isofield id="48" length="9" name="x" class="IFA_LLCHAR" pad="yes"/>',
    "padding": '<isofield id="48" length="9" name="x" class="IFA_LLCHAR" padding="1"/>',
    "charset": composite('<isofield id="1" length="9" name="x" class="IF_CHAR" charset="x"/>'),
    "subfield 1: inclusive": composite('<isofield id="1" length="9" name="x" class="IFA_LLCHAR" inclusive="true"/>'),
}
NOTED = {
    "trim": '<isofield id="48" length="9" name="x" class="IFA_LLCHAR" trim="true"/>',
    "token": '<isofield id="48" length="9" name="x" class="IFA_LLCHAR" token="*"/>',
    "IF_NOP": '<isofield id="48" length="9" name="x" class="IF_NOP"/>',
    "thirdBitmapField": composite(sub(1, "IF_CHAR", 2)).replace("packager=", 'thirdBitmapField="65" packager='),
    "maxValidField": composite(sub(1, "IF_CHAR", 2) + sub(9, "IF_CHAR", 2)).replace(
        "packager=", 'maxValidField="8" packager='
    ),
    "firstField": composite(sub(1, "IF_CHAR", 2) + sub(2, "IF_CHAR", 2)).replace(
        "packager=", 'firstField="2" packager='
    ),
    "emitBitmap is not false": composite(sub(1, "IF_CHAR", 2), emit="true"),
    "emitBitmap is false": composite(sub(0, "IFB_BITMAP", 8) + sub(1, "IF_CHAR", 2), kind="IFA_LLLBINARY"),
    "bitmapField": composite(sub(0, "IFB_BITMAP", 8) + sub(1, "IF_CHAR", 2), kind="IFA_LLLBINARY", emit="true").replace(
        "packager=", 'bitmapField="1" packager='
    ),
    "subfield 2: kept whole": composite(
        sub(1, "IF_CHAR", 2) + '<isofieldpackager id="2" length="9" class="IF_CHAR" packager="GenericPackager"/>'
    ),
    "tagMapper": composite(sub(1, "IFA_TTLLCHAR", 2)).replace("packager=", 'tagMapper="x.Tags" packager='),
    "stands before those that have one": composite(sub(0, "IF_CHAR", 1), packager="TaggedSequencePackager"),
    "IFB_NUMERIC behind a bitmap": composite(
        sub(0, "IFB_BITMAP", 8) + sub(1, "IFB_NUMERIC", 3), kind="IFA_LLLBINARY", emit="true"
    ),
}
PACKAGER = {
    "thirdBitmapField": 'thirdBitmapField="65"',
    "emitBitmap": 'emitBitmap="false"',
    "bitmapField": 'bitmapField="0"',
    "firstField": 'firstField="2"',
    "maxValidField": 'maxValidField="192"',
    "headerLength": 'headerLength="x"',
    "lenght": 'lenght="2"',
}


def packager(attributes: str, inside: str) -> Brought:
    return jpos.read("p.xml", f"<isopackager {attributes}>\n{BASE}{inside}\n</isopackager>".encode(), Wanted("p"))


@pytest.mark.parametrize("name", REFUSED)
def test_an_attribute_that_no_dialect_can_say_is_refused_by_name(name: str) -> None:
    found = packager("", REFUSED[name])
    assert not found.text
    assert [m.message for m in found.mistakes if name in m.message]


@pytest.mark.parametrize("name", NOTED)
def test_what_comes_along_differently_is_told_by_name(name: str) -> None:
    found = packager("", NOTED[name])
    assert found.text
    assert [m.message for m in found.notes if name in m.message], [m.message for m in found.notes]


@pytest.mark.parametrize("name", PACKAGER)
def test_an_attribute_of_the_packager_is_refused_by_name(name: str) -> None:
    found = packager(PACKAGER[name], "")
    assert not found.text
    assert [m.message for m in found.mistakes if name in m.message]


def test_defaults_that_are_spelled_out_say_nothing() -> None:
    said = (
        'maxValidField="128" bitmapField="1" firstField="0" thirdBitmapField="-999" emitBitmap="TRUE" headerLength="5"'
    )
    found = packager(
        said,
        field("IFA_LLCHAR")
        .replace('class="', 'class=" \n\t')
        .replace('pad="false"', 'pad="FALSE" trim="false" inclusive="false"'),
    )
    made = dialect(found)
    assert (found.notes, made.elements["h"].size, made.elements["48"].length_bytes) == ((), 5, 2)


@pytest.mark.parametrize(
    ("number", "size", "kind", "said"),
    [
        (0, 5, "IFA_NUMERIC", "field 0: expected an MTI of 4 digits"),
        (0, 4, "IFA_LLNUM", "field 0: expected an MTI of 4 digits"),
        (1, 12, "IFA_BITMAP", "field 1: expected a bitmap of 16 bytes, or 8"),
        (1, 16, "IF_CHAR", "field 1: expected a bitmap of 16 bytes, or 8"),
    ],
)
def test_an_mti_or_bitmap_of_another_size_is_refused(number: int, size: int, kind: str, said: str) -> None:
    mti, bitmap = BASE.splitlines()
    lines = [field(kind, size, number=number), bitmap] if number == 0 else [mti, field(kind, size, number=number)]
    found = jpos.read("p.xml", f"<isopackager>{''.join(lines)}</isopackager>".encode(), Wanted("p"))
    assert said in found.mistakes[0].message


@pytest.mark.parametrize(("attributes", "bitmap"), [('maxValidField="64"', 16), ("", 8)])
def test_elements_behind_the_last_one_a_packager_has_are_named(attributes: str, bitmap: int) -> None:
    base = BASE.replace('length="16"', f'length="{bitmap}"')
    text = f"<isopackager {attributes}>{base}{field('IF_CHAR', 3, number=70)}</isopackager>"
    found = jpos.read("p.xml", text.encode(), Wanted("p"))
    assert "field 70: the packager ends at 64" in found.mistakes[0].message


@pytest.mark.parametrize(
    "found",
    [
        packager("", field("IFB_BITMAP", 8, number=65)),
        packager("", field("IFA_BITMAP", 8, number=65)),
        moov.read(
            "m.json",
            json.dumps(
                {
                    "name": "m",
                    "fields": {
                        **ISO87,
                        "65": {
                            "type": "Bitmap",
                            "length": 8,
                            "description": "x",
                            "enc": "Binary",
                            "prefix": "Binary.Fixed",
                        },
                    },
                }
            ).encode(),
            Wanted("m"),
        ),
    ],
    ids=["IFB_BITMAP", "IFA_BITMAP", "moov"],
)
def test_a_field_65_that_is_a_third_bitmap_is_told_and_refused_in_a_message(found: Brought) -> None:
    """Field 65 of plain bytes, as jPOS's own iso87 files have it, says nothing: nobody sends it."""
    assert [note.message.partition(",")[0] for note in found.notes] == ["field 65: a third bitmap"]
    made = dialect(found)
    assert packager("", field("IFB_BINARY", 8, number=65)).notes == ()
    with pytest.raises(DecodeError, match="no third bitmap, found bit 65 set"):
        made.decode(b"0800" + b"8000000000000000" + b"8000000000000000" + bytes(16))


def postilion() -> Dialect:
    found = jpos.read("postpack.xml", xml(POSTILION, POSTILION_127), Wanted("postpack", family="cmi"))
    assert [m.message for m in found.notes] == ["field 127: subfield 25: kept whole, its own subfields are left out"]
    return dialect(found)


def test_postilions_packager_comes_in_and_its_element_127_is_read_part_by_part() -> None:
    made = postilion()
    key, details, icc = "ATM-000042", "<Pay><Name>Fatima</Name></Pay>" * 500, "C000000000000000000000012345"
    inner = bytes([0b0100_0000, 0, 0b0000_0100, 0b1000_0000, 0, 0, 0, 0])  # bits 2, 22, 25
    body = inner + b"%02d%s" % (len(key), key.encode()) + b"%05d%s" % (len(details), details.encode())
    body += b"%04d%s" % (len(icc), icc.encode())
    head = b"0200" + bytes.fromhex("A000000000000000" + "0000000000000002") + b"000000"
    wire = head + b"%06d" % len(body) + body
    for _ in range(COMPILE_AFTER + 2):
        document = made.decode(wire)
        assert made.encode(document) == wire
    parts = read(made.subfields["127"], document["127"])
    assert parts == {"2": key, "22": details, "25": icc}
    for length in (b"00001x", b"-00001", b"999999", b"000099"):
        with pytest.raises(DecodeError, match="DE127"):
            made.decode(head + length + body)
    with pytest.raises(SubfieldError, match="a length of 2 digits"):
        read(made.subfields["127"], (inner + b"4x").hex())


def test_ascii_characters_of_jpos_are_latin_1() -> None:
    made = dialect(packager("", field("IFA_LLCHAR", 25, number=44) + field("IFA_LLLCHAR", 99)))
    wire = b"0210" + b"0000000000110000" + "05Café 003à l".encode("latin-1")
    assert {k: v for k, v in made.decode(wire).items() if k in ("44", "48")} == {"44": "Café ", "48": "à l"}
    assert made.encode(made.decode(wire)) == wire


@pytest.mark.parametrize(("value", "hexed"), [("C00000150", "4300000150"), ("D00012345", "4400012345")])
def test_a_signed_amount_in_bcd_is_a_fee_like_any_other(value: str, hexed: str) -> None:
    made = dialect(jpos.read("p.xml", xml(BINARY_87), Wanted("p", family="cmi")))
    assert made.elements["28"].text is None
    translator = translator_for(made, "123456", "654321")
    link = translator.outward({"t": "0200", "28": value, "35": "4000=99"})
    assert (link["28"], link["35"]) == (hexed, "4000D99")
    assert translator.inward(made.decode(made.encode(link)))["28"] == value
    with pytest.raises(DecodeError, match="a sign, C or D, found byte 30"):
        translator.inward({"t": "0200", "28": "3000000150"})


def spec(fields: dict[str, Any], **more: Any) -> Brought:
    return moov.read("m.json", json.dumps({"name": "m", "fields": fields, **more}, indent=1).encode(), Wanted("m"))


def bitmap(**more: Any) -> dict[str, Any]:
    return {**ISO87, "1": {"type": "Bitmap", "description": "", "enc": "Hex", "prefix": "Hex.Fixed", **more}}


def test_a_bitmap_of_16_bytes_is_always_16_bytes_as_moovs_own_example_says() -> None:
    found = spec(bitmap(length=16))
    made = dialect(found)
    assert made.both
    assert "bit 1 would announce 16 more" in found.notes[0].message
    for bits, rest, expected in (
        ("2" + "0" * 31, b"000000", {"3": "000000"}),
        ("0" * 16 + "04" + "0" * 14, b"301", {"70": "301"}),
    ):
        wire = b"0800" + bits.encode() + rest
        for _ in range(COMPILE_AFTER + 2):
            document = made.decode(wire)
            assert {k: v for k, v in document.items() if k not in "tp1"} == expected
            assert made.encode(document) == wire
    with pytest.raises(DecodeError, match="bit 1 set"):
        made.decode(b"0800" + b"A" + b"0" * 31 + b"000000")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (bitmap(length=24), "expected 8 or 16 bytes, found 24"),
        (bitmap(length=8, disableAutoExpand=True), "disableAutoExpand with a length of 8"),
        (bitmap(length=8, autoExpand=False), "autoExpand: no key of a spec that is known here"),
        ({**ISO87, "48": {**ISO87["48"], "disableAutoExpand": True}}, "field 48: disableAutoExpand"),
        ({**ISO87, "48": {**ISO87["48"], "prefix": "Hex.LL"}}, "prefix 'Hex.LL' cannot be said here"),
        ({**ISO87, "48": {**ISO87["48"], "lenght": 3}}, "lenght: no key of a spec"),
        ({**ISO87, "48": {**ISO87["48"], "tag": {"size": 3}}}, "field 48: tag: size: no key of a spec"),
        (
            {**ISO87, "48": {**ISO87["48"], "subfields": {"1": {**ISO87["2"], "sort": "x"}}}},
            "field 48, subfield 1: sort: no key of a spec",
        ),
    ],
)
def test_a_key_of_moovs_that_no_dialect_can_say_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    found = spec(given)
    assert not found.text
    assert said in found.mistakes[0].message


def test_a_spec_has_no_other_keys() -> None:
    assert "version: no key of a spec" in spec(ISO87, version=3).mistakes[0].message


def test_16_bytes_without_auto_expansion_need_no_word_and_padding_of_what_varies_gets_one() -> None:
    assert spec(bitmap(length=16, disableAutoExpand=True)).notes == ()
    padded = {**ISO87, "48": {**ISO87["48"], "padding": {"type": "Left", "pad": "0"}}}
    assert "field 48: padding" in spec(padded).notes[0].message


def test_datasets_within_datasets_are_kept_whole_with_a_note() -> None:
    inner = {"9F02": {"type": "Binary", "enc": "Binary", "prefix": "BerTLV", "description": ""}}
    given = {"1": {"type": "Composite", "length": 99, "prefix": "ASCII.LL", "description": "", "subfields": inner}}
    found = spec({**ISO87, "48": {**ISO87["48"], "subfields": given}})
    assert "subfield 1 has subfields of its own" in found.notes[0].message
    assert dialect(found).subfields == {}


def composite_of(inner: dict[str, Any], **keys: Any) -> Brought:
    """A spec whose field 48 has one plain subfield and one that has subfields of its own."""
    plain = {"type": "String", "length": 3, "enc": "ASCII", "prefix": "ASCII.LL", "description": ""}
    deep = {"type": "Composite", "length": 20, "prefix": "ASCII.LL", "description": "", "subfields": {"1": inner}}
    given = {"type": "Composite", "length": 99, "prefix": "ASCII.LLL", "description": ""} | keys
    return spec({**ISO87, "48": given | {"subfields": {"01": plain, "02": deep}}})


TEXT = {"type": "String", "length": 3, "enc": "ASCII", "prefix": "ASCII.LL", "description": ""}
RAW = {"type": "Binary", "length": 3, "enc": "Binary", "prefix": "ASCII.LL", "description": ""}


@pytest.mark.parametrize(
    ("keys", "form", "wire"),
    [
        ({"tag": {"length": 2, "enc": "ASCII", "sort": "StringsByInt"}}, "numbered", "0103abc020503xyz"),
        ({}, "llvar", "03abc0503xyz"),
    ],
)
def test_a_composite_within_a_composite_of_text_is_a_part_that_holds_it_as_it_stands(
    keys: dict[str, Any], form: str, wire: str
) -> None:
    made = dialect(composite_of(TEXT, **keys))
    assert made.spec["48"]["subfields"]["form"] == form
    message = made.encode({"t": "0200", "48": wire})
    assert message.endswith(f"{len(wire):03d}{wire}".encode())
    assert read(made.spec["48"]["subfields"], wire) == {"01": "abc", "02": "03xyz"}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"tag": {"length": 2, "enc": "ASCII"}}, "02 has subfields of its own, not all of which are text"),
        ({}, "02 has subfields of its own, not all of which are text"),
        (
            {"bitmap": {"type": "Bitmap", "length": 8, "enc": "Binary"}},
            "02 has subfields of its own, which no part behind",
        ),
    ],
)
def test_why_a_composite_within_a_composite_is_kept_whole_is_told(keys: dict[str, Any], says: str) -> None:
    (note,) = composite_of(RAW, **keys).notes
    assert says in note.message


def test_a_yaml_spec_is_named_as_what_it_is() -> None:
    text = b'name: "x"\nfields:\n  "0":\n    type: String\n'
    (mistake,) = moov.read("spec.yaml", text, Wanted("m")).mistakes
    assert "a YAML spec: only JSON is read" in mistake.render()


def test_a_sequence_of_tags_is_read_by_its_tokens() -> None:
    inside = (
        '<isofield id="1" length="99" token="####" name="Others" class="org.jpos.tlv.packager.IFTA_LLLCHAR"/>'
        '<isofield id="2" length="99" token="0012" name="Time" class="org.jpos.tlv.packager.IFTA_LLLNUM"/>'
    )
    text = composite(inside, packager="TaggedSequencePackager").replace("packager=", 'token="0000" packager=')
    found = packager("", text)
    assert not found.notes
    assert read(dialect(found).subfields["48"], "001200212" + "0165003ABC") == {"0012": "12", "0165": "ABC"}


def test_subfields_that_code_reads_are_kept_whole() -> None:
    inside = sub(1, "IF_CHAR", 2) + sub(2, "IFA_LLCHAR", 9)
    found = packager("", composite(inside, packager="LISSubFieldPackager"))
    assert "LISSubFieldPackager: code of its own" in str(found.notes)
    assert "48" not in dialect(found).subfields


_LIS = composite(sub(2, "IFA_LLCHAR", 40) + sub(5, "IF_CHAR", 8), packager="LISSubFieldPackager")
_EUROPAY = composite(
    sub(0, "IF_CHAR", 4) + sub(1, "IFEP_LLCHAR", 18) + sub(9, "IFEP_LLCHAR", 0),
    kind="IFA_LLLBINARY",
    packager="EuroSubFieldPackager",
)
_ASCII = {"IFA_NUMERIC": "0:4 3:6 4:12 11:6", "IFA_LLNUM": "2:19"}
PUBLIC = {
    "base24-eps": (
        {**_ASCII, "IFA_BITMAP": "1:16", "IF_CHAR": "41:16 52:16", "IFA_LLBINARY": "53:48", "IFA_BINARY": "65:8 128:8"},
        "",
        (),
        (),
    ),
    "europay": ({**_ASCII, "IFB_BITMAP": "1:8"}, _EUROPAY, (), ("EuroSubFieldPackager",)),
    "LIS": (
        {**_ASCII, "IFA_BITMAP": "1:16", "IFA_BITMAPStandalone": "65:8", "IFA_LLLBINARY": "113:11"},
        _LIS,
        ("field 65: class IFA_BITMAPStandalone",),
        ("LISSubFieldPackager",),
    ),
    "gicc95In": (
        {"IFB_NUMERIC": "0:4 13:4 13:4", "IFB_BITMAP": "1:8", "IFEB_LLCHAR": "2:19", "IFA_LLLCHAR": "66:204"},
        "",
        ("field 2: class IFEB_LLCHAR", "field 13 is given twice", "field 66: the packager ends at 64"),
        (),
    ),
    "for BCD": (
        {
            "IFB_NUMERIC pad": "0:4 11:6",
            "IFB_NUMERIC": "22:3",
            "IFB_BITMAP": "1:16",
            "IFB_LLCHAR": "2:19",
            "IFB_AMOUNT pad": "28:9",
            "IFB_AMOUNT": "97:17",
            "IFB_LLNUM": "35:37",
            "IFB_LLLNUM": "60:999",
        },
        "",
        (),
        (),
    ),
}
"""Kinds of fields of public packager files, what is refused of each and what is noted: docs/dialects.md lists them."""


@pytest.mark.parametrize("name", PUBLIC)
def test_public_packager_files_are_read_or_refused_by_name(name: str) -> None:
    form, inside, refused, noted = PUBLIC[name]
    found = jpos.read("p.xml", xml(form, inside), Wanted("p"))
    assert bool(found.text) == (not refused)
    for said, expected in ((found.mistakes, refused), (found.notes, noted)):
        messages = [m.message for m in said]
        assert len(messages) == len(expected), messages
        assert all(any(part in message for message in messages) for part in expected), messages
