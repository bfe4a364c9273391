"""How a message is compared with the captured one: exact, by shape, by presence, by echo."""

import pytest

from switch.capture.compare import DEFAULT_RULES, RuleError, differences, expected_now, read_rules
from switch.wire import Dialect

CMI87 = Dialect.load("cmi87")
REQUEST = {"t": "0200", "2": "5047391234567890", "3": "000000", "4": "000000015000", "7": "1125120000", "11": "000001"}
ANSWER = {**REQUEST, "t": "0210", "38": "A12345", "39": "00", "35": "5047391234567890=2812"}
NOW = {**REQUEST, "7": "1126130000", "11": "000077"}


def found(**changes: str) -> list[str]:
    live = {**ANSWER, "7": "1126130000", "11": "000077"}
    live.update((key.removeprefix("de"), value) for key, value in changes.items())
    live = {de: value for de, value in live.items() if value}
    return [d.text for d in differences(CMI87, ANSWER, live, DEFAULT_RULES, REQUEST, NOW)]


def test_what_an_answer_repeated_then_it_repeats_of_the_request_now() -> None:
    assert expected_now(ANSWER, REQUEST, NOW) == {**ANSWER, "7": "1126130000", "11": "000077"}
    assert found() == []


def test_an_echo_that_is_altered_or_missing_is_a_difference_whatever_the_rule() -> None:
    (line,) = found(de11="000001")
    assert line.split() == [
        "DE11",
        "System",
        "Trace",
        "Audit",
        "Number",
        "captured",
        "000077,",
        "found",
        "000001",
        "(echo)",
    ]
    (line,) = found(de7="")
    assert line.endswith("captured 1126130000, found nothing")


def test_a_hosts_own_reference_may_differ_but_not_its_shape_or_presence() -> None:
    assert found(de38="B54321") == []
    assert found(de38="123456")[0].endswith("captured A12345, found 123456  (shape)")
    assert found(de38="")[0].endswith("captured A12345, found nothing")


def test_all_else_is_exact_and_an_answer_code_is_named() -> None:
    assert found(de39="51")[0].endswith("captured 00 approved, found 51 not sufficient funds")
    assert found(t="0230")[0].split() == ["MTI", "Message", "Type", "Indicator", "captured", "0210,", "found", "0230"]
    assert found(de44="X")[0].endswith("captured nothing, found X")


def test_secrets_that_differ_are_named_and_not_shown() -> None:
    text = "\n".join(found(de2="5047391234567891", de35="5047391234567891=2812"))
    assert "504739******7890, found 504739******7891" in text
    assert "<track 2 data, 21 characters>" in text
    assert "5047391234567891" not in text


def test_rules_can_be_said_otherwise() -> None:
    rules = read_rules("DE39, 44,mti", ("DE38=exact", "4=ignore"))
    assert (rules["39"], rules["44"], rules["t"], rules["38"], rules["4"]) == ("ignore",) * 3 + ("exact", "ignore")
    for ignore, more in (("DE1", ()), ("", ("DE4",)), ("", ("DE4=maybe",)), ("DE129", ())):
        with pytest.raises(RuleError):
            read_rules(ignore, more)
