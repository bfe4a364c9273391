"""Playbooks: the switch is killed at a chosen point, and the one that follows starts from what was durable."""

import msgspec

from switch.core.records.fold import apply
from switch.core.records.records import Forwarded, Owed, Snapshot
from switch.core.records.state import State
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase, reversal


def test_what_was_forwarded_and_never_answered_is_reversed_after_a_restart() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    book = scene.book.crashes()
    (owed,) = book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.reason == "restart"
    undo = book.host("atlas").gets()
    assert undo["90"][:20] == "0200" + request["11"] + request["7"]
    assert undo["t"] == "0420"


def test_an_approval_said_before_the_crash_stands_after_it() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    after = Scene(scene.book.crashes())
    assert after.atlas.got_nothing()
    after.rif.sends({**sent, "t": "0201"})
    again = after.rif.gets()
    assert (again["39"], again["38"]) == ("00", "A12345")


def test_an_approval_that_was_not_durable_was_never_said_and_is_reversed() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.book.journal_holds()
    scene.atlas.answers(request, "00")
    assert scene.rif.got_nothing()
    assert scene.book.crashes().host("atlas").gets()["t"] == "0420"


def test_a_reversal_is_repeated_across_a_restart_until_acknowledged() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.book.passes(10)
    scene.atlas.gets()
    first = scene.atlas.gets()
    book = scene.book.crashes()
    atlas = book.host("atlas")
    again = atlas.gets()
    assert (again["11"], again["7"], again["90"]) == (first["11"], first["7"], first["90"])
    atlas.answers(again, "00")
    assert not book.crashes().switch.state.owed


def test_an_acknowledged_reversal_of_the_acquirers_survives_the_crash() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.sends(reversal(sent))
    after = Scene(scene.book.crashes())
    assert after.atlas.gets()["t"] == "0420"
    after.rif.sends(reversal(sent, t="0401"))
    assert after.rif.gets()["39"] == "00"
    assert after.atlas.got_nothing()


def test_stans_go_on_where_they_were() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    used = {scene.atlas.gets()["11"]}
    after = Scene(scene.book.crashes())
    used.add(after.atlas.gets()["11"])
    after.rif.sends(purchase(stan="000124"))
    assert after.atlas.gets()["11"] not in used


def test_the_state_after_a_restart_is_the_state_before_the_crash() -> None:
    scene = Scene()
    for n in range(1, 20):
        sent = purchase(stan=f"{n:06d}")
        scene.rif.sends(sent)
        if n % 3:
            scene.atlas.answers(scene.atlas.gets(), "00" if n % 2 else "51")
        if n % 5 == 0:
            scene.rif.sends(reversal(sent, stan=f"{900 + n:06d}"))
    before = scene.book.switch.state
    folded = State(before.limits)
    for entry in scene.book.entries:
        apply(folded, entry)
    assert folded == before


def small_memory(recent: int = 10, snapshot: int = 1 << 40) -> Playbook:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, recent_transactions=recent, snapshot_records=snapshot)
    return Playbook(msgspec.structs.replace(network, limits=limits))


def test_a_repeat_that_memory_has_let_go_is_found_in_the_journal() -> None:
    scene = Scene(small_memory(recent=10))
    first = purchase(stan="000001")
    for n in range(1, 40):
        scene.rif.sends(purchase(stan=f"{n:06d}"))
        scene.atlas.answers(scene.atlas.gets(), "00")
        scene.rif.gets()
    scene.rif.sends({**first, "t": "0201"})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    scene.rif.sends(reversal(first))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"
    scene.rif.sends(reversal(first, stan="000901"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing(), "reversed once, though memory had let the original go"


def test_a_snapshot_is_enough_to_start_from() -> None:
    scene = Scene(small_memory(snapshot=30))
    unanswered = None
    for n in range(1, 40):
        scene.rif.sends(purchase(stan=f"{n:06d}"))
        request = scene.atlas.gets()
        if n == 5:
            unanswered = request
        else:
            scene.atlas.answers(request, "00")
            scene.rif.gets()
    entries = scene.book.entries
    last = max(n for n, entry in enumerate(entries) if isinstance(entry, Snapshot))
    tail = State(scene.book.network.limits)
    for entry in entries[last:]:
        apply(tail, entry)
    assert unanswered is not None
    assert [f.stan for f in tail.open.values()] == [unanswered["11"]]
    whole = scene.book.switch.state
    assert (tail.open, tail.owed, tail.stans, tail.last_txn) == (whole.open, whole.owed, whole.stans, whole.last_txn)


def test_after_a_snapshot_an_older_repeat_is_asked_of_the_journal() -> None:
    scene = Scene(small_memory(snapshot=20))
    first = purchase(stan="000001")
    for n in range(1, 15):
        scene.rif.sends(purchase(stan=f"{n:06d}"))
        scene.atlas.answers(scene.atlas.gets(), "00")
        scene.rif.gets()
    entries = scene.book.entries
    at = max(n for n, entry in enumerate(entries) if isinstance(entry, Snapshot))
    assert any(isinstance(e, Forwarded) for e in entries[:at])
    state = State(scene.book.network.limits)
    for entry in entries[at:]:
        apply(state, entry)
    assert state.horizons["rif"] == first["7"]
