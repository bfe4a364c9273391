"""Words that everybody reads and says the same way: what answers, how an element is typed, how it is called."""

import pytest

from switch.wire.describe import describe_mti
from switch.wire.vocabulary import element_of, is_answer_to, is_repeat, is_response, label_of, repeat_of, response_mti


@pytest.mark.parametrize(
    ("mti", "responds"),
    [
        ("0110", True),
        ("0430", True),
        ("1354", True),
        ("2672", True),
        ("0200", False),
        ("0421", False),
        ("1344", False),
        ("2662", False),
        ("02", False),
        ("", False),
    ],
)
def test_an_odd_function_answers_in_every_edition(mti: str, responds: bool) -> None:
    """Functions of ISO 8583:2003: 0, 1 request and response; 2, 3 advice; 4, 5 notification; 6, 7 instruction."""
    assert is_response(mti) == responds


@pytest.mark.parametrize("edition", ["0", "1", "2"])
@pytest.mark.parametrize(
    ("mti", "repeat", "answer"),
    [("200", "201", "210"), ("302", "303", "312"), ("804", "805", "814"), ("304", "305", "314"), ("522", "523", "532")],
)
def test_each_origin_has_a_repeat_of_its_own_and_one_answer_for_both(
    edition: str, mti: str, repeat: str, answer: str
) -> None:
    """0 and 1 an acquirer's, 2 and 3 an issuer's, 4 and 5 of neither: as jPOS's `setResponseMTI` has it in every edition."""
    first, again = edition + mti, edition + repeat
    assert (repeat_of(first), repeat_of(again)) == (again, again)
    assert (is_repeat(first), is_repeat(again)) == (False, True)
    assert response_mti(first) == response_mti(again) == edition + answer
    assert describe_mti(again).endswith("repeat")


@pytest.mark.parametrize(("mti", "answers"), [("0210", True), ("0230", True), ("0110", False), ("0200", False)])
def test_an_answer_is_of_its_requests_class(mti: str, answers: bool) -> None:
    assert is_answer_to("0200", mti) == answers


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("DE39", "39"),
        ("de039", "39"),
        ("F39", "39"),
        ("39", "39"),
        ("mti", "t"),
        ("T", "t"),
        ("Header", "h"),
        ("h", "h"),
        ("DE1", ""),
        ("129", ""),
        ("³", ""),
        ("-4", ""),
        ("", ""),
        ("DE", ""),
        ("amount", ""),
    ],
)
def test_an_element_is_typed_in_one_way_everywhere(typed: str, key: str) -> None:
    assert element_of(typed) == key


@pytest.mark.parametrize(
    ("key", "label"),
    [("39", "DE39"), ("t", "MTI"), ("h", "header"), ("p", "primary bitmap"), ("1", "secondary bitmap")],
)
def test_an_element_is_called_the_same_everywhere(key: str, label: str) -> None:
    assert label_of(key) == label
