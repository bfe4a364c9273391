"""Faults planted in messages are named, in a message that is pasted as well as in one that comes framed."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.doctor import command
from switch.doctor.diagnosis import Cause, Configured, Verdict
from tests.doctor import ambiguous, natural
from tests.doctor.drawn import cases as two_faults
from tests.doctor.drawn import counted
from tests.doctor.planted import (
    BENDS,
    Planted,
    absent,
    accents,
    bitmaps,
    examined,
    habit_and_one,
    headers,
    names,
    one_bent,
    signless,
    two_bent,
    written,
)
from tests.doctor.sent import ALL_KNOWN, DIALECTS, DOCTOR, SHIPPED, body, documents, framed, sign_on
from tests.wire.letters import Writer, latin, utf8_in_bytes, utf8_in_characters

CMI87, VISA = DIALECTS["cmi87"], DIALECTS["visa"]


@pytest.mark.parametrize(
    ("make", "every", "share"),
    [
        (one_bent, 183, 0.95),
        pytest.param(one_bent, 61, 0.95, marks=pytest.mark.long),
        (absent, 61, 0.95),
        (signless, 7, 1.0),
        (accents, 17, 1.0),
        (bitmaps, 13, 1.0),
        (headers, 607, 0.95),
        pytest.param(headers, 211, 0.95, marks=pytest.mark.long),
        (habit_and_one, 199, 0.8),
        pytest.param(habit_and_one, 97, 0.85, marks=pytest.mark.long),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_is_planted_is_named_bare_as_framed(
    make: Callable[[], Iterator[Planted]], every: int, share: float
) -> None:
    counts = {how: Counter[bool]() for how in ("bare", "framed")}
    for planted in islice(make(), 0, None, every):
        for how, count in counts.items():
            count[names(planted, examined(planted, how)) != "no"] += 1
    for count in counts.values():
        assert count[True] >= share * count.total() > 0, counts


def test_two_elements_may_be_wrong_at_once() -> None:
    """Of what is planted by chance, much reads as well otherwise; both that are named are among what explains it."""
    found = Counter(names(planted, examined(planted, "bare")) != "no" for planted in islice(two_bent(), 0, 90, 6))
    assert found[True] >= 2, found


@pytest.mark.long
def test_two_elements_as_other_specifications_have_them_are_named_by_what_stands_in_them() -> None:
    """Half of them first, and few not at all: a year before a date, zeros before an amount tell which it is."""
    found = Counter(names(planted, examined(planted, "bare")) for planted in natural.cases("cmi87", 30))
    assert (found["first"] >= 15, found["no"] <= 2) == (True, True), found


def test_two_faults_that_are_not_named_first_are_those_whose_bytes_tell_no_more() -> None:
    """`python -m tests.doctor.ambiguous` sorts out 556."""
    found = ambiguous.counted(natural.cases("cmi87", 8))
    assert sum(n for what, n in found.items() if what.startswith("weak")) <= 1, found
    assert found["first"] >= 3, found


@pytest.mark.parametrize(
    ("key", "more"), [("7", "2026"), ("12", "20260615"), ("4", "0000"), ("11", "000"), ("49", "0"), ("25", "00")]
)
def test_a_longer_element_is_told_by_the_year_or_the_zeros_before_it(key: str, more: str) -> None:
    document = next(d for d in documents(CMI87) if {"4", "7", "11", "12", "25", "49", "43"} <= d.keys())
    bent = msgspec.structs.replace(CMI87.elements[key], size=CMI87.elements[key].size + len(more))
    (planted,) = written("longer", CMI87, {**document, key: more + document[key]}, {key: bent})
    assert names(planted, examined(planted, "bare")) == "first"


@pytest.mark.parametrize("name", ["base24", "mastercard"])
def test_what_reads_to_its_last_byte_and_holds_a_date_that_is_none_is_not_called_healthy(name: str) -> None:
    planted = next(p for p in two_faults("two faults", SHIPPED[name]) if p.keys in (("41", "12"), ("70", "7")))
    assert examined(planted, "bare").verdict is Verdict.ADVICE


@pytest.mark.parametrize("name", ["cmi87", "mastercard", "iso93", "ascii87", "base24", "iso2003"])
def test_two_elements_that_explain_nothing_alone_are_named_together(name: str) -> None:
    dialect = SHIPPED[name]
    document = {key: value for key, value in documents(dialect)[1].items() if key != "55"}
    bent = {"2": BENDS["LL or LLL"], "32": BENDS["LL or LLL"]}
    elements = {key: made for key, bend in bent.items() if (made := bend(dialect.elements[key], dialect)) is not None}
    (planted,) = written("two", dialect, document, elements)
    said = examined(planted, "framed").diagnoses
    assert names(planted, examined(planted, "framed")) != "no", [one.sentence for one in said]


@pytest.mark.parametrize("name", ["cmi87", "cmi87b", "mastercard", "iso93"])
def test_a_message_that_was_cut_off_is_asked_for_whole(name: str) -> None:
    dialect = SHIPPED[name]
    whole = dialect.encode(documents(dialect)[1])
    said = ALL_KNOWN.examine(whole[: len(whole) // 3], Configured("", dialect)).diagnoses
    assert "as if the rest had been cut off" in said[0].sentence, said
    assert (len(said), said[0].settings[0].where) == (1, "peer")


def test_a_rejected_message_is_told_by_its_header_and_code() -> None:
    header = bytes.fromhex("1A01020000123456654321000000000000000000000080000514")
    data = framed("visa4", [header + body(VISA, sign_on(VISA))])
    found = DOCTOR.examine(data, Configured("base1", VISA))
    assert found.verdict is Verdict.ADVICE
    assert "its BASE I header has 26 bytes, and the reject code is 0514" in found.diagnoses[0].sentence
    assert found.diagnoses[0].settings[-1].where == "peer"


def test_ascii_of_hex_digits_alone_is_read_as_it_is_configured() -> None:
    text = body(CMI87, sign_on(CMI87)).decode()
    assert text.isdecimal()
    for given in (text, text[:-3]):
        result = CliRunner().invoke(command, [given, "--dialect", "cmi87"])
        assert "cmi87" in result.output.splitlines()[0], result.output
        again = CliRunner().invoke(command, ["-", "--dialect", "cmi87"], input=given + "\n")
        assert again.output == result.output


def test_a_latin_byte_in_ascii_text_is_no_ebcdic() -> None:
    planted = next(iter(accents()))
    first = examined(planted, "framed").diagnoses[0]
    assert f"writes letters outside ASCII in DE{planted.keys[0]} (C9 at byte" in first.sentence
    assert "ascii87 has ASCII only" in first.sentence
    assert (first.cause, first.change) == (Cause.CHARSET, 'charset = "latin-1"')


@pytest.mark.parametrize("how", ["bare", "framed", "pasted bare", "pasted framed"])
@pytest.mark.parametrize("write", [latin, utf8_in_bytes, utf8_in_characters])
def test_letters_of_a_whole_message_are_one_thing_to_change(write: Writer, how: str) -> None:
    answer = {
        "t": "0210",
        "7": "1125120000",
        "11": "000001",
        "38": "A12345",
        "39": "00",
        "44": "à l'unité",
        "62": "RÉF",
    }
    data = write(CMI87, answer)
    if how == "framed":
        found = DOCTOR.examine(framed("length2", [data, data]), Configured("length2", CMI87))
    elif how == "bare":
        found = DOCTOR.message(data, CMI87)
    else:
        pasted = framed("length2", [data, data]) if how == "pasted framed" else data
        found = DOCTOR.examine(pasted, Configured("", CMI87))
    (first,) = found.diagnoses
    assert "in DE44 and DE62" in first.sentence
    assert ("lengths count characters" in first.sentence) == (write is utf8_in_characters)
    assert 'charset = "latin-1"' in first.change
    assert first.settings[0].where == ("peer" if write is utf8_in_characters else "network file")
    assert found.summary == "cmi87, but for letters"


def test_a_letter_where_no_dialect_is_configured_is_its_elements() -> None:
    data = latin(CMI87, {"t": "0210", "7": "1125120000", "11": "000001", "38": "A12345", "39": "00", "44": "à l'unité"})
    assert DOCTOR.message(data, None).diagnoses[0].change == 'dialect file: "44": {"data_enc": "latin-1"}'


def test_text_of_another_character_set_is_not_called_letters() -> None:
    answer = {"t": "0210", "7": "1125120000", "11": "000001", "39": "00", "44": "TERMINAL 0001", "49": "504"}
    data = CMI87.encode(answer).replace(b"TERMINAL 0001", "TERMINAL 0001".encode("cp037"))
    first = DOCTOR.message(data, CMI87).diagnoses[0]
    assert "EBCDIC" in first.sentence
    assert first.cause is Cause.FIELD


@pytest.mark.parametrize(
    ("kind", "share", "count"),
    [
        *((kind, 0.9, 1) for kind in BENDS),
        *(pytest.param(kind, 0.9, 3, marks=pytest.mark.long) for kind in BENDS),
        pytest.param("two faults", 0.7, 3, marks=pytest.mark.long),
    ],
)
def test_what_is_planted_by_chance_is_named_in_every_dialect(kind: str, share: float, count: int) -> None:
    """`python -m tests.doctor.drawn` has 33 of each; here are three, and one where time is short."""
    found = Counter[str]()
    for dialect in SHIPPED.values():
        found += counted(kind, dialect, "framed", count)
    assert found["first"] + found["listed"] >= share * found.total() > 0, found
    ambiguous = kind in ("one longer", "three longer", "two faults")
    assert found["first"] >= (0.3 if ambiguous else 0.8) * found.total(), found


def test_a_pasted_message_that_reads_by_accident_is_not_called_healthy() -> None:
    """DE3 three digits longer, DE32 behind LLL: it comes out even as it stands, with an amount and dates that are none."""
    document = {**documents(CMI87)[4], "4": "000000012300", "32": "504101"}
    bent = {key: BENDS[kind](CMI87.elements[key], CMI87) for key, kind in (("3", "three longer"), ("32", "LL or LLL"))}
    (planted,) = written("two", CMI87, document, {key: made for key, made in bent.items() if made is not None})
    CMI87.decode(planted.message)
    found = examined(planted, "bare")
    assert names(planted, found) == "listed", found
    assert "hold what nobody sends where it is read as it stands" in found.diagnoses[0].sentence


@pytest.mark.parametrize("name", SHIPPED)
def test_what_each_dialect_writes_is_healthy_when_it_is_pasted(name: str) -> None:
    dialect = SHIPPED[name]
    for document in documents(dialect):
        found = ALL_KNOWN.examine(dialect.encode(document), Configured("", dialect))
        assert found.verdict is Verdict.HEALTHY, found
