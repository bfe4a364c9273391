"""Playbooks: reversals and advices of acquirers, whenever they come, and repeats of everything."""

import msgspec
import pytest

from switch.core.records.records import Owed
from switch.sim.playbook import Peer, Playbook
from switch.simulators.reconciliation import journal_rows
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, VISA_ABROAD, Scene, approved, morocco, purchase, reversal


def read_all(peer: Peer) -> list[Document]:
    messages = []
    while not peer.got_nothing():
        messages.append(peer.gets())
    return messages


def test_an_acquirers_reversal_is_acknowledged_and_undone_at_the_issuer() -> None:
    scene = Scene()
    sent = purchase()
    request = approved(scene, sent)
    scene.rif.sends(reversal(sent))
    answer = scene.rif.gets()
    assert (answer["t"], answer["39"]) == ("0410", "00")
    undo = scene.atlas.gets()
    assert undo["t"] == "0420"
    assert undo["90"][:20] == "0200" + request["11"] + request["7"], "DE90 names it as the issuer knows it"
    assert undo["38"] == "A12345"


def test_the_acknowledgement_waits_until_the_promise_is_durable() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.book.journal_holds()
    scene.rif.sends(reversal(sent))
    assert scene.rif.got_nothing()
    assert scene.atlas.got_nothing()
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"


@pytest.mark.parametrize("how", ["repeat", "another message", "advice"])
def test_reversing_twice_undoes_once(how: str) -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends(reversal(sent, stan="000900"))
    again = {"repeat": reversal(sent, stan="000900", t="0401"), "another message": reversal(sent, stan="000901"),
             "advice": reversal(sent, stan="000902", t="0420")}[how]  # fmt: skip
    scene.rif.sends(again)
    answers = read_all(scene.rif)
    assert [m["39"] for m in answers] == ["00", "00"]
    assert answers[1]["t"] == ("0430" if how == "advice" else "0410")
    assert len(read_all(scene.atlas)) == 1


def test_a_reversal_of_a_request_still_open_ends_it() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["t"] == "0410"
    assert scene.atlas.gets()["t"] == "0420"
    scene.atlas.answers(request, "00")
    assert scene.rif.got_nothing()
    assert scene.book.logged("answer.late")
    scene.book.passes(20)
    assert scene.rif.got_nothing(), "no 91 for a request that its acquirer has taken back"
    assert len(scene.book.recorded(Owed)) == 1


def test_a_reversal_of_a_decline_has_nothing_to_undo() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "51")
    scene.rif.gets()
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()


def test_a_reversal_of_something_unknown_goes_to_the_cards_issuer_all_the_same() -> None:
    scene = Scene()
    scene.rif.sends(reversal(purchase()))
    assert scene.rif.gets()["39"] == "00"
    undo = scene.atlas.gets()
    assert (undo["t"], undo["2"]) == ("0420", ATLAS_CARD)
    assert scene.book.logged("reversal.original_unknown")


def test_a_reversal_of_something_unknown_without_a_card_is_refused() -> None:
    scene = Scene()
    scene.rif.sends(reversal(purchase(), de2=""))
    assert scene.rif.gets()["39"] == "25"


def test_a_reversal_without_de90_finds_its_original_by_de37_and_de41() -> None:
    scene = Scene()
    sent = purchase()
    request = approved(scene, sent)
    scene.rif.sends(reversal(sent, de90=""))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["90"][4:10] == request["11"]


def test_a_reversal_over_a_1993_link_finds_its_original() -> None:
    network = morocco()
    listeners = tuple(msgspec.structs.replace(x, dialect="iso93") for x in network.listeners if x.name == "acquirers")
    scene = Scene(Playbook(msgspec.structs.replace(network, listeners=listeners)))
    sent = purchase(de48="", de7="1125110000")
    approved(scene, sent)
    scene.rif.sends(reversal(sent))
    answer = scene.rif.gets()
    assert (answer["t"], answer["39"]) == ("0410", "00")
    assert scene.atlas.gets()["t"] == "0420"
    assert not scene.book.logged("reversal.original_unknown")


def test_a_networks_name_of_a_transaction_comes_back_in_its_reversal() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    sent = purchase(de2=VISA_ABROAD)
    scene.rif.sends(sent)
    visa.answers(visa.gets(), "00", de38="V00001", de48="6315123456789012345")
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(reversal(sent))
    assert visa.gets()["48"] == "6315123456789012345"


def test_a_reversal_of_a_reversal_is_refused() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    first = reversal(sent)
    scene.rif.sends(first)
    scene.rif.gets()
    scene.rif.sends(reversal(first, stan="000999"))
    assert scene.rif.gets()["39"] == "12"


def test_a_reversal_with_another_card_is_refused() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends(reversal(sent, de2=OTHER_CARD))
    assert scene.rif.gets()["39"] == "77"


def test_an_advice_is_acknowledged_at_once_and_repeated_until_the_issuer_has_it() -> None:
    scene = Scene()
    scene.rif.sends(purchase(t="0220", de38="777777", de39="00", de35="", de52=""))
    answer = scene.rif.gets()
    assert (answer["t"], answer["39"]) == ("0230", "00")
    advice = scene.atlas.gets()
    assert (advice["t"], advice["38"]) == ("0220", "777777")
    scene.atlas.hangs_up()
    atlas = scene.book.host("atlas")
    again = atlas.gets()
    assert (again["t"], again["11"], again["7"]) == ("0221", advice["11"], advice["7"])
    atlas.answers(again, "00")
    assert not scene.book.switch.state.owed


def test_completions_of_one_hold_add_up_and_never_beyond_it() -> None:
    scene = Scene()
    hold = purchase(t="0100", de4="000000100000", de25="06", de35="", de52="")
    scene.rif.sends(hold)
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00", de38="A12345")
    scene.rif.gets()

    def complete(stan: str, amount: str) -> str:
        scene.rif.sends({**reversal(hold, stan), "t": "0220", "4": amount, "38": "A12345"})
        answer = scene.rif.gets()["39"]
        if answer == "00":
            told = scene.atlas.gets()
            assert (told["4"], told["90"][4:20]) == (amount, request["11"] + request["7"])
            scene.atlas.answers(told, "00")
        return answer

    def stands() -> int:
        return next(o.amount for o in scene.book.switch.state.recent.values() if o.mti == "0100")

    assert (complete("000901", "000000030000"), stands()) == ("00", 30_000)
    assert (complete("000902", "000000040000"), stands()) == ("00", 70_000)
    assert (complete("000903", "000000050000"), stands()) == ("61", 70_000)
    scene.rif.sends({**reversal(hold, "000902"), "t": "0221", "4": "000000040000", "38": "A12345"})
    assert (scene.rif.gets()["39"], stands()) == ("00", 70_000)
    scene = Scene(scene.book.crashes())
    assert (complete("000904", "000000045000"), stands()) == ("00", 115_000)
    assert [row.amount for row in journal_rows(scene.book.entries)] == [115_000]
    scene.rif.sends(reversal(hold, "000905"))
    assert scene.rif.gets()["39"] == "00"
    assert [row.amount for row in journal_rows(scene.book.entries)] == [0]


def test_a_tip_adjusts_a_payment_and_is_undone_with_it() -> None:
    """0220 on a 0200: its amount is what stands from then on, within the tolerance; the reversal takes back all of it."""
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00", de38="A12345")
    scene.rif.gets()
    tipped = {**reversal(sent, "000901"), "t": "0220", "4": "000000016500", "38": "A12345"}
    scene.rif.sends(tipped)
    assert scene.rif.gets()["39"] == "00"
    told = scene.atlas.gets()
    assert (told["t"], told["4"], told["90"][4:20]) == ("0220", "000000016500", request["11"] + request["7"])
    scene.atlas.answers(told, "00")
    (outcome,) = [o for o in scene.book.switch.state.recent.values() if o.mti == "0200"]
    assert outcome.amount == 16_500
    scene.rif.sends({**tipped, "11": "000902", "4": "000000099900"})
    assert scene.rif.gets()["39"] == "61"
    scene.rif.sends(reversal(sent, "000903"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["t"] == "0420"


def test_an_advice_for_an_issuer_that_is_away_waits_for_it() -> None:
    scene = Scene()
    scene.atlas.hangs_up()
    scene.rif.sends(purchase(t="0120", de39="00", de35="", de52=""))
    assert scene.rif.gets()["39"] == "00"
    assert scene.book.host("atlas").gets()["t"] == "0120"


def test_an_unanswered_advice_delays_no_other() -> None:
    scene = Scene()
    for stan in ("000001", "000002", "000003"):
        scene.rif.sends(purchase(stan=stan, t="0220", de39="00", de35="", de52=""))
    first, second, third = read_all(scene.atlas)
    scene.atlas.answers(third, "00")
    scene.atlas.answers(second, "00")
    assert [o.message["11"] for o in scene.book.switch.state.owed.values()] == [first["11"]]


def test_not_now_is_no_acknowledgement() -> None:
    scene = Scene()
    scene.rif.sends(purchase(t="0220", de39="00", de35="", de52=""))
    scene.atlas.answers(scene.atlas.gets(), "91")
    assert len(scene.book.switch.state.owed) == 1
    assert scene.book.logged("owed.refused")


# -- repeats and duplicates


@pytest.mark.parametrize("mti", ["0201", "0200"])
def test_a_repeat_is_answered_as_its_original_was_and_goes_nowhere(mti: str) -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends({**sent, "t": mti})
    again = scene.rif.gets()
    assert (again["t"], again["39"], again["38"]) == ("0210", "00", "A12345")
    assert scene.atlas.got_nothing()


def test_a_repeat_of_an_open_request_waits_for_the_same_answer() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.rif.sends({**sent, "t": "0201"})
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.atlas.got_nothing()
    assert scene.rif.gets()["39"] == "00"
    assert scene.rif.got_nothing()


def test_a_repeat_on_a_new_connection_gets_the_answer_there() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.rif.hangs_up()
    rif = scene.book.acquirer("acquirers", "504102")
    rif.sends({**sent, "t": "0201"})
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert rif.gets()["39"] == "00"
    assert not scene.book.recorded(Owed)


def test_a_repeat_of_what_timed_out_is_declined_again() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.book.passes(10)
    scene.rif.sends({**sent, "t": "0201"})
    assert [m["39"] for m in read_all(scene.rif)] == ["91", "91"]
    assert len(read_all(scene.atlas)) == 2, "the request and its reversal"


def test_a_repeat_of_what_was_reversed_since_is_never_approved() -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends(reversal(sent))
    scene.rif.sends({**sent, "t": "0201"})
    assert [m["39"] for m in read_all(scene.rif)] == ["00", "91"]


@pytest.mark.parametrize("change", [{"4": "000000099900"}, {"2": OTHER_CARD, "35": ""}])
def test_another_message_with_the_same_key_is_refused_as_a_duplicate(change: Document) -> None:
    scene = Scene()
    sent = purchase()
    approved(scene, sent)
    scene.rif.sends({de: v for de, v in {**sent, **change}.items() if v})
    assert scene.rif.gets()["39"] == "94"
    assert scene.atlas.got_nothing()


def test_two_acquirers_may_use_the_same_stan() -> None:
    scene = Scene()
    souss = scene.book.acquirer("acquirers", "504103")
    scene.rif.sends(purchase())
    souss.sends(purchase(de32="504103", de4="000000000200"))
    assert len(read_all(scene.atlas)) == 2


@pytest.mark.parametrize(("code", "de25", "follows"), [("", "06", True), ("", "00", False), ("A12345", "00", True)])
def test_a_completion_may_name_its_hold_by_de37_alone_where_there_is_no_approval_code(
    code: str, de25: str, follows: bool
) -> None:
    scene = Scene()
    hold = purchase(t="0100", de4="000000100000", de25="06", de35="", de52="")
    scene.rif.sends(hold)
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00", **({"de38": code} if code else {}))
    scene.rif.gets()
    completion = {**hold, "t": "0220", "4": "000000030000", "7": "0615101600", "11": "000901", "25": de25}
    scene.rif.sends(completion | ({"38": code} if code else {}))
    assert scene.rif.gets()["39"] == "00"
    told = scene.atlas.gets()
    assert ("90" in told and told["90"][4:20] == request["11"] + request["7"]) is follows
    stands = next(o.captured for o in scene.book.switch.state.recent.values() if o.mti == "0100")
    assert stands == (30_000 if follows else 0)
