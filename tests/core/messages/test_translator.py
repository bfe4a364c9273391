"""Internal format -> link form -> bytes -> link form -> internal format."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.messages.family import UnreadableError
from switch.core.messages.internal import Private48, answer, original_data, parse_original, replacement_amounts
from switch.core.messages.translator import translator_for
from switch.wire import DecodeError, Dialect, EncodeError
from switch.wire.describe import error_fields
from switch.wire.vocabulary import Document
from tests.core.messages.families import CARD, CAVV, DIALECTS, OWN, PEER, TRANSLATORS, WEB, carry, digits, ids

# -- documents of all kinds


def text(n: int) -> st.SearchStrategy[str]:
    return st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .", min_size=n, max_size=n)


signed = st.builds(lambda s, n: s + n, st.sampled_from("CD"), digits(8))
month_day = st.builds(lambda m, d: f"{m:02d}{d:02d}", st.integers(1, 12), st.integers(1, 28))
clock = st.builds(lambda h, m, s: f"{h:02d}{m:02d}{s:02d}", st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
entries = st.builds(
    lambda e, p: e + p, st.sampled_from(["00", "01", "02", "05", "07", "80", "81", "90", "91"]), st.sampled_from("012")
)
tlv = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=4).map(
    lambda values: "".join(f"9F{i:02X}{len(v):02X}{v.hex().upper()}" for i, v in enumerate(values, 1))
)
merchants = st.builds(
    lambda name, city, country: f"{name:<25}{city:<13}{country}",
    text(22).map(str.rstrip), text(12).map(str.strip), st.sampled_from(["MA", "FR", "TN", "US"]),
)  # fmt: skip
COMMON: dict[str, st.SearchStrategy[str]] = {
    "2": st.text("0123456789", min_size=12, max_size=19), "3": digits(6), "4": digits(12), "5": digits(12),
    "6": digits(12), "8": digits(8), "9": digits(8), "10": digits(8), "14": digits(4), "16": month_day, "17": month_day,
    "18": digits(4), "19": st.integers(1, 999).map(lambda n: f"{n:03d}"), "20": digits(3), "21": digits(3),
    "23": digits(3), "32": ids, "33": ids, "35": digits(16).map(lambda pan: f"{pan}=2812201123450000"),
    "37": text(12), "38": text(6), "41": text(8), "42": text(15), "43": merchants, "45": text(30), "49": digits(3),
    "50": digits(3), "51": digits(3), "52": st.binary(min_size=8, max_size=8).map(lambda b: b.hex().upper()),
    "53": digits(16), "54": text(40), "55": tlv, "70": digits(3), "100": ids, "102": text(20), "103": text(20),
}  # fmt: skip
FEES = {"28": signed, "29": signed, "30": signed, "31": signed}
PRIVATE = {
    Private48.ECI: st.sampled_from(["05", "06", "07"]),
    Private48.CAVV: st.just(CAVV),
    Private48.CVV2_RESULT: st.sampled_from("MNPU"),
    Private48.CVV2: st.text("0123456789", min_size=3, max_size=4),
}
MTIS = st.sampled_from(["0100", "0101", "0120", "0200", "0201", "0220", "0400", "0420", "0421", "0110", "0210", "0430"])


def _private(draw: Any, name: str) -> str:
    chosen = draw(st.fixed_dictionaries({}, optional=PRIVATE))
    if name == "visa" and draw(st.booleans()):
        chosen[Private48.REFERENCE] = draw(digits(15))
    return "".join(f"{k}{len(chosen[k]):02d}{chosen[k]}" for k in sorted(chosen))


@st.composite
def documents(draw: Any, name: str) -> dict[str, str]:
    """Internal documents with nothing that the family of dialect `name` does not carry."""
    optional = dict(COMMON)
    if name != "iso93":
        optional |= FEES | {"26": digits(2), "39": text(2).filter(lambda v: v.strip()), "95": digits(42)}
    if name != "visa":
        optional |= {"44": text(25)}
    made: Document = draw(st.fixed_dictionaries({"t": MTIS, "7": digits(10), "11": digits(6)}, optional=optional))
    made |= {"12": draw(clock), "13": draw(month_day), "22": draw(entries)}
    made["25"] = draw(st.sampled_from(["00", "01", "08", "59"]))
    if draw(st.booleans()):
        made["15"] = draw(month_day)
    if name == "iso93":
        made["39"] = draw(st.sampled_from(["00", "05", "14", "15", "30", "51", "54", "57", "61", "62", "91", "94"]))
        if draw(st.booleans()):
            made["90"] = original_data("0200", draw(digits(6)), made["13"] + made["12"], draw(ids).lstrip("0"))
        if made["t"][1] == "4" and "4" in made:
            made["95"] = replacement_amounts(draw(st.integers(0, 10**12 - 1)))
    elif draw(st.booleans()):
        made["90"] = draw(digits(42))
    private = _private(draw, name)
    if private:
        made["48"] = private
    return made


@pytest.mark.parametrize("name", sorted(DIALECTS))
@settings(deadline=None)
@given(data=st.data())
def test_all_a_family_carries_comes_back_as_it_was_sent(name: str, data: st.DataObject) -> None:
    internal = data.draw(documents(name))
    assert carry(name, internal) == internal


@pytest.mark.parametrize("name", sorted(DIALECTS))
@settings(deadline=None)
@given(data=st.data())
def test_nothing_that_is_dropped_turns_up_elsewhere(name: str, data: st.DataObject) -> None:
    dropped = TRANSLATORS[name].dropped - {"64", "65", "128"}
    elements = DIALECTS["cmi87"].elements
    extra = {de: "1" * elements[de].digits if elements[de].content != "x+n" else "C00000000" for de in dropped}
    internal = data.draw(documents(name))
    assert carry(name, {**extra, **internal}) == internal


@pytest.mark.parametrize("name", sorted(DIALECTS))
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([str(n) for n in range(2, 129)]), st.text("0123456789ABCDEF=", max_size=60)))
def test_a_document_of_any_kind_comes_in_or_is_refused(name: str, document: dict[str, str]) -> None:
    for de in ("4", "55", "62", "63", "126"):
        if de in document:
            document[de] = document[de].translate(str.maketrans("=ABCDEF", "0123456")) + "0" * (len(document[de]) % 2)
    failure = None
    try:
        TRANSLATORS[name].inward(document)
    except DecodeError as error:
        failure = error
    assert failure is None or failure.field in document


# -- what cannot be said or read


@pytest.mark.parametrize(
    ("name", "de48", "says"),
    [
        ("visa", "42x2", "a length of 2 digits"),
        ("visa", "42015", "an ECI"),
        ("visa", "630512345", "a transaction identifier"),
        ("visa", "4304AAAA", "a CAVV"),
        ("visa", "4304A=AA", "a CAVV"),
        ("visa", "920212", "a CVV2"),
        ("mastercard", "6303abc", "a network reference"),
        ("mastercard", "42", "a length of 2 digits"),
    ],
)
def test_private_data_that_a_network_cannot_carry_is_refused_and_not_shown(name: str, de48: str, says: str) -> None:
    with pytest.raises(EncodeError, match=says) as caught:
        TRANSLATORS[name].outward({**CARD, "48": de48})
    assert caught.value.field == "48"
    assert de48 not in str(caught.value)


def test_original_data_that_is_not_42_digits_is_refused() -> None:
    with pytest.raises(EncodeError, match=r"DE90 at .*42 digits"):
        TRANSLATORS["iso93"].outward({"t": "0400", "90": "12"})


@pytest.mark.parametrize(
    ("name", "document", "field"),
    [
        ("visa", {"t": "0100", "126": "C0"}, "126"),
        ("visa", {"t": "0100", "62": "400000000000000004"}, "62"),
        ("mastercard", {"t": "0100", "48": "R92031"}, "48"),
        ("iso93", {"t": "1420", "56": "12000000412611251030000750400"}, "56"),
        ("iso93", {"t": "1420", "56": "1200"}, "56"),
    ],
)
def test_an_element_whose_inside_cannot_be_read_is_a_decode_error_with_its_place(
    name: str, document: Document, field: str
) -> None:
    with pytest.raises(UnreadableError) as caught:
        TRANSLATORS[name].inward(document)
    assert caught.value.field == field
    assert "found" in str(caught.value)


def test_such_an_error_knows_which_byte_of_the_message_it_is() -> None:
    dialect = DIALECTS["visa"]
    wire = dialect.encode({"h": "00" * 22, "t": "0100", "11": "000001", "62": "400000000000000004"})
    with pytest.raises(UnreadableError) as caught:
        TRANSLATORS["visa"].inward(dialect.decode(wire))
    error = caught.value
    inside = wire.rindex(bytes.fromhex("400000000000000004"))
    assert error.byte(dialect) == inside + error.offset
    shown = error_fields(dialect, wire, error, error.byte(dialect))
    assert (shown["dialect"], shown["mti"], shown["field"]) == ("visa", "0100", "62")
    assert "[" in shown["bytes"]


def test_a_family_nobody_translates_is_refused() -> None:
    dialect = Dialect.from_spec({**DIALECTS["cmi87"].spec, "dialect": {"name": "amex", "family": "amex"}})
    with pytest.raises(ValueError, match="no translation for family 'amex'"):
        translator_for(dialect, OWN, PEER)


def test_a_dialect_without_the_annotations_its_family_needs_is_refused() -> None:
    bare = {de: {k: v for k, v in e.items() if k != "subfields"} for de, e in DIALECTS["visa"].spec.items()}
    dialect = Dialect.from_spec({**bare, "dialect": {"name": "visa2", "family": "visa"}})
    with pytest.raises(ValueError, match="visa2: DE60 needs a subfields annotation"):
        translator_for(dialect, OWN, PEER)


# -- answers and originals


def test_an_answer_echoes_what_the_standard_says_and_nothing_else() -> None:
    made = answer(WEB, "51", {"44": "why"})
    assert made["t"] == "0110"
    assert made["39"] == "51"
    assert made["44"] == "why"
    assert set(made) == {"t", "39", "44", "2", "3", "4", "7", "11", "12", "13", "25", "32", "37", "41", "42", "49"}
    assert all(made[de] == WEB[de] for de in made if de not in ("t", "39", "44"))


@pytest.mark.parametrize(("mti", "response"), [("0201", "0210"), ("0421", "0430"), ("0120", "0130"), ("0600", "0610")])
def test_an_answers_mti_follows_the_requests(mti: str, response: str) -> None:
    assert answer({"t": mti}, "00")["t"] == response


@settings(deadline=None)
@given(digits(6), digits(10), ids, ids)
def test_original_data_reads_back(stan: str, de7: str, de32: str, de33: str) -> None:
    value = original_data("0200", stan, de7, de32, de33)
    assert len(value) == 42
    assert parse_original(value) == ("0200", stan, de7, de32.lstrip("0"))


@pytest.mark.parametrize("value", ["", "0" * 41, "0" * 43, "x" * 42, "٠" * 42])
def test_original_data_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="42 digits"):
        parse_original(value)


# -- the page about all this


def _rows_of_the_page() -> dict[str, list[str]]:
    page = (Path(__file__).parents[3] / "docs" / "translate.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.split("\n") if line.startswith("| DE")
    ]
    return {row[0].split()[0].removeprefix("DE"): row[1:] for row in rows}


@pytest.mark.parametrize(("column", "name"), [(0, "visa"), (1, "mastercard"), (2, "iso93")])
def test_the_page_says_what_is_dropped(column: int, name: str) -> None:
    rows = _rows_of_the_page()
    for de in map(str, range(2, 129)):
        dropped = rows[de][column] == "–" if de in rows else True
        assert dropped == (de in TRANSLATORS[name].dropped), f"DE{de}"


@pytest.mark.parametrize(("column", "name"), [(0, "visa"), (1, "mastercard"), (2, "iso93")])
def test_the_page_says_what_stays_the_same(column: int, name: str) -> None:
    values = {
        "15": "1125",
        "3": "000000",
        "12": "103000",
        "13": "1125",
        "22": "051",
        "25": "00",
        "39": "05",
        "54": "0" * 130,
    }
    for de, cells in _rows_of_the_page().items():
        if cells[column] != "same" or de == "48":
            continue
        value = values.get(de, CARD.get(de, "1" * DIALECTS["cmi87"].elements[de].digits))
        assert TRANSLATORS[name].outward({"t": "0200", de: value})[de] == value, f"DE{de}"
