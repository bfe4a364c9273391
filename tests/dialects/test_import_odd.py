"""XML that is odd and legal, character sets of other machines, more files that others have published, and all of them changed."""

import json
import random
from typing import Any

import pytest

from switch.dialects import kinds
from switch.dialects.foreign import Brought, Wanted
from switch.wire import Dialect
from tests.dialects import mutants
from tests.dialects import rules_of_others as rules
from tests.dialects.test_of_others import both_ways, value

HEAD = '<?xml version="1.0"?>\n'


def field(number: object, kind: str = "IF_CHAR", size: object = 5, name: str = "n", more: str = "") -> str:
    return f'<isofield id="{number}" length="{size}" name="{name}" class="org.jpos.iso.{kind}"{more}/>\n'


OUTER = field(0, "IFA_NUMERIC", 4) + field(1, "IFA_BITMAP", 16)


def file(body: str, head: str = HEAD, attributes: str = "") -> str:
    return f"{head}<isopackager{attributes}>\n{OUTER}{body}</isopackager>"


def come(content: str | bytes, source: str = "p.xml", **wanted: Any) -> Brought:
    return kinds.read(source, content if isinstance(content, bytes) else content.encode(), Wanted("p", **wanted), None)


def said(found: Brought) -> str:
    return " ".join(f"{m.message} {m.hint}" for m in (*found.mistakes, *found.notes))


def made(found: Brought) -> Dialect:
    assert found.text, said(found)
    return Dialect.from_spec(json.loads(found.text), "p.json")


# -- XML


@pytest.mark.parametrize(
    "content",
    [
        file("<!-- <isofield id='9'/> -->" + field(2) + "<?other thing?><![CDATA[ ]]>"),
        file(field(2), f"{HEAD}<!-- <isomsg> -->\n"),
        file(field(5) + field(2)),
        file(field("002")),
        file(field(" 2 ")),
        file(field(2).replace("org.jpos.iso.", "")),
        file(field(2).replace("org.jpos.iso.", "jpos.iso.")),
        file(field(2), attributes=' xmlns="http://jpos.org/packager"'),
        file(field(2)).replace('"', "'"),
        file(field(2), f'{HEAD}<!DOCTYPE isopackager SYSTEM "genericpackager.dtd">\n'),
        "\ufeff" + file(field(2)),
    ],
)
def test_odd_and_legal_xml_comes_in(content: str) -> None:
    assert made(come(content)).elements["2"].size == 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (file(field(2), f'{HEAD}<!DOCTYPE isopackager [<!ENTITY n "Name">]>\n'), "declares the entity 'n'"),
        (
            file(field(2), f'{HEAD}<!DOCTYPE isopackager [<!ENTITY % d SYSTEM "http://x/y"> %d;]>\n'),
            "declares the entity 'd'",
        ),
        (file(field(2).replace(' length="5"', "")), 'length: expected a whole number, found ""'),
        (file(field(2).replace('class="org.jpos.iso.IF_CHAR"', "")), "class missing"),
        (file(field(2).replace(' id="2"', "")), 'id: expected 0 to 128, found ""'),
        (file(field(2) + field(2, "IFA_LLCHAR", 19)), "field 2 is given twice"),
        (file(field(129) + field(192)), 'id: expected 0 to 128, found "129"'),
        (file(field("-1")), 'id: expected 0 to 128, found "-1"'),
        (file(field("\u0662")), "id: expected 0 to 128"),
        (
            file('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="a.xml"/>'),
            "is no part of a packager file",
        ),
        (file(field(2)).replace(field(0, "IFA_NUMERIC", 4), ""), "no MTI (field 0)"),
        (file(field(2)).replace(field(1, "IFA_BITMAP", 16), ""), "no bitmap (field 1)"),
        (file(field(2)).replace("</isopackager>", ""), "no XML"),
        (f"\n{file(field(2))}", "no XML: XML or text declaration not at start"),
        (file(field(2), '<?xml version="1.0" encoding="klingon"?>\n'), "save the file as UTF-8"),
        (file(field(2), '<?xml version="1.0" encoding="rot13"?>\n'), "save the file as UTF-8"),
    ],
)
def test_what_xml_cannot_say_is_refused_at_its_place(content: str, says: str) -> None:
    found = come(content)
    assert not found.text
    assert says in said(found)


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("ISO-8859-1", "Num\u00e9ro"),
        ("windows-1252", "Num\u00e9ro"),
        ("windows-1256", "\u0631\u0642\u0645"),
        ("GBK", "\u4e3b\u8d26\u53f7"),
        ("GB2312", "\u4e3b\u8d26\u53f7"),
        ("Shift_JIS", "\u756a\u53f7"),
        ("UTF-16", "Num\u00e9ro"),
    ],
)
def test_names_are_those_that_the_file_has_in_its_own_character_set(declared: str, name: str) -> None:
    text = file(field(2, name=name), f'<?xml version="1.0" encoding="{declared}"?>\n')
    assert made(come(text.encode(declared))).names["2"] == name
    wrong = come(text.encode("utf-8").replace(b"UTF-16", b"GB2312") + b"\xff")
    assert wrong.text or wrong.mistakes


def test_bytes_that_are_not_of_the_character_set_a_file_declares_are_refused() -> None:
    content = file(field(2, name="\u00e9"), '<?xml version="1.0" encoding="Shift_JIS"?>\n').encode("latin-1")
    assert "not Shift_JIS, as the file says it is" in said(come(content))


def test_subfields_longer_than_their_field_are_left_out_and_told() -> None:
    inside = field(1, size=2) + field(2, size=130)
    body = (
        '<isofieldpackager id="59" length="14" name="x" class="org.jpos.iso.IFA_LLCHAR" emitBitmap="false" '
        f'packager="org.jpos.iso.packager.GenericSubFieldPackager">{inside}</isofieldpackager>'
    )
    found = come(file(body))
    assert "59" not in made(found).subfields
    assert "field 59: its subfields are left out: they take 132 characters, and it has 14" in said(found)


# -- more of others'


def moov(fields: dict[str, Any]) -> str:
    outer = {
        "0": {"type": "String", "length": 4, "enc": "ASCII", "prefix": "ASCII.Fixed"},
        "1": {"type": "Bitmap", "length": 8, "enc": "HexToASCII", "prefix": "Hex.Fixed"},
    }
    return json.dumps({"name": "m", "fields": outer | fields})


@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spec_of_moovs_as_windows_writes_it_comes_in(mark: str) -> None:
    made(come(moov({}).encode(mark), "m.json"))


def test_a_class_with_remarks_behind_its_fields_writes_what_jpos_writes() -> None:
    """The form of faribamhb/jpos, CustomPackager."""
    given = {
        2: ("IFA_LLNUM", 19),
        3: ("IFA_NUMERIC", 6),
        4: ("IFA_NUMERIC", 12),
        5: ("IFA_AMOUNT", 9),
        6: ("IFA_LLLCHAR", 99),
    }
    lines = "\n".join(f'/*{n:03d}*/ new {kind}({size}, "F"),//ok' for n, (kind, size) in given.items())
    found = come(
        "import org.jpos.iso.*;\npublic class CustomPackager extends ISOBasePackager {\n protected ISOFieldPackager fld[] = {\n"
        f'/*000*/ new IFA_NUMERIC(4, "MTI"),\n/*001*/ new IFA_BITMAP(16, "BIT MAP"),//from 16 -> 8\n{lines}\n}};}}',
        "CustomPackager.java",
    )
    dialect, rng = made(found), random.Random(1)
    for _ in range(8):
        chosen = rng.sample(sorted(given), 3)
        document = {"t": "0200"} | {str(n): value(dialect.elements[str(n)], rng) for n in chosen}
        fields = {n: rules.jpos(*given[n], False, document[str(n)]) for n in chosen}
        both_ways(dialect, rules.message(b"0200", lambda b: b.hex().upper().encode(), fields), document, document)


MOOV = {
    "2": {"type": "String", "length": 19, "enc": "BCD", "prefix": "BCD.LL"},
    "35": {"type": "Track2", "length": 37, "enc": "ASCII", "prefix": "ASCII.LL"},
    "36": {"type": "Track3", "length": 104, "enc": "ASCII", "prefix": "ASCII.LLL"},
    "43": {"type": "String", "length": 40, "enc": "EBCDIC1047", "prefix": "EBCDIC1047.Fixed"},
    "44": {"type": "String", "length": 9, "enc": "ASCII", "prefix": "BCD.L"},
    "52": {"type": "Binary", "length": 8, "enc": "Binary", "prefix": "None.Fixed"},
    "60": {"type": "String", "length": 900, "enc": "ASCII", "prefix": "BCD.LLLL"},
    "61": {"type": "Binary", "length": 300, "enc": "Binary", "prefix": "Binary.LL"},
}


def test_other_prefixes_of_moovs_write_what_moov_writes() -> None:
    dialect, rng = made(come(moov(MOOV), "m.json")), random.Random(2)
    for _ in range(12):
        chosen = rng.sample(sorted(MOOV), 3)
        document = {"t": "0200"} | {n: value(dialect.elements[n], rng) for n in chosen}
        fields = {int(n): rules.moov(MOOV[n], document[n]) for n in chosen}
        both_ways(dialect, rules.message(b"0200", lambda b: b.hex().upper().encode(), fields), document, document)


def test_composites_of_moovs_guide_come_in_those_behind_a_bitmap_by_their_parts() -> None:
    part = {"type": "String", "length": 2, "enc": "ASCII", "prefix": "ASCII.Fixed"}
    bitmap = {"type": "Bitmap", "length": 8, "enc": "Binary", "prefix": "Binary.Fixed", "disableAutoExpand": True}
    inner = {
        "type": "Composite",
        "length": 1535,
        "prefix": "Binary.LL",
        "tag": {"enc": "BerTLVTag", "sort": "StringsByHex"},
    }
    inner["subfields"] = {"01": {"type": "String", "length": 11, "enc": "EBCDIC", "prefix": "BerTLV"}}
    tag = {
        "length": 1,
        "enc": "ASCIIToHex",
        "sort": "StringsByHex",
        "skipUnknownTLVTags": True,
        "prefUnknownTLV": "Binary.LL",
    }
    found = come(
        moov(
            {
                "125": {
                    "type": "Composite",
                    "length": 255,
                    "prefix": "Binary.L",
                    "tag": tag,
                    "subfields": {"56": inner},
                },
                "126": {
                    "type": "Composite",
                    "length": 255,
                    "prefix": "Binary.L",
                    "bitmap": bitmap,
                    "subfields": {"1": part},
                },
            }
        ),
        "m.json",
    )
    assert made(found).subfields["126"]["form"] == "bitmapped"
    assert "field 125: its subfields are left out" in said(found)


def java(fields: str) -> str:
    return f"public class P extends ISOBasePackager {{ protected ISOFieldPackager fld[] = {{ {fields} }}; }}"


REFUSED = {
    "luboid/leontestbed": (
        java('new IFA_NUMERIC(5, "x"), new IFA_BITMAP(16, "BITMAP")'),
        "expected an MTI of 4 digits",
    ),
    "Isnere28/DemoTrama": (
        java('new IFA_NUMERIC(2, "x"), new IFB_BITMAP(16, "BITMAP")'),
        "expected an MTI of 4 digits",
    ),
    "unicubevn/jPos_gateway": (
        'public class SacomPackager extends AtomPackager { public SacomPackager() { fld[55]  =  new IFB_LLLHEX(255, "x"); } }',
        "make the change in the class it extends",
    ),
    "iso87BVisaBase1Packager": (
        '{"fields": {"000": {"type": "NUMBER", "length": 4, "encoding": "BCD", "prefix": null}}}',
        "not known here",
    ),
    "ISO87BCabalPackager": (
        '{"fields": {"000": {"type": "NUMERIC", "pattern": "^0$", "prefixEncoding": null}}}',
        "not known here",
    ),
    "pyiso8583 before 2.0": (
        'spec = {"h": {"data_encoding": "ascii", "len_type": 0, "max_len": 0}}',
        "name its keys data_enc",
    ),
    "krvikash35/iso8583_tcp": (
        "var f = {\n f0: {\n 'type': 'N',\n 'lentype': 'FIXED', 'maxlen': 4 } }",
        "a table of fields",
    ),
    "dobisel/python-iso8583": ("LAYOUT = {\n 1:  ('b', 'fixed', 64, 'Second Bitmap') }", "none of the formats"),
    "zafar1444216/Room_Database": (
        "String bitArr_req = \"[{'name':'F0', 'type':'BCD', 'len':4}\"",
        "none of the formats",
    ),
    "rohith418/Agent": (
        'SPEC = { "1": ("name": "Bitmap", "type": "CHAR_FIXED", "length": 16) }',
        "none of the formats",
    ),
    "goGetSomeFries/alatka-messages": ("type: iso\nmessage:\n  fields:\n    - domainNo: 2\n", "none of the formats"),
    "credibledoc/credible-doc": ("FieldBuilder f = FieldBuilder.builder(MsgFieldType.MSG)", "which is code"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_not_read_is_refused_with_what_to_do(name: str) -> None:
    content, says = REFUSED[name]
    found = come(content, name)
    assert not found.text
    assert says in said(found)


def test_a_class_of_somebody_elses_package_is_taken_for_jposs_and_told() -> None:
    found = come(file(field(2, "IFA_LLCHAR", 19).replace("org.jpos.iso", "com.acme")))
    assert made(found).elements["2"].length_bytes == 2
    assert "com.acme.IFA_LLCHAR is taken for jPOS's IFA_LLCHAR" in said(found)


def test_others_files_that_are_changed_come_in_right_or_are_refused() -> None:
    """`python -m tests.dialects.mutants 20000`: 14,259 came, 5,741 were refused."""
    assert mutants.run(120, 7)["came"] > 50


def composite(**more: object) -> str:
    part = {"type": "String", "length": 2, "enc": "ASCII", "prefix": "ASCII.LL"}
    field = {"type": "Composite", "length": 99, "prefix": "ASCII.LL", "subfields": {"1": part}}
    fields = {"0": {"type": "String", "length": 4, "enc": "ASCII", "prefix": "ASCII.Fixed"}, "48": field | more}
    return json.dumps({"fields": {**fields, "1": {"type": "Bitmap", "enc": "Binary", "prefix": "Hex.Fixed"}}})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (composite(tag="TT"), "tag: expected an object"),
        (composite(tag={"length": "two"}), "tag: length: expected a number"),
        (composite(subfields={"1": {"length": 2, "enc": ["ASCII"], "prefix": "ASCII.LL"}}), "not all of them are text"),
        (json.dumps({"fields": {"1" * 5_000: {}}}), 'field "1'),
        ('{"fields":{"48":' + "[" * 700 + "]" * 700 + "}}", "nested too deeply"),
        ('{"fields":{"48":' + '{"subfields":{"1":' * 420 + "{}" + "}}" * 420 + "}}", "nested too deeply"),
        ('from iso8583.specs import default\nx = "a"\nx.update({"a": 1})\n', "no pyiso8583 spec"),
        ('from iso8583.specs import default\nx = "ab"[5]\n', "no pyiso8583 spec"),
        (f'spec = {{"t": {{"data_enc": "b"}}, "p": {{"data_enc": "b"}}, "{"1" * 5_000}": {{}}}}\n', "expected h, t, p"),
    ],
    ids=["tag", "length", "enc", "number", "lists", "subfields", "text", "index", "key"],
)
def test_what_no_writer_of_a_spec_means_is_told_and_nothing_else(content: str, says: str) -> None:
    assert says in said(come(content))


@pytest.mark.parametrize("digits", [5, 6])
def test_a_length_of_as_many_digits_as_a_dialect_takes_comes_along(digits: int) -> None:
    spec = json.loads(composite())
    spec["fields"]["48"] = {"type": "String", "length": 40_000, "enc": "ASCII", "prefix": f"ASCII.{'L' * digits}"}
    dialect = made(come(json.dumps(spec)))
    assert dialect.decode(dialect.encode({"t": "0200", "48": "x" * 12_345}))["48"] == "x" * 12_345
