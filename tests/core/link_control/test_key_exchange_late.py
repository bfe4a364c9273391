"""Playbooks: steps of a change of keys that the security module refuses, or makes too late to say so, and answers that are to
something else: no key is lost by it, none used that the other end has not, and none kept that ought not to be."""

from collections.abc import Sequence

import pytest

from switch.core.links.key_exchange import LOOK_NS, RETRY_NS, TRIES_MAX
from switch.core.links.key_place import MAC, PIN
from switch.security import check_values
from switch.security.commands import UNREACHABLE, Command, Reply
from switch.security.key_commands import DropKey, UseKey
from switch.security.module import SoftwareModule
from switch.sim.clock import SECOND_NS
from switch.sim.playbook import Peer
from switch.wire.vocabulary import Document
from tests.core.link_control.key_scenes import (
    KEYS,
    ZAK,
    ZMK,
    ZPK,
    Far,
    logged,
    module,
    ours,
    pays,
    same_key,
    script,
    sets,
)
from tests.core.scripts import Scene

NAMES = (ZAK, ZPK, ZMK, "rif-zpk")


class Hindered(SoftwareModule):
    """A module that says of some commands that it did not get to them. `late`: it makes them all the same."""

    hinders: tuple[type, ...] = ()
    late = False
    asked = 0

    @classmethod
    def of(cls, seed: int = 1) -> "Hindered":
        made = module(*NAMES, seed=seed)
        return cls(made._keys, made._random)

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        if not any(isinstance(command, self.hinders) for command in commands):
            return super().ask(commands)
        self.asked += len(commands)
        if self.late:
            super().ask(commands)
        return [Reply(False, b"", UNREACHABLE, "it did not answer in time")] * len(commands)


def changed(scene: Scene, far: Far) -> None:
    """The MAC key has changed, and the one before has its time."""
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.settles()
    assert sets(ours(scene), ZAK) == {"in_use": "01", "previous": "00"}


def test_a_set_whose_time_is_over_is_destroyed_later_where_the_module_could_not_at_once() -> None:
    here = Hindered.of()
    scene, far = script(here)
    changed(scene, far)
    here.hinders = (DropKey,)
    far.lives(KEYS.key_keep_s + 5)
    assert sets(here, ZAK) == {"in_use": "01", "previous": "00"}
    assert logged(scene, "keys.not_dropped")[0]["set"] == "00"
    here.hinders = ()
    far.lives(LOOK_NS // SECOND_NS + 5)
    assert sets(here, ZAK) == {"in_use": "01"}, "no key outlives its time for good"


def test_an_offer_that_was_refused_is_destroyed_later_and_not_offered_again() -> None:
    here = Hindered.of()
    scene, far = script(here)
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    refused = far.hears()
    here.hinders = (DropKey,)
    far.peer.answers(refused, "63", de70="161")
    assert sets(here, ZAK) == {"in_use": "00", "offered": "01"}
    here.hinders = ()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    another = far.hears()
    assert another["48"] != refused["48"], "another key, not the one that was refused"
    far.answers(another)
    far.settles()
    assert same_key(far.module, here, ZAK)
    assert sets(here, ZAK)["in_use"] == "01"


def test_a_refused_offer_that_could_not_be_destroyed_takes_no_other_key_of_its_number_with_it() -> None:
    here = Hindered.of()
    scene, far = script(here)
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    refused = far.hears()
    here.hinders = (DropKey,)
    far.peer.answers(refused, "63", de70="161")
    far.exchange.begin(scene.book.now, MAC)  # the other end's own has the same number
    assert far.peer.gets()["39"] == "00"
    here.hinders = ()
    far.lives(LOOK_NS // SECOND_NS + 5)
    assert sets(here, ZAK) == {"in_use": "00", "received": "01"}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("begins", ["here", "there"])
def test_a_set_that_the_module_put_in_use_too_late_is_used_once_it_says_so(late: bool, begins: str) -> None:
    here = Hindered.of()
    scene, far = script(here)
    here.hinders, here.late = (UseKey,), late
    if begins == "here":
        scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    else:
        far.exchange.begin(scene.book.now, MAC)
    far.settles()
    assert logged(scene, "keys.not_used")
    pays(scene, far, "000401")
    assert here.asked == 1, "and not for each message that comes"
    here.hinders = ()
    for _ in range(4):
        scene.book.passes(RETRY_NS // SECOND_NS)
        far.exchange.tick(scene.book.now)
        far.settles()
    assert sets(here, ZAK)["in_use"] == sets(far.module, ZAK)["in_use"] == "01"
    assert pays(scene, far, "000402")["53"] == "0001000000000000", "and the switch sends under it"
    far.lives(KEYS.key_keep_s + 10)
    assert sets(here, ZAK) == {"in_use": "01"}, "the one before has gone"
    assert not scene.book.logged("mac.wrong")


def test_one_that_never_says_which_set_it_uses_keeps_no_old_one_alive() -> None:
    """101 is ours: many a host begins to use a key with its 0810, and does not know that message."""
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.answers(far.hears())
    far.lives((RETRY_NS << TRIES_MAX) // SECOND_NS + KEYS.key_keep_s)
    assert logged(scene, "keys.unanswered")
    assert sets(ours(scene), ZAK) == {"in_use": "01"}


def test_a_module_that_was_late_at_the_other_end_is_asked_again() -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.answers(far.hears())
    said = far.peer.gets()
    far.peer.answers(said, "96", de70="101")
    assert not logged(scene, "keys.differ")
    (again, *_) = [document for document in far.lives(25) if document["t"] == "0800"]
    assert (again["70"], again["48"]) == ("101", said["48"])


@pytest.mark.parametrize("wrong", ["M01ABCDEF", "M010000000000000000", "M07{value}", "P01{value}"])
def test_an_answer_to_another_key_is_no_answer_to_this_one(wrong: str) -> None:
    """Many a host says in its 0810 the check value of what it has taken, or in whose place."""
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    offer = far.hears()
    said = wrong.format(value=offer["48"][7:])
    far.peer.answers(offer, "00", de70="161", de48=f"70{len(said):02d}{said}")
    assert sets(ours(scene), ZAK) == {"in_use": "00"}
    assert "the answer says 00 to" in str(logged(scene, "keys.refused")[0]["reason"])
    pays(scene, far, "000403")


@pytest.mark.parametrize("digits", [4, 6, 16])
def test_an_answer_with_the_check_value_is_one_in_as_many_digits_as_it_shows(digits: int) -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    offer = far.hears()
    assert far.exchange.asked("161", far.place.read(offer), scene.book.now) == "00"
    said = f"M01{offer['48'][7 : 7 + min(6, digits)].ljust(digits, '0')}"
    far.peer.answers(offer, "00", de70="161", de48=f"70{len(said):02d}{said}")
    assert sets(ours(scene), ZAK)["in_use"] == "01"


def test_another_way_to_make_a_check_value_is_understood_when_the_set_is_spoken_of_too() -> None:
    """X9.143 gives triple DES keys a second one, the CMAC of zeros; who offers a key by it asks by it, whether it is in use."""
    scene, far = script()
    far.exchange.begin(scene.book.now, MAC)
    assert far.hears()["39"] == "00"
    found = far.module._keys.find(ZAK)
    assert found is not None
    other = check_values.other_check_value("T", found.key).hex().upper()
    assert other != check_values.tdes_check_value(found.key).hex().upper()
    told: Document = {"48": f"7009M01{other}"}
    far.peer.sends(far.request("101", {**told, "11": "000778"}))
    assert [document["39"] for document in (far.peer.gets(), far.peer.gets()) if document["11"] == "000778"] == ["00"]
    assert sets(ours(scene), ZAK)["in_use"] == "01"


def test_a_late_answer_on_another_connection_is_none_to_what_was_said_since() -> None:
    """The MAC key is offered on both connections, as the first offer was not answered; refused on the one, it makes way for the
    PIN key. What then comes on the other says nothing of that."""
    scene, far = script()
    book, first = scene.book, far.peer
    second = book.host("atlas", sign_on=False)
    second.answers(second.gets(), "00", de70="001")
    book.passes(0)
    book.asks("keys.exchange", name="atlas")
    book.passes(RETRY_NS // SECOND_NS)

    def offers() -> list[tuple[Peer, Document]]:
        found = []
        for peer in (first, second):
            while not peer.got_nothing():
                document = peer.gets()
                found += [(peer, document)] if document.get("70") == "161" else []
        return sorted(found, key=lambda offer: offer[1]["11"])

    (one, of_mac), (other, again) = offers()
    assert one is not other
    assert of_mac["48"] == again["48"]
    one.answers(of_mac, "63", de70="161")
    ((_, of_pin),) = offers()
    assert of_pin["48"].startswith("7009P01")
    other.answers(again, "00", de70="161")
    assert sets(ours(scene), ZPK) == {"in_use": "00", "offered": "01"}, "nobody has said that he has it"
    assert len(logged(scene, "answer.unmatched")) == 1


@pytest.mark.parametrize("after", ["", "reconnect"])
def test_an_issuers_pin_key_is_used_though_it_never_says_that_it_uses_it(after: str) -> None:
    """It sends no PINs by which that would be seen, and most hosts know no 101. After a new connection it has time to say again
    what it may have had no answer to."""
    scene, far = script()
    key = far.exchange
    key.begin(scene.book.now, PIN)
    assert far.peer.gets()["39"] == "00"
    assert sets(ours(scene), ZPK) == {"in_use": "00", "received": "01"}
    if after:
        far.peer.hangs_up()
        far.joins(scene.book.host("atlas", sign_on=False))
        far.peer.answers(far.peer.gets(), "00", de70="001")
        far.lives(LOOK_NS // SECOND_NS - 5)
        assert sets(ours(scene), ZPK) == {"in_use": "00", "received": "01"}
    far.lives(10)
    assert sets(ours(scene), ZPK) == {"in_use": "01", "previous": "00"}
