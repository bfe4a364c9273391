"""Dates without a year mean the nearest; dates that are none are told by what is wrong with them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.wire.dates import NEAR_DAYS, fault, later, local_date, nearest, seconds_between, year_of

moments = st.integers(978_307_200, 4_039_372_799).map(lambda second: datetime.fromtimestamp(second, UTC))
days = st.dates(date(2001, 1, 1), date(2098, 12, 31))
about_the_turn = st.builds(
    lambda year, apart: datetime(year, 1, 1, tzinfo=UTC) + timedelta(minutes=apart),
    st.integers(2001, 2098),
    st.integers(-3 * 1440, 3 * 1440),
)
zones = st.integers(-12 * 4, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))


@given(days, st.integers(-182, 182))
def test_every_date_within_half_a_year_is_read_as_itself(today: date, apart: int) -> None:
    meant = today + timedelta(apart)
    assert nearest(f"{meant:%m%d}", today) == meant


@given(about_the_turn, zones)
def test_around_the_turn_of_a_year_a_local_date_has_the_year_of_its_own_calendar(
    utc: datetime, zone: timedelta
) -> None:
    local = utc + zone
    assert year_of(f"{local:%m%d}", utc.date()) == f"{local:%y}"


@given(about_the_turn, st.integers(-12 * 4 + 1, 12 * 4 - 1).map(lambda quarters: timedelta(minutes=15 * quarters)))
def test_a_local_time_without_a_date_is_of_the_day_nearest_to_its_de7(utc: datetime, zone: timedelta) -> None:
    local = utc + zone
    assert local_date(f"{utc:%m%d%H%M%S}", f"{local:%H%M%S}", utc.date()) == f"{local:%m%d}"


@given(moments, st.integers(-150 * 86_400, 150 * 86_400))
def test_of_two_de7_within_five_months_the_later_is_the_one_that_came_later(moment: datetime, seconds: int) -> None:
    other = moment + timedelta(seconds=seconds)
    assert later(f"{other:%m%d%H%M%S}", f"{moment:%m%d%H%M%S}") == (f"{other:%y%m%d%H%M%S}" > f"{moment:%y%m%d%H%M%S}")


@given(moments, st.integers(-150 * 86_400, 150 * 86_400), st.integers(-20, 20))
def test_two_de7_are_as_far_apart_as_the_times_they_mean(moment: datetime, seconds: int, today: int) -> None:
    other = moment + timedelta(seconds=seconds)
    about = (moment + timedelta(today)).date()
    apart = seconds_between(f"{other:%m%d%H%M%S}", f"{moment:%m%d%H%M%S}", about)
    assert apart == abs(seconds)


@given(days)
def test_29_february_is_one_in_a_leap_year_near_by_and_in_no_other(today: date) -> None:
    leap = {date(year, 2, 29) for year in (today.year - 1, today.year, today.year + 1) if year % 4 == 0}
    near = {day for day in leap if abs(day - today).days <= NEAR_DAYS}
    assert nearest("0229", today) == next(iter(near), None)
    assert bool(fault("0229120000", "MMDDhhmmss", today)) == (not near)


@given(days, moments)
def test_what_a_calendar_can_write_has_no_fault(today: date, moment: datetime) -> None:
    assert fault(f"{moment:%y%m%d%H%M%S}", "YYMMDDhhmmss", today) == ""
    assert fault(f"{moment:%H%M%S}", "hhmmss", today) == ""
    if (moment.month, moment.day) != (2, 29):
        assert fault(f"{moment:%m%d%H%M%S}", "MMDDhhmmss", today) == ""


@pytest.mark.parametrize(
    ("value", "form", "why"),
    [
        ("1399996199", "MMDDhhmmss", "month 13"),
        ("0230120000", "MMDDhhmmss", "day 30 of month 02"),
        ("0431120000", "MMDDhhmmss", "day 31 of month 04"),
        ("0000000000", "MMDDhhmmss", "month 00"),
        ("1100120000", "MMDDhhmmss", "day 00 of month 11"),
        ("1125240000", "MMDDhhmmss", "hour 24"),
        ("1125126000", "MMDDhhmmss", "minute 60"),
        ("1125120060", "MMDDhhmmss", "second 60"),
        ("11251200 0", "MMDDhhmmss", "not digits alone"),
        ("1125١٢0000", "MMDDhhmmss", "not digits alone"),
        ("0229120000", "MMDDhhmmss", "29 February, and no leap year within 183 days of 2026-11-25"),
        ("260229", "YYMMDD", "29 February of year 26"),
        ("280229", "YYMMDD", ""),
        ("995959", "hhmmss", "hour 99"),
    ],
)
def test_a_date_that_is_none_is_told_by_what_is_wrong_with_it(value: str, form: str, why: str) -> None:
    assert fault(value, form, date(2026, 11, 25)) == why


@pytest.mark.parametrize("day", [1, 2, 3])
def test_new_year_is_as_near_in_july_as_it_is_in_january(day: int) -> None:
    assert seconds_between("1231235959", "0101000001", date(2026, 7, day)) == 2
