"""jPOS packager files become dialects and come of them."""

import json
from typing import Any

import iso8583
import pytest

from switch.dialects import jpos, jpos_write
from switch.dialects.compare import differences
from switch.dialects.foreign import Brought, Wanted
from switch.dialects.jpos_classes import NAMES, UnlikeError, class_of, describe
from switch.wire import Dialect
from switch.wire.dialect import names
from tests.dialects.jpos_files import BINARY_87, FORMS, xml
from tests.wire.samples import changed, purchase
from tests.wire.test_vectors import UNLIKE_THE_SOURCE, messages

BASE = (
    '<isofield id="0" length="4" name="MTI" pad="true" class="org.jpos.iso.IFA_NUMERIC"/>\n'
    '<isofield id="1" length="16" name="Bitmap" class="org.jpos.iso.IFA_BITMAP"/>\n'
)


def brought(inside: str, *, skip: bool = False, version: str = "0") -> Brought:
    return jpos.read(
        "p.xml", f"<isopackager>\n{BASE}{inside}\n</isopackager>".encode(), Wanted("p", skip=skip, version=version)
    )


def dialect(found: Brought) -> Dialect:
    assert found.text, [m.render() for m in found.mistakes]
    return Dialect.from_spec(json.loads(found.text), "p.xml")


def field(kind: str, size: int = 10, *, pad: bool = False, number: int = 48) -> str:
    return f'<isofield id="{number}" length="{size}" name="x" pad="{str(pad).lower()}" class="org.jpos.iso.{kind}"/>'


def mistake(inside: str) -> str:
    found = brought(inside)
    assert not found.text
    assert len(found.mistakes) == 1
    return found.mistakes[0].render()


@pytest.mark.parametrize("message", [m for m in messages() if m["name"] in FORMS], ids=lambda m: m["name"])
def test_messages_that_jpos_packed_are_read_and_written_with_a_dialect_made_of_its_packager(
    message: dict[str, Any],
) -> None:
    made = dialect(jpos.read("p.xml", xml(FORMS[message["name"]]), Wanted("p")))
    wire = bytes.fromhex(message["hex"])
    document = made.decode(wire)
    expected = message["expect"] | UNLIKE_THE_SOURCE.get(message["name"], {})
    assert {k: v for k, v in document.items() if k not in ("p", "1")} == expected
    assert made.encode(document) == wire
    assert iso8583.decode(wire, made.spec)[0] == document


@pytest.mark.parametrize("name", names())
def test_a_dialect_goes_out_to_jpos_and_comes_back_with_the_same_bytes(name: str) -> None:
    ours = Dialect.load(name)
    text, notes = jpos_write.write(ours)
    assert not [note for note in notes if "left out" in note]
    back = dialect(jpos.read("p.xml", text.encode(), Wanted("p", version=ours.version)))
    found = [d for d in differences(ours, back) if d.what in ("form", "length", "element") and d.element != "h"]
    assert not [d for d in found if "cp500" not in d.a]  # jPOS has one EBCDIC
    document = purchase(ours)
    wire = ours.encode(document)
    header = {"h": document["h"].encode().hex()} if ours.name == "base24" else {}  # to jPOS a header is bytes
    assert back.encode(document | header) == wire


def test_every_class_that_elements_are_written_as_is_read_back_as_itself() -> None:
    for kind in NAMES:
        if "BITMAP" in kind:
            continue
        for size in (8, 9):
            for pad in (True, False):
                made = dialect(brought(field(kind, size, pad=pad)))
                again = dialect(brought(field(*_written(made), number=48)))
                assert {k: v for k, v in again.spec["48"].items() if k in ("max_len", "len_type")} == {
                    k: v for k, v in made.spec["48"].items() if k in ("max_len", "len_type")
                }, kind


def _written(made: Dialect) -> tuple[str, int]:
    kind, size, _ = class_of("48", made.spec["48"])
    return kind, size


@pytest.mark.parametrize(
    ("kind", "size", "pad", "value", "wire"),
    [
        ("IFA_NUMERIC", 4, True, "0012", b"0012"),
        ("IFA_LLCHAR", 9, False, "abc", b"03abc"),
        ("IFA_LCHAR", 9, False, "abc", b"3abc"),
        ("IFA_LLLLCHAR", 2000, False, "abc", b"0003abc"),
        ("IFA_BINARY", 2, False, "C0FF", b"C0FF"),
        ("IFA_LLBINARY", 9, False, "C0FF", b"02\xc0\xff"),
        ("IFB_NUMERIC", 3, True, "123", b"\x01\x23"),
        ("IFB_NUMERIC", 3, False, "123", b"\x12\x30"),
        ("IFB_FNUMERIC", 3, False, "123", b"\x12\x3f"),
        ("IFB_LLNUM", 9, False, "123", b"\x03\x12\x30"),
        ("IFB_LLNUM", 9, True, "123", b"\x03\x01\x23"),
        ("IFB_FLLNUM", 9, False, "123", b"\x03\x12\x3f"),
        ("IFB_LLHNUM", 19, True, "1" * 16, b"\x10" + b"\x11" * 8),
        ("IFB_LLLHNUM", 19, True, "12", b"\x00\x02\x12"),
        ("IFB_LLCHAR", 9, False, "abc", b"\x03abc"),
        ("IFB_LLLCHAR", 999, False, "abc", b"\x00\x03abc"),
        ("IFB_LLHCHAR", 9, False, "abc", b"\x03abc"),
        ("IFB_LLHECHAR", 9, False, "ABC", b"\x03\xc1\xc2\xc3"),
        ("IFB_LLHBINARY", 9, False, "C0FF", b"\x02\xc0\xff"),
        ("IFB_LLLBINARY", 255, False, "C0FF", b"\x00\x02\xc0\xff"),
        ("IFB_LLHEX", 9, False, "C0FF", b"\x04\xc0\xff"),
        ("IFB_AMOUNT", 9, True, "4300000150", b"C\x00\x00\x01\x50"),
        ("IFB_BINARY", 2, False, "C0FF", b"\xc0\xff"),
        ("IF_CHAR", 3, False, "abc", b"abc"),
        ("IF_ECHAR", 3, False, "ABC", b"\xc1\xc2\xc3"),
        ("IFE_CHAR", 3, False, "ABC", b"\xc1\xc2\xc3"),
        ("IFE_NUMERIC", 3, True, "012", b"\xf0\xf1\xf2"),
        ("IFE_LLNUM", 9, False, "12", b"\xf0\xf2\xf1\xf2"),
        ("IFE_LLLCHAR", 9, False, "A", b"\xf0\xf0\xf1\xc1"),
        ("IFE_LLLBINARY", 9, False, "C0FF", b"\xf0\xf0\xf2\xc0\xff"),
        ("IFE_BINARY", 2, False, "C0FF", b"\xc3\xf0\xc6\xc6"),
        ("IFEA_LLCHAR", 9, False, "AB", b"\xf0\xf2AB"),
        ("IFAE_LLCHAR", 9, False, "AB", b"02\xc1\xc2"),
        ("IFEB_LLNUM", 9, False, "123F", b"\xf0\xf2\x12\x3f"),
        ("IFA_LLBNUM", 9, True, "0123", b"04\x01\x23"),
    ],
)
def test_a_class_writes_what_jpos_writes(kind: str, size: int, pad: bool, value: str, wire: bytes) -> None:
    made = dialect(brought(field(kind, size, pad=pad)))
    head = b"0200" + b"0000000000010000"
    assert made.encode({"t": "0200", "48": value}) == head + wire
    assert made.decode(head + wire)["48"] == value


TAGGED = "it is a subfield with a tag, which stands inside an element"
STANDARD = {
    "": "IF_CHAR IF_ECHAR IFAE_LLCHAR IFEA_LLCHAR IFEB_LLNUM IFEB_LLLNUM "
    "IFA_NUMERIC IFA_AMOUNT IFA_AMOUNT2003 IFA_BINARY IFA_BITMAP IFA_LLBNUM "
    "IFA_LCHAR IFA_LLCHAR IFA_LLLCHAR IFA_LLLLCHAR IFA_LLNUM IFA_LLLNUM IFA_LBINARY IFA_LLBINARY IFA_LLLBINARY IFA_LLLLBINARY "
    "IFB_NUMERIC IFB_FNUMERIC IFB_AMOUNT IFB_AMOUNT2003 IFB_BINARY IFB_BITMAP IFB_HEX IFB_LLHEX IFB_LLLHEX IFB_FLLNUM "
    "IFB_FLLLNUM IFB_LLCHAR IFB_LLLCHAR IFB_LLLLCHAR IFB_LLLLLLCHAR IFB_LLNUM IFB_LLLNUM IFB_LLBINARY IFB_LLLBINARY "
    "IFB_LLLLBINARY IFB_LLHCHAR IFB_LLHNUM IFB_LLHBINARY IFB_LLHECHAR IFB_LLLHCHAR IFB_LLLHNUM IFB_LLLHBINARY IFB_LLLHECHAR "
    "IFE_NUMERIC IFE_SIGNED_NUMERIC IFE_AMOUNT IFE_CHAR IFE_BINARY IFE_BITMAP IFE_LBINARY IFE_LLCHAR IFE_LLLCHAR IFE_LLLLCHAR "
    "IFE_LLNUM IFE_LLLNUM IFE_LLBINARY IFE_LLLBINARY IFE_LLLEBINARY "
    "IFA_LLLLLCHAR IFA_LLLLLBINARY IFA_LLLLLLCHAR IFA_LLLLLLBINARY",
    TAGGED: "IFA_TTLCHAR IFA_TTLLCHAR IFA_TTLLLCHAR IFA_TTLLLLCHAR IFA_TTTLLLCHAR IFA_TTLBINARY IFA_TTLLBINARY IFA_TTLLLBINARY "
    "IFA_TTLLLLBINARY IFMC_LLCHAR IFMC_LLLCHAR IFMC_LLBINARY IFMC_LLLBINARY IFEMC_LLCHAR IFEMC_LLLCHAR IFEP_LLCHAR "
    "IFEP_LLLCHAR IFEP_LLLBINARY IFEPE_LLCHAR IFEPE_LLLCHAR IFEPE_LLBINARY IFELPE_LLLCHAR IFIPM_LLLCHAR",
    "it ends at a token, and has no length": "IF_TCHAR IF_TBASE",
    "it may be missing though its bit is set": "IFMC_TCC",
    "it is no field": "IF_NOP",
    "a bitmap that no bit continues": "IFA_BITMAPStandalone",
    "its length counts bytes where the data is two hex digits a byte": "IFA_LLABINARY IFA_LLLABINARY",
    "a length and then always the full size, blanks behind the value": "IFA_FLLCHAR",
    "a length and then always the full size, zeros before the value": "IFA_FLLNUM",
    "a length and then always the full size": "IFB_LLHFBINARY",
}
"""Every field packager class of `org.jpos.iso`, by why it can be no element ("": it can)."""


@pytest.mark.parametrize(("name", "why"), [(name, why) for why, names in STANDARD.items() for name in names.split()])
def test_every_standard_class_is_known_or_refused_with_its_reason(name: str, why: str) -> None:
    found = brought(field(name, 9))
    assert [m.message.partition(f"class {name}: ")[2] for m in found.mistakes] == (
        [why] if why and name != "IF_NOP" else []
    )
    if not why:
        assert "48" in dialect(found).elements


def test_classes_no_element_can_be_are_refused_with_the_reason_or_left_out_on_request() -> None:
    inside = field("IFA_LLABINARY") + "\n" + field("IFA_FLLCHAR", number=47) + "\n" + field("MyPackager", number=46)
    found = brought(inside)
    assert [(m.line, m.message.partition(": class ")[2]) for m in found.mistakes] == [
        (4, "IFA_LLABINARY: its length counts bytes where the data is two hex digits a byte"),
        (5, "IFA_FLLCHAR: a length and then always the full size, blanks behind the value"),
        (6, "MyPackager: no field packager class of jPOS that is known here"),
    ]
    left = brought(inside + field("IF_CHAR", number=45), skip=True)
    assert set(dialect(left).elements) == {"t", "p", "1", "45"}
    assert len(left.notes) == 3
    with pytest.raises(UnlikeError, match="it ends at a token"):
        describe("IF_TCHAR")


def test_more_than_a_length_can_say_is_bounded_and_told() -> None:
    """jPOS's VAP packagers have 255 behind two digits, which its own `checkLength` refuses: on the wire it is 99 in any case."""
    found = brought(field("IFB_LLCHAR", 255) + field("IFA_LLCHAR", 1_000_000, number=49))
    assert [m.message for m in found.notes] == [
        "field 48: length: 255 behind IFB_LLCHAR, which can say 99: that is the most here",
        "field 49: length: 1000000 behind IFA_LLCHAR, which can say 99: that is the most here",
    ]
    assert dialect(found).encode({"t": "0200", "48": "x" * 99})[-100:] == b"\x99" + b"x" * 99


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ('<isofield id="129" length="1" class="IF_CHAR"/>', 'p.xml:4:1: id: expected 0 to 128, found "129"'),
        ('<isofield id="48" length="x" class="IF_CHAR"/>', 'field 48: length: expected a whole number, found "x"'),
        ('<isofield id="48" length="0" class="IF_CHAR"/>', "expected a number above 0"),
        (field("IF_CHAR", 1_000_000), "field 48: length: 1000000 is too long: IF_CHAR has room for"),
        ('<isofield ID="48" length="1" class="IF_CHAR"/>', "4:1: ID: XML tells capitals from small letters"),
        ('<ISOFIELD id="48" Length="1" class="IF_CHAR"/>', "ISOFIELD, Length: XML tells capitals from small letters"),
        ('<ISOFIELD id="48" Length="1" class="IF_CHAR"/>', "write isofield, length"),
        (field("IF_CHAR") + field("IF_CHAR"), "field 48 is given twice"),
        ("<isofeild/>", 'did you mean "isofield"?'),
        ("<isofield", "no XML: "),
        ("&lt;&nope;", "undefined entity"),
    ],
)
def test_a_mistake_has_its_place(inside: str, says: str) -> None:
    assert says in mistake(inside)


def test_a_packager_without_mti_or_bitmap_is_none() -> None:
    found = jpos.read("p.xml", b"<isopackager/>", Wanted("p"))
    assert [m.message for m in found.mistakes] == ["no MTI (field 0)", "no bitmap (field 1)"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('<!DOCTYPE isopackager [<!ENTITY a "aa">]><isopackager>&a;</isopackager>', "declares the entity 'a'"),
        ('<!DOCTYPE isopackager [<!ENTITY % a "aa"> %a;]><isopackager/>', "declares the entity 'a'"),
        (
            '<!DOCTYPE isopackager [<!ENTITY x SYSTEM "file:///etc/hostname">]><isopackager>&x;</isopackager>',
            "declares the entity 'x'",
        ),
        ('<!DOCTYPE isopackager SYSTEM "x.dtd"><isopackager>&x;</isopackager>', "entit"),
        ("<packager/>", "expected <isopackager>, found <packager>"),
        ("", "no element found"),
    ],
)
def test_entities_and_declarations_are_refused_and_nothing_is_fetched(text: str, says: str) -> None:
    found = jpos.read("p.xml", text.encode(), Wanted("p"))
    assert not found.text
    assert says in found.mistakes[0].message


def test_a_doctype_that_only_names_jpos_dtd_is_passed_over() -> None:
    assert jpos.read("p.xml", xml(BINARY_87), Wanted("p")).text


def composite(
    inside: str, *, kind: str = "IFA_LLLCHAR", packager: str = "GenericSubFieldPackager", emit: str = "false"
) -> str:
    return (
        f'<isofieldpackager id="48" length="999" name="x" class="org.jpos.iso.{kind}" emitBitmap="{emit}" '
        f'packager="org.jpos.iso.packager.{packager}">{inside}</isofieldpackager>'
    )


def sub(number: int, kind: str, size: int, *, pad: bool = False) -> str:
    return f'<isofield id="{number}" length="{size}" name="part {number}" pad="{str(pad).lower()}" class="org.jpos.iso.{kind}"/>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            composite(sub(1, "IFA_NUMERIC", 2) + sub(2, "IF_CHAR", 3)),
            {"form": "positional", "parts": [{"id": "1", "len": 2, "desc": "part 1"}, {"id": "2", "len": 3, "desc": "part 2"}]},
        ),
        (
            composite(sub(1, "IFA_NUMERIC", 2) + sub(2, "IFA_LLCHAR", 30)),
            {"form": "llvar", "len_len": 2, "parts": [{"id": "1", "len": 2, "desc": "part 1"}, {"id": "2", "desc": "part 2"}]},
        ),
        (
            composite(sub(42, "IFA_TTLLCHAR", 7) + sub(92, "IFA_TTLLCHAR", 3), packager="GenericTaggedFieldsPackager"),
            {"form": "numbered", "id_len": 2, "len_len": 2,
             "parts": [{"id": "42", "desc": "part 42"}, {"id": "92", "desc": "part 92"}]},
        ),
        (
            composite(sub(0, "IFB_BITMAP", 8) + sub(1, "IFE_CHAR", 1) + sub(2, "IFB_NUMERIC", 15, pad=True),
                      kind="IFB_LLLHBINARY", emit="true"),
            {"form": "bitmapped", "bitmap": 8,
             "parts": [{"id": "1", "len": 1, "desc": "part 1", "enc": "cp037"},
                       {"id": "2", "len": 15, "desc": "part 2", "enc": "bcd"}]},
        ),
        (composite("", kind="IFB_LLLBINARY", packager="ICCDataPackager"), {"form": "tlv", "parts": []}),
        (
            composite(sub(23, "IFIPM_LLLCHAR", 3), packager="GenericTaggedFieldsPackager"),
            {"form": "numbered", "id_len": 4, "len_len": 3, "parts": [{"id": "0023", "desc": "part 23"}]},
        ),
    ],
)  # fmt: skip
def test_fields_within_a_field_become_its_subfields(text: str, expected: dict[str, Any]) -> None:
    assert dialect(brought(text)).subfields["48"] == expected


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        (sub(1, "IFA_LLCHAR", 9) + sub(2, "IFA_LLLCHAR", 9), "lengths of different sizes"),
        (sub(1, "IFEP_LLCHAR", 9), "IFEP_LLCHAR: a length that stands before its tag"),
        (sub(1, "IFELPE_LLLCHAR", 9), "IFELPE_LLLCHAR: a length that stands before its tag"),
        (sub(1, "IFA_TTLLBINARY", 9), "IFA_TTLLBINARY: bytes behind a tag that is text"),
        (sub(1, "IFMC_LLBINARY", 9), "IFMC_LLBINARY: bytes behind a tag that is text"),
    ],
)
def test_subfields_that_cannot_be_said_are_left_out_with_a_note(inside: str, why: str) -> None:
    found = brought(composite(inside))
    assert dialect(found).subfields == {}
    assert f"its subfields are left out: {why}" in found.notes[0].render()


def test_both_bitmaps_in_every_message_are_told_for_jpos_sends_one_where_one_will_do() -> None:
    text, notes = jpos_write.write(changed("cmi87", {"bitmaps": "both"}))
    assert any(note.startswith("both bitmaps") for note in notes)
    assert "both bitmaps" in text


def test_a_bitmap_given_twice_is_told() -> None:
    again = '<isofield id="1" length="16" name="B" class="org.jpos.iso.IFA_BITMAP"/>'
    found = jpos.read("p.xml", xml(BINARY_87, again), Wanted("p"))
    assert [m.message for m in found.mistakes] == ["field 1 is given twice"]
