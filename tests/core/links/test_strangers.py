"""A flood nobody has signed for does not turn the log over."""

from collections import Counter

from switch.core.links.strangers import ADDRESSES_MAX, AT_ONCE, OTHERS, SAID_MAX, Strangers
from switch.core.party import Close, Effect, Log
from tests.core.scripts import Scene, purchase

SECOND = 1_000_000_000


def flood(strangers: Strangers, times: int, peer: str, now: int) -> int:
    """How many of so many lines are written."""
    effects: list[Effect] = [Log("warning", "frame.bad", {})] * times
    strangers.sift(effects, 0, peer, now)
    return len(effects)


def test_an_address_gets_some_lines_at_once_then_one_a_second_and_one_that_counts_the_rest() -> None:
    strangers, now = Strangers(), 7 * SECOND
    assert flood(strangers, 10_000, "192.0.2.1", now) <= AT_ONCE
    for _ in range(10):
        now += SECOND
        (counted,) = strangers.counted(now)
        assert (counted.event, counted.fields["peer"]) == ("unsigned.counted", "192.0.2.1")
        assert counted.fields["times"] >= 10_000 - AT_ONCE
        assert counted.fields["events"] == {"frame.bad": counted.fields["times"]}
        assert flood(strangers, 10_000, "192.0.2.1", now) <= 2


def test_nothing_is_counted_twice_and_nothing_is_lost() -> None:
    strangers = Strangers()
    written = sum(flood(strangers, 500, f"192.0.2.{n % 3}", SECOND) for n in range(9))
    counted = sum(log.fields["times"] for log in strangers.counted(2 * SECOND))
    assert written + counted == 4_500
    assert list(strangers.counted(3 * SECOND)) == []
    assert strangers.deadline() is None


def test_one_address_does_not_spend_anothers_lines() -> None:
    strangers = Strangers()
    flood(strangers, 1_000, "192.0.2.1", SECOND)
    assert flood(strangers, 3, "192.0.2.2", SECOND) == 3


def test_of_very_many_addresses_those_heard_of_longest_ago_are_counted_together() -> None:
    strangers = Strangers()
    for n in range(ADDRESSES_MAX + 10):
        flood(strangers, 100, f"10.0.{n // 256}.{n % 256}", SECOND)
    times = {log.fields["peer"]: log.fields["times"] for log in strangers.counted(2 * SECOND)}
    assert len(times) == SAID_MAX + 1
    assert sum(times.values()) == (ADDRESSES_MAX + 10) * (100 - AT_ONCE)
    assert times[OTHERS] == sum(times.values()) - SAID_MAX * (100 - AT_ONCE)


def test_only_what_is_logged_is_left_out() -> None:
    effects: list[Effect] = [Log("info", "x", {}), Close("a#1", "bad")] * 1_000
    Strangers().sift(effects, 0, "192.0.2.1", SECOND)
    assert sum(isinstance(effect, Close) for effect in effects) == 1_000


def test_requests_of_a_connection_that_has_not_signed_on_are_answered_and_counted() -> None:
    scene = Scene()
    stranger = scene.book.connects("acquirers", "cmi87", "length2", "504102", "192.0.2.9")
    for n in range(500):
        stranger.sends(purchase(stan=f"{n:06d}"))
        assert stranger.gets()["39"] != "00"
    scene.book.passes(2)
    said = Counter(log.event for log in scene.book.logs)
    hops = [hop for hop in scene.book.hops if hop.link == stranger.link]
    assert len(hops) <= AT_ONCE
    (counted,) = scene.book.logged("unsigned.counted")
    assert counted.fields["times"] == sum(counted.fields["events"].values()) >= 900
    assert said.total() < 20


def test_who_has_signed_on_is_written_of_line_by_line() -> None:
    scene = Scene()
    for n in range(100):
        scene.rif.sends(purchase(stan=f"{n:06d}", de7="1399996199"))
        assert scene.rif.gets()["39"] == "30"
    assert len([hop for hop in scene.book.hops if hop.link == scene.rif.link]) >= 200
