"""Dates towards a 1993 link get the year of their own calendar, whatever the year, the zone and the side of midnight."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from switch.core.messages.internal import original_data
from switch.core.messages.translator import translator_for
from switch.wire import Dialect

ISO93 = Dialect.load("iso93")
TURNS = st.one_of(
    st.builds(lambda year: datetime(year, 1, 1, tzinfo=UTC), st.integers(2001, 2098)),
    st.builds(lambda year: datetime(4 * year, 2, 29, 12, tzinfo=UTC), st.integers(501, 524)),
)
MOMENTS = st.builds(
    lambda turn, seconds: turn + timedelta(seconds=seconds), TURNS, st.integers(-3 * 86_400, 3 * 86_400)
)
ZONES = st.integers(-12 * 4 + 1, 14 * 4).map(lambda quarters: timedelta(minutes=15 * quarters))
SETTLED = st.integers(-3, 3).map(timedelta)


@given(MOMENTS, ZONES, SETTLED)
def test_local_and_settlement_dates_have_their_own_years_on_the_link_and_none_inside(
    utc: datetime, zone: timedelta, settled: timedelta
) -> None:
    local = utc + zone
    internal = {
        "t": "0420", "7": f"{utc:%m%d%H%M%S}", "11": "000042", "12": f"{local:%H%M%S}", "13": f"{local:%m%d}",
        "15": f"{local + settled:%m%d}", "90": original_data("0200", "41", f"{utc:%m%d%H%M%S}", "504001"),
    }  # fmt: skip
    translator = translator_for(ISO93, "504000", "504101", utc.date)
    link = translator.outward(internal)
    assert link["12"] == f"{local:%y%m%d%H%M%S}"
    assert link["15"] == f"{local + settled:%y%m%d}"
    assert link["56"][10:22] == f"{local:%y%m%d%H%M%S}"
    back = translator.inward(link)
    assert [back[de] for de in ("12", "13", "15")] == [internal[de] for de in ("12", "13", "15")]


@given(MOMENTS)
def test_a_reversal_without_a_local_time_names_its_original_by_the_year_of_de7(utc: datetime) -> None:
    translator = translator_for(ISO93, "504000", "504101", utc.date)
    internal = {"t": "0420", "11": "000042", "90": original_data("0200", "41", f"{utc:%m%d%H%M%S}", "504001")}
    assert translator.outward(internal)["56"][10:22] == f"{utc:%y%m%d%H%M%S}"


def test_an_answer_says_its_requests_year_and_settles_in_the_next() -> None:
    translator = translator_for(ISO93, "504000", "504101", lambda: date(2026, 1, 1))
    request = {"t": "1200", "12": "251231235959"}
    link = translator.outward({"t": "0210", "12": "235959", "13": "1231", "15": "0101", "39": "00"}, request)
    assert (link["12"], link["15"]) == ("251231235959", "260101")
