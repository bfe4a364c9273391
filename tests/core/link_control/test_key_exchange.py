"""Playbooks: keys of links that change by message, with the other end on keys of its own, and all that goes wrong between."""

from collections.abc import Callable

import msgspec
import pytest

from switch.core.links.key_exchange import RETRY_NS, TRIES_MAX
from switch.core.links.key_place import MAC, PIN, KeyWord
from switch.core.links.sealing import Sealings, whole
from switch.core.network import LinkKeys
from switch.core.operator.command import Unable
from switch.security.commands import EncryptPin
from switch.sim.clock import SECOND_NS
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Answer, Document
from tests.core.link_control.key_scenes import (
    KEYS,
    RIF,
    USES,
    ZAK,
    ZMK,
    ZPK,
    Far,
    logged,
    module,
    network,
    ours,
    pays,
    same_key,
    script,
    sets,
)
from tests.core.scripts import Scene, purchase


def test_an_operator_has_both_keys_changed_and_payments_go_on() -> None:
    scene, far = script()
    assert pays(scene, far, "000101")["53"] == "0000000000000000"
    scene.book.asks("keys.exchange", name="atlas")
    offer = far.hears()
    assert (offer["70"], offer["48"][:7]) == ("161", "7009M01")
    assert offer["53"] == "0000000000000000", "it is under the set before"
    pays(scene, far, "000102")
    assert far.answers(offer) == "00"
    told = far.hears()
    assert (told["70"], told["53"][:4]) == ("101", "0001"), "said under the new set"
    assert sets(far.module, ZAK) == {"in_use": "01", "previous": "00"}, "which has the other end use it, too"
    far.answers(told)
    far.settles()
    for name in (ZAK, ZPK):
        assert sets(far.module, name)["in_use"] == "01"
        assert same_key(far.module, ours(scene), name)
    assert pays(scene, far, "000103")["53"] == "0101000000000000"
    assert not scene.book.logged("mac.wrong")
    rows = scene.book.asks("keys.list").keys
    assert [(row.key, row.set, row.previous, row.changing, row.failed) for row in rows] == [
        (ZAK, "01", "00", False, ""),
        (ZPK, "01", "00", False, ""),
    ]
    assert rows == scene.book.asks("links.list").keys
    assert not far.lives(KEYS.key_keep_s + 5)
    assert sets(ours(scene), ZAK) == {"in_use": "01"}, "the one before is destroyed"
    scene.book.asks("keys.exchange", name="atlas", purpose="pin")
    far.settles()
    assert sets(far.module, ZPK)["in_use"] == "02"
    assert sets(far.module, ZAK)["in_use"] == "01"


def test_the_new_key_is_durable_before_it_is_answered_and_the_same_again_is_answered_the_same() -> None:
    scene, far = script()
    far.exchange.begin(scene.book.now, MAC)
    (answer,) = (far.peer.gets(),)
    assert (answer["t"], answer["39"], answer["70"]) == ("0810", "00", "161")
    assert sets(ours(scene), ZAK) == {"in_use": "00", "received": "01"}
    # the answer is lost: the other end says it again, with the same key
    scene.book.passes(1)
    far.exchange.link_up(scene.book.now)
    far.exchange.tick(scene.book.now)
    assert far.hears()["39"] == "00"
    assert sets(far.module, ZAK)["in_use"] == "01"
    # what comes under the new set has the switch use it
    assert far.hears()["39"] == "00", "to 101, under the new set"
    assert sets(ours(scene), ZAK) == {"in_use": "01", "previous": "00"}
    assert pays(scene, far, "000104")["53"] == "0001000000000000"
    # the offer comes once more: the key is in use already
    word = KeyWord(MAC, "01", "", "")
    assert len(logged(scene, "keys.received")) == 2
    assert far.place.compose(word)["48"].startswith("70")


def recorded(far: Far, scene: Scene, purpose: str = MAC) -> Document:
    """An offer of the other end's as it stood in a message."""
    kept: list[Document] = []
    sends = far.peer.sends

    def tap(document: Document) -> None:
        kept.append(document)
        sends(document)

    far.peer.sends = tap  # type: ignore[method-assign]
    far.exchange.begin(scene.book.now, purpose)
    far.settles()
    far.peer.sends = sends  # type: ignore[method-assign]
    return next(d for d in kept if d["70"] == "161")


def test_a_recorded_offer_brings_no_old_key_back() -> None:
    scene, far = script()
    old = recorded(far, scene)
    far.exchange.begin(scene.book.now, MAC)
    far.settles()
    far.settles()
    assert sets(ours(scene), ZAK)["in_use"] == "02"
    far.peer.sends({**old, "11": "000777"})
    assert far.peer.gets()["39"] == Answer.SECURITY_VIOLATION
    assert "does not come back" in str(logged(scene, "keys.not_taken")[0]["reason"])
    assert sets(ours(scene), ZAK) == {"in_use": "02", "previous": "01"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w._replace(check_value="ABCDEF"), "has check value"),
        (lambda w: w._replace(check_value=""), "the message says none"),
        (lambda w: w._replace(data=w.data[:-2] + "00"), "MAC does not hold"),
        (lambda w: w._replace(set_id="09"), "the key block says set 01, and the message 09"),
        (lambda w: w._replace(purpose=PIN), "usage M3 T, and 'atlas-zpk' has P0 T"),
    ],
)
def test_an_offer_that_is_not_right_is_refused_and_nothing_changes(
    change: Callable[[KeyWord], KeyWord], said: str
) -> None:
    scene, far = script()
    say = far.say
    far.say = lambda code, word, now: say(code, change(word), now)  # type: ignore[method-assign]
    far.exchange.begin(scene.book.now, MAC)
    answer = far.hears()
    assert answer["39"] == Answer.SECURITY_VIOLATION
    assert said in str(logged(scene, "keys.not_taken")[0]["reason"])
    for name in (ZAK, ZPK):
        assert sets(ours(scene), name) == {"in_use": "00"}
    assert sets(far.module, ZAK) == {"in_use": "00"}, "given up there, too"
    assert "refused" in far.logs[-1][0]
    pays(scene, far, "000105")


@pytest.mark.parametrize("wins", [True, False])
def test_where_both_begin_at_once_one_set_comes_of_it(wins: bool) -> None:
    """The lower institution id goes on: the switch's is 504001 beside Atlas's 504101."""
    file = network()
    own = "1" if not wins else "504999"
    replace = msgspec.structs.replace
    here = module(ZAK, ZPK, ZMK, "rif-zpk")
    book = Playbook(replace(file, institution=own), module=here)
    far = Far(book, KEYS, module(ZAK, ZPK, ZMK, seed=2), wins=wins)
    peer = far.joins(book.host("atlas", sign_on=False))
    peer.answers(peer.gets(), "00", de70="001")
    book.passes(0)
    book.asks("keys.exchange", name="atlas", purpose="mac")
    crossing = peer.gets()
    far.exchange.begin(book.now, MAC)
    far.answers(crossing)
    far.settles()
    far.settles()
    assert sets(far.module, ZAK) == sets(here, ZAK) == {"in_use": "01", "previous": "00"}
    assert same_key(far.module, here, ZAK)
    assert book.logged("keys.crossed") or any(event == "keys.crossed" for event, _ in far.logs)
    assert not book.logged("mac.wrong")


def test_an_offer_that_nobody_answers_is_said_again_with_the_same_key_and_then_given_up() -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    said = far.lives((RETRY_NS << TRIES_MAX) // SECOND_NS)
    assert len(said) == TRIES_MAX
    assert len({document["48"] for document in said}) == 1, "one set, one check value"
    assert logged(scene, "keys.unanswered")
    assert not logged(scene, "link.half_open"), "an exchange that is not answered costs no link"
    assert sets(ours(scene), ZAK) == {"in_use": "00", "offered": "01"}
    # the other end took it all the same, and now begins to be heard under it
    assert far.exchange.asked("161", far.place.read(said[-1]), scene.book.now) == "00"
    far.peer.hangs_up()
    peer = far.joins(scene.book.host("atlas", sign_on=False))
    peer.answers(peer.gets(), "00", de70="001")
    scene.atlas = peer
    scene.book.passes(0)
    far.settles()
    assert sets(far.module, ZAK)["in_use"] == sets(ours(scene), ZAK)["in_use"] == "01"


@pytest.mark.parametrize("when", ["offered", "answered", "changed"])
@pytest.mark.parametrize("how", ["crash", "handover"])
def test_a_crash_or_a_handover_in_the_middle_loses_no_key(when: str, how: str) -> None:
    scene, far = script()
    book = scene.book
    book.asks("keys.exchange", name="atlas", purpose="mac")
    offer = far.hears()
    if when != "offered":
        far.exchange.asked("161", far.place.read(offer), book.now)
    if when == "changed":
        far.peer.answers(offer, "00", de70="161")
        far.peer.gets()  # 101, which nobody answers
    if how == "crash":
        book = scene.book = book.crashes()
        far.book = book
        scene.atlas = far.joins(book.host("atlas", sign_on=False))
        scene.atlas.answers(scene.atlas.gets(), "00", de70="001")
        scene.rif = book.acquirer("acquirers", "504102")
    else:
        book.hands_over()
    book.passes(0)
    assert not far.peer.got_nothing(), "it goes on by itself"
    far.settles()
    far.settles()
    assert sets(far.module, ZAK)["in_use"] == sets(ours(scene), ZAK)["in_use"] == "01"
    assert same_key(far.module, ours(scene), ZAK)
    pays(scene, far, "000108")
    assert not book.logged("mac.wrong")


def test_the_other_end_asks_for_a_new_key() -> None:
    _, far = script()
    far.peer.sends(far.request("162", far.place.compose(KeyWord(PIN))))
    answer, offer = far.hears(), far.hears()
    said = {d["t"]: d for d in (answer, offer)}
    assert said["0810"]["39"] == "00"
    assert said["0800"]["48"][:7] == "7009P01"
    far.answers(said["0800"])
    far.settles()
    assert sets(far.module, ZPK)["in_use"] == "01"


def test_keys_of_an_age_are_changed_by_the_switch_itself() -> None:
    keys = msgspec.structs.replace(KEYS, key_days=7)
    scene, far = script(keys=keys)
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.settles()
    assert not far.lives(100)
    scene.book.switch.wall_offset_ns += 7 * 86_400 * SECOND_NS
    offer, *again = far.lives(65)
    assert {document["48"] for document in again} <= {offer["48"]}
    far.answers(offer)
    far.settles()
    assert sets(far.module, ZAK)["in_use"] == "02"
    assert sets(far.module, ZPK)["in_use"] == "00", "nobody knows how old that one is"


def test_keys_that_were_used_so_often_are_changed_by_the_switch_itself() -> None:
    """And once at a start, as nobody knows how often the process before has used them."""
    scene, far = script(keys=msgspec.structs.replace(KEYS, key_uses=40, key_keep_s=1))

    def due(seconds: int = 65) -> list[str]:
        offers = [document for document in far.lives(seconds) if document["70"] == "161"]
        for offer in offers[:1]:
            far.answers(offer)
            far.settles()
        return [offer["48"][:7] for offer in offers[:1]]

    assert far.hears()["48"][:7] == "7009M01"
    assert due() == ["7009M01"], "said again, as it was not answered"
    assert due() == ["7009P01"]
    assert due(130) == [], "the MAC's has echo tests only, the PIN's nothing"
    for n in range(41):
        pays(scene, far, f"{n + 300:06d}")
    assert {*due(), *due()} == {"7009M02", "7009P02"}
    assert due(130) == []


def test_an_acquirer_changes_its_keys_in_the_same_way_and_its_pins_are_read_under_the_set_they_name() -> None:
    names = (*("rif-" + use for use in USES), ZPK)
    here, theirs = module(*names), module(*names, seed=3)
    file = network(LinkKeys(pin_key=ZPK), RIF)
    book = Playbook(file, module=here)
    atlas = book.host("atlas")
    far = Far(book, RIF, theirs)
    member = next(m for m in file.members if m.name == "rif")
    far.joins(book.connects("acquirers", "cmi87", "length2", member.institution))
    far.peer.sends({**far.request("001", {}), "32": member.institution})
    assert far.peer.gets()["39"] == "00"
    book.passes(0)

    def pay(stan: str, of_set: str) -> None:
        sent = purchase(stan)
        name = RIF.pin_key + "#" + of_set
        (reply,) = theirs.ask([EncryptPin(name, "4321", sent["2"])])
        document = {**sent, "52": reply.value.hex().upper()}
        far.peer.sends(document)
        request = atlas.gets()
        (reply,) = here.ask([EncryptPin(ZPK, "4321", sent["2"])])
        assert request["52"] == reply.value.hex().upper()
        assert "53" not in request
        atlas.answers(request, "00", de38="123456")
        assert far.hears()["39"] == "00"

    pay("000201", "00")
    book.asks("keys.exchange", name="rif", acquirer=True)
    far.settles()
    assert sets(theirs, "rif-zpk")["in_use"] == sets(here, "rif-zpk")["in_use"] == "01"
    pay("000202", "01")
    assert not book.logged("mac.wrong")
    assert not book.logged("pin.not_translated")


def test_links_without_a_zone_key_do_not_change_keys_and_say_so() -> None:
    scene = Scene()
    scene.atlas.sends({"t": "0800", "7": "1125120000", "11": "000009", "32": "504001", "70": "161", "125": "AA"})
    assert scene.atlas.gets()["39"] == "12"
    assert "zone_key" in str(logged(scene, "keys.not_changed_here")[0]["hint"])
    with pytest.raises(Unable, match="do not change by message"):
        scene.book.asks("keys.exchange", name="atlas")
    with pytest.raises(Unable, match="no host or member"):
        scene.book.asks("keys.exchange", name="atlass")


def test_nothing_of_a_key_is_in_a_log_or_a_record() -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas")
    offer = far.hears()
    far.answers(offer)
    far.settles()
    told = repr(scene.book.logs) + repr(scene.book.entries) + repr(scene.book.hops)
    assert offer["125"] not in told
    assert offer["125"][-32:] not in told


def test_a_key_without_a_block_travels_only_where_the_network_file_says_so() -> None:
    keys = msgspec.structs.replace(KEYS, key_form="ecb")
    scene, far = script(keys=keys)
    scene.book.asks("keys.exchange", name="atlas")
    offer = far.hears()
    assert len(offer["125"]) == 32
    far.answers(offer)
    far.settles()
    assert sets(far.module, ZPK)["in_use"] == "01"
    pays(scene, far, "000109")


def test_one_that_goes_on_with_the_set_before_for_a_while_is_understood() -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.settles()
    assert sets(far.module, ZAK) == {"in_use": "01", "previous": "00"}
    old = module(ZAK, ZPK, ZMK)
    before = Sealings(scene.book.network, old).of(LinkKeys(mac_key=ZAK), far.peer.dialect)
    assert before is not None
    link = far.request("301", {"11": "000555"})
    far.peer.sends_bytes(whole(before.seal(far.peer.dialect, link, far.peer._framing.frame)))
    assert far.peer.gets()["39"] == "00"
    assert not scene.book.logged("mac.wrong")


def test_a_set_has_all_of_its_time_though_the_one_before_it_was_about_to_go() -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.settles()
    assert not far.lives(KEYS.key_keep_s - 10)
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    far.settles()
    assert not far.lives(20)
    assert sets(ours(scene), ZAK) == {"in_use": "02", "previous": "01"}


@pytest.mark.parametrize(("number", "code"), [("77", "917"), ("00", "916"), ("", "916")])
def test_the_1993_edition_says_which_a_mac_is_wrong_or_of_a_set_that_is_not_known(number: str, code: str) -> None:
    """Action codes 916 (MAC incorrect) and 917 (MAC key synchronization error)."""
    file = network(LinkKeys(), RIF)
    door = msgspec.structs.replace(file.listeners[0], dialect="iso93")
    file = msgspec.structs.replace(file, listeners=(door, *file.listeners[1:]))
    names = tuple("rif-" + use for use in USES)
    book = Playbook(file, module=module(*names))
    rif = book.acquirer("acquirers", "504102")
    wrong = Sealings(file, module("atlas-zak")).of(LinkKeys(mac_key="atlas-zak"), rif.dialect)
    assert wrong is not None
    rif.sealing = None
    said = {"53": f"00{number}000000000000"} if number else {}
    link = rif._translator.outward({**purchase(), **said}, None)
    rif.sends_bytes(whole(wrong.seal(rif.dialect, link, rif._framing.frame)))
    assert rif.raw_of(rif.gets())["39"] == code


def test_what_is_said_again_is_of_the_set_in_use_now() -> None:
    scene, far = script()
    scene.book.asks("keys.exchange", name="atlas", purpose="mac")
    offer = far.hears()
    far.answers(offer)
    stale = far.hears()
    assert stale["48"][:7] == "7009M01"
    far.exchange.begin(scene.book.now, MAC)  # before it answers that, the other end changes the key again
    while not far.peer.got_nothing():
        far.hears()
    assert sets(ours(scene), ZAK)["in_use"] == "02"
    again = [document["48"][:7] for document in far.lives(40) if document["t"] == "0800"]
    assert set(again) == {"7009M02"}
    far.peer.answers(stale, "63", de70="101")
    assert not scene.book.logged("keys.differ")
