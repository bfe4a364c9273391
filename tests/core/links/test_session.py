"""Playbooks: sign-on, echo, half-open links, and peers that send nonsense."""

import msgspec
import pytest

from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase


def network_message(code: str, stan: str = "000011", de32: str = "504102", t: str = "0800") -> dict[str, str]:
    return {"t": t, "7": "1125120000", "11": stan, "32": de32, "70": code}


def test_the_switch_signs_on_to_a_host_it_connects_to() -> None:
    book = Playbook(morocco())
    atlas = book.host("atlas", sign_on=False)
    hello = atlas.gets()
    assert (hello["t"], hello["70"], hello["32"]) == ("0800", "001", "504000")
    assert not book.logged("link.up")
    atlas.answers(hello, "00", de70="001")
    assert book.logged("link.up")


def test_a_host_may_connect_in_and_sign_on_itself() -> None:
    network = morocco()
    hosts = tuple(msgspec.structs.replace(h, connect=None) if h.name == "atlas" else h for h in network.hosts)
    door = msgspec.structs.replace(network.listeners[0], name="hosts", role="host")
    book = Playbook(msgspec.structs.replace(network, hosts=hosts, listeners=(*network.listeners, door)))
    atlas = book.acquirer("hosts", "504101")
    assert book.logged("link.up")[0].fields["host"] == "atlas"
    rif = book.acquirer("acquirers", "504102")
    rif.sends(purchase())
    atlas.answers(atlas.gets(), "00")
    assert rif.gets()["39"] == "00"
    book.passes(30)
    assert atlas.gets()["70"] == "301", "echoed when idle like any other"
    atlas.hangs_up()
    rif.sends(purchase(stan="000124"))
    assert rif.gets()["39"] == "91"


def test_a_refused_sign_on_closes_the_link_and_says_why() -> None:
    book = Playbook(morocco())
    atlas = book.host("atlas", sign_on=False)
    atlas.answers(atlas.gets(), "58", de70="001")
    assert atlas.closed == "sign-on refused with DE39=58"


def test_an_unknown_institution_is_refused_with_the_nearest_name() -> None:
    book = Playbook(morocco())
    stranger = book.acquirer("acquirers", "504102", sign_on=False)
    stranger.sends(network_message("001", de32="504192"))
    assert stranger.gets()["39"] == "58"
    (refused,) = book.logged("link.sign_on_refused")
    assert refused.fields["did_you_mean"] == "504102"


def test_an_idle_host_is_echoed_and_a_deaf_one_closed() -> None:
    scene = Scene()
    scene.book.passes(30)
    echo = scene.atlas.gets()
    assert (echo["t"], echo["70"]) == ("0800", "301")
    scene.atlas.answers(echo, "00", de70="301")
    scene.book.passes(30)
    scene.atlas.gets()
    scene.book.passes(10)
    assert scene.atlas.closed == "0800 not answered in time"
    assert scene.book.logged("link.half_open")


def test_an_acquirers_echo_is_answered() -> None:
    scene = Scene()
    scene.rif.sends(network_message("301"))
    answer = scene.rif.gets()
    assert (answer["t"], answer["39"], answer["70"], answer["11"]) == ("0810", "00", "301", "000011")


def test_a_host_that_signs_off_gets_no_payments_until_it_signs_on_again() -> None:
    scene = Scene()
    scene.atlas.sends(network_message("002", de32="504101"))
    assert scene.atlas.gets()["39"] == "00"
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "91"


def test_an_acquirer_that_signed_off_is_refused() -> None:
    scene = Scene()
    scene.rif.sends(network_message("002"))
    scene.rif.gets()
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "58"


def test_two_hosts_echoing_at_each_other_are_noticed() -> None:
    scene = Scene()
    limit = scene.book.network.limits.network_messages_per_10s
    for n in range(limit + 50):
        scene.rif.sends(network_message("301", stan=f"{n:06d}"))
    (reached,) = scene.book.logged("limit.reached")
    assert reached.fields["limit"] == "network_messages_per_10s"
    scene.book.passes(11)
    while not scene.rif.got_nothing():
        scene.rif.gets()
    scene.rif.sends(network_message("301"))
    assert scene.rif.gets()["39"] == "00"


def test_our_own_message_coming_back_is_noticed() -> None:
    book = Playbook(morocco())
    atlas = book.host("atlas", sign_on=False)
    atlas.sends(atlas.gets())
    assert book.logged("link.reflected")


def test_a_connection_that_never_signs_on_is_closed() -> None:
    book = Playbook(morocco())
    stranger = book.acquirer("acquirers", "504102", sign_on=False)
    book.passes(30)
    assert stranger.closed.startswith("did not sign on")


def test_a_frame_begun_and_not_finished_closes_the_link() -> None:
    scene = Scene()
    scene.rif.sends_bytes(b"\x00\x50" + b"0200")
    for _ in range(10):
        scene.book.passes(2)
        scene.rif.sends_bytes(b"0")
    assert scene.rif.closed == ""
    scene.book.passes(15)
    assert scene.rif.closed == "a frame was begun and not finished"


def test_an_idle_terminal_is_disconnected() -> None:
    book = Playbook(morocco())
    terminal = book.acquirer("pos", "504102")
    book.passes(310)
    assert "idle for more than 300 s" in terminal.closed


def test_a_bad_field_is_answered_with_30_and_costs_nothing_else() -> None:
    scene = Scene()
    good = scene.rif.dialect.encode(purchase())
    bad = good.replace(b"000000015000", b"00000001500X")
    scene.rif.sends_bytes(len(bad).to_bytes(2, "big") + bad)
    (unreadable,) = scene.book.logged("message.unreadable")
    at = bad.index(b"X")
    assert unreadable.fields == {
        "link": scene.rif.link, "dialect": "cmi87", "mti": "0200", "de11": "", "field": "4", "name": "Amount, Transaction",
        "offset": at, "expected": "12 digits", "found": '"00000001500X"',
        "bytes": "… 30 30 31 35 30 30 [58] ·· ·· ·· …",
        "reason": f'cmi87 0200 DE4 (Amount, Transaction) at byte {at}: expected 12 digits, found "00000001500X"',
    }  # fmt: skip
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    answers = []
    while not scene.rif.got_nothing():
        answers.append(scene.rif.gets()["39"])
    assert answers[-1] == "00"


def test_a_field_beyond_the_head_that_is_bad_is_answered_with_30() -> None:
    scene = Scene()
    good = scene.rif.dialect.encode(purchase())
    bad = good.replace(b"RIF00001", b"RIF0\xff001")
    scene.rif.sends_bytes(len(bad).to_bytes(2, "big") + bad)
    answer = scene.rif.gets()
    assert (answer["t"], answer["39"], answer["11"]) == ("0210", "30", "000123")


def test_an_mti_nobody_speaks_is_answered_with_30() -> None:
    scene = Scene()
    scene.rif.sends(purchase(t="0600"))
    assert scene.rif.gets()["39"] == "30"


def test_a_stream_that_is_no_iso_8583_is_closed_with_an_event_that_says_so() -> None:
    book = Playbook(morocco())
    browser = book.acquirer("acquirers", "504102", sign_on=False)
    browser.sends_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert browser.closed
    (bad,) = book.logged("frame.bad")
    assert "HTTP" in bad.fields["reason"]


def test_garbage_as_a_first_message_closes_the_link() -> None:
    book = Playbook(morocco())
    stranger = book.acquirer("acquirers", "504102", sign_on=False)
    stranger.sends_bytes(b"\x00\x08\xde\xad\xbe\xef\xde\xad\xbe\xef")
    assert stranger.closed.startswith("nothing it sent could be read")


def test_a_link_with_nothing_but_errors_is_closed_at_the_limit() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, format_errors_per_link=5)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    for _ in range(5):
        scene.rif.sends_bytes(b"\x00\x04\xff\xff\xff\xff")
    assert scene.rif.closed == "limit format_errors_per_link=5 reached"


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_frames_arrive_however_the_stream_is_split(size: int) -> None:
    scene = Scene()
    stream = b""
    for n in range(5):
        message = scene.rif.dialect.encode(purchase(stan=f"{n:06d}"))
        stream += len(message).to_bytes(2, "big") + message
    for at in range(0, len(stream), size):
        scene.rif.sends_bytes(stream[at : at + size])
    for _ in range(5):
        scene.atlas.answers(scene.atlas.gets(), "00")
    assert [scene.rif.gets()["39"] for _ in range(5)] == ["00"] * 5


def test_too_much_in_flight_is_declined_at_once_with_the_limits_name() -> None:
    network = morocco()
    hosts = tuple(msgspec.structs.replace(h, max_pending=2) for h in network.hosts)
    scene = Scene(Playbook(msgspec.structs.replace(network, hosts=hosts)))
    for n in range(3):
        scene.rif.sends(purchase(stan=f"{n:06d}"))
    assert scene.rif.gets()["39"] == "91"
    (reached,) = scene.book.logged("limit.reached")
    assert (reached.fields["limit"], reached.fields["value"]) == ("max_pending", 2)


def test_a_listener_takes_as_many_connections_as_its_file_says() -> None:
    network = morocco()
    listeners = tuple(msgspec.structs.replace(x, max_connections=2) for x in network.listeners)
    book = Playbook(msgspec.structs.replace(network, listeners=listeners))
    first, second = (book.acquirer("acquirers", "504102") for _ in range(2))
    assert "max_connections=2 reached" in book.acquirer("acquirers", "504102", sign_on=False).closed
    assert not book.acquirer("pos", "504102", sign_on=False).closed
    first.hangs_up()
    assert not book.acquirer("acquirers", "504102", sign_on=False).closed
    assert not second.closed


def test_draining_refuses_new_payments_finishes_the_open_ones_and_signs_off() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    request = scene.atlas.gets()
    scene.book.switch.drain(scene.book.now)
    scene.book.passes(0)
    scene.rif.sends(purchase(stan="000002"))
    assert scene.rif.gets()["39"] == "91"
    assert not scene.book.switch.drained()
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"
    assert scene.book.switch.drained()
    assert scene.atlas.gets()["70"] == "002"


def test_a_message_that_grows_beyond_the_limit_in_the_hosts_dialect_is_refused() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, frame_bytes=300)
    book = Playbook(msgspec.structs.replace(network, limits=limits))
    book.host("atlas")
    terminal = book.acquirer("pos", "504102")
    terminal.sends(purchase(de35="", de55="9F2608" + "00" * 100))
    assert terminal.gets()["39"] == "30"
    assert "a message that up to 300 bytes hold" in book.hops[-1].note


def polling(*, returns: bool) -> Playbook:
    """Morocco, whose acquirers' lengths count themselves, as those of jPOS's AmexChannel do."""
    network = morocco()
    changed = [
        msgspec.structs.replace(x, framing="length2-inclusive", return_keepalives=returns)
        if x.name == "acquirers"
        else x
        for x in network.listeners
    ]
    hosts = [msgspec.structs.replace(x, return_keepalives=returns) for x in network.hosts]
    return Playbook(msgspec.structs.replace(network, listeners=tuple(changed), hosts=tuple(hosts)))


class Ear:
    """An end of a connection that keeps what it is sent."""

    def __init__(self) -> None:
        self.heard, self.closed = b"", ""

    def take(self, data: bytes) -> None:
        self.heard += data


def test_a_poll_is_returned_as_it_came_once_a_second_where_the_file_says_so() -> None:
    book, ear = polling(returns=True), Ear()
    link = book.join("acquirers", ear)
    book.deliver(link, b"\0\0")
    assert ear.heard == b"\0\0"
    for _ in range(3):  # the other end returns what it gets, too: that ends
        book.deliver(link, b"\0\0\0\x02")
    assert ear.heard == b"\0\0"
    book.passes(2)
    book.deliver(link, b"\0\x02")
    assert ear.heard == b"\0\0\0\x02"


def test_a_host_that_the_switch_connects_to_is_answered_likewise() -> None:
    book, ear = polling(returns=True), Ear()
    link = book.join("visa", ear)
    ear.heard = b""
    book.deliver(link, bytes(4))
    assert ear.heard == bytes(4)


def test_otherwise_a_poll_is_taken_and_nothing_said() -> None:
    book, ear = polling(returns=False), Ear()
    book.deliver(book.join("acquirers", ear), b"\0\0")
    assert ear.heard == b""
    assert not book.logged("link.closed")
