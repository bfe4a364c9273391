"""Playbooks of what the simulation found: each is a promise that two faults in a row, or one at the wrong moment, once broke."""

import msgspec

from switch.core.network import Network
from switch.core.records.records import Forwarded, Owed, Snapshot
from switch.sim.playbook import Playbook
from tests.core.scripts import ATLAS_CARD, Scene, morocco, purchase, reversal


def limited(**changes: int) -> Network:
    network = morocco()
    return msgspec.structs.replace(network, limits=msgspec.structs.replace(network.limits, **changes))


def completion(of: dict[str, str], stan: str = "000900") -> dict[str, str]:
    return reversal(of, stan, t="0220", de38="A12345")


def test_a_completion_names_its_pre_authorization_as_the_issuer_knows_it() -> None:
    scene = Scene()
    sent = purchase(t="0100", de25="06")
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00", de38="A12345")
    scene.rif.gets()
    scene.rif.sends(completion(sent))
    assert scene.atlas.gets()["90"][:20] == "0100" + request["11"] + request["7"]
    (owed,) = scene.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.original == scene.book.recorded(Forwarded)[0].txn


def test_an_original_that_its_reversal_has_overtaken_is_refused_and_goes_nowhere() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.gets()
    after = Scene(scene.book.crashes())
    after.rif.sends(sent)
    assert after.rif.gets()["39"] == "91"
    assert not after.book.recorded(Forwarded)
    assert len(after.book.recorded(Owed)) == 1


def test_an_original_is_refused_that_its_reversal_has_named_by_the_local_time() -> None:
    scene = Scene()
    sent = purchase(de12="130000")
    taken_back = reversal(sent, de37="")
    scene.rif.sends({**taken_back, "90": taken_back["90"][:10] + sent["13"] + sent["12"] + taken_back["90"][20:]})
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.gets()
    scene.rif.sends({**sent, "t": "0201"})
    assert scene.rif.gets()["39"] == "91"
    assert not scene.book.recorded(Forwarded)


def test_a_reversal_refused_for_the_moment_is_taken_when_it_is_repeated() -> None:
    scene = Scene(Playbook(limited(owed_per_host=1)))
    first, second = purchase(), purchase(stan="000124")
    for sent in (first, second):
        scene.rif.sends(sent)
        scene.atlas.answers(scene.atlas.gets(), "00")
        scene.rif.gets()
    scene.rif.sends(reversal(first))
    assert scene.rif.gets()["39"] == "00"
    again = reversal(second, "000901")
    scene.rif.sends(again)
    assert scene.rif.gets()["39"] == "96"
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.sends({**again, "t": "0401"})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"


def test_a_reversal_sent_before_the_acquirer_signed_on_again_is_taken_afterwards() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    management = {"t": "0800", "7": "1125120001", "11": "000801", "32": "504102"}
    scene.rif.sends({**management, "70": "002"})
    scene.rif.gets()
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "58"
    scene.rif.sends({**management, "11": "000802", "70": "001"})
    scene.rif.gets()
    scene.rif.sends(reversal(sent, t="0401"))
    assert scene.rif.gets()["39"] == "00"


def test_a_host_that_signs_off_and_on_again_on_one_connection_gets_payments_again() -> None:
    scene = Scene()
    management = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504101"}
    scene.atlas.sends({**management, "70": "002"})
    scene.atlas.gets()
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "91"
    scene.atlas.sends({**management, "11": "000002", "70": "001"})
    assert scene.atlas.gets()["39"] == "00"
    scene.rif.sends(purchase(stan="000124"))
    assert scene.atlas.gets()["t"] == "0200"


def test_a_repeat_is_not_told_of_a_timeout_before_the_reversal_is_durable() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.gets()
    scene.book.journal_holds()
    scene.book.passes(10)
    scene.rif.sends({**sent, "t": "0201"})
    assert scene.rif.got_nothing()
    scene.book.journal_flushes()
    assert [scene.rif.gets()["39"], scene.rif.gets()["39"]] == ["91", "91"]


def test_the_reversal_of_what_no_issuer_can_be_named_for_is_answered_25() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    sent = purchase(t="0100", de2=ATLAS_CARD, de32="400840", de41="VISA0001", de19="840", de49="840")
    visa.sends(reversal(sent))
    assert visa.gets()["39"] == "25"
    assert not scene.book.recorded(Owed)


def test_an_approval_said_on_a_second_connection_stands_though_the_first_has_gone() -> None:
    scene = Scene()
    second = scene.book.acquirer("acquirers", "504102")
    sent = purchase()
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.book.journal_holds()
    scene.atlas.answers(request, "00")
    scene.rif.hangs_up()
    second.sends({**sent, "t": "0201"})
    scene.book.journal_flushes()
    assert second.gets()["39"] == "00"
    assert scene.book.recorded(Owed) == []


def test_an_approval_of_which_no_copy_was_delivered_is_reversed() -> None:
    scene = Scene()
    second = scene.book.acquirer("acquirers", "504102")
    sent = purchase()
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.book.journal_holds()
    scene.atlas.answers(request, "00")
    second.sends({**sent, "t": "0201"})
    scene.rif.hangs_up()
    second.hangs_up()
    scene.book.journal_flushes()
    assert len(scene.book.recorded(Owed)) == 1


def test_a_snapshot_asks_history_for_all_that_memory_had_not_only_for_what_ended_first() -> None:
    scene = Scene(Playbook(limited(snapshot_records=6)))
    slow, quick = purchase(), purchase(stan="000124", de7="1125120005")
    scene.rif.sends(slow)
    request = scene.atlas.gets()
    scene.rif.sends(quick)
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.atlas.answers(request, "00")
    scene.rif.sends(purchase(stan="000125", de4="", de7="1125115900"))
    (snapshot,) = scene.book.recorded(Snapshot)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.horizons["rif"] == "1125120005"


def test_a_repeat_of_what_was_refused_without_a_journal_is_refused_when_it_is_back() -> None:
    scene = Scene()
    scene.book.journal_fails("the disk is full")
    sent = purchase()
    scene.rif.sends(sent)
    assert scene.rif.gets()["39"] == "96"
    scene.book.journal_returns()
    scene.rif.sends({**sent, "t": "0201"})
    assert scene.rif.gets()["39"] == "96"
    assert scene.atlas.got_nothing()


def test_memory_never_lets_go_of_what_the_journal_does_not_hold_yet() -> None:
    scene = Scene(Playbook(limited(recent_transactions=8)))
    scene.book.journal_holds()
    for stan in range(100, 120):
        scene.rif.sends(purchase(stan=f"{stan:06d}"))
        if not scene.atlas.got_nothing():
            scene.atlas.answers(scene.atlas.gets(), "51")
    assert [scene.rif.gets()["39"] for _ in range(20)] == ["51"] * 2 + ["96"] * 18
    (first, *_) = scene.book.logged("limit.reached")
    assert first.fields["limit"] == "recent_transactions"


def test_an_answer_that_names_another_payment_is_not_taken_for_this_ones() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    request = scene.atlas.gets()
    scene.atlas.answers(request, "41", de37="532912000999")
    assert scene.rif.got_nothing()
    (unmatched,) = scene.book.logged("answer.unmatched")
    assert unmatched.fields["nearest"].endswith("another DE37, DE41 or DE2")
    scene.atlas.answers(request, "00")
    assert scene.rif.gets()["39"] == "00"


def test_an_answer_to_a_payment_settles_no_advice_that_has_its_number() -> None:
    scene = Scene()
    scene.rif.sends(purchase(t="0220", de38="A12345", de52=""))
    advice = scene.atlas.gets()
    scene.atlas.answers({**advice, "t": "0200"}, "00")
    assert scene.book.switch.state.owed
    scene.atlas.answers(advice, "00")
    assert not scene.book.switch.state.owed


def test_a_repeat_of_what_a_crash_made_forgotten_is_reversed_at_the_issuer_before_it_is_refused() -> None:
    scene = Scene()
    sent = purchase()
    book = scene.book.crashes()
    rif = book.acquirer("acquirers", "504102")
    book.journal_holds()
    rif.sends({**sent, "t": "0201"})
    assert rif.got_nothing()
    book.journal_flushes()
    assert rif.gets()["39"] == "91"
    undo = book.host("atlas").gets()
    assert (undo["t"], undo["37"], undo["90"][:20]) == ("0420", sent["37"], "0200" + sent["11"] + sent["7"])
    rif.sends({**sent, "t": "0201"})
    assert rif.gets()["39"] == "91"
    assert len(book.recorded(Owed)) == 1


def test_a_copy_from_before_the_crash_is_known_by_the_acquirers_own_clock() -> None:
    scene = Scene()
    sent = purchase(de7="1125130000")
    book = scene.book.crashes()
    rif = book.acquirer("acquirers", "504102", sign_on=False)
    rif.sends({"t": "0800", "7": "1125130005", "11": "000001", "32": "504102", "70": "001"})
    assert rif.gets()["39"] == "00"
    rif.sends(sent)
    assert rif.gets()["39"] == "91"
    assert book.host("atlas").gets()["t"] == "0420"
    rif.sends(purchase(stan="000124", de7="1125130006", de2="9504020000000018"))
    assert len(book.recorded(Owed)) == 1
