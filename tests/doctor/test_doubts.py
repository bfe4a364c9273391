"""A message that reads to its last byte is not called healthy where its values are none that anybody means."""

import json

import pytest
from click.testing import CliRunner

from switch.cli.doctor import command
from switch.doctor.diagnosis import Configured, Verdict
from switch.doctor.doubts import doubts
from tests.doctor.drawn import cases
from tests.doctor.planted import examined
from tests.doctor.sent import ALL_KNOWN, DIALECTS, SHIPPED, documents, framed

CMI87 = DIALECTS["cmi87"]
BOUGHT = {key: value for key, value in documents(CMI87)[1].items() if key != "35"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"7": "1340615153"}, "DE7 is no date and time (1340615153)"),
        ({"12": "251530"}, "DE12 is no time (251530)"),
        ({"13": "0631"}, ""),
        ({"13": "3113"}, "DE13 is no date (3113)"),
        ({"14": "2813"}, "DE14 is no month of expiry (2813)"),
        ({"4": "777000000494"}, "DE4 is no amount that is met (777000000494)"),
        ({"49": "840"}, ""),
        ({"49": "505"}, "DE49 is no currency of ISO 4217 (505)"),
        ({"39": "00"}, "DE39 stands in a 0200, which asks"),
        ({"41": "POS\x01\x0217 "}, "DE41 has control characters"),
        ({"35": "4000000000000002=28122010000012300000"}, "DE35 has another PAN than DE2"),
        ({"7": "0000000000"}, ""),
        ({"t": "0120", "39": "00"}, ""),
        ({"t": "0400", "39": "68"}, ""),
    ],
)
def test_each_oddity_is_named_in_a_message_that_comes_framed_as_configured(changes: dict[str, str], said: str) -> None:
    found = ALL_KNOWN.examine(framed("length2", [CMI87.encode(BOUGHT | changes)]), Configured("length2", CMI87))
    expected = (said, "DE2's check digit is wrong") if said else ()
    assert (found.verdict, found.doubts) == (Verdict.READS if said else Verdict.HEALTHY, expected)


def test_letters_where_every_specification_has_digits_are_asked_about_though_the_dialect_takes_them() -> None:
    spec = {"dialect": {"name": "loose"}, **CMI87.spec, "11": {**CMI87.spec["11"], "content": "ans"}}
    loose = type(CMI87).from_spec(spec, "loose")
    data = framed("length2", [loose.encode({**BOUGHT, "11": "12 45A"})])
    assert (
        "DE11 has other characters than digits (12 45A)" in ALL_KNOWN.examine(data, Configured("length2", loose)).doubts
    )


def test_a_pan_of_a_test_without_a_check_digit_is_no_doubt_alone_and_none_is_shown() -> None:
    found = ALL_KNOWN.examine(framed("length2", [CMI87.encode(BOUGHT)]), Configured("length2", CMI87))
    assert found.verdict is Verdict.HEALTHY
    odd = CMI87.encode({**BOUGHT, "2": "4000000000000002", "13": "3113", "35": "5047391234567890=2812201"})
    found = ALL_KNOWN.examine(framed("length2", [odd]), Configured("length2", CMI87))
    assert found.doubts == ("DE13 is no date (3113)", "DE35 has another PAN than DE2")


@pytest.mark.parametrize(("name", "keys"), [("cmi87", ("32", "3")), ("iso2003", ("11", "3")), ("iso2003", ("3", "18"))])
def test_two_faults_that_come_out_even_framed_are_not_called_healthy(name: str, keys: tuple[str, ...]) -> None:
    planted = next(p for p in cases("two faults", SHIPPED[name]) if p.keys == keys)
    found = examined(planted, "framed")
    assert found.verdict is Verdict.READS
    assert any(doubt.startswith("DE7 is no date") for doubt in found.doubts)


def test_the_command_says_reads_but_and_the_doubts_by_name() -> None:
    data = framed("length2", [CMI87.encode({**BOUGHT, "13": "3113"})])
    for more in ([], ["--json"]):
        result = CliRunner().invoke(command, [data.hex(), "--framing", "length2", "--dialect", "cmi87", *more])
        assert result.exit_code == 0
        if more:
            assert json.loads(result.output.splitlines()[0])["doubts"][0] == "DE13 is no date (3113)"
        else:
            assert result.output.startswith(
                "reads: 1 message (0200) as framing length2, dialect cmi87, but\n  DE13 is no date (3113)\n"
            )


def test_a_card_that_is_read_as_an_amount_is_not_said() -> None:
    read = {"t": "0200", "3": "164761", "4": "739001010119", "7": "0000000000", "11": "000001"}
    assert doubts([read]) == ("DE4 is no amount that is met",)
