"""Dates as messages write them: `MMDD` without a year, `YYMMDD` with two digits of one.

The one rule: a date without a year means the nearest there is. At 23:30 UTC on 31 December a terminal's 0101 is tomorrow, and in
the first hours of January an acquirer's 1231 was yesterday. Knows no clock: what it is near to is handed in.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

from switch.wire.vocabulary import DE, Document

NEAR_DAYS: Final = 183
"""Half a year: no date without a year is meant further away. It leaves 29 February impossible where no leap year is so near."""
DAY_US: Final = 86_400_000_000
"""a day of 24 hours"""

Forms: TypeAlias = tuple[tuple[str, str], ...]
"""Elements that are dates or times, each with its form: YY, MM, DD, hh, mm, ss in the order in which they stand."""

FORMS_1987: Final[Forms] = (
    (DE.TRANSMISSION_TIME, "MMDDhhmmss"), (DE.LOCAL_TIME, "hhmmss"), (DE.LOCAL_DATE, "MMDD"), (DE.SETTLEMENT_DATE, "MMDD"),
    (DE.CONVERSION_DATE, "MMDD"), (DE.CAPTURE_DATE, "MMDD"),
)  # fmt: skip
FORMS_1993: Final[Forms] = (
    (DE.TRANSMISSION_TIME, "MMDDhhmmss"), (DE.LOCAL_TIME, "YYMMDDhhmmss"), (DE.SETTLEMENT_DATE, "YYMMDD"),
    (DE.CONVERSION_DATE, "MMDD"), (DE.CAPTURE_DATE, "MMDD"),
)  # fmt: skip

_DAYS: Final = {
    f"{month:02d}": f"{29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31}" for month in range(1, 13)
}
"""The last day that a month can have, in some year."""
_MONTHS: Final = {month: number for number, month in enumerate(_DAYS, 1)}
_CLOCK: Final = (("hh", "hour", "23"), ("mm", "minute", "59"), ("ss", "second", "59"))


@lru_cache(maxsize=8)
def _date_of(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, UTC).date()


def day_of(at_us: int) -> date:
    """The calendar day (UTC) of wall-clock microseconds since 1970."""
    return _date_of(max(at_us, 0) // DAY_US)


@lru_cache(maxsize=1024)
def nearest(mmdd: str, today: date) -> date | None:
    """The date that `MMDD` means: the one nearest to `today`. None: it is no date, or no year within half a one has it (0229)."""
    if mmdd[:2] not in _DAYS or len(mmdd) != 4 or not "01" <= mmdd[2:] <= _DAYS[mmdd[:2]]:
        return None
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            found.append(date(year, int(mmdd[:2]), int(mmdd[2:])))
        except ValueError:
            continue  # 29 February
    best = min(found, key=lambda one: abs(one - today), default=None)
    return best if best is not None and abs(best - today).days <= NEAR_DAYS else None


def instant_us(sent_at: str, now_us: int) -> int | None:
    """Wall-clock microseconds of a DE7 (`MMDDhhmmss`, UTC) that is the nearest to `now_us`. None: it is no time.

    >>> instant_us("1126120000", 1_764_072_000_000_000) - 1_764_072_000_000_000 == DAY_US
    True
    """
    day, clock = nearest(sent_at[:4], day_of(now_us)), sent_at[4:]
    if day is None or not (len(clock) == len("hhmmss") and clock.isascii() and clock.isdecimal()):
        return None
    hours, minutes, seconds = int(clock[:2]), int(clock[2:4]), int(clock[4:])
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(midnight.timestamp() + 3_600 * hours + 60 * minutes + seconds) * 1_000_000


def year_of(mmdd: str, today: date) -> str:
    """Two digits of the year that `MMDD` means; of `today` where it means none."""
    found = nearest(mmdd, today) or today
    return f"{found.year % 100:02d}"


def local_date(sent_at: str, clock: str, today: date) -> str:
    """MMDD of a local time (hhmmss) that goes with a DE7 (UTC), where no date is given: the day on which the two are nearest.

    Clocks are up to 12 hours away from UTC, so that the day may be another than that of DE7.

    >>> local_date("1231233000", "003000", date(2026, 12, 31))
    '0101'
    """
    day = nearest(sent_at[:4], today)
    if day is None or not (len(clock) == 6 and clock.isdecimal() and sent_at[4:10].isdecimal()):
        return sent_at[:4]
    ahead = _minutes(clock) - _minutes(sent_at[4:])
    shift = 1 if ahead < -12 * 60 else -1 if ahead > 12 * 60 else 0
    return f"{day + timedelta(shift):%m%d}"


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[2:4])


def later(a: str, b: str) -> bool:
    """True if DE7 `a` (MMDDhhmmss, no year) is after `b`, each read as the nearest to the other. Whatever is after ""."""
    if not b:
        return True
    if a[:2] == b[:2]:
        return a > b
    if abs(_MONTHS.get(a[:2], 0) - _MONTHS.get(b[:2], 0)) > 6:
        return a < b
    return a > b


def moment_of(sent_at: str, today: date) -> datetime | None:
    """The time that a DE7 (MMDDhhmmss, UTC) means: the nearest to `today`. None: it is none."""
    day = nearest(sent_at[:4], today)
    if day is None or len(sent_at) != 10 or fault(sent_at, "MMDDhhmmss", today):
        return None
    return datetime(day.year, day.month, day.day, int(sent_at[4:6]), int(sent_at[6:8]), int(sent_at[8:]), tzinfo=UTC)


def seconds_between(a: str, b: str, today: date) -> int | None:
    """How far apart two DE7 are, whichever is first, read as near as they can be; None where one is no time."""
    first = moment_of(a, today)
    second = moment_of(b, first.date()) if first is not None else None
    if first is None or second is None:
        return None
    return abs(int((first - second).total_seconds()))


@lru_cache(maxsize=4096)
def fault(value: str, form: str, today: date) -> str:
    """Why `value` is no date or time of `form`, as `month 13`; "": it is one."""
    if not (value.isascii() and value.isdecimal()):
        return "not digits alone"
    parts = {form[at : at + 2]: value[at : at + 2] for at in range(0, len(form), 2)}
    month, day = parts.get("MM"), parts.get("DD", "")
    if month is not None:
        if month not in _DAYS:
            return f"month {month}"
        if not "01" <= day <= _DAYS[month]:
            return f"day {day} of month {month}"
        if month + day == "0229" and "YY" in parts and int(parts["YY"]) % 4:
            return f"29 February of year {parts['YY']}"
        if month + day == "0229" and "YY" not in parts and nearest("0229", today) is None:
            return f"29 February, and no leap year within {NEAR_DAYS} days of {today}"
    return next((f"{name} {parts[part]}" for part, name, last in _CLOCK if parts.get(part, "") > last), "")


def impossible(document: Document, forms: Forms, today: date) -> Iterable[tuple[str, str, str]]:
    """Elements of a document that are no date or time: each with its form and what is wrong with it.

    An element of another length is in another form, which its dialect knows: not judged here.
    """
    for de, form in forms:
        value = document.get(de)
        if value is not None and len(value) == len(form):
            why = fault(value, form, today)
            if why:
                yield de, form, why
