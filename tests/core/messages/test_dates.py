"""Dates that a link's messages name: looked at once a day, and then known."""

import pytest

from switch.core.messages.dates import KNOWN_MAX, Dates
from switch.wire.dates import DAY_US

FEBRUARY_28_2028 = 1_835_352_000_000_000
"""noon, UTC; 2028 is a leap year"""


def test_what_exists_is_known_and_what_does_not_is_never_learnt() -> None:
    dates = Dates("cmi")
    for _ in range(3):
        assert dates.exist({"7": "0228120000", "12": "120000", "13": "0228"}, FEBRUARY_28_2028)
        assert not dates.exist({"7": "0228120000", "12": "120000", "13": "0231"}, FEBRUARY_28_2028)
        assert not dates.exist({"7": "0228120000", "12": "250000"}, FEBRUARY_28_2028)


def test_each_day_is_looked_at_anew() -> None:
    dates, half_a_year = Dates("cmi"), 200 * DAY_US
    assert dates.exist({"13": "0229"}, FEBRUARY_28_2028)
    assert not dates.exist({"13": "0229"}, FEBRUARY_28_2028 + half_a_year)
    assert dates.exist({"13": "0229"}, FEBRUARY_28_2028)


@pytest.mark.parametrize(("family", "exists"), [("cmi", True), ("iso93", False)])
def test_a_form_is_its_editions_own(family: str, exists: bool) -> None:
    """235959 is a time of day in DE12 of 1987, and no date in DE15 of 1993."""
    dates = Dates(family)
    dates.exist({"12": "235959"}, FEBRUARY_28_2028)
    assert dates.exist({"15" if family == "iso93" else "12": "235959"}, FEBRUARY_28_2028) is exists


def test_one_that_is_a_date_in_one_element_is_none_where_another_form_is_asked() -> None:
    dates = Dates("cmi")
    assert dates.exist({"13": "0228"}, FEBRUARY_28_2028)
    assert dates.exist({"12": "0228"}, FEBRUARY_28_2028), "of another length: in a form that its dialect knows"


def test_what_is_known_is_bounded() -> None:
    dates = Dates("cmi")
    for second in range(3 * KNOWN_MAX):
        clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
        assert dates.exist({"12": clock}, FEBRUARY_28_2028)
    assert len(dates._known) <= KNOWN_MAX + 1
