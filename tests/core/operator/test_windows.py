"""Playbooks: a business day has windows; a close names what it ends, and however often it is said, it ends once."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.operator.business_day import Day
from switch.core.operator.command import Unable
from switch.core.records.day_records import Cutover
from switch.core.records.fold import apply
from switch.core.records.records import Answered, Snapshot
from switch.core.records.state import State
from switch.ledger.windows import Windows
from switch.sim.playbook import Playbook
from tests.core.operator.test_business_day import CLOSERS
from tests.core.scripts import Scene, morocco, purchase

TODAY, TOMORROW = "2025-11-25", "2025-11-26"
WINDOW = "6403{:03d}"


def windowed(said: str = "window", closers: tuple[str, ...] = (*CLOSERS, "souss")) -> Network:
    """Morocco, where everybody is told of windows, and `closers` may close them."""
    network = morocco()
    hosts = tuple(
        msgspec.structs.replace(h, may_cut_over=h.name in closers, business_day=said)
        if h.role == "issuer"
        else msgspec.structs.replace(h, may_cut_over=h.name in closers)
        for h in network.hosts
    )
    listeners = tuple(msgspec.structs.replace(each, business_day=said) for each in network.listeners)
    return msgspec.structs.replace(network, hosts=hosts, listeners=listeners)


def scene(said: str = "window") -> Scene:
    return Scene(Playbook(windowed(said)))


def now(book: Playbook) -> tuple[str, int]:
    shown = book.asks("day.show")
    assert isinstance(shown, Day)
    return shown.day, shown.window


def wait(book: Playbook, seconds: int) -> None:
    """The wall clock goes on; nothing else happens."""
    book.switch.wall_offset_ns += seconds * 1_000_000_000
    book.now += 1


def closes(book: Playbook) -> list[tuple[str, int, str, int]]:
    return [(e.closed, e.ended, e.day, e.window) for e in book.recorded(Cutover)]


def test_an_operator_closes_a_window_and_the_day_goes_on() -> None:
    at = scene()
    first = at.book.asks("day.close", again=True)
    wait(at.book, 3_600)
    done = at.book.asks("day.close_window")
    assert done == Day(TOMORROW, first.since_us, (at.atlas.link, at.rif.link), 2)
    assert closes(at.book) == [(TODAY, 1, TOMORROW, 1), (TOMORROW, 1, TOMORROW, 2)]
    told = [m for m in iter(lambda: None if at.atlas.got_nothing() else at.atlas.gets(), None) if m["70"] == "201"]
    assert [(m["15"], m["48"]) for m in told] == [("1126", WINDOW.format(1)), ("1126", WINDOW.format(2))]


def test_only_a_days_last_window_moves_the_day() -> None:
    at = scene()
    for _ in range(3):
        at.book.asks("day.close_window", again=True)
    at.book.asks("day.close", again=True)
    assert closes(at.book)[-1] == (TODAY, 4, TOMORROW, 1)
    assert now(at.book) == (TOMORROW, 1)


def test_who_is_not_told_of_windows_hears_of_days_alone() -> None:
    at = scene("day")
    assert at.book.asks("day.close_window", again=True).told == ()
    at.book.asks("day.close", again=True)
    assert [at.atlas.gets().get("48"), at.atlas.got_nothing()] == [None, True]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_close_that_names_what_it_ends_ends_it_once(times: int) -> None:
    at = scene()
    for n in range(times):
        done = at.book.asks("day.close_window", ends=f"{TODAY}/1")
        assert (done.window, done.known) == (2, n > 0)
    for n in range(times):
        done = at.book.asks("day.close", ends=TODAY)
        assert (done.day, done.window, done.known) == (TOMORROW, 1, n > 0)
    assert at.book.asks("day.close_window", ends=f"{TODAY}/1").known, "its day is over, too"
    assert closes(at.book) == [(TODAY, 1, TODAY, 2), (TODAY, 2, TOMORROW, 1)]


@pytest.mark.parametrize("lost", [True, False], ids=["the record is lost", "the record is kept"])
def test_a_crash_in_the_middle_and_the_same_command_again_is_closing_once(lost: bool) -> None:
    at = scene()
    at.rif.sends(purchase(stan="000001"))
    at.book.journal_holds()
    at.book.asks("day.close_window", ends=f"{TODAY}/1")
    assert at.atlas.gets()["t"] == "0200"
    assert at.atlas.got_nothing(), "nobody is told before it is durable"
    if not lost:
        at.book.journal_flushes()
    after = at.book.crashes()
    assert now(after) == (TODAY, 1 if lost else 2)
    assert after.asks("day.close_window", ends=f"{TODAY}/1").known is not lost
    assert closes(after) == [(TODAY, 1, TODAY, 2)]


def test_under_load_each_payment_is_in_the_window_that_its_answer_finds() -> None:
    at = scene()
    asked = []
    for n in range(12):
        at.rif.sends(purchase(stan=f"{n:06d}"))
        asked.append(at.atlas.gets())
        if n % 4 == 3:
            at.atlas.answers(asked.pop(0), "00")
            at.book.asks("day.close_window", again=True)
            assert at.atlas.gets()["70"] == "201"
    for request in asked:
        at.atlas.answers(request, "00")
    at.book.asks("day.close", again=True)
    counted = Windows()
    for sequence, entry in enumerate(at.book.entries, 1):
        if isinstance(entry, Cutover):
            counted.cut(entry, sequence)
        elif isinstance(entry, Answered):
            assert entry.window == str(counted.at(entry.at_us, sequence)), "as the cutovers before it decide"
    assert [entry.window[-1] for entry in at.book.recorded(Answered)] == list("123444444444")


@pytest.mark.parametrize(
    ("ends", "window", "code"),
    [
        (TOMORROW, False, "day.date"),
        ("2025-11-45", False, "day.date"),
        (f"{TODAY}/2", True, "day.date"),
        (f"{TOMORROW}/1", True, "day.date"),
        (TODAY, True, "day.window"),
        (f"{TODAY}/one", True, "day.window"),
        (f"{TODAY}/1000", True, "day.window"),
    ],
)
def test_what_has_not_begun_or_is_no_name_is_not_closed(ends: str, window: bool, code: str) -> None:
    at = scene()
    with pytest.raises(Unable) as unable:
        at.book.asks("day.close_window" if window else "day.close", ends=ends)
    assert unable.value.code == code
    assert not closes(at.book)


def test_an_operator_is_asked_before_a_window_is_closed_again() -> None:
    at = scene()
    at.book.asks("day.close_window")
    with pytest.raises(Unable, match=f"window {TODAY}/2 began 0 seconds ago"):
        at.book.asks("day.close_window")
    wait(at.book, 61)
    assert at.book.asks("day.close_window").window == 3


def test_a_day_has_no_more_windows_than_messages_can_number() -> None:
    at = scene("day")
    at.book.switch.record(Cutover(at_us=1, day=TODAY, closed=TODAY, by="operator", window=999, ended=998))
    with pytest.raises(Unable, match="has had 999 windows"):
        at.book.asks("day.close_window", ends=f"{TODAY}/999")
    assert at.book.asks("day.close", ends=TODAY).day == TOMORROW


def test_the_window_outlives_the_process_and_stands_in_a_snapshot() -> None:
    network = windowed()
    limits = msgspec.structs.replace(network.limits, snapshot_records=4)
    at = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    since_us = at.book.asks("day.close", again=True).since_us
    wait(at.book, 1_800)
    at.book.asks("day.close_window")
    for n in range(3):
        at.rif.sends(purchase(stan=f"{n:06d}"))
    after = at.book.crashes()
    assert now(after) == (TOMORROW, 2)
    assert after.asks("day.show").since_us == since_us, "of the day, not of the window"
    begins = next(n for n, entry in enumerate(at.book.entries) if isinstance(entry, Snapshot))
    state, ledger = State(limits), Windows()
    for sequence, entry in enumerate(at.book.entries[begins:], begins + 1):
        apply(state, entry)
        if isinstance(entry, Snapshot):
            ledger.begin(entry, sequence)
    assert state.window == str(ledger.now) == f"{TOMORROW}/2"


# -- by message


def says(at: Scene, name: str, stan: str, **elements: str) -> str:
    """DE39 of the answer to a host's 0800/201, as the host writes it in internal format."""
    host = at.atlas if name == "atlas" else at.book.host(name)
    named = {name.removeprefix("de"): value for name, value in elements.items()}
    host.sends({"t": "0800", "7": "1125120000", "11": stan, "32": "504101", "70": "201", **named})
    return host.gets()["39"]


@pytest.mark.parametrize("name", ["atlas", "souss"], ids=["DE48.64", "DE29 of the 1993 edition"])
def test_a_host_names_the_window_that_begins(name: str) -> None:
    at = scene()
    at.book.asks("day.close", again=True)
    wait(at.book, 301)
    while not at.atlas.got_nothing():
        at.atlas.gets()
    assert says(at, name, "000201", de15="1126", de48=WINDOW.format(2)) == "00"
    assert now(at.book) == (TOMORROW, 2)
    for n, said in enumerate(
        ({"de15": "1126", "de48": WINDOW.format(2)}, {"de15": "1126"}, {"de48": WINDOW.format(1)})
    ):
        assert says(at, "rif", f"00030{n}", **said) == "00", "closed before"
    assert now(at.book) == (TOMORROW, 2)


@pytest.mark.parametrize(
    ("said", "de39"),
    [
        ({"de48": WINDOW.format(3)}, "12"),
        ({"de15": "1126", "de48": WINDOW.format(2)}, "12"),
        ({"de48": "6403000"}, "30"),
        ({"de48": "6403A01"}, "30"),
        ({"de15": "1126", "de48": WINDOW.format(1)}, "00"),
    ],
    ids=["not the next one", "not the first of a day", "none", "no number", "the first of the next day"],
)
def test_a_window_that_cannot_begin_does_not(said: dict[str, str], de39: str) -> None:
    at = scene()
    assert says(at, "atlas", "000201", **said) == de39
    assert (now(at.book) == (TODAY, 1)) == (de39 != "00")


def test_a_host_closes_windows_no_faster_than_it_may() -> None:
    at = scene()
    assert says(at, "atlas", "000201", de48=WINDOW.format(2)) == "00"
    assert says(at, "atlas", "000202", de48=WINDOW.format(3)) == "12"
    assert (
        at.book.logged("cutover.refused")[0].fields["reason"]
        == "the window began 0 seconds ago: a host closes one in 300"
    )
    wait(at.book, 301)
    while not at.atlas.got_nothing():
        at.atlas.gets()
    assert says(at, "rif", "000203", de48=WINDOW.format(3)) == "00"


@pytest.mark.parametrize("by", ["a host", "an operator"])
def test_the_first_day_of_all_may_be_closed_however_lately_its_first_window_was(by: str) -> None:
    at = scene()
    opening = {"t": "0800", "7": "1125120000", "32": "504101", "70": "201"}
    at.atlas.sends({**opening, "11": "000201", "15": "1125", "48": WINDOW.format(2)})
    assert at.atlas.gets()["39"] == "00"
    shown = at.book.asks("day.show")
    assert isinstance(shown, Day)
    assert (shown.window, shown.since_us) == (2, 0), "no day has been closed yet"
    wait(at.book, 600)
    if by == "a host":
        at.atlas.sends({**opening, "11": "000202", "15": "1126"})
        assert at.atlas.gets()["39"] == "00"
        at.atlas.sends({**opening, "11": "000203", "15": "1127"})
        assert at.atlas.gets()["39"] == "12", "the second day has begun with a close, and lasts for twelve hours"
    else:
        at.book.asks("day.close")
    assert closes(at.book)[-1] == (TODAY, 2, TOMORROW, 1)
