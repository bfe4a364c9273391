"""Playbooks: a host that a reload found gone from the network file stays, as leaving, until nothing can come back to it."""

from collections.abc import Callable

import msgspec
import pytest

from switch.core.handover.changes import changes, obstacles
from switch.core.handover.leaving import keep_leaving
from switch.core.network import Network
from switch.core.operator.command import Arguments
from switch.core.operator.keys import KeyCommands
from switch.core.operator.links import HostRow, LinkCommands, Links
from switch.core.records.records import Owed, Shelved
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.handover.test_succession import changed, without
from tests.core.scripts import Scene, morocco, purchase, reversal

DAY_S, WEEK_S = 86_400, 7 * 86_400
HOLD = purchase(t="0100", de3="300000", de52="")

Follow = Callable[[Playbook], None]


def brief() -> Network:
    """Acquirers repeat within an hour, and a hold of Atlas's lasts two."""
    network = msgspec.structs.replace(morocco(), duplicate_window_s=3_600)
    return changed(network, "hosts", "atlas", preauth_s=7_200)


def gone(network: Network) -> Network:
    return without(network, "hosts", "atlas")


def renamed(network: Network) -> Network:
    hosts = (msgspec.structs.replace(h, name="atlas2") if h.name == "atlas" else h for h in network.hosts)
    return msgspec.structs.replace(network, hosts=tuple(hosts))


def left(network: Network | None = None, approved: Document | None = None) -> Scene:
    """Atlas has approved a payment, and then a reload found it gone from the file."""
    scene = Scene(Playbook(network or brief()))
    scene.rif.sends(approved or purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    scene.book.reloads(gone(scene.book.network))
    return scene


def row(scene: Scene) -> HostRow:
    """Atlas, as `links list` has it."""
    switch = scene.book.switch
    found: Links = LinkCommands(switch, switch.maintenance, switch.leaving, KeyCommands(switch.keys, switch)).list(
        Arguments(), scene.book.now
    )
    return next(each for each in found.hosts if each.host == "atlas")


def test_it_stays_signed_on_and_gets_no_new_payment() -> None:
    scene = left()
    assert (scene.atlas.closed, scene.atlas.got_nothing()) == ("", True)
    scene.rif.sends(purchase(stan="000124"))
    assert scene.rif.gets()["39"] == "15", "no range leads to it"
    assert scene.atlas.got_nothing()
    (said,) = scene.book.logged("host.leaving")
    assert said.fields["host"] == "atlas"
    until = "2025-11-25 14:00:00 UTC"
    assert said.fields["reason"] == f"payments of its, which may be reversed or completed until {until}"


def test_a_reversal_reaches_it() -> None:
    scene = left()
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "00"
    undo = scene.atlas.gets()
    assert undo["t"] == "0420"
    scene.atlas.answers(undo, "00")
    assert not scene.book.switch.state.owed
    assert not scene.book.recorded(Shelved)


def test_a_completion_reaches_it_under_the_name_it_knows_the_hold_by() -> None:
    scene = left(approved=HOLD)
    scene.rif.sends({**reversal(HOLD, "000901"), "t": "0220", "3": "000000", "38": "A12345"})
    assert scene.rif.gets()["39"] == "00"
    told = scene.atlas.gets()
    assert (told["t"], told["90"][:10]) == ("0220", "0100000001")
    scene.atlas.answers(told, "00")
    assert not scene.book.switch.state.owed


def test_what_waits_for_its_answer_gets_it_and_a_repeat_the_same() -> None:
    scene = Scene(Playbook(brief()))
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.book.reloads(gone(scene.book.network))
    assert row(scene).stays_for == "1 open and 0 owed"
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(purchase(t="0201"))
    assert scene.rif.gets()["39"] == "00"


def test_what_it_is_owed_waits_for_its_next_connection() -> None:
    scene = Scene(Playbook(brief()))
    scene.rif.sends(purchase())
    scene.atlas.gets()
    scene.atlas.hangs_up()
    scene.book.reloads(gone(scene.book.network))
    assert row(scene).stays_for == "0 open and 1 owed"
    scene.book.passes(3 * DAY_S)
    assert not scene.book.drops_leaving(), "what is owed has no end"
    again = scene.book.host("atlas")
    assert again.gets()["t"] == "0420"


def test_it_goes_once_its_payments_cannot_come_back() -> None:
    scene = left()
    scene.book.passes(7_199)
    assert not scene.book.drops_leaving()
    scene.book.passes(1)
    again = scene.book.host("atlas")
    assert scene.book.drops_leaving() == {"atlas"}
    assert again.gets()["70"] == "002"
    assert again.closed == "host atlas left the network file"
    assert [said.fields for said in scene.book.logged("host.left")] == [{"host": "atlas", "owed": 0, "hint": ""}]
    assert "atlas" not in scene.book.switch.hosts


@pytest.mark.parametrize(("window_s", "hold_s", "stays_s"), [(DAY_S, 60, DAY_S), (60, WEEK_S, WEEK_S), (60, 60, 300)])
def test_it_stays_for_the_window_of_repeats_for_holds_and_for_late_answers(
    window_s: int, hold_s: int, stays_s: int
) -> None:
    network = msgspec.structs.replace(morocco(), duplicate_window_s=window_s)
    hosts = tuple(msgspec.structs.replace(host, preauth_s=hold_s) for host in network.hosts)
    scene = left(msgspec.structs.replace(network, hosts=hosts))
    book = scene.book
    book.now += (stays_s - 1) * 1_000_000_000
    assert book.switch.leaving.reason("atlas", book.now)
    book.now += 1_000_000_000
    assert not book.switch.leaving.reason("atlas", book.now)


def test_what_is_done_with_it_meanwhile_counts_anew() -> None:
    scene = left(approved=HOLD)
    scene.book.passes(7_000)
    atlas = scene.book.host("atlas")
    scene.rif.sends({**reversal(HOLD, "000901"), "t": "0220", "3": "000000", "38": "A12345", "7": "1125135640"})
    atlas.answers(atlas.gets(), "00")
    scene.book.passes(300)
    assert not scene.book.drops_leaving(), "the completion itself may be reversed"
    scene.book.passes(7_000)
    assert scene.book.drops_leaving() == {"atlas"}


def test_a_late_approval_is_undone_there() -> None:
    scene = Scene(Playbook(brief()))
    scene.rif.sends(purchase())
    late = scene.atlas.gets()
    scene.book.passes(10)
    assert scene.rif.gets()["39"] == "91"
    scene.atlas.answers(scene.atlas.gets(), "25")
    scene.book.reloads(gone(scene.book.network))
    assert row(scene).stays_for == "a late approval, which it may give within 300 s (late_s)"
    scene.atlas.answers(late, "00")
    undo = scene.atlas.gets()
    assert undo["t"] == "0420"
    scene.atlas.answers(undo, "00")
    scene.book.passes(301)
    assert scene.book.drops_leaving() == {"atlas"}


def test_one_that_only_declined_goes_after_late_answers() -> None:
    scene = Scene(Playbook(brief()))
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "51")
    scene.book.reloads(gone(scene.book.network))
    scene.book.passes(299)
    assert not scene.book.drops_leaving()
    scene.book.passes(1)
    assert scene.book.drops_leaving() == {"atlas"}


def test_payments_that_memory_has_let_go_are_taken_to_be_as_young_as_can_be() -> None:
    network = brief()
    limits = msgspec.structs.replace(network.limits, recent_transactions=10)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.book.passes(100)
    for n in range(1, 12):
        scene.rif.sends(purchase(stan=f"{n:06d}", de2="9504990000000013"))
    assert all(not outcome.packed for outcome in scene.book.switch.state.recent.values())
    scene.book.reloads(gone(scene.book.network))
    assert row(scene).stays_for.endswith("until 2025-11-25 14:01:40 UTC")


@pytest.mark.parametrize("follow", [lambda book: book.reloads(gone(brief())), lambda book: book.hands_over()])
def test_another_switch_keeps_it_since_the_same_moment(follow: Follow) -> None:
    scene = left()
    since = row(scene).leaving_since_us
    scene.book.passes(10)
    follow(scene.book)
    assert (row(scene).state, row(scene).leaving_since_us, row(scene).up) == ("leaving", since, 1)
    assert len(scene.book.logged("host.leaving")) == 1
    scene.rif.sends(reversal(purchase()))
    assert scene.atlas.gets()["t"] == "0420"


def test_a_restart_in_place_that_finds_it_gone_keeps_it() -> None:
    scene = Scene(Playbook(brief()))
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.book.hands_over(gone(scene.book.network))
    assert row(scene).state == "leaving"
    assert not scene.book.drops_leaving()
    scene.rif.gets()
    scene.rif.sends(reversal(purchase()))
    assert scene.atlas.gets()["t"] == "0420"


def test_back_in_the_file_it_is_a_host_as_any() -> None:
    scene = left()
    scene.book.reloads(brief())
    assert (row(scene).state, row(scene).leaving_since_us, row(scene).stays_for) == ("up", 0, "")
    assert scene.book.logged("host.back")
    scene.rif.sends(purchase(stan="000124"))
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.rif.gets()["39"] == "00"


def test_its_member_may_have_another_host_meanwhile() -> None:
    scene = Scene(Playbook(brief()))
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    scene.book.reloads(renamed(scene.book.network))
    new = scene.book.host("atlas2")
    scene.rif.sends(purchase(stan="000124"))
    new.answers(new.gets(), "00")
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(reversal(purchase()))
    assert scene.atlas.gets()["t"] == "0420", "to the host that approved it"
    assert new.got_nothing()


def test_at_a_cold_start_the_file_alone_counts_and_what_is_owed_is_said() -> None:
    """No switch remembers what was in another file: put it back, and it is sent."""
    scene = left()
    scene.atlas.hangs_up()
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "00"
    entries = scene.book.entries
    cold = Playbook(gone(brief()), entries, scene.book.now)
    (said,) = cold.logged("owed.host_unknown")
    assert said.fields["host"] == "atlas"
    assert "put it back" in said.fields["hint"]
    cold.reloads(brief())
    assert cold.host("atlas").gets()["t"] == "0420"
    assert len(cold.recorded(Owed)) == 1


# -- one that connects in


def inward(network: Network) -> Network:
    """Atlas's host connects in, through a listener that names who may."""
    door = next(each for each in network.listeners if each.name == "acquirers")
    hosts = msgspec.structs.replace(door, name="hosts", role="host", members=("atlas", "rif"))
    network = msgspec.structs.replace(network, listeners=(*network.listeners, hosts))
    return changed(network, "hosts", "atlas", connect=None)


def test_one_that_connects_in_may_come_back_though_its_listener_cannot_name_it() -> None:
    book = Playbook(inward(brief()))
    institution = next(host.institution for host in book.network.hosts if host.name == "atlas")
    atlas = book.acquirer("hosts", institution)
    rif = book.acquirer("acquirers", "504102")
    rif.sends(purchase())
    atlas.answers(atlas.gets(), "00")
    book.reloads(changed(gone(book.network), "listeners", "hosts", members=("rif",)))
    book.passes(1)
    assert not atlas.closed
    atlas.hangs_up()
    rif.sends(reversal(purchase()))
    again = book.acquirer("hosts", institution, sign_on=False)
    again.sends({"t": "0800", "7": "1125120000", "11": "000001", "32": institution, "70": "001"})
    assert {again.gets()["t"], again.gets()["t"]} == {"0810", "0420"}


def test_its_institution_cannot_become_another_hosts_while_something_may_come_back() -> None:
    before = inward(brief())
    after = renamed(before)
    (found,) = obstacles(before, after, {"atlas": "1 open and 0 owed"})
    assert found.sentence == (
        "host atlas would leave the network file with 1 open and 0 owed, and atlas2 would have its institution, 504101: "
        "its connections would sign on as atlas2"
    )
    assert not obstacles(before, after)


# -- in words


def test_a_reload_says_who_is_leaving_and_who_is_back() -> None:
    before, after = morocco(), without(morocco(), "hosts", "souss")
    assert changes(before, after, {"souss": "2 open and 0 owed"})[0] == (
        "[[host]] souss: removed; leaving, and here until nothing can come back to it: 2 open and 0 owed"
    )
    kept = keep_leaving(before, after, 1)
    assert changes(kept, after, {"souss": "2 open and 0 owed"}) == [], "nothing new"
    assert changes(kept, before)[0] == "[[host]] souss: added again, and leaving no more"


# -- what a crash took of its payments: its cards' ranges still lead there, for that


def after_a_crash() -> Scene:
    """A switch that begins anew, with a journal, and then finds Atlas gone from the file."""
    scene = Scene(Playbook(brief(), Scene(Playbook(brief())).book.entries, now=600_000_000_000))
    scene.book.reloads(gone(scene.book.network))
    assert row(scene).stays_for.endswith("until 2025-11-25 14:10:00 UTC"), "it is not known that nothing was there"
    return scene


def test_a_reversal_of_what_is_not_known_goes_to_who_had_the_card() -> None:
    scene = after_a_crash()
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"


def test_a_payment_that_may_be_forgotten_is_taken_back_there() -> None:
    scene = after_a_crash()
    scene.rif.sends(purchase(t="0201"))
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.gets()["t"] == "0420"
    assert not row(scene).in_flight


def test_so_it_is_though_another_host_has_the_card_now() -> None:
    scene = Scene(Playbook(brief(), Scene(Playbook(brief())).book.entries, now=600_000_000_000))
    scene.book.reloads(renamed(scene.book.network))
    new = scene.book.host("atlas2")
    scene.rif.sends(purchase(t="0201"))
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.gets()["t"] == "0420"
    scene.rif.sends(purchase(stan="000124", de7="1125121001"))
    assert new.gets()["t"] == "0200", "what is new goes to the new one"


def test_an_advice_of_something_new_is_refused() -> None:
    scene = after_a_crash()
    told = purchase(t="0220", de39="00", de35="", de52="")
    scene.rif.sends(told)
    assert scene.rif.gets()["39"] == "15"
    assert scene.atlas.got_nothing()
    scene.rif.sends({**told, "11": "000125", "37": "532912000125", "38": "A12345"})
    assert scene.rif.gets()["39"] == "00", "it completes what may have been forgotten"
    assert scene.atlas.gets()["t"] == "0220"
