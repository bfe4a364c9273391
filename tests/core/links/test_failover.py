"""Playbooks: several connections with one host share the traffic, and take over from one that is lost."""

import random
from collections import deque

import msgspec
import pytest

from switch.core.network import Network
from switch.core.party import LinkId, Send
from switch.core.records.records import Forwarded, Owed
from switch.sim.clock import EPOCH_NS
from switch.sim.playbook import Peer, Playbook
from switch.simulators.build import make_issuer, make_network
from switch.simulators.cards import demo_cards
from switch.simulators.issuer import Issuer
from tests.core.scripts import Scene, morocco, purchase, reversal


class Two(Scene):
    """Atlas's host is connected twice."""

    def __init__(self, network: Network | None = None) -> None:
        super().__init__(Playbook(network or morocco()))
        self.second = self.book.host("atlas")

    def asked(self) -> list[Peer]:
        """Which of the two has something to read."""
        return [peer for peer in (self.atlas, self.second) if not peer.got_nothing()]


def pay(scene: Two, stan: str) -> Peer:
    """A payment is made; the connection it left on."""
    scene.rif.sends(purchase(stan=stan))
    (peer,) = scene.asked()
    return peer


# -- sharing


def test_the_connections_of_a_host_take_turns() -> None:
    scene = Two()
    used = []
    for n in range(4):
        peer = pay(scene, f"{n:06d}")
        used.append(peer.link)
        peer.answers(peer.gets(), "00")
        assert scene.rif.gets()["39"] == "00"
    assert used == [scene.second.link, scene.atlas.link] * 2


def test_an_answer_is_matched_whichever_connection_it_comes_on() -> None:
    scene = Two()
    asked = pay(scene, "000001")
    other = scene.atlas if asked is scene.second else scene.second
    other.answers(asked.gets(), "00")
    assert scene.rif.gets()["39"] == "00"


def test_a_connection_that_owes_an_answer_is_passed_over_while_another_speaks() -> None:
    scene = Two()
    silent = pay(scene, "000001")
    silent.gets()
    for n in range(2, 8):
        scene.book.passes(0.6)
        peer = pay(scene, f"{n:06d}")
        if n > 3:
            assert peer is not silent
        if peer is not silent:
            peer.answers(peer.gets(), "00")
        else:
            peer.gets()


def test_where_all_are_silent_the_one_heard_from_last_has_it() -> None:
    scene = Two()
    scene.book.passes(1)
    scene.atlas.sends({"t": "0800", "7": "1125120000", "11": "000011", "32": "504101", "70": "301"})
    scene.atlas.gets()
    for n in (1, 2):
        pay(scene, f"{n:06d}").gets()
    scene.book.passes(2)
    for n in (3, 4, 5):
        peer = pay(scene, f"{n:06d}")
        assert peer is scene.atlas
        peer.gets()


# -- taking over


def test_what_was_asked_on_a_lost_connection_is_asked_again_on_another_as_a_repeat() -> None:
    scene = Two()
    lost = pay(scene, "000001")
    request = lost.gets()
    lost.hangs_up()
    (rest,) = scene.asked()
    again = rest.gets()
    assert (again["t"], again["11"], again["7"]) == ("0201", request["11"], request["7"])
    assert {**again, "t": "0200"} == request
    rest.answers(again, "00")
    assert scene.rif.gets()["39"] == "00"
    assert not scene.book.recorded(Owed)
    assert f"sent again: connection {lost.link} was lost" in [hop.note for hop in scene.book.hops]
    (down,) = scene.book.logged("link.down")
    assert down.fields["still_up"] == 1


def test_its_deadline_stands() -> None:
    scene = Two()
    lost = pay(scene, "000001")
    lost.gets()
    scene.book.passes(9)
    lost.hangs_up()
    (rest,) = scene.asked()
    rest.gets()
    scene.book.passes(1)
    assert scene.rif.gets()["39"] == "91", "10 s after the first of the two"
    assert rest.gets()["t"] == "0420"


def test_what_ends_two_connections_is_sent_on_no_third() -> None:
    scene = Two()
    scene.book.host("atlas")
    for _ in range(2):
        peer = pay(scene, "000001") if not scene.book.recorded(Forwarded) else scene.asked()[0]
        peer.gets()
        peer.hangs_up()
    assert scene.rif.gets()["39"] == "91"
    assert not [hop for hop in scene.book.hops if hop.mti == "0201" and hop.event == "hop.sent"][1:], "sent again once"
    assert len(scene.book.recorded(Owed)) == 1, "one of the two may have let it through"


def test_with_the_last_connection_lost_it_ends_as_91_and_a_reversal() -> None:
    scene = Two()
    pay(scene, "000001").gets()
    scene.atlas.hangs_up()
    scene.second.hangs_up()
    assert scene.rif.gets()["39"] == "91"
    assert len(scene.book.recorded(Owed)) == 1


def test_what_is_owed_moves_over_too() -> None:
    scene = Two()
    peer = pay(scene, "000001")
    peer.answers(peer.gets(), "00")
    scene.rif.gets()
    scene.rif.sends(reversal(purchase(stan="000001")))
    (lost,) = scene.asked()
    owed = lost.gets()
    lost.hangs_up()
    (rest,) = scene.asked()
    again = rest.gets()
    assert (again["t"], again["11"], again["7"]) == ("0421", owed["11"], owed["7"])


def test_a_second_connection_that_comes_up_makes_nothing_be_sent_again() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.sends(reversal(purchase()))
    scene.atlas.gets()
    second = scene.book.host("atlas")
    assert scene.atlas.got_nothing()
    assert second.got_nothing()


def test_a_deaf_connection_is_closed_and_its_requests_move_over() -> None:
    scene = Two()
    scene.book.passes(25)
    deaf = pay(scene, "000001")
    deaf.gets()
    rest = scene.atlas if deaf is scene.second else scene.second
    scene.book.passes(5)
    deaf.gets()
    echo = rest.gets()
    assert echo["70"] == "301"
    rest.answers(echo, "00", de70="301")
    for stan in ("000002", "000003"):
        rest_or_deaf = pay(scene, stan)
        assert rest_or_deaf is rest, "the deaf one is passed over"
        rest.answers(rest.gets(), "00")
    scene.book.passes(10)
    assert deaf.closed == "0800 not answered in time"


def test_one_that_signs_off_leaves_the_traffic_to_the_other() -> None:
    scene = Two()
    scene.second.sends({"t": "0800", "7": "1125120000", "11": "000011", "32": "504101", "70": "002"})
    scene.second.gets()
    for n in range(3):
        assert pay(scene, f"{n:06d}") is scene.atlas
        scene.atlas.answers(scene.atlas.gets(), "00")


def test_a_host_that_connects_in_may_have_several_connections() -> None:
    network = morocco()
    hosts = tuple(
        msgspec.structs.replace(h, connect=None, connections=2) if h.name == "atlas" else h for h in network.hosts
    )
    entrance = msgspec.structs.replace(network.listeners[0], name="hosts", role="host")
    book = Playbook(msgspec.structs.replace(network, hosts=hosts, listeners=(*network.listeners, entrance)))
    first, second = (book.acquirer("hosts", "504101") for _ in range(2))
    rif = book.acquirer("acquirers", "504102")
    rif.sends(purchase())
    asked, other = (first, second) if not first.got_nothing() else (second, first)
    asked.hangs_up()
    other.answers(other.gets(), "00")
    assert rif.gets()["39"] == "00"


def test_with_fewer_connections_to_keep_the_one_too_many_ends_when_it_can_be_missed() -> None:
    scene = Two()
    asked = pay(scene, "000001")
    request = asked.gets()
    rest = scene.atlas if asked is scene.second else scene.second
    scene.book.switch.retire(asked.link, "fewer are to be kept", scene.book.now)
    scene.book.passes(1)
    assert asked.closed == "", "it owes an answer"
    assert pay(scene, "000002") is rest
    rest.answers(rest.gets(), "00")
    asked.answers(request, "00")
    assert [scene.rif.gets()["39"] for _ in range(2)] == ["00", "00"]
    scene.book.passes(0.1)
    assert asked.gets()["70"] == "002"
    assert asked.closed == "fewer are to be kept"


# -- the simulated issuers and both network stubs answer a repeat as its original


class Real:
    """A simulated host behind two links: what comes to it waits until the script lets it be read."""

    def __init__(self, book: Playbook, party: Issuer, name: str) -> None:
        self._book, self.party = book, party
        party.wall_offset_ns = EPOCH_NS
        self.ends = [_End(), _End()]
        self._links: dict[LinkId, _End] = {}
        for end in self.ends:
            end.link = book.join(name, end)
            self._links[end.link] = end
            party.connected(end.link, book.now)
            self.reads(end)

    def reads(self, end: "_End", *, answers: bool = True) -> None:
        """It reads what came on this link; without `answers`, what it says is lost."""
        while end.inbox:
            self.party.received(end.link, end.inbox.popleft(), self._book.now)
        effects, self.party.effects = self.party.effects, []
        for effect in effects:
            if isinstance(effect, Send) and answers:
                self._book.deliver(effect.link, effect.data)


class _End:
    def __init__(self) -> None:
        self.link = ""
        self.inbox: deque[bytes] = deque()
        self.closed = ""

    def take(self, data: bytes) -> None:
        self.inbox.append(data)


@pytest.mark.parametrize("name", ["atlas", "souss", "visa", "mastercard"])
@pytest.mark.parametrize("arrived", [True, False], ids=["the first arrived", "the first was lost"])
def test_a_payment_that_moves_over_is_posted_once(name: str, arrived: bool) -> None:
    network = morocco()
    rng = random.Random(1)
    party = make_network(network, name, rng) if name in ("visa", "mastercard") else make_issuer(network, name, rng)
    card = next(c for c in demo_cards(network) if c.issuer == name and c.plain)
    book = Playbook(network)
    real = Real(book, party, name)
    rif = book.acquirer("acquirers", "504102")
    before = party.ledger.accounts[card.pan].available
    rif.sends(purchase(de2=card.pan, de14=card.expiry, de52=""))
    (lost,) = (end for end in real.ends if end.inbox)
    if arrived:
        real.reads(lost, answers=False)
    book.hang_up(lost.link)
    party.disconnected(lost.link, book.now)
    (rest,) = (end for end in real.ends if end.inbox and end is not lost)
    real.reads(rest)
    answer = rif.gets()
    assert answer["39"] == "00"
    taken = before - party.ledger.accounts[card.pan].available
    assert taken > 0
    rif.sends(purchase(stan="000777", de2=card.pan, de14=card.expiry, de52=""))
    real.reads(rest)
    rif.gets()
    assert before - party.ledger.accounts[card.pan].available == 2 * taken
