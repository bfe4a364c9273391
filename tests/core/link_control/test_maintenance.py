"""Playbooks: what an operator puts into maintenance carries no payments, is not lost, and comes back."""

import msgspec
import pytest

from switch.core.operator.command import Unable
from switch.core.operator.links import Links, TargetState
from switch.core.records.fold import apply
from switch.core.records.records import Owed
from switch.core.records.state import State
from switch.sim.playbook import Peer, Playbook
from tests.core.scripts import Scene, morocco, purchase, reversal


def door(book: Playbook, verb: str, name: str, **more: bool) -> TargetState:
    done = book.asks(f"links.{verb}", name=name, **more)
    assert isinstance(done, TargetState)
    return done


def signs_off(host: Peer) -> None:
    goodbye = host.gets()
    assert (goodbye["t"], goodbye["70"]) == ("0800", "002")
    host.answers(goodbye, "00", de70="002")


def signs_on(host: Peer) -> None:
    hello = host.gets()
    assert (hello["t"], hello["70"]) == ("0800", "001")
    host.answers(hello, "00", de70="001")


def pays(scene: Scene, stan: str, answered: str = "00") -> str:
    """DE39 of a payment that the issuer answers."""
    scene.rif.sends(purchase(stan=stan))
    if not scene.atlas.got_nothing():
        scene.atlas.answers(scene.atlas.gets(), answered)
    return scene.rif.gets()["39"]


# -- hosts


def test_a_host_in_maintenance_is_signed_off_from_and_its_payments_are_declined_with_the_reason() -> None:
    scene = Scene()
    assert door(scene.book, "signoff", "atlas").states == {scene.atlas.link: "maintenance"}
    signs_off(scene.atlas)
    assert pays(scene, "000001") == "91"
    assert scene.book.hops[-1].note == "an operator has put host atlas into maintenance"
    assert not scene.atlas.closed
    scene.book.passes(120)
    assert not scene.atlas.closed
    door(scene.book, "resume", "atlas")
    signs_on(scene.atlas)
    assert pays(scene, "000002") == "00"


def test_what_a_host_was_asked_before_it_may_still_answer() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    assert door(scene.book, "signoff", "atlas").in_flight == 1
    signs_off(scene.atlas)
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"


def test_what_is_owed_waits_until_maintenance_ends() -> None:
    scene = Scene()
    assert pays(scene, "000123") == "00"
    door(scene.book, "signoff", "atlas")
    signs_off(scene.atlas)
    scene.rif.sends(reversal(purchase(stan="000123")))
    assert scene.rif.gets()["39"] == "00", "it is promised"
    scene.book.passes(300)
    assert scene.atlas.got_nothing()
    door(scene.book, "resume", "atlas")
    signs_on(scene.atlas)
    assert scene.atlas.gets()["t"] == "0420"


def test_a_drained_host_finishes_what_is_in_flight_and_is_then_signed_off() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    request = scene.atlas.gets()
    assert door(scene.book, "drain", "atlas").states == {scene.atlas.link: "draining"}
    assert pays(scene, "000002") == "91"
    scene.book.passes(3)
    assert scene.atlas.got_nothing()
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"
    scene.book.passes(0.1)
    signs_off(scene.atlas)
    assert door(scene.book, "show", "atlas").states == {scene.atlas.link: "maintenance"}


def test_a_drain_can_be_called_off() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    scene.atlas.gets()
    door(scene.book, "drain", "atlas")
    door(scene.book, "resume", "atlas")
    scene.book.passes(1)
    assert scene.atlas.got_nothing(), "it was never signed off"
    assert pays(scene, "000002") == "00"


def test_maintenance_outlives_the_hosts_connection() -> None:
    scene = Scene()
    door(scene.book, "signoff", "atlas")
    scene.atlas.hangs_up()
    again = scene.book.host("atlas", sign_on=False)
    assert again.got_nothing(), "connected, and not signed on"
    again.sends({"t": "0800", "7": "1125120000", "11": "000077", "32": "504101", "70": "001"})
    assert again.gets()["39"] == "91", "nor can the host sign itself on"
    assert pays(scene, "000001") == "91"
    door(scene.book, "resume", "atlas")
    signs_on(again)
    scene.atlas = again
    assert pays(scene, "000002") == "00"


def test_maintenance_outlives_the_process() -> None:
    scene = Scene()
    door(scene.book, "signoff", "atlas")
    book = scene.book.crashes()
    atlas = book.host("atlas", sign_on=False)
    assert atlas.got_nothing()
    door(book, "resume", "atlas")
    signs_on(atlas)
    again = book.crashes().host("atlas", sign_on=False)
    assert again.gets()["70"] == "001", "and its end does, too"


def test_a_snapshot_carries_maintenance() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, snapshot_records=6)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    door(scene.book, "signoff", "visa")
    for n in range(4):
        pays(scene, f"{n:06d}")
    at = next(n for n, entry in enumerate(scene.book.entries) if type(entry).__name__ == "Snapshot")
    state = State(limits)
    for entry in scene.book.entries[at:]:
        apply(state, entry)
    assert list(state.maintenance) == ["host:visa"]


def test_a_host_that_connects_in_is_refused_its_sign_on_and_signed_on_to_afterwards() -> None:
    network = morocco()
    hosts = tuple(msgspec.structs.replace(h, connect=None) if h.name == "atlas" else h for h in network.hosts)
    entrance = msgspec.structs.replace(network.listeners[0], name="hosts", role="host")
    book = Playbook(msgspec.structs.replace(network, hosts=hosts, listeners=(*network.listeners, entrance)))
    door(book, "signoff", "atlas")
    atlas = book.acquirer("hosts", "504101", sign_on=False)
    atlas.sends({"t": "0800", "7": "1125120000", "11": "000077", "32": "504101", "70": "001"})
    assert atlas.gets()["39"] == "91"
    door(book, "resume", "atlas")
    signs_on(atlas)
    rif = book.acquirer("acquirers", "504102")
    rif.sends(purchase())
    atlas.answers(atlas.gets(), "00")
    assert rif.gets()["39"] == "00"


# -- acquirers


def test_an_acquirers_requests_are_refused_and_its_answers_still_come() -> None:
    scene = Scene()
    scene.rif.sends(purchase(stan="000001"))
    request = scene.atlas.gets()
    assert door(scene.book, "signoff", "rif", acquirer=True).target == "acquirer:rif"
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"
    assert pays(scene, "000002") == "91"
    assert "an operator has put link acquirers#2 into maintenance" in scene.book.hops[-1].note
    scene.rif.sends(reversal(purchase(stan="000001")))
    assert scene.rif.gets()["39"] == "91", "it will be sent again"
    assert not scene.book.recorded(Owed)
    door(scene.book, "resume", "rif", acquirer=True)
    assert pays(scene, "000003") == "00"


def test_a_draining_acquirers_reversals_are_taken() -> None:
    scene = Scene()
    assert pays(scene, "000001") == "00"
    scene.rif.sends(purchase(stan="000002"))
    scene.atlas.gets()
    assert door(scene.book, "drain", "rif", acquirer=True).in_flight == 1
    assert pays(scene, "000003") == "91"
    scene.rif.sends(reversal(purchase(stan="000001")))
    assert scene.rif.gets()["39"] == "00"
    assert scene.book.recorded(Owed)
    scene.book.passes(11)
    assert scene.rif.gets()["39"] == "91", "the issuer was silent"
    scene.book.passes(0.1)
    assert door(scene.book, "show", "rif", acquirer=True).states == {scene.rif.link: "maintenance"}


def test_a_repeat_is_answered_as_its_original_was_in_maintenance_too() -> None:
    scene = Scene()
    assert pays(scene, "000001") == "00"
    door(scene.book, "signoff", "rif", acquirer=True)
    scene.rif.sends(purchase(stan="000001", t="0201"))
    assert scene.rif.gets()["39"] == "00"


def test_a_repeat_after_a_sign_off_does_not_make_its_original_a_decline() -> None:
    scene = Scene()
    assert pays(scene, "000001") == "00"
    scene.rif.sends({"t": "0800", "7": "1125120000", "11": "000011", "32": "504102", "70": "002"})
    scene.rif.gets()
    scene.rif.sends(purchase(stan="000001", t="0201"))
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends({"t": "0800", "7": "1125120001", "11": "000012", "32": "504102", "70": "001"})
    scene.rif.gets()
    scene.rif.sends(reversal(purchase(stan="000001")))
    scene.rif.gets()
    assert scene.atlas.gets()["t"] == "0420", "there is something to undo"


def test_an_acquirer_that_connects_during_maintenance_is_refused_its_sign_on() -> None:
    scene = Scene()
    door(scene.book, "signoff", "souss", acquirer=True)
    souss = scene.book.acquirer("pos", "504103", sign_on=False)
    hello = {"t": "0800", "7": "1125120000", "11": "000011", "32": "504103", "70": "001"}
    souss.sends(hello)
    assert souss.gets()["39"] == "91"
    scene.book.passes(60)
    assert not souss.closed
    door(scene.book, "resume", "souss", acquirer=True)
    souss.sends({**hello, "11": "000012"})
    assert souss.gets()["39"] == "00"


def test_a_listeners_connections_go_together() -> None:
    scene = Scene()
    souss = scene.book.acquirer("acquirers", "504103")
    terminal = scene.book.acquirer("pos", "504102")
    done = door(scene.book, "signoff", "acquirers")
    assert done.target == "listener:acquirers"
    assert set(done.states) == {scene.rif.link, souss.link}
    assert door(scene.book, "show", "pos").states == {terminal.link: "up"}


def test_two_maintenances_both_have_to_end() -> None:
    scene = Scene()
    door(scene.book, "signoff", "rif", acquirer=True)
    door(scene.book, "signoff", "acquirers")
    door(scene.book, "resume", "acquirers")
    assert pays(scene, "000001") == "91"
    door(scene.book, "resume", "rif", acquirer=True)
    assert pays(scene, "000002") == "00"


# -- what an operator sees and may say


def test_what_is_kept_out_is_listed_with_its_time() -> None:
    scene = Scene()
    scene.book.passes(5)
    door(scene.book, "signoff", "visa")
    listed = scene.book.asks("links.list")
    assert isinstance(listed, Links)
    assert listed.maintenance == {"host:visa": (1_764_072_000 + 5) * 1_000_000}
    assert next(row.state for row in listed.hosts if row.host == "visa") == "maintenance"


def test_what_an_operator_did_is_in_the_log() -> None:
    scene = Scene()
    door(scene.book, "signoff", "atlas")
    (done,) = scene.book.logged("operator.command")
    assert done.fields == {
        "command": "links.signoff", "arguments": {"name": "atlas"}, "by": "operator",
    }  # fmt: skip
    (out,) = scene.book.logged("link.maintenance")
    assert out.fields["link"] == scene.atlas.link


@pytest.mark.parametrize(
    ("name", "more", "error", "hint"),
    [
        ("atlsa", {}, 'there is no host, listener, member or connection "atlsa"', "did you mean atlas?"),
        ("atlas#9", {}, 'there is no connection "atlas#9"', "did you mean atlas#1?"),
        ("visa", {"acquirer": True}, 'there is no member "visa"', "there are: atlas, cmi, rif, souss"),
    ],
)
def test_a_name_that_nothing_has_is_refused(name: str, more: dict[str, bool], error: str, hint: str) -> None:
    scene = Scene()
    with pytest.raises(Unable, match="there is no") as caught:
        door(scene.book, "drain", name, **more)
    assert (str(caught.value), caught.value.hint) == (error, hint)


def test_a_hosts_name_is_the_host_and_the_bank_as_acquirer_goes_on() -> None:
    scene = Scene()
    assert door(scene.book, "signoff", "rif").target == "host:rif"
    assert pays(scene, "000001") == "00"


def test_nothing_is_kept_out_while_the_journal_is_down() -> None:
    scene = Scene()
    scene.book.journal_fails("disk full")
    with pytest.raises(Unable, match="the journal is down"):
        door(scene.book, "signoff", "atlas")
    scene.book.journal_returns()
    assert pays(scene, "000001") == "00"


def test_maintenance_and_a_drain_go_on_over_a_reload_and_a_restart() -> None:
    scene = Scene()
    scene.book.host("visa")
    door(scene.book, "signoff", "visa")
    scene.rif.sends(purchase(stan="000001"))
    request = scene.atlas.gets()
    door(scene.book, "drain", "atlas")
    scene.book.reloads(scene.book.network)
    scene.book.hands_over()
    scene.book.passes(1)
    assert scene.atlas.got_nothing()
    assert pays(scene, "000002") == "91"
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"
    scene.book.passes(0.1)
    signs_off(scene.atlas)
    listed = scene.book.asks("links.list")
    assert isinstance(listed, Links)
    assert set(listed.maintenance) == {"host:visa", "host:atlas"}
