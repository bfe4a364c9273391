"""`[business_day]` of a network file: when it is closed, and by whom."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from switch.config.mistakes import did_you_mean
from switch.config.reader import Section
from switch.core.network import CutoverSchedule, CutoverWindow

WINDOWS_MAX: Final = 96
"""ends of windows in a day: one every quarter of an hour"""
_FROM_S, _TO_S = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2020, 2060))
"""years whose changes of the clocks are looked up; after them nothing changes any more"""
_STEP_S: Final = 7 * 86_400
"""no clocks are changed and put back in so little time: they are for a month, in Ramadan"""


def _time_of_day(s: Section, key: str, text: str, example: str) -> int | None:
    """`"20:00"` -> seconds since midnight; None after a mistake."""
    hour, _, minute = text.partition(":")
    if len(text) == 5 and (hour + minute).isascii() and (hour + minute).isdecimal() and hour < "24" and minute < "60":
        return int(hour) * 3_600 + int(minute) * 60
    if text:
        s.wrong_item(key, text, f'"{text}" is no time of day', example)
    return None


def read_business_day(s: Section) -> tuple[CutoverWindow | None, CutoverSchedule | None]:
    """When hosts may close it, and when it is closed by the clock; None where the section says nothing of that."""
    window = _read_window(s) if s.has("from") or s.has("to") else None
    schedule = _read_schedule(s) if s.has("close") or s.has("windows") or s.has("zone") else None
    s.ask("from", "to", "zone", "close", "windows")
    s.done()
    return window, schedule


def _read_window(s: Section) -> CutoverWindow:
    example = 'HH:MM, UTC, such as "20:00"'
    begin_s, end_s = (_time_of_day(s, key, s.text(key), example) or 0 for key in ("from", "to"))
    window = CutoverWindow(begin_s=begin_s, end_s=end_s)
    if window.begin_s == window.end_s and s.has("from") and s.data.get("from") == s.data.get("to"):
        s.wrong("to", "the window ends when it begins: nobody could close the day in it", "leave out `from` and `to`")
    return window


def _read_schedule(s: Section) -> CutoverSchedule:
    zone, example = s.text("zone"), 'HH:MM by the clocks of `zone`, such as "23:00"'
    close_s = _time_of_day(s, "close", s.text("close"), example) if s.has("close") else None
    texts = s.texts("windows")
    windows_s = [at for text in texts if (at := _time_of_day(s, "windows", text, example)) is not None]
    if not s.has("close") and not s.has("windows"):
        s.wrong_key("zone", "nothing is closed by its clocks", '`close = "23:00"` closes the day')
    if len(set(windows_s)) < len(windows_s):
        s.wrong("windows", "a window that ends when it begins: a time stands there twice", "each once")
    if close_s in windows_s:
        s.wrong(
            "windows", "a window would end with its day", "leave out the time of `close`: it ends the last window, too"
        )
    if len(windows_s) > WINDOWS_MAX:
        s.wrong("windows", f"{len(windows_s)} ends of windows in a day", f"up to {WINDOWS_MAX}")
    return CutoverSchedule(
        zone=zone, close_s=close_s, windows_s=tuple(sorted(windows_s)), offsets=_read_offsets(s, zone)
    )


def _read_offsets(s: Section, zone: str) -> tuple[tuple[int, int], ...]:
    """See `CutoverSchedule.offsets`; UTC's after a mistake."""
    if zone.startswith("Etc/GMT") or zone[:1] in ("+", "-"):
        hint = 'name the place whose clocks count, such as "Africa/Casablanca"'
        s.wrong("zone", f'"{zone}" is an offset, and follows no clocks: not in summer, nor in Ramadan', hint)
        return ((_FROM_S, 0),)
    try:
        return offsets_of(zone) if zone else ((_FROM_S, 0),)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = sorted(available_timezones())
        none = "no time zones are installed here: `apt-get install tzdata`, or `pip install tzdata`"
        s.wrong("zone", f'"{zone}" is no time zone', did_you_mean(zone, known) if known else none)
        return ((_FROM_S, 0),)


@lru_cache(maxsize=8)
def offsets_of(zone: str) -> tuple[tuple[int, int], ...]:
    """How far a zone's clocks are ahead of UTC, and from when on, by the tzdata of this machine.

    Raises ZoneInfoNotFoundError, ValueError or OSError where there is no such zone.
    """
    there = ZoneInfo(zone)
    found = [(_FROM_S, _ahead(there, _FROM_S))]
    for at_s in range(_FROM_S, _TO_S, _STEP_S):
        if _ahead(there, at_s + _STEP_S) != found[-1][1]:
            low, high = at_s, at_s + _STEP_S
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _ahead(there, middle) == found[-1][1] else (low, middle)
            found.append((high, _ahead(there, high)))
    return tuple(found)


def _ahead(zone: ZoneInfo, at_s: int) -> int:
    ahead = datetime.fromtimestamp(at_s, zone).utcoffset()
    return int(ahead.total_seconds()) if ahead is not None else 0
