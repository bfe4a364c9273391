"""`[business_day]` of a network file: when it is closed, and by whom."""

from switch.config.reader import Section
from switch.core.network import CutoverWindow


def _time_of_day(s: Section, key: str) -> int:
    """`"20:00"` -> seconds since midnight; 0 after a mistake."""
    text = s.text(key)
    hour, _, minute = text.partition(":")
    if len(text) == 5 and (hour + minute).isascii() and (hour + minute).isdecimal() and hour < "24" and minute < "60":
        return int(hour) * 3_600 + int(minute) * 60
    if text:
        s.wrong(key, f'"{text}" is no time of day', 'HH:MM, UTC, such as "20:00"')
    return 0


def read_business_day(s: Section) -> CutoverWindow:
    """`[business_day]`: when hosts may close it."""
    window = CutoverWindow(begin_s=_time_of_day(s, "from"), end_s=_time_of_day(s, "to"))
    if window.begin_s == window.end_s and s.has("from") and s.data.get("from") == s.data.get("to"):
        s.wrong("to", "the window ends when it begins: nobody could close the day in it", "leave out [business_day]")
    s.done()
    return window
