"""Playbooks: the business day is closed without stopping traffic, once, and durably."""

from datetime import date, timedelta

import msgspec
import pytest

from switch.core.network import CutoverWindow, Network
from switch.core.operator.business_day import Day
from switch.core.operator.command import Unable
from switch.core.records.day_records import Cutover
from switch.core.records.fold import apply
from switch.core.records.records import Answered
from switch.core.records.state import State
from switch.sim.playbook import Peer, Playbook
from tests.core import scripts
from tests.core.scripts import morocco, purchase

HOUR = 3_600
CLOSERS = ("atlas", "rif", "visa")


def closable(**changes: object) -> Network:
    """Morocco, where `CLOSERS` may close the day; the script begins at 12:00 UTC."""
    network = morocco()
    hosts = tuple(msgspec.structs.replace(host, may_cut_over=host.name in CLOSERS) for host in network.hosts)
    return msgspec.structs.replace(network, hosts=hosts, **changes)


def Scene(book: Playbook | None = None) -> scripts.Scene:  # noqa: N802 - as the other playbooks begin
    return scripts.Scene(book or Playbook(closable()))


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


def test_a_cutover_of_yesterday_that_is_sent_again_closes_no_other_day() -> None:
    scene = Scene()
    assert says(scene.atlas) == "00"
    scene.book.passes(25 * HOUR)
    assert says(scene.book.host("atlas")) == "12", "the same bytes; a MAC would hold, too"
    assert len(cutovers(scene.book)) == 1
    (refused,) = scene.book.logged("cutover.refused")
    assert refused.fields["reason"] == "its DE7 is 25 hours behind this switch's clock: it was said about another close"
    assert says(scene.book.host("atlas"), "1127") == "00", "one that names its date goes by that"


@pytest.mark.parametrize(
    ("de15", "de39", "then"),
    [
        ("1126", "00", "2025-11-26"),
        ("1127", "12", "2025-11-25"),
        ("1125", "00", "2025-11-25"),
        ("1124", "00", "2025-11-25"),
        ("1202", "12", "2025-11-25"),
        ("1135", "30", "2025-11-25"),
    ],
    ids=["the next day", "the day after it", "the day there is", "late", "too far ahead", "no date"],
)
def test_a_date_says_which_day_begins(de15: str, de39: str, then: str) -> None:
    scene = Scene()
    assert says(scene.atlas, de15) == de39
    assert day(scene.book) == then


def test_the_turn_of_the_year_is_understood() -> None:
    scene = Scene()
    scene.book.asks("day.close", date="2025-12-01")
    for following in ("2025-12-07", "2025-12-13", "2025-12-19", "2025-12-25", "2025-12-31"):
        scene.book.asks("day.close", date=following, again=True)
    scene.book.asks("day.close", date="2026-01-01", again=True)
    while not scene.atlas.got_nothing():
        scene.atlas.gets()
    assert says(scene.atlas, "0101") == "00", "known: not the 1 January there was"
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
    assert scene.atlas.closed == ""
    scene.book.passes(2)
    echo = scene.atlas.gets()
    assert echo["70"] == "301", "it is echoed as ever"
    scene.book.passes(10)
    assert scene.atlas.closed == "0800 not answered in time"


def test_thirty_cutovers_move_the_day_once() -> None:
    scene = Scene()
    said = [says(scene.atlas, f"12{n:02d}" if n else "1126", stan=f"{n:06d}") for n in range(30)]
    assert said == ["00"] + ["12"] * 29
    assert day(scene.book) == "2025-11-26"
    refused = scene.book.logged("cutover.refused")[-1]
    assert refused.fields["reason"] == "the business day began 0 minutes ago: a host closes one in 12 hours"


@pytest.mark.long
def test_however_long_it_goes_on_hosts_keep_the_day_beside_the_calendars() -> None:
    scene = Scene()
    for n in range(20):
        following = date.fromisoformat(day(scene.book)) + timedelta(1)
        says(scene.book.host("atlas"), following.strftime("%m%d"), stan=f"{n:06d}")
        scene.book.passes(12 * HOUR)
    assert day(scene.book) == "2025-12-06", "ten days have passed; it is the calendar's tomorrow"


def test_only_a_host_that_the_file_names_closes_the_day() -> None:
    scene = Scene()
    souss = scene.book.host("souss")
    souss.sends({"t": "0800", "7": "1125120000", "11": "000201", "32": "504103", "70": "201"})
    assert souss.gets()["39"] == "58"
    assert not cutovers(scene.book)
    assert "may_cut_over" in scene.book.logged("cutover.refused")[0].fields["hint"]


@pytest.mark.parametrize(
    ("begin", "end", "de39"),
    [(20, 2, "12"), (12, 13, "00"), (11, 12, "12"), (22, 13, "00")],
    ids=["hours too early", "from the minute it begins", "up to the minute it ends", "over midnight"],
)
def test_hosts_close_the_day_within_its_window(begin: int, end: int, de39: str) -> None:
    window = CutoverWindow(begin_s=begin * HOUR, end_s=end * HOUR)
    scene = Scene(Playbook(closable(cutover_window=window)))
    assert says(scene.atlas, "1126") == de39
    assert len(cutovers(scene.book)) == (de39 == "00")
    assert says(scene.atlas, "1125", stan="000202") == "00", "about the day there is: nothing to do"
    scene.book.asks("day.close", again=True)  # an operator may at any time


def test_an_operator_is_asked_before_the_day_is_closed_again() -> None:
    scene = Scene()
    scene.book.asks("day.close")
    scene.book.passes(59 * 60)
    with pytest.raises(Unable, match="was closed 59 minutes ago, and is 2025-11-26") as unable:
        scene.book.asks("day.close")
    assert unable.value.hint == "to close it once more, and begin 2025-11-27: --again"
    scene.book.asks("day.close", again=True)
    assert day(scene.book) == "2025-11-27"
    scene.book.passes(61 * 60)
    scene.book.asks("day.close")
    assert day(scene.book) == "2025-11-28"
