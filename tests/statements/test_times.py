"""When things were, on a merchant's page: days that begin the evening before, long ones, months with gaps; rates below zero."""

import re
from datetime import timedelta, timezone

import pytest

from switch.statements.page import page
from switch.statements.statement import Period, merchant_statement
from switch.statements.words import Language, Words
from tests.ledger.stories import DAY, MAD, cutover, fold, records
from tests.statements.test_statement import SCHEMES, sides

HOUR = 3_600_000_000
ZONE = timezone(timedelta(hours=1))
"""that of Casablanca, but for Ramadan"""
WORDS = Words(Language.FRENCH, ZONE)


def printed(hours: list[int], name: str = DAY, windows: tuple[str, ...] = (f"{DAY}/1",)) -> str:
    """The page of purchases so many hours after 2026-11-27, 10:00 in Casablanca; business days end by a cutover alone."""
    told = [cutover(-48 * HOUR, "2026-11-26", DAY)]
    _, entries = fold([*told, *(e for n in hours for e in records("0200 10.00", sides("atlas", "rif"), 1 + n * HOUR))])
    return page(merchant_statement("net", "M1", Period(name=name, windows=windows), entries, SCHEMES, MAD), WORDS)


def bars(text: str) -> list[str]:
    """Names of a chart's bars that are not empty, in their order."""
    (chart,) = re.findall(r'<svg[^>]* class="bars".*?</svg>', text, re.DOTALL)
    return re.findall(r"<title>([^:]+): [1-9]", chart)


def test_sales_of_the_evening_before_come_first_and_under_their_own_date() -> None:
    """A business day that closes at 23:00 begins at 23:00; its first hour stood last, and under the next evening's date."""
    text = printed([-11, 0, 12])
    assert bars(text) == ["23\u202fh", "10\u202fh", "22\u202fh"]
    times = re.findall(r"<td class=\"text\">(\d\d/\d\d/\d{4})</td><td class=\"text\">(\d\d:\d\d)", text)
    assert times == [("26/11/2026", "23:00"), ("27/11/2026", "10:00"), ("27/11/2026", "22:00")]


def test_the_same_hour_of_two_evenings_is_two_bars() -> None:
    assert bars(printed([-11, 13])) == ["23\u202fh", "23\u202fh"]


def test_a_business_day_that_nobody_closed_is_told_by_the_calendars_days() -> None:
    """Over a weekend its first hours were left out."""
    text = printed([0, 24, 72])
    assert "Ventes par jour" in text
    assert bars(text) == ["27", "28", "30"]


@pytest.mark.parametrize(
    ("windows", "said"),
    [((1, 2, 3, 5), "fenêtres 1–3, 5"), (tuple(range(1, 1000)), "fenêtres 1–999"), ((7,), "fenêtre 7")],
)
def test_windows_that_follow_one_another_are_said_as_a_range(windows: tuple[int, ...], said: str) -> None:
    assert f"<span>{said}</span>" in printed([0], windows=tuple(f"{DAY}/{n}" for n in windows))


def test_days_without_sales_are_there_with_none() -> None:
    months = [cutover(-48 * HOUR, "2026-11-26", "2026-11-01"), *records("0200 10.00", sides("atlas", "rif"), 1)]
    months += [cutover(2, "2026-11-01", "2026-11-05"), *records("0200 10.00", sides("atlas", "rif"), 3)]
    _, entries = fold(months)
    period = Period(name="2026-11", windows=("2026-11-01/1", "2026-11-05/1"))
    text = page(merchant_statement("net", "M1", period, entries, SCHEMES, MAD), WORDS)
    assert re.findall(r"<title>(\d+): ", text) == ["01", "02", "03", "04", "05"]


def test_a_rate_has_the_sign_of_what_it_is_a_part_of() -> None:
    """Charged 0.50 where more was given back than sold: 2.50 % of the sales is not what it is."""
    of = ((25, 1_000_00), (25, -1_000_00), (-25, 1_000_00), (-25, -1_000_00), (1, -(10**9)), (1, 0))
    told = ["0,03\u202f%", "\u22120,03\u202f%", "\u22120,03\u202f%", "0,03\u202f%", "0,00\u202f%", "–"]
    assert [WORDS.percent(part, whole) for part, whole in of] == told
