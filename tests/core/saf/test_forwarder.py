"""Playbooks of store-and-forward: order within a transaction, pace, dead letters, and hosts that are held."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.fold import apply
from switch.core.records.records import Delivered, Held, Owed, Retried, Shelved, Snapshot
from switch.core.records.state import State
from switch.core.saf.forwarder import Forwarder
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, Scene, morocco, purchase, reversal


def network(limits: dict[str, int] | None = None, **host: int) -> Network:
    """Morocco's, with other limits, and other numbers in each [[host]]."""
    whole = morocco()
    hosts = tuple(msgspec.structs.replace(h, **{"retry_ms": 10_000, **host}) for h in whole.hosts)
    return msgspec.structs.replace(whole, hosts=hosts, limits=msgspec.structs.replace(whole.limits, **(limits or {})))


def read_all(peer: Peer) -> list[Document]:
    messages = []
    while not peer.got_nothing():
        messages.append(peer.gets())
    return messages


def advice(stan: str = "000001", **changes: str) -> Document:
    return purchase(stan=stan, t="0220", de39="00", de35="", de52="", **changes)


def completion(of: Document, stan: str) -> Document:
    return reversal(of, stan, t="0220", de38="A12345")


def pre_authorized(scene: Scene, stan: str = "000123") -> Document:
    sent = purchase(stan=stan, t="0100", de25="06")
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    return sent


def owed(book: Playbook) -> list[int]:
    return list(book.switch.state.owed)


def forwarder(book: Playbook) -> Forwarder:
    return book.switch.forwarder


def refolded(book: Playbook) -> State:
    state = State(book.network.limits)
    for entry in book.entries:
        apply(state, entry)
    return state


# -- order, within a transaction


def test_a_reversal_waits_until_the_completion_before_it_is_acknowledged() -> None:
    scene = Scene()
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    assert [m["39"] for m in read_all(scene.rif)] == ["00", "00"], "both are promised at once"
    (first,) = read_all(scene.atlas)
    assert first["t"] == "0220"
    scene.atlas.answers(first)
    assert scene.atlas.gets()["t"] == "0420"


def test_other_transactions_do_not_wait() -> None:
    scene = Scene()
    first, second = pre_authorized(scene, "000123"), pre_authorized(scene, "000124")
    scene.rif.sends(completion(first, "000900"))
    scene.rif.sends(reversal(first, "000901"))
    scene.rif.sends(reversal(second, "000902"))
    assert [(m["t"], m["37"]) for m in read_all(scene.atlas)] == [("0220", first["37"]), ("0420", second["37"])]


def test_the_order_holds_where_the_switch_knows_no_original() -> None:
    """Both name by DE90 what never came here; DE37 at the terminal says that they belong together."""
    scene = Scene()
    unseen = purchase(stan="000555")
    scene.rif.sends(completion(unseen, "000900"))
    scene.rif.sends(reversal(unseen, "000901"))
    (first,) = read_all(scene.atlas)
    scene.atlas.answers(first)
    assert (first["t"], scene.atlas.gets()["t"]) == ("0220", "0420")


def test_a_lost_connection_changes_nothing_about_the_order() -> None:
    scene = Scene()
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    scene.atlas.hangs_up()
    atlas = scene.book.host("atlas")
    (again,) = read_all(atlas)
    assert again["t"] == "0221"
    atlas.answers(again)
    assert atlas.gets()["t"] == "0420"


@pytest.mark.parametrize("snapshot", [False, True])
def test_the_order_holds_after_a_restart(snapshot: bool) -> None:
    scene = Scene(Playbook(network({"snapshot_records": 1 if snapshot else 1 << 40})))
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    assert bool(scene.book.recorded(Snapshot)) is snapshot
    after = Scene(scene.book.crashes())
    (first,) = read_all(after.atlas)
    assert first["t"] == "0220"
    after.atlas.answers(first)
    (second,) = read_all(after.atlas)
    assert second["t"] == "0420"
    after.atlas.answers(second)
    assert not owed(after.book)


def test_a_refusal_for_the_moment_lets_nothing_past() -> None:
    scene = Scene(Playbook(network()))
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    scene.atlas.answers(scene.atlas.gets(), "91")
    assert scene.atlas.got_nothing()
    scene.book.passes(10)
    assert [m["t"] for m in read_all(scene.atlas)] == ["0221"]


# -- what is not acknowledged takes nobody's place


def test_more_unanswered_items_than_may_be_in_flight_delay_the_next_by_one_wait_only() -> None:
    scene = Scene(Playbook(network({"owed_in_flight": 2})))
    for n in range(3):
        scene.rif.sends(advice(f"{n:06d}"))
    assert len(read_all(scene.atlas)) == 2
    scene.book.passes(10)
    scene.book.passes(10)
    assert "000002" in {m.get("37", "")[-6:] for m in read_all(scene.atlas)}


def test_what_was_in_flight_when_connections_ended_backs_off_and_others_go_first() -> None:
    """It may be what ends them: a message that its host dies of."""
    scene = Scene(Playbook(network({"owed_in_flight": 1})))
    scene.rif.sends(advice("000001"))
    scene.rif.sends(advice("000002"))
    atlas, heard = scene.atlas, []
    for _ in range(3):
        heard += [m["37"][-6:] for m in read_all(atlas)]
        atlas.hangs_up()
        atlas = scene.book.host("atlas")
    assert (heard, [m["37"][-6:] for m in read_all(atlas)]) == (["000001"] * 3, ["000002"])
    scene.book.passes(30)
    assert "000001" in {m.get("37", "")[-6:] for m in read_all(atlas)}


def test_a_second_connection_repeats_nothing_of_what_is_in_flight_on_the_first() -> None:
    scene = Scene()
    scene.rif.sends(advice())
    scene.atlas.gets()
    assert scene.book.host("atlas").got_nothing()
    assert scene.atlas.got_nothing()


def test_what_was_in_flight_on_one_of_several_connections_goes_on_another_at_once() -> None:
    scene = Scene()
    other = scene.book.host("atlas")
    scene.rif.sends(advice())
    lost, rest = (other, scene.atlas) if scene.atlas.got_nothing() else (scene.atlas, other)
    lost.gets()
    lost.hangs_up()
    assert rest.gets()["t"] == "0221"


# -- pace


def test_a_host_that_comes_back_is_not_flooded() -> None:
    scene = Scene(Playbook(network({"owed_in_flight": 1_000}, owed_per_second=20)))
    scene.atlas.hangs_up()
    for n in range(100):
        scene.rif.sends(advice(f"{n:06d}"))
    atlas = scene.book.host("atlas")
    assert len(read_all(atlas)) == 3, "a tenth of a second's, and the first"
    scene.book.passes(1)
    assert len(read_all(atlas)) == 20
    scene.book.passes(4)
    assert len(read_all(atlas)) == 77


# -- dead letters


def given_up(**host: int) -> tuple[Scene, Document]:
    """An advice that has become a dead letter after two tries."""
    scene = Scene(Playbook(network(None, owed_tries_max=2, **host)))
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.gets()
    scene.book.passes(30)
    assert [m["t"] for m in read_all(scene.atlas)][:2] == ["0220", "0221"]
    return scene, sent


def test_what_is_never_acknowledged_becomes_a_dead_letter_and_an_operator_is_told() -> None:
    scene, sent = given_up()
    (shelved,) = scene.book.recorded(Shelved)
    (entry,) = scene.book.recorded(Owed)
    assert isinstance(shelved, Shelved)
    assert isinstance(entry, Owed)
    assert (shelved.txn, shelved.tries) == (entry.txn, 2)
    (told,) = scene.book.logged("owed.dead_letter")
    assert told.level == "error"
    assert f"cmi-switch saf retry {entry.txn:x}" in told.fields["hint"]
    assert {**told.fields, "hint": "", "reason": ""} == {
        "txn": f"{entry.txn:x}", "host": "atlas", "kind": "advice", "mti": "0220", "rrn": sent["37"], "amount": 15_000,
        "pan": f"{ATLAS_CARD[:6]}******{ATLAS_CARD[-4:]}", "currency": "504", "original": f"{entry.original:x}", "tries": 2,
        "behind_it": 0, "reason": "", "hint": "", "exception": "undelivered",
    }  # fmt: skip
    assert "owed_tries_max" in told.fields["reason"]
    scene.book.passes(10_000)
    assert not [m for m in read_all(scene.atlas) if m["t"] != "0800"]


def test_a_dead_letter_stays_owed_over_a_restart_and_a_snapshot_and_is_not_sent() -> None:
    scene, _ = given_up()
    (txn,) = owed(scene.book)
    book = scene.book
    book.switch.snapshot(book.now)
    book._carry_out()
    assert book.recorded(Snapshot)[0].shelved == tuple(book.recorded(Shelved))
    fold = State(book.network.limits)
    apply(fold, book.recorded(Snapshot)[0])
    assert (fold.owed, fold.shelved) == (book.switch.state.owed, book.switch.state.shelved)
    after = Scene(book.crashes())
    assert owed(after.book) == [txn]
    assert list(after.book.switch.state.shelved) == [txn]
    assert after.atlas.got_nothing()
    after.atlas.hangs_up()
    assert after.book.host("atlas").got_nothing()


def test_an_operator_puts_it_back_for_good() -> None:
    scene, _ = given_up()
    (txn,) = owed(scene.book)
    after = Scene(scene.book.crashes())
    assert forwarder(after.book).retry([txn], after.book.now) == 1
    after.book._carry_out()
    assert len(after.book.recorded(Retried)) == 1
    again = Scene(after.book.crashes())
    (sent,) = read_all(again.atlas)
    again.atlas.answers(sent)
    assert (owed(again.book), again.book.switch.state.shelved) == ([], {})


def test_what_concerns_the_same_transaction_waits_behind_a_dead_letter() -> None:
    scene, sent = given_up()
    scene.rif.sends(reversal(sent, "000901"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    after = Scene(scene.book.crashes())
    assert after.atlas.got_nothing()
    first = owed(after.book)[0]
    forwarder(after.book).retry([first], after.book.now)
    after.book._carry_out()
    (head,) = read_all(after.atlas)
    after.atlas.answers(head)
    assert (head["t"], after.atlas.gets()["t"]) == ("0220", "0420")


def test_an_answer_that_comes_after_all_settles_a_dead_letter() -> None:
    scene = Scene(Playbook(network(owed_tries_max=1)))
    scene.rif.sends(advice())
    sent = scene.atlas.gets()
    scene.book.passes(15)
    assert scene.book.recorded(Shelved)
    scene.atlas.answers(sent)
    assert len(scene.book.recorded(Delivered)) == 1
    assert refolded(scene.book).shelved == {}


def test_what_is_old_is_given_up_whatever_restarts_there_were_but_not_untried() -> None:
    book = Playbook(network(owed_give_up_s=3_600))
    scene = Scene(book)
    scene.atlas.hangs_up()
    scene.rif.sends(advice())
    for _ in range(4):
        book.passes(900)
        book = book.crashes()
        assert not book.recorded(Shelved)
    atlas = book.host("atlas")
    assert len(read_all(atlas)) == 1, "its host was away all the time, and it gets its tries"
    book.passes(39)
    assert not book.recorded(Shelved)
    book.passes(2)
    assert book.recorded(Shelved)
    assert "owed_give_up_s" in book.logged("owed.dead_letter")[0].fields["reason"]


def test_dead_letters_count_in_what_may_be_owed_to_a_host() -> None:
    scene = Scene(Playbook(network({"owed_per_host": 1}, owed_tries_max=1)))
    scene.rif.sends(advice("000001"))
    scene.rif.gets()
    scene.book.passes(15)
    assert scene.book.recorded(Shelved)
    scene.rif.sends(advice("000002"))
    assert scene.rif.gets()["39"] == "91"


def test_what_a_hosts_dialect_cannot_say_is_a_dead_letter_at_once() -> None:
    scene = Scene()
    scene.rif.sends(advice("000001"))
    scene.atlas.hangs_up()
    (txn,) = owed(scene.book)
    entry = scene.book.switch.state.owed[txn]
    scene.book.switch.state.owed[txn] = msgspec.structs.replace(entry, message={**entry.message, "4": "twelve"})
    scene.book.host("atlas")
    assert "cannot be said" in scene.book.logged("owed.dead_letter")[0].fields["reason"]


# -- held by an operator


def test_a_held_host_gets_nothing_that_is_owed_until_it_is_released_also_over_a_restart() -> None:
    scene = Scene()
    assert forwarder(scene.book).hold(scene.book.switch.hosts["atlas"], scene.book.now, held=True)
    assert not forwarder(scene.book).hold(scene.book.switch.hosts["atlas"], scene.book.now, held=True)
    scene.book._carry_out()
    scene.rif.sends(advice("000001"))
    assert scene.rif.gets()["39"] == "00"
    scene.book.passes(100)
    assert not [m for m in read_all(scene.atlas) if m["t"] != "0800"]
    scene.book.switch.snapshot(scene.book.now)
    scene.book._carry_out()
    assert [h.host for h in scene.book.recorded(Snapshot)[0].held] == ["atlas"]
    after = Scene(scene.book.crashes())
    after.rif.sends(purchase(stan="000777"))
    assert after.atlas.gets()["t"] == "0200", "payments go on"
    assert after.atlas.got_nothing()
    forwarder(after.book).hold(after.book.switch.hosts["atlas"], after.book.now, held=False)
    after.book._carry_out()
    assert after.atlas.gets()["t"] == "0220"
    assert [h.held for h in after.book.recorded(Held)] == [True, False]
    assert Scene(after.book.crashes()).atlas.gets()["t"] == "0220"


# -- the reversal of an advice


@pytest.mark.parametrize("delivered", [True, False])
@pytest.mark.parametrize("names", ["90", "37"])
def test_an_advice_is_taken_back_after_it_has_arrived(names: str, delivered: bool) -> None:
    scene = Scene()
    sent = advice("000001")
    scene.rif.sends(sent)
    told = scene.atlas.gets()
    if delivered:
        scene.atlas.answers(told)
    back = reversal(sent, "000900")
    scene.rif.sends(back if names == "90" else {de: value for de, value in back.items() if de != "90"})
    assert [m["39"] for m in read_all(scene.rif)] == ["00", "00"]
    assert scene.atlas.got_nothing() is not delivered, "in order"
    if not delivered:
        scene.atlas.answers(told)
    undo = scene.atlas.gets()
    assert (undo["t"], undo["90"][:20]) == ("0420", "0220" + told["11"] + told["7"]), "named as the issuer knows it"
    scene.rif.sends(reversal(sent, "000901"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing(), "it is taken back once"
    scene.rif.sends({**sent, "t": "0221"})
    assert scene.rif.gets()["39"] == "00", "a repeat of the advice is acknowledged as the advice was"


def test_an_advice_of_a_decline_leaves_nothing_to_undo() -> None:
    scene = Scene()
    sent = {**advice("000001"), "39": "05"}
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets())
    scene.rif.sends(reversal(sent, "000900"))
    assert [m["39"] for m in read_all(scene.rif)] == ["00", "00"]
    assert scene.atlas.got_nothing()


def test_a_reversal_that_names_a_completed_payment_by_de37_alone_takes_back_the_payment() -> None:
    scene = Scene()
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.atlas.answers(scene.atlas.gets())
    scene.rif.sends({de: value for de, value in reversal(sent, "000901").items() if de != "90"})
    assert scene.atlas.gets()["90"][:4] == "0100"
