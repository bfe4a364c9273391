"""Turns that stay long bound the room of the next; one slow turn does not."""

import pytest

from switch.server.connections import RECEIVE_BYTES
from switch.server.pace import ROOM_MIN, Pace, Paced
from tests.server.offered import MS, SERVED_PER_S, Load, offered


class Link:
    """Of which so many more pieces wait."""

    def __init__(self, pieces: float) -> None:
        self.pieces = pieces

    def unread(self) -> int:
        return int(self.pieces * RECEIVE_BYTES)


class Party:
    """Deals with what it is told a turn has, and notes what it is asked."""

    def __init__(self) -> None:
        self.admitted = self.shed = 0
        self.calls: list[str] = []

    def hold(self, room: int) -> None:
        self.calls.append(f"hold {room}")

    def settle(self, now: int) -> None:
        self.calls.append("settle")

    def release(self, now: int) -> None:
        self.calls.append("release")


class Clock:
    def __init__(self) -> None:
        self.now = 1

    def __call__(self) -> int:
        return self.now


def turns(
    pace: Pace,
    party: Party,
    clock: Clock,
    ms: int,
    times: int,
    admitted: int = 300,
    shed: int = 0,
    *,
    behind: bool = False,
    waiting: float = 0.0,
) -> None:
    for _ in range(times):
        pace.begin_turn(party)
        pace.read(party, 0)
        clock.now += ms * MS
        party.admitted += admitted
        party.shed += shed
        pace.end_turn(party, 0, behind=behind, unread=[Link(waiting), Link(waiting)])


def made() -> tuple[Pace, Party, Clock]:
    clock = Clock()
    return Pace(60, clock, clock), Party(), clock


def test_short_turns_and_a_long_one_now_and_then_are_left_alone() -> None:
    pace, party, clock = made()
    assert isinstance(party, Paced)
    for _ in range(50):
        turns(pace, party, clock, 3, 5)
        turns(pace, party, clock, 200, 1)
    assert pace.room == 0
    assert not party.calls


def test_a_quarter_of_a_second_of_long_turns_bounds_the_next_to_a_sixth_of_that_by_what_they_took() -> None:
    pace, party, clock = made()
    turns(pace, party, clock, 75, 4)
    assert pace.room == 0
    turns(pace, party, clock, 75, 1)
    assert pace.room == 300 * 10 // 75
    turns(pace, party, clock, 10, 1, shed=1)
    assert party.calls == ["hold 40", "settle"]


def test_short_turns_that_leave_something_unread_for_a_second_do_not_keep_up_either() -> None:
    pace, party, clock = made()
    for _ in range(20):
        turns(pace, party, clock, 8, 100, admitted=80, behind=True)
        turns(pace, party, clock, 8, 1, admitted=80)
    assert pace.room == 0, "each time what waited was read within a second"
    turns(pace, party, clock, 8, 127, admitted=80, behind=True)
    assert pace.room == 80 * 10 // 8
    turns(pace, party, clock, 9, 1, shed=1, behind=True)
    assert party.calls == ["hold 100", "settle"]


def test_a_turn_of_bounded_room_reads_on_while_it_lasts() -> None:
    pace, party, clock = made()
    pace.begin_turn(party)
    assert not pace.reads_on(), "one that has room for all leaves it to the next"
    pace.end_turn(party, 0, behind=False)
    turns(pace, party, clock, 75, 5)
    pace.begin_turn(party)
    clock.now += 59 * MS
    assert pace.reads_on()
    clock.now += 1 * MS
    assert not pace.reads_on()


def test_time_that_others_have_the_processor_is_not_counted_unless_more_waits_than_is_read() -> None:
    clock, party = Clock(), Party()
    pace = Pace(60, clock, lambda: clock.now // 10)
    turns(pace, party, clock, 100, 50)
    turns(pace, party, clock, 100, 10, behind=True)
    assert pace.room == 0
    turns(pace, party, clock, 100, 2, behind=True)
    assert pace.room == 300 * 10 // 10


def test_room_shrinks_where_turns_stay_long_to_half_of_what_it_was_and_no_further() -> None:
    pace, party, clock = made()
    turns(pace, party, clock, 75, 5)
    turns(pace, party, clock, 12, 1, shed=1)
    assert pace.room == 40 * 10 // 12
    turns(pace, party, clock, 500, 1, admitted=2_000, shed=1)
    assert pace.room == 33 * 3 // 4
    turns(pace, party, clock, 500, 5, admitted=2_000, shed=1)
    assert pace.room == 20
    pace, party, clock = made()
    turns(pace, party, clock, 75, 5, admitted=0)
    assert pace.room == ROOM_MIN


def test_room_that_is_used_up_in_time_grows_and_room_that_nobody_fills_is_given_up() -> None:
    pace, party, clock = made()
    turns(pace, party, clock, 75, 5)
    turns(pace, party, clock, 10, 1, shed=1)
    assert pace.room == 40 + 40 // 16 + 1
    turns(pace, party, clock, 1, 40, admitted=2)
    assert pace.room == 0
    assert party.calls[-1] == "release"
    turns(pace, party, clock, 75, 4)
    assert pace.room == 0, "it begins anew"


def test_what_grows_and_cannot_be_dealt_with_in_a_quarter_of_a_second_bounds_the_next_turn_at_once() -> None:
    pace, party, clock = made()
    turns(pace, party, clock, 75, 1, behind=True, waiting=4)
    assert pace.room == 0, "what has come may be all there is"
    turns(pace, party, clock, 75, 1, behind=True, waiting=5)
    assert pace.room == 300 * 10 // 75
    pace, party, clock = made()
    turns(pace, party, clock, 20, 1, behind=True, waiting=1)
    turns(pace, party, clock, 20, 1, behind=True, waiting=2)
    assert pace.room == 0, "it may be a burst of 80 ms"
    pace, party, clock = made()
    for n in range(6):
        turns(pace, party, clock, 40, 1, behind=True, waiting=9 - n)
    assert pace.room == 0, "it becomes less"


@pytest.mark.parametrize("links", [4, 8])
@pytest.mark.parametrize("times", [1.5, 2, 5])
def test_an_overload_has_a_beginning_of_a_fifth_of_a_second(times: float, links: int) -> None:
    load = Load(offered(times, links, 0.7))
    load.passes(700)
    begins = 200 if times > 1.5 else 300
    late = {ms: load.p50_ms(ms, ms + 100) for ms in range(begins, 600, 100)}
    assert max(late.values()) <= 40, late
    assert load.shed


@pytest.mark.parametrize("links", [1, 4, 8])
def test_a_burst_that_is_dealt_with_in_a_quarter_of_a_second_declines_nothing(links: int) -> None:
    requests = SERVED_PER_S * 22 // 100 // links
    load = Load([[(n // 100) * MS for n in range(requests)] for _ in range(links)])
    load.passes(400)
    assert (load.admitted, load.shed) == (requests * links, 0)
    assert max(one.took_ns for one in load.served) < 250 * MS


def test_a_third_of_a_turn_is_for_what_is_let_in_however_much_there_is_to_decline() -> None:
    pace, party, clock = made()
    turns(pace, party, clock, 75, 5)
    cost_ms = 75 / 300
    for _ in range(40):  # declining takes 24 ms of each turn
        turns(pace, party, clock, round(24 + pace.room * cost_ms), 1, admitted=pace.room, shed=1)
    assert abs(pace.room * cost_ms - 12) < 2
    for _ in range(40):  # it is no part of what lasts for ever
        turns(pace, party, clock, round(200 + pace.room * cost_ms), 1, admitted=pace.room, shed=1)
    assert pace.room * cost_ms <= 60 / 2 + 2
