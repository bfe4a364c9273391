"""Conditions on lines."""

import pytest

from switch.observe.where import WhereError, meets_all, parse_condition

EVENT = {
    "event": "hop.sent",
    "de39": "51",
    "elapsed_us": 1500,
    "note": "timeout at host atlas",
    "amount": 0,
    "text": "7",
}


@pytest.mark.parametrize(
    ("text", "meets"),
    [
        ("de39=51", True), ("de39=00", False), ("de39!=00", True), ("de39 = 51", True), ("amount=0", True),
        ("elapsed_us=1500", True),
        ("elapsed_us>1000", True), ("elapsed_us>1500", False), ("elapsed_us>=1500", True), ("elapsed_us<2e3", True),
        ("elapsed_us<=1499", False), ("text>6", True), ("note>1", False), ("note~host (atlas|rif)$", True), ("note~^host", False),
        ("note!~visa", True), ("absent=1", False), ("absent!=1", True), ("absent>0", False), ("absent~.*", False),
        ("absent!~x", True),
        ("note=a=b", False), ("event=hop.sent", True),
    ],
)  # fmt: skip
def test_a_condition_holds_or_not(text: str, meets: bool) -> None:
    assert parse_condition(text).meets(EVENT) is meets


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("de39", "is no condition: key=value"), ("=5", "is no condition"), ("amount>many", "'many' is none"),
        ("note~(", "is no regular expression"), ("", "is no condition"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_told_with_what_one_looks_like(text: str, says: str) -> None:
    with pytest.raises(WhereError, match=says.replace("(", r"\(")):
        parse_condition(text)


def test_several_hold_together() -> None:
    conditions = [parse_condition("de39=51"), parse_condition("elapsed_us>1000")]
    assert meets_all(conditions, EVENT)
    assert not meets_all([*conditions, parse_condition("event=x")], EVENT)
    assert meets_all([], EVENT)
