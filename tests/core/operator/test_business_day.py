"""Playbooks: the business day is closed without stopping traffic, once, and durably."""

import msgspec
import pytest

from switch.core.operator.business_day import Day
from switch.core.operator.command import Unable
from switch.core.records.records import Answered, Cutover
from switch.core.records.state import State, apply
from switch.sim.playbook import Peer, Playbook
from tests.core.scripts import Scene, morocco, purchase

HOUR = 3_600


def says(host: Peer, de15: str = "", stan: str = "000201") -> str:
    """DE39 of the answer to a host's 0800/201."""
    host.sends({"t": "0800", "7": "1125120000", "11": stan, "15": de15, "32": "504101", "70": "201"} if de15
               else {"t": "0800", "7": "1125120000", "11": stan, "32": "504101", "70": "201"})  # fmt: skip
    answer = host.gets()
    assert (answer["t"], answer["70"], answer["11"]) == ("0810", "201", stan)
    return answer["39"]


def day(book: Playbook) -> str:
    shown = book.asks("day.show")
    assert isinstance(shown, Day)
    return shown.day


def cutovers(book: Playbook) -> list[tuple[str, str, str]]:
    return [(e.closed, e.day, e.by) for e in book.recorded(Cutover) if isinstance(e, Cutover)]


def test_a_hosts_cutover_closes_the_day_and_traffic_goes_on() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    request = scene.atlas.gets()
    assert day(scene.book) == "2025-11-25"
    assert says(scene.atlas) == "00"
    assert cutovers(scene.book) == [("2025-11-25", "2025-11-26", "atlas")]
    assert day(scene.book) == "2025-11-26"
    told = scene.rif.gets()
    assert (told["t"], told["70"], told["15"]) == ("0800", "201", "1126")
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"
    kinds = [type(entry) for entry in scene.book.entries]
    assert kinds.index(Answered) > kinds.index(Cutover), "what was in flight belongs to the day its answer finds"


def test_hosts_and_acquirers_that_are_up_are_told_once_and_not_the_host_that_said_it() -> None:
    scene = Scene()
    visa, second, away = scene.book.host("visa"), scene.book.host("visa"), scene.book.host("souss", sign_on=False)
    terminal = scene.book.acquirer("pos", "504103")
    away.gets()
    says(scene.atlas)
    got = [peer for peer in (visa, second, away, terminal, scene.rif, scene.atlas) if not peer.got_nothing()]
    assert got in ([visa, scene.rif], [second, scene.rif])


def test_it_is_acknowledged_and_told_once_it_is_durable() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    scene.book.journal_holds()
    scene.atlas.sends({"t": "0800", "7": "1125120000", "11": "000201", "32": "504101", "70": "201"})
    assert scene.atlas.got_nothing()
    assert visa.got_nothing()
    scene.book.journal_flushes()
    assert scene.atlas.gets()["39"] == "00"
    assert visa.gets()["15"] == "1126"


def test_hosts_that_say_the_same_close_it_once() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    assert says(scene.atlas) == "00"
    visa.answers(visa.gets(), "00", de70="201")
    assert says(visa, stan="000301") == "00"
    assert says(visa, "1126", stan="000302") == "00"
    assert len(cutovers(scene.book)) == 1
    scene.book.passes(12 * HOUR)
    assert says(scene.book.host("rif"), stan="000303") == "00"
    assert day(scene.book) == "2025-11-27"


@pytest.mark.parametrize(
    ("de15", "de39", "then"),
    [
        ("1128", "00", "2025-11-28"),
        ("1125", "00", "2025-11-25"),
        ("1124", "00", "2025-11-25"),
        ("1202", "12", "2025-11-25"),
        ("1135", "30", "2025-11-25"),
    ],
    ids=["over a holiday", "the day there is", "late", "too far ahead", "no date"],
)
def test_a_date_says_which_day_begins(de15: str, de39: str, then: str) -> None:
    scene = Scene()
    assert says(scene.atlas, de15) == de39
    assert day(scene.book) == then


def test_the_turn_of_the_year_is_understood() -> None:
    scene = Scene()
    scene.book.asks("day.close", date="2025-12-01")
    for date in ("2025-12-07", "2025-12-13", "2025-12-19", "2025-12-25", "2025-12-31"):
        scene.book.asks("day.close", date=date)
    while not scene.atlas.got_nothing():
        scene.atlas.gets()
    assert says(scene.atlas, "0101") == "00"
    assert day(scene.book) == "2026-01-01"


def test_an_acquirer_may_not_close_the_day() -> None:
    scene = Scene()
    assert says(scene.rif) == "58"
    assert not cutovers(scene.book)


def test_an_operator_closes_the_day() -> None:
    scene = Scene()
    closed = scene.book.asks("day.close")
    assert closed == Day("2025-11-26", 1_764_072_000_000_000, (scene.atlas.link, scene.rif.link))
    assert scene.atlas.gets()["70"] == "201"


@pytest.mark.parametrize("date", ["2025-11-25", "2025-11-01", "2025-12-02", "tomorrow"])
def test_an_operator_may_not_name_any_day(date: str) -> None:
    with pytest.raises(Unable):
        Playbook(morocco()).asks("day.close", date=date)


def test_the_day_outlives_the_process_and_stands_in_a_snapshot() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, snapshot_records=4)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    scene.book.asks("day.close")
    scene.atlas.gets()
    scene.rif.gets()
    for n in range(3):
        scene.rif.sends(purchase(stan=f"{n:06d}"))
        scene.atlas.answers(scene.atlas.gets(), "00")
    assert day(scene.book.crashes()) == "2025-11-26"
    at = next(n for n, entry in enumerate(scene.book.entries) if type(entry).__name__ == "Snapshot")
    state = State(limits)
    for entry in scene.book.entries[at:]:
        apply(state, entry)
    assert state.cutover == Cutover(at_us=1_764_072_000_000_000, day="2025-11-26", closed="2025-11-25", by="operator")


def test_a_host_that_does_not_answer_a_cutover_is_not_taken_for_gone() -> None:
    scene = Scene()
    scene.book.asks("day.close")
    assert scene.atlas.gets()["70"] == "201"
    scene.book.passes(29)
    assert not scene.atlas.closed
    scene.book.passes(2)
    echo = scene.atlas.gets()
    assert echo["70"] == "301", "it is echoed as ever"
    scene.book.passes(10)
    assert scene.atlas.closed == "0800 not answered in time"
