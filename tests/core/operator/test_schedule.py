"""Playbooks: the business day and its windows are closed by the clocks of a place, each time once, whatever happens meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest

from switch.config.business_day import offsets_of
from switch.core.network import CutoverSchedule, Network
from switch.core.operator.schedule import Calendar, day_begun
from switch.core.records.day_records import Cutover
from switch.sim.clock import EPOCH_NS
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase

CASABLANCA = "Africa/Casablanca"
HOUR, DAY_S = 3_600, 86_400
BEGINS_S = EPOCH_NS // 1_000_000_000
"""Tuesday 2025-11-25 12:00 UTC, 13:00 in Casablanca"""


def schedule(close: int | None = 23, *windows: int, zone: str = CASABLANCA) -> CutoverSchedule:
    """By the hours of local clocks."""
    close_s = close * HOUR if close is not None else None
    windows_s = tuple(hour * HOUR for hour in windows)
    return CutoverSchedule(zone=zone, close_s=close_s, windows_s=windows_s, offsets=offsets_of(zone))


def network(close: int | None = 23, *windows: int, zone: str = CASABLANCA) -> Network:
    return msgspec.structs.replace(morocco(), cutover_schedule=schedule(close, *windows, zone=zone))


def closes(book: Playbook) -> list[tuple[str, str]]:
    """When (UTC), and what began."""
    return [
        (datetime.fromtimestamp(e.at_us / 1_000_000, UTC).strftime("%d %H:%M"), f"{e.day[8:]}/{e.window}")
        for e in book.recorded(Cutover)
    ]


def test_a_day_is_closed_at_the_hour_and_hosts_are_told() -> None:
    scene = Scene(Playbook(network()))
    scene.book.passes(9 * HOUR + 3_599)
    assert closes(scene.book) == []
    scene.book.passes(1)
    assert closes(scene.book) == [("25 22:00", "26/1")]
    entry = scene.book.recorded(Cutover)[0]
    assert (entry.closed, entry.day, entry.by) == ("2025-11-25", "2025-11-26", "schedule")
    told = [m for m in iter(lambda: None if scene.rif.got_nothing() else scene.rif.gets(), None) if m["t"] == "0800"]
    assert [(m["70"], m["15"]) for m in told] == [("201", "1126")]
    scene.book.passes(48 * HOUR)
    assert closes(scene.book)[1:] == [("26 22:00", "27/1"), ("27 22:00", "28/1")]
    assert not scene.book.logged("cutover.late")


def test_windows_of_a_day_end_by_the_clock_and_the_days_last_with_it() -> None:
    book = Playbook(network(23, 2, 15, 18))
    book.passes(24 * HOUR)
    assert " ".join(" ".join(close) for close in closes(book)) == (
        "25 14:00 25/2 25 17:00 25/3 25 22:00 26/1 26 01:00 26/2"
    )


def test_a_close_in_the_morning_ends_the_day_before() -> None:
    book = Playbook(network(2))
    book.passes(14 * HOUR)
    assert closes(book) == [("26 01:00", "26/2")], (
        "the 26th began at midnight: until the first cutover it is the calendar's"
    )
    (first,) = (entry for entry in book.recorded(Cutover) if isinstance(entry, Cutover))
    assert first.since_us == first.at_us, "the day's close has been: a host's 201 a moment later is about the same one"
    book.passes(24 * HOUR)
    assert closes(book)[1:] == [("27 01:00", "27/1")]


def test_what_somebody_has_closed_before_is_not_closed_again() -> None:
    book = Playbook(network(23, 20))
    book.passes(7 * HOUR - 60)
    book.asks("day.close", again=True)
    book.passes(6 * HOUR)
    assert closes(book) == [("25 18:59", "26/1"), ("25 19:00", "26/2")]
    known = book.logged("cutover.known")
    assert [log.fields["due"] for log in known] == ["2025-11-25T22:00:00Z"]


# -- what is missed


def down(book: Playbook, hours: float, after: Network | None = None) -> Playbook:
    """The switch is killed, and another starts so much later."""
    died = book.crashes()
    again = Playbook(after or book.network, died.entries[:-1], book.now + round(hours * HOUR * 1e9))
    again.passes(0)
    return again


@pytest.mark.parametrize(("hours", "begins"), [(10.5, "26/1"), (34.5, "27/1"), (24 * 20, "15/2")])
def test_what_was_missed_is_done_once_at_the_start_and_said(hours: float, begins: str) -> None:
    scene = Scene(Playbook(network()))
    scene.rif.sends(purchase())
    book = down(scene.book, hours)
    assert [day for _, day in closes(book)] == [begins]
    (late,) = book.logged("cutover.late")
    assert late.fields["late_s"] == (1_800 if hours < 48 else 14 * HOUR)
    again = down(book, 0.1)
    assert [day for _, day in closes(again)] == [begins], "killed once more, it is not done again"


def test_of_windows_that_were_missed_one_is_ended_and_none_before_the_days_close() -> None:
    scene = Scene(Playbook(network(23, 2, 15, 18)))
    scene.rif.sends(purchase())
    scene.book.passes(10 * HOUR)
    today = down(scene.book, 20)
    assert [day for _, day in closes(today)[-2:]] == ["26/1", "26/2"], "02:00, 15:00 and 18:00"
    tomorrow = down(scene.book, 30)
    assert [day for _, day in closes(tomorrow)[-2:]] == ["26/1", "27/1"], (
        "as young as the day: 02:00 has nothing to end"
    )


def test_a_first_start_has_missed_nothing() -> None:
    book = Playbook(network(12))
    book.passes(60)
    assert closes(book) == []


def test_while_the_journal_is_away_nothing_is_closed_and_then_it_is() -> None:
    book = Playbook(network())
    book.passes(9 * HOUR)
    book.journal_fails("its disk is full")
    book.passes(2 * HOUR)
    assert closes(book) == []
    book.journal_returns()
    book.passes(6)
    assert [day for _, day in closes(book)] == ["26/1"]
    assert book.logged("cutover.late")[0].fields["due"] == "2025-11-25T22:00:00Z"


def test_killed_between_the_close_and_its_durability_it_is_closed_once() -> None:
    book = Playbook(network())
    book.passes(9.5 * HOUR)
    book.journal_holds()
    book.passes(HOUR)
    assert closes(book) == [("25 22:00", "26/1")]
    again = down(book, 0)
    assert closes(again) == [("25 22:30", "26/1")]


# -- another file, another process


Follow = Callable[[Playbook, Network], None]


def reloaded(book: Playbook, after: Network) -> None:
    book.reloads(after)


def restarted(book: Playbook, after: Network) -> None:
    book.hands_over(after)


both = pytest.mark.parametrize("follow", [reloaded, restarted])


@both
def test_a_reload_or_restart_in_place_goes_on_where_it_was(follow: Follow) -> None:
    book = Playbook(network(23, 15))
    book.passes(3 * HOUR)
    assert closes(book) == [("25 14:00", "25/2")]
    follow(book, book.network)
    book.now += round(7.5 * HOUR * 1e9)  # nobody is answered meanwhile
    book.passes(0)
    assert [day for _, day in closes(book)] == ["25/2", "26/1"]
    follow(book, book.network)
    book.passes(10)
    assert len(closes(book)) == 2


@both
def test_another_schedule_holds_from_now_on(follow: Follow) -> None:
    book = Playbook(network(23))
    book.passes(HOUR)
    follow(book, network(13))
    book.passes(60)
    assert closes(book) == [], "13:00 has been"
    book.passes(23 * HOUR)
    assert closes(book) == [("26 12:00", "27/1")]
    follow(book, msgspec.structs.replace(book.network, cutover_schedule=None))
    book.passes(24 * HOUR)
    assert len(closes(book)) == 1
    follow(book, network(12))
    book.passes(60)
    assert len(closes(book)) == 1, "a schedule that is new has missed nothing"


# -- local time


def test_ramadan_moves_the_hour_and_no_offset_is_fixed() -> None:
    """Clocks of Casablanca are put back to UTC for Ramadan: in 2026 from 15 February to 22 March."""
    calendar = Calendar(schedule(23))
    closes_s = [
        calendar.next(int(datetime(2026, m, d, 12, tzinfo=UTC).timestamp())) for m, d in ((2, 14), (2, 15), (3, 22))
    ]
    assert [datetime.fromtimestamp(at, UTC).hour for at in closes_s] == [22, 23, 22]


@pytest.mark.parametrize("zone", [CASABLANCA, "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_local_times_are_those_of_zoneinfo(zone: str) -> None:
    calendar, there, lots = Calendar(schedule(zone=zone)), ZoneInfo(zone), Random(7)
    first = datetime(2024, 1, 1)  # noqa: DTZ001 - local times
    days = [lots.randrange(1_500) for _ in range(300)] + [86, 87, 300, 301, 69, 303, 776, 811]
    for day in days:
        clock_s = lots.randrange(0, 4 * HOUR, 600) if day % 2 else lots.randrange(DAY_S)
        local = first + timedelta(days=day, seconds=clock_s)
        at = calendar.moment((local - datetime(1970, 1, 1)).days, clock_s)  # noqa: DTZ001
        shown = datetime.fromtimestamp(at, there).replace(tzinfo=None)
        if shown != local:  # there is no such time: clocks are put forward over it
            assert shown > local
            assert datetime.fromtimestamp(at - 1, there).replace(tzinfo=None) < local
        else:
            assert at == int(local.replace(tzinfo=there, fold=0).timestamp())


def test_the_next_time_is_always_to_come_and_is_the_last_once_it_has() -> None:
    calendar, at_s = Calendar(schedule(23, 2)), BEGINS_S
    for _ in range(2 * 400):
        before, at_s = at_s, calendar.next(at_s)
        assert before < at_s <= before + DAY_S
        found = [calendar.last(hour * HOUR, at_s - 1, at_s) for hour in (23, 2)]
        assert sum(each is not None for each in found) == 1
        close = found[0]
        if close is not None:
            there = datetime.fromtimestamp(at_s, ZoneInfo(CASABLANCA)).date()
            assert day_begun(close[1], 23 * HOUR) == there + timedelta(1)
