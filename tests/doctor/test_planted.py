"""Faults planted in messages are named, in a message that is pasted as well as in one that comes framed."""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from click.testing import CliRunner

from switch.cli.doctor import command
from switch.doctor.diagnosis import Configured, Verdict
from tests.doctor.planted import (
    Planted,
    absent,
    accents,
    bitmaps,
    examined,
    headers,
    names,
    one_bent,
    signless,
    two_bent,
)
from tests.doctor.sent import DIALECTS, DOCTOR, body, framed, sign_on

CMI87, VISA = DIALECTS["cmi87"], DIALECTS["visa"]


@pytest.mark.parametrize(
    ("make", "every", "share"),
    [
        (one_bent, 31, 0.7),
        (absent, 31, 0.95),
        (signless, 3, 1.0),
        (accents, 9, 1.0),
        (bitmaps, 3, 1.0),
        (headers, 97, 0.65),
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
    found = [names(planted, examined(planted, "bare")) for planted in islice(two_bent(), 0, 60, 6)]
    assert found.count("no") < len(found)


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
    assert first.sentence.endswith("has a character of ISO 8859-1 in it; cmi87 says ASCII.")
    assert first.change == f'dialect file: "{planted.keys[0]}": {{"data_enc": "latin-1"}}'
