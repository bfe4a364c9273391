"""Admission: what one connection may have in flight, and who is let in when the processor does not keep up."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.records import Declined, Forwarded
from switch.core.transactions.fast_decline import FastDecline
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal


def at_most(in_flight: int) -> Network:
    network = morocco()
    listeners = tuple(msgspec.structs.replace(x, max_in_flight=in_flight) for x in network.listeners)
    return msgspec.structs.replace(network, listeners=listeners)


def answers(peer: Peer) -> dict[str, str]:
    """DE11 -> DE39 of all that came."""
    found = {}
    while not peer.got_nothing():
        document = peer.gets()
        found[document["11"]] = document["39"]
    return found


def all_of(peer: Peer) -> list[Document]:
    found = []
    while not peer.got_nothing():
        found.append(peer.gets())
    return found


# -- one connection


def test_a_connection_has_so_much_in_flight_and_the_next_is_declined_at_once_with_the_limits_name() -> None:
    scene = Scene(Playbook(at_most(2)))
    other = scene.book.acquirer("acquirers", "504102")
    for n in range(3):
        scene.rif.sends(purchase(stan=f"00010{n}"))
    assert answers(scene.rif) == {"000102": "96"}
    (reached,) = scene.book.logged("limit.reached")
    assert (reached.fields["limit"], reached.fields["value"]) == ("max_in_flight", 2)
    assert reached.fields["hint"] == "raise max_in_flight in [[listener]] acquirers of the network file"
    (declined,) = scene.book.recorded(Declined)
    assert declined.reason == "limit max_in_flight=2 reached ([[listener]] acquirers)"
    other.sends(purchase(stan="000200"))
    assert len(scene.book.recorded(Forwarded)) == 3


@pytest.mark.parametrize("ends", ["answer", "decline", "timeout", "reversal", "host lost", "repeat elsewhere"])
def test_however_a_request_ends_its_place_is_free_again(ends: str) -> None:
    scene = Scene(Playbook(at_most(1)))
    first = purchase(stan="000100")
    scene.rif.sends(first)
    request = scene.atlas.gets()
    if ends in ("answer", "decline"):
        scene.atlas.answers(request, "00" if ends == "answer" else "51")
    elif ends == "timeout":
        scene.book.passes(11)
    elif ends == "reversal":
        scene.rif.sends(reversal(first))
    elif ends == "host lost":
        scene.atlas.hangs_up()
        scene.book.host("atlas")
    else:
        scene.book.acquirer("acquirers", "504102").sends({**first, "t": "0201"})
    all_of(scene.rif)
    scene.rif.sends(purchase(stan="000101", de7=scene.book.switch.de7(scene.book.now)))
    assert scene.rif.got_nothing(), answers(scene.rif)
    scene.rif.sends(purchase(stan="000102", de7=scene.book.switch.de7(scene.book.now)))
    assert answers(scene.rif) == {"000102": "96"}


def test_a_switch_that_follows_another_knows_what_is_in_flight() -> None:
    scene = Scene(Playbook(at_most(2)))
    scene.rif.sends(purchase(stan="000100"))
    request = scene.atlas.gets()
    scene.book.reloads(at_most(1))
    scene.rif.sends(purchase(stan="000101"))
    assert answers(scene.rif) == {"000101": "96"}
    scene.atlas.answers(request, "00")
    assert answers(scene.rif) == {"000100": "00"}
    scene.rif.sends(purchase(stan="000102"))
    assert scene.rif.got_nothing()


def test_a_limit_that_is_reached_all_the_time_is_said_once_a_second_with_how_often() -> None:
    scene = Scene(Playbook(at_most(1)))
    for n in range(10):
        scene.rif.sends(purchase(stan=f"0001{n:02d}"))
    scene.book.passes(2)
    scene.rif.sends(purchase(stan="000120"))
    assert [log.fields["times"] for log in scene.book.logged("limit.reached")] == [1, 9]


# -- the processor


def test_what_a_turn_has_no_room_for_is_declined_without_record_or_hop_and_said_once() -> None:
    scene = Scene()
    records, hops = len(scene.book.entries), len(scene.book.hops)
    with scene.book.turn(room=3):
        for n in range(10):
            scene.rif.sends(purchase(stan=f"0001{n:02d}"))
        assert scene.atlas.got_nothing(), "nothing is let in before all links have been read"
    assert [r["t"] for r in all_of(scene.atlas)] == ["0200"] * 3
    assert answers(scene.rif) == {f"0001{n:02d}": "96" for n in range(3, 10)}
    assert len(scene.book.entries) == records + 3
    assert len(scene.book.hops) == hops + 6
    (said,) = scene.book.logged("overload.declined")
    assert (said.fields["requests"], said.fields["links"]) == (7, {scene.rif.link: 7})


def test_a_refusal_made_of_the_requests_bytes_is_the_one_made_the_long_way() -> None:
    scene = Scene()
    with scene.book.turn(room=0):
        for n in range(4):
            scene.rif.sends(purchase(stan=f"00010{n}", de4=f"00000000{n}000"))
    one, *others = all_of(scene.rif)
    assert len(others) == 3
    for n, other in enumerate(others, 1):
        assert other == {**one, "4": f"00000000{n}000", "11": f"00010{n}", "37": f"53291200010{n}"}


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Requests that were refused the long way, to learn of them how others are refused by their bytes."""
    seen: list[bytes] = []
    learn = FastDecline.learn

    def note(self: FastDecline, frame: bytes, answer: bytes) -> None:
        seen.append(frame)
        learn(self, frame, answer)

    monkeypatch.setattr(FastDecline, "learn", note)
    return seen


def says(business_day: str) -> Network:
    network = morocco()
    listeners = tuple(msgspec.structs.replace(x, business_day=business_day) for x in network.listeners)
    return msgspec.structs.replace(network, listeners=listeners)


@pytest.mark.parametrize(
    ("business_day", "own"), [("none", {}), ("day", {"15": "1125"}), ("window", {"15": "1125", "48": "6403001"})]
)
def test_a_request_that_was_refused_the_long_way_has_others_refused_by_their_bytes(
    learned: list[bytes], business_day: str, own: Document
) -> None:
    """What the acquirer has put in DE15 and DE48 goes no further here either."""
    scene = Scene(Playbook(says(business_day)))
    with scene.book.turn(room=0):
        for n in range(10):
            scene.rif.sends(purchase(stan=f"00010{n}", de15=f"11{10 + n}", de48=f"640300{n}"))
    refused = all_of(scene.rif)
    assert len(learned) == 1
    assert [(d["11"], d["39"]) for d in refused] == [(f"00010{n}", "96") for n in range(10)]
    assert [{de: d[de] for de in ("15", "48") if de in d} for d in refused] == [own] * 10


def test_requests_of_two_lengths_are_learned_once_each(learned: list[bytes]) -> None:
    scene = Scene()
    with scene.book.turn(room=0):
        for n in range(10):
            scene.rif.sends(purchase(stan=f"00010{n}", de2="9504010000000003" if n % 2 else "9504010000000000003"))
    assert len(learned) == 2
    assert set(answers(scene.rif).values()) == {"96"}


@pytest.mark.parametrize("framing", ["length2", "stxetx", "gzip", "length2-etx"])
def test_refusals_leave_in_whatever_frame_their_link_has(learned: list[bytes], framing: str) -> None:
    network = morocco()
    listeners = tuple(msgspec.structs.replace(x, framing=framing) for x in network.listeners)
    scene = Scene(Playbook(msgspec.structs.replace(network, listeners=listeners)))
    with scene.book.turn(room=0):
        for n in range(10):
            scene.rif.sends(purchase(stan=f"00010{n}"))
    assert answers(scene.rif) == {f"00010{n}": "96" for n in range(10)}
    assert len(learned) == 1


def test_in_another_window_refusals_are_learned_anew(learned: list[bytes]) -> None:
    scene = Scene()
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000100"))
        scene.rif.sends(purchase(stan="000101"))
    scene.book.asks("day.close")
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000102"))
        scene.rif.sends(purchase(stan="000103"))
    assert len(learned) == 2
    assert [d["15"] for d in all_of(scene.rif) if d["t"] == "0210"] == ["1125", "1125", "1126", "1126"]


def test_a_request_that_is_declined_the_long_way_takes_room_too() -> None:
    scene = Scene()
    with scene.book.turn(room=2):
        for n in range(4):
            scene.rif.sends(purchase(stan=f"00010{n}", de2="9504010000000011"))
    assert answers(scene.rif) == {"000100": "14", "000101": "14", "000102": "96", "000103": "96"}


def test_an_acquirer_with_many_links_gets_no_more_than_one_with_a_single_link() -> None:
    scene = Scene()
    links = [scene.rif, *[scene.book.acquirer("acquirers", "504102") for _ in range(3)]]
    other = scene.book.acquirer("acquirers", "504101")
    with scene.book.turn(room=12):
        for peer in links:
            for n in range(10):
                peer.sends(purchase(stan=f"{100 * links.index(peer) + n:06d}"))
        for n in range(50):
            other.sends(purchase(stan=f"{500 + n:06d}", de32="504101"))
    assert len(answers(other)) == 50 - 6
    assert sorted(len(answers(peer)) for peer in links) == [8, 8, 9, 9]


def test_one_that_floods_takes_nothing_from_the_others() -> None:
    scene = Scene()
    atlas, modest = scene.book.acquirer("acquirers", "504101"), scene.book.acquirer("acquirers", "504102")
    with scene.book.turn(room=12):
        for n in range(100):
            scene.rif.sends(purchase(stan=f"{n:06d}"))
        for n in range(5):
            atlas.sends(purchase(stan=f"{500 + n:06d}", de32="504101"))
        for n in range(2):
            modest.sends(purchase(stan=f"{600 + n:06d}"))
    assert atlas.got_nothing()
    assert modest.got_nothing()
    assert len(answers(scene.rif)) == 95


def test_answers_are_dealt_with_before_requests() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000100"))
    request = scene.atlas.gets()
    with scene.book.turn(room=1):
        scene.rif.sends(purchase(stan="000101"))
        scene.atlas.answers(request, "00")
        assert answers(scene.rif) == {"000100": "00"}
    assert scene.atlas.gets()["t"] == "0200"


def test_reversals_take_the_room_that_requests_of_their_link_would_have() -> None:
    scene = Scene()
    bought = purchase(stan="000100")
    with scene.book.turn(room=2):
        scene.rif.sends(bought)
        scene.rif.sends(reversal(bought))
        scene.rif.sends(purchase(stan="000200"))
    assert answers(scene.rif) == {"000900": "00", "000200": "96"}


def test_reversals_advices_and_network_messages_need_no_room_and_stay_in_their_order() -> None:
    scene = Scene()
    bought = purchase(stan="000100")
    with scene.book.turn(room=1):
        scene.rif.sends(bought)
        scene.rif.sends(reversal(bought))
        scene.rif.sends({"t": "0800", "7": "1125120000", "11": "000777", "32": "504102", "70": "301"})
    assert [d["t"] for d in all_of(scene.atlas)] == ["0200", "0420"]
    assert sorted((d["t"], d["39"]) for d in all_of(scene.rif)) == [("0410", "00"), ("0810", "00")]


def test_a_repeat_of_what_is_known_is_answered_as_before_though_there_is_no_room() -> None:
    scene = Scene()
    bought = purchase(stan="000100")
    scene.rif.sends(bought)
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.rif.gets()["39"] == "00"
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000999"))
        scene.rif.sends(bought)
        scene.rif.sends({**bought, "t": "0201"})
    assert [(d["11"], d["39"]) for d in all_of(scene.rif)] == [("000999", "96"), ("000100", "00"), ("000100", "00")]


def test_one_that_was_refused_for_want_of_room_stays_refused() -> None:
    scene = Scene()
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000100"))
    assert answers(scene.rif) == {"000100": "96"}
    scene.book.switch.release(scene.book.now)
    scene.rif.sends(purchase(stan="000100"))
    assert answers(scene.rif) == {"000100": "96"}
    assert not scene.book.recorded(Forwarded)


def test_one_that_is_older_than_what_memory_has_is_not_answered_and_its_reversal_is() -> None:
    """Its like in a backlog would each have to be looked for in the log. It may be known: a decline could be wrong."""
    network = morocco()
    limits = msgspec.structs.replace(network.limits, recent_transactions=4)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    for n in range(8):
        scene.rif.sends(purchase(stan=f"00010{n}", de7=f"112512000{n}"))
        scene.atlas.answers(scene.atlas.gets(), "00")
    assert set(answers(scene.rif).values()) == {"00"}
    late = purchase(stan="000200", de7="1125120001")
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000300", de7="1125120009"))
        scene.rif.sends(late)
        scene.rif.sends(purchase(stan="000107", de7="1125120007"))
    assert answers(scene.rif) == {"000300": "96", "000107": "00"}, "what memory has is answered as it was"
    scene.book.switch.release(scene.book.now)
    assert [log.fields["unanswered"] for log in scene.book.logged("overload.declined")] == [1]
    scene.rif.sends(reversal(late))
    assert answers(scene.rif) == {"000900": "00"}
    assert scene.atlas.got_nothing() or scene.atlas.gets()["t"] == "0420"


def test_after_a_crash_a_request_from_before_it_goes_the_long_way() -> None:
    """It may stand at the issuer: a refusal without a reversal could leave it there."""
    before = Scene()
    scene = Scene(before.book.crashes())
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000100", de7="1125115900"))
    assert scene.book.switch.shed == 0
    assert scene.book.recorded(Forwarded)


def test_when_the_room_is_unbounded_again_it_is_said_and_all_are_let_in() -> None:
    scene = Scene()
    with scene.book.turn(room=0):
        scene.rif.sends(purchase(stan="000100"))
    scene.book.switch.release(scene.book.now)
    scene.rif.sends(purchase(stan="000101"))
    assert scene.atlas.gets()["t"] == "0200"
    assert len(scene.book.logged("overload.over")) == 1
