"""What messages use beyond their dialect is told, and secrets are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.dialects.drift import Drift, Finding, as_text, messages
from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.framing import make_framing
from tests.wire.oracle import DIALECTS, documents
from tests.wire.samples import purchase

CMI87 = Dialect.load("cmi87")
PAYMENT = {"t": "0200", "2": "4111111111111111", "3": "000000", "4": "000000012345", "11": "000042", "41": "POS00017"}


def findings(*seen: bytes | dict[str, str], dialect: Dialect = CMI87) -> list[Finding]:
    drift = Drift(dialect)
    for message in seen:
        drift.see(message)
    return drift.findings()


def told(*seen: bytes | dict[str, str]) -> list[tuple[str, str, str, int, int]]:
    return [(f.element, f.kind, f.what, f.count, f.first) for f in findings(*seen)]


@pytest.mark.parametrize("name", names())
def test_what_the_dialect_knows_is_no_drift(name: str) -> None:
    dialect = Dialect.load(name)
    document = {k: v for k, v in purchase(dialect).items() if k != "55"}
    assert findings(dialect.encode(document), document, dialect=dialect) == []


def test_unknown_tags_and_numbers_are_counted_with_the_first_message_they_are_in() -> None:
    plain = {**PAYMENT, "55": "9F0206000000012345DF8104020102"}
    other = {**PAYMENT, "55": "DF81040201029F7101AA", "48": "42020599015"}
    assert told(CMI87.encode(plain), CMI87.encode(other)) == [
        ("48", "subfield", "99", 1, 2),
        ("55", "subfield", "DF8104", 2, 1),
        ("55", "subfield", "9F71", 1, 2),
    ]


def test_values_outside_their_content_are_told_with_an_example_that_is_no_secret() -> None:
    (found,) = findings({**PAYMENT, "38": "AB*DEF"})
    assert (found.element, found.kind, found.example) == ("38", "content", "AB*DEF")
    assert "letters and digits (an), found U+002A" in found.what
    (found,) = findings({**PAYMENT, "35": "5399000000000001=2512x"})
    assert (found.element, found.example) == ("35", "")
    (found,) = findings({**PAYMENT, "2": "411111111111111x"})
    assert found.example == "411111******111x"


def test_values_that_do_not_divide_and_messages_that_do_not_decode_are_told() -> None:
    found = told(CMI87.encode({**PAYMENT, "55": "9F02"}), CMI87.encode(PAYMENT)[:-2], b"")
    assert [f[:2] for f in found] == [("t", "message"), ("41", "message"), ("55", "divides")]


def test_elements_the_dialect_lacks_are_told_for_bytes_and_documents() -> None:
    import json

    from switch.wire.dialect import DIRECTORY

    raw = json.loads((DIRECTORY / "cmi87.json").read_text(encoding="utf-8"))
    del raw["41"]
    short = Dialect.from_spec(raw, "short")
    found = findings(CMI87.encode(PAYMENT), {**PAYMENT}, dialect=short)
    assert {(f.element, f.kind) for f in found} == {("41", "element")}
    assert sum(f.count for f in found) == 2


def test_lengths_beyond_the_dialects_are_told() -> None:
    assert told({**PAYMENT, "44": "x" * 26}) == [("44", "length", "longer than 25", 1, 1)]
    wide = Dialect.from_spec({**CMI87.spec, "44": {**CMI87.spec["44"], "max_len": 40}}, "wide")
    assert told(wide.encode({**PAYMENT, "44": "x" * 26})) == [("44", "length", "longer than 25", 1, 1)]


@pytest.mark.parametrize("name", names())
@given(st.data())
def test_any_message_may_be_seen_and_no_secret_is_in_what_is_found(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS[name]
    document = data.draw(documents(dialect))
    text = as_text(dialect, 1, findings(document, data.draw(st.binary(max_size=60)), dialect=dialect))
    for de in dialect.sensitive & document.keys():
        assert len(document[de]) < 8 or document[de] not in text


def test_files_of_hex_json_and_frames_are_read() -> None:
    wire = CMI87.encode(PAYMENT)
    assert list(messages(f"# monday\n{wire.hex(' ')}\n\n{wire.hex()}\n".encode())) == [wire, wire]
    assert list(messages(b'{"t": "0800"}\n{"hex": "' + wire.hex().encode() + b'"}')) == [{"t": "0800"}, wire]
    stream = make_framing("length2", 8_000).frame(wire) * 2
    assert list(messages(stream, "length2")) == [wire, wire]
    assert list(messages(stream.hex().encode(), "length2")) == [wire, wire]


@pytest.mark.parametrize(
    ("content", "framing", "says"),
    [
        (b"00\nzz", None, "line 2 is neither hex nor JSON"),
        (b"{", None, "line 1 is no JSON"),
        (b"{}", None, 'line 1: expected a document with "t"'),
        (b"\x00\x09abc", "length2", "5 bytes of an unfinished length2 frame"),
        (b"\x00\x01x", "tpdu", "the stream breaks at byte 2"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(content: bytes, framing: str | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(messages(content, framing))


def test_blanks_that_fill_letters_are_no_drift() -> None:
    spec = {**Dialect.load("cmi87").spec}
    spec["43"] = {**spec["43"], "content": "a"}
    drift = Drift(Dialect.from_spec({"dialect": {"name": "x"}, **spec}))
    drift.see({"t": "0200", "43": "CASABLANCA".ljust(40)})
    assert drift.findings() == []
