"""Specs of others come in, or are refused by name; what came in writes the bytes that their own libraries write."""

import json
import random
from typing import Any

import iso8583
import pytest

from switch.dialects import j8583, jpos_java, kinds, moov, pyiso
from switch.dialects.foreign import Brought, Wanted
from switch.wire import Dialect
from switch.wire.element import Element
from switch.wire.subfields import build, read
from tests.dialects import of_others as theirs
from tests.dialects import rules_of_others as rules
from tests.dialects.of_others import inside, packager

ROUNDS = 4


def dialect(found: Brought) -> Dialect:
    assert found.text, [m.render() for m in found.mistakes]
    return Dialect.from_spec(json.loads(found.text), "x.json")


def value(e: Element, rng: random.Random) -> str:
    """Something the element may hold, as long as it likes."""
    most = min(e.digits, 40)
    size = rng.randint(1, most) if e.length_bytes else e.digits
    if e.content in ("n", "z"):
        return "".join(rng.choice("0123456789") for _ in range(size))
    if e.content == "b":
        size += size % 2 if e.length_bytes else 0
        return "".join(rng.choice("0123456789ABCDEF") for _ in range(min(size, e.digits - e.digits % 2)))
    if e.content == "x+n":
        return rng.choice("CD") + "".join(rng.choice("0123456789") for _ in range(size - 1))
    letters = "ABCXYZ 0123456789" + ("é" if e.text is not None and not e.text.ascii else "")
    return "".join(rng.choice(letters) for _ in range(size))


def both_ways(made: Dialect, wire: bytes, document: dict[str, str], expected: dict[str, str]) -> None:
    """Our encoder's bytes are theirs, and what we read of theirs is what they wrote."""
    header = made.header
    given = {"h": header, **document} if header else document
    assert made.encode(given).removeprefix(header.encode()) == wire
    back = made.decode(header.encode() + wire)
    assert {k: v for k, v in back.items() if k not in ("p", "1", "h")} == expected


# -- jPOS


@pytest.mark.parametrize("name", theirs.JPOS_FILES)
def test_a_packager_of_others_comes_in(name: str) -> None:
    assert kinds.kind_of(theirs.JPOS_FILES[name]) == "jpos"
    dialect(kinds.read(name, theirs.JPOS_FILES[name], Wanted("p"), None))


@pytest.mark.parametrize("name", theirs.JPOS)
def test_it_writes_what_jpos_writes(name: str) -> None:
    made = dialect(kinds.read(name, packager(theirs.JPOS[name]), Wanted("p"), None))
    lines = [
        line.split() for line in theirs.JPOS[name].splitlines() if line.strip() and not line.lstrip().startswith("<")
    ]
    given = {int(w[0]): (w[1], int(w[2]), w[3:] == ["true"]) for w in lines}
    rng = random.Random(name)
    mti, bitmap = given.pop(0), given.pop(1)
    given.pop(65, None)
    for _ in range(ROUNDS):
        document, fields = {"t": "0200"}, {}
        for number in rng.sample(sorted(given), rng.randint(min(1, len(given)), len(given))):
            kind, size, pad = given[number]
            shown = value(made.elements[str(number)], rng)
            asked = shown
            if kind == "IFB_AMOUNT":
                digits = "".join(rng.choice("0123456789") for _ in range(size - 1))
                asked = "C" + digits
                shown = "43" + digits
            elif kind.startswith("IFB_AMOUNT2003"):
                asked = shown = "".join(rng.choice("0123456789") for _ in range(size))
            document[str(number)], fields[number] = shown, rules.jpos(kind, size, pad, asked)
        wire = rules.message(
            rules.jpos(mti[0], 4, mti[2], "0200"), lambda b: rules.jpos(bitmap[0], 8, False, b.hex()), fields
        )
        both_ways(made, wire, document, document)


@pytest.mark.parametrize("name", theirs.JPOS_REFUSED)
def test_what_of_a_packager_cannot_be_said_is_refused_by_name(name: str) -> None:
    content, says = theirs.JPOS_REFUSED[name]
    found = kinds.read(name, content, Wanted("p"), None)
    assert not found.text
    for said in says:
        assert any(said in m.message for m in found.mistakes), [m.message for m in found.mistakes]


@pytest.mark.parametrize(
    ("kind", "packer", "lines", "text", "parts"),
    [
        ("IFB_LLHBINARY", "GenericSubFieldPackager", "1 IFE_CHAR 2\n2 IFE_CHAR 3", "MACAS", {"1": "MA", "2": "CAS"}),
        (
            "IFE_LLLBINARY",
            "GenericTaggedFieldsPackager",
            "1 IFEMC_LLCHAR 9\n42 IFEMC_LLCHAR 9",
            "4203ABC",
            {"42": "ABC"},
        ),
        (
            "IFA_LLLBINARY",
            "GenericSubFieldPackager",
            "0 IF_NOP 0\n1 IF_CHAR 1\n2 IFA_LLCHAR 9",
            "x02ab",
            {"1": "x", "2": "ab"},
        ),
    ],
)
def test_text_that_stands_in_a_field_of_bytes_is_text(
    kind: str, packer: str, lines: str, text: str, parts: dict[str, str]
) -> None:
    made = dialect(
        kinds.read(
            "p", packager("0 IFA_NUMERIC 4\n1 IFB_BITMAP 16\n" + inside(48, kind, 99, packer, lines)), Wanted("p"), None
        )
    )
    raw = text.encode("cp037" if "IFE" in lines else "latin-1")
    wire = b"0200" + bytes.fromhex("0000000000010000") + rules.jpos(kind, 99, False, raw.hex())
    document = made.decode(wire)
    assert document["48"] == text
    assert read(made.subfields["48"], document["48"]) == parts
    assert build(made.subfields["48"], parts) == text
    assert made.encode(document) == wire


@pytest.mark.parametrize("name", theirs.JAVA)
def test_a_packager_that_is_a_class_comes_in(name: str) -> None:
    content = theirs.JAVA[name].encode()
    assert kinds.kind_of(content) == "jpos-class"
    made = dialect(jpos_java.read(name, content, Wanted("p")))
    wire = rules.message(b"0200", lambda b: b.hex().upper().encode(), {2: b"164242424242424242", 3: b"000000"})
    document = made.decode(wire)
    assert (document["t"], document["2"], document["3"]) == ("0200", "4242424242424242", "000000")


def test_what_a_class_does_by_code_is_refused_at_its_place() -> None:
    lines = ('new IFA_NUMERIC(4, "MTI")', 'new IFA_BITMAP(16, "B")', "make(2)", 'new IF_CHAR(SIZE, "x")')
    text = "ISOFieldPackager fld[] = {\n  " + ",\n  ".join(lines) + "};"
    found = jpos_java.read("P.java", text.encode(), Wanted("p"))
    assert [(m.line, m.column, m.message) for m in found.mistakes] == [
        (4, 3, "field 2: class make: no field packager class of jPOS that is known here"),
        (5, 3, "field 3: IF_CHAR: SIZE is neither a number, a name nor true or false"),
    ]
    assert "no list of field packagers" in jpos_java.read("P.java", b"class P {}", Wanted("p")).mistakes[0].message


# -- j8583


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("name", theirs.J8583)
def test_a_configuration_of_j8583_comes_in_and_writes_what_j8583_writes(name: str, binary: bool) -> None:
    content = (theirs.J8583_HEAD + theirs.J8583[name]).encode()
    assert kinds.kind_of(content) == "j8583"
    given = {}
    for word in theirs.J8583[name].split("<field ")[1:]:
        attributes = dict(part.split("=") for part in word.partition(">")[0].rstrip("/").replace('"', "").split())
        if "<parse" in theirs.J8583[name] and attributes["num"] not in given:
            given[attributes["num"]] = attributes["type"]
    if "composites" in name:
        given = {"10": "LLLVAR", "55": "LLLBIN", "53": "LLBIN", "52": "BINARY", "46": "LLLLVAR"}
    found = j8583.read(name, content, Wanted("p", text=not binary, skip=binary))
    made = dialect(found)
    given = {number: kind for number, kind in given.items() if number in made.elements}
    rng = random.Random(name)
    for _ in range(ROUNDS):
        chosen = rng.sample(sorted(given), rng.randint(min(1, len(given)), len(given)))
        document = {"t": "0200"} | {n: value(made.elements[n], rng) for n in chosen}
        fields = {int(n): rules.j8583(given[n], binary, document[n]) for n in chosen}
        mti = b"\x02\x00" if binary else b"0200"
        wire = rules.message(mti, (lambda b: b) if binary else (lambda b: b.hex().upper().encode()), fields)
        both_ways(made, wire, document, document)


def test_raw_bitmaps_and_the_header_of_j8583() -> None:
    content = theirs.J8583["j8583's test of composites and bytes"].encode()
    made = dialect(j8583.read("j", content, Wanted("p", text=True, raw_bitmap=True)))
    wire = b"ISO015000050" + b"0200" + bytes.fromhex("0040000000000000") + b"010abcde03xyz"
    document = made.decode(wire)
    assert read(made.subfields["10"], document["10"]) == {"1": "abcde", "2": "xyz"}
    assert made.encode(document) == wire
    assert made.header == "ISO015000050"


@pytest.mark.parametrize("name", theirs.J8583_REFUSED)
def test_what_of_a_configuration_cannot_be_said_is_refused_by_name(name: str) -> None:
    content, says = theirs.J8583_REFUSED[name]
    head = "" if content.startswith("<!DOCTYPE") else theirs.J8583_HEAD
    found = kinds.read(name, (head + content).encode(), Wanted("p"), None)
    assert not found.text
    assert says in found.mistakes[0].message


def test_what_a_configuration_leaves_open_is_told() -> None:
    notes = [
        m.message for m in j8583.read("j", theirs.J8583["abtesh/cardless-Integration"].encode(), Wanted("p")).notes
    ]
    assert "whether numbers are text or BCD is not in the file: read as text" in notes[0]
    assert "parse 1200, field 12: TIME has 6 digits whatever its length says (12)" in notes
    notes = [
        m.message for m in j8583.read("j", theirs.J8583["rakhmad/camel-iso8583-json-demo"].encode(), Wanted("p")).notes
    ]
    assert "template 0200, field 3: value: no attribute that j8583 reads" in notes
    assert "header: it has no text, so nothing stands before messages" in notes


# -- moov


_MOOV = """
0 String 4 ASCII ASCII.Fixed | 2 String 19 BCD BCD.LL | 3 Numeric 6 BCD BCD.Fixed | 11 Numeric 5 LBCD BCD.Fixed
22 String 3 EBCDIC EBCDIC.Fixed | 32 String 11 EBCDIC1047 EBCDIC.LL | 35 String 20 ASCIIToHex Binary.L
44 String 25 ASCII Binary.L | 48 String 600 ASCII Binary.LL | 52 Binary 8 Binary Binary.Fixed | 55 Binary 255 Binary ASCII.LLL
60 String 40 ASCII BCD.LLL | 64 Binary 8 HexToASCII Hex.Fixed | 120 String 9999 ASCII ASCII.LLLL
"""
MOOV = {
    words[0]: (words[1], int(words[2]), words[3], words[4])
    for words in (field.split() for field in _MOOV.strip().replace("\n", "|").split("|"))
}
"""Each encoding and prefix that its builder has a name for, in one spec."""


def moov_field(kind: str, size: int, enc: str, prefix: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "length": size, "enc": enc, "prefix": prefix, "description": "x", **more}


def test_a_spec_of_moov_writes_what_moov_writes() -> None:
    spec = {n: moov_field(*f) for n, f in MOOV.items()}
    content = json.dumps(
        {"name": "m", "fields": {**spec, "1": moov_field("Bitmap", 8, "Binary", "Binary.Fixed")}}
    ).encode()
    assert kinds.kind_of(content) == "moov"
    made = dialect(moov.read("m.json", content, Wanted("m")))
    rng = random.Random(8583)
    for _ in range(ROUNDS * 4):
        chosen = rng.sample(sorted(set(MOOV) - {"0"}), rng.randint(1, 12))
        document = {"t": "0200"} | {n: value(made.elements[n], rng) for n in chosen}
        fields = {int(n): rules.moov(spec[n], document[n]) for n in chosen}
        both_ways(made, rules.message(b"0200", lambda b: b, fields), document, document)


@pytest.mark.parametrize(
    ("subfields", "tag", "wire", "shown", "says"),
    [
        ({"1": ("EBCDIC", "EBCDIC.Fixed", 2), "2": ("EBCDIC", "EBCDIC.LL", 9)}, None, "C1C2F0F1C3", "AB01C", ""),
        ({"01": ("EBCDIC", "EBCDIC.LL", 9)}, "EBCDIC", "F0F1F0F2C1C2", "0102AB", ""),
        ({"01": ("ASCII", "Binary.L", 9)}, "ASCII", "3031024142", "3031024142", "another encoding than what they lead"),
        (
            {"01": ("ASCII", "ASCII.LL", 9)},
            "Binary",
            "0130324142",
            "0130324142",
            "another encoding than what they lead",
        ),
        (
            {"1": ("BCD", "BCD.Fixed", 4), "2": ("ASCII", "ASCII.Fixed", 1)},
            None,
            "123441",
            "123441",
            "not all of them are text",
        ),
        ({"1": ("Binary", "Binary.Fixed", 2)}, None, "FFFE", "FFFE", "not all of them are text"),
    ],
)
def test_a_composite_is_written_as_its_subfields_are(
    subfields: dict[str, tuple[str, str, int]], tag: str | None, wire: str, shown: str, says: str
) -> None:
    within = {n: moov_field("String", size, enc, prefix) for n, (enc, prefix, size) in subfields.items()}
    field: dict[str, Any] = {
        "type": "Composite",
        "length": 99,
        "prefix": "ASCII.LLL",
        "description": "",
        "subfields": within,
    }
    if tag:
        field["tag"] = {"length": 1 if tag == "Binary" else 2, "enc": tag, "sort": "StringsByInt"}
    spec = {n: moov_field(*MOOV[n]) for n in ("0", "2")} | {
        "48": field,
        "1": moov_field("Bitmap", 8, "Binary", "Binary.Fixed"),
    }
    found = moov.read("m.json", json.dumps({"name": "m", "fields": spec}).encode(), Wanted("m"))
    made = dialect(found)
    message = b"0200" + bytes.fromhex("0000000000010000") + b"%03d" % (len(wire) // 2) + bytes.fromhex(wire)
    assert made.decode(message)["48"] == shown
    assert made.encode(made.decode(message)) == message
    assert [m.message for m in found.notes if says in m.message] if says else not found.notes


# -- pyiso8583


@pytest.mark.parametrize("name", theirs.PYISO)
@pytest.mark.parametrize("written", ["python", "json"])
def test_a_spec_of_pyiso8583_comes_in_and_writes_what_pyiso8583_writes(name: str, written: str) -> None:
    names: dict[str, Any] = {}
    exec(compile(theirs.PYISO[name].partition("encoded =")[0], name, "exec"), names)
    spec = names.get("spec") or names["mine"]
    content = theirs.PYISO[name].encode() if written == "python" else json.dumps(spec).encode()
    assert kinds.kind_of(content) == "pyiso8583"
    made = dialect(pyiso.read(name, content, Wanted("p")))
    rng = random.Random(name)
    for _ in range(ROUNDS * 2):
        chosen = rng.sample([n for n in made.elements if n.isdecimal() and 1 < int(n) != 65], 12)
        document = {"t": "0200"} | {n: value(made.elements[n], rng) for n in chosen}
        wire, _ = iso8583.encode(dict(document), spec)
        both_ways(made, bytes(wire), document, document)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('spec = {**s.default, "x": {}}\n', 'element "x": expected h, t, p, or 1 to 128'),
        ("spec = s.default\nfor n in range(9):\n    spec[str(n)]['max_len'] = 4\n", "this changes the spec by code"),
        ("spec = s.default\nspec['2'].update(make())\n", "this changes the spec by code"),
        ("spec = make()\n", "no pyiso8583 spec"),
        ("spec = {\n", "neither JSON nor Python"),
        ("spec = s.default\nspec['3']['data_enc'] = 'utf-8'\n", "3.data_enc"),
    ],
)
def test_what_of_a_spec_is_not_read_is_refused_at_its_place(text: str, says: str) -> None:
    found = pyiso.read(
        "s.py",
        b"import iso8583.specs as s\nimport copy\n" + text.replace("s.default", "s.default_ascii").encode(),
        Wanted("p"),
    )
    assert not found.text
    assert says in found.mistakes[0].message, [m.message for m in found.mistakes]


# -- what is none of these


@pytest.mark.parametrize("name", theirs.OTHER_FORMATS)
def test_another_format_is_called_by_its_name_and_what_to_do_is_said(name: str) -> None:
    content, says = theirs.OTHER_FORMATS[name]
    found = kinds.read(name, content.encode(), Wanted("p"), None)
    assert not found.text
    assert says in f"{found.mistakes[0].message} {found.mistakes[0].hint}"
