"""Playbooks: refunds that name their payment, beside each other, reversals, completions and tips; no more goes back than stands.

Atlas is a party of the script: it approves what is asked, so that what it is never asked, and what it is told to take back, is
what the switch has decided.
"""

import msgspec
import pytest

from switch.core.records.records import Forwarded, Owed
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal

PAID = "000000010000"


def naming(of: Document) -> str:
    """DE90 of it."""
    return reversal(of)["90"]


def refund(of: Document, stan: str, minor: int, **changes: str) -> Document:
    """Of so many minor units of a payment, under a DE37 and a DE11 of its own."""
    return purchase(stan, **{"de3": "200000", "de52": "", "de4": f"{minor:012d}", "de90": naming(of), **changes})


def left(minor: int) -> str:
    """DE95."""
    return f"{minor:012d}{0:012d}C{0:08d}C{0:08d}"


def paid(scene: Scene, stan: str = "000001", **changes: str) -> Document:
    """A payment of 100.00 that Atlas has approved."""
    sent = purchase(stan, **{"de4": PAID, **changes})
    assert said(scene, sent) == "00"
    return sent


def said(scene: Scene, message: Document, *, by: Peer | None = None) -> str:
    """DE39 of its answer, after Atlas has approved whatever reached it."""
    rif = by or scene.rif
    rif.sends(message)
    approves(scene)
    return rif.gets()["39"]


def approves(scene: Scene) -> list[Document]:
    """Atlas approves all that has come."""
    taken = []
    while not scene.atlas.got_nothing():
        taken.append(scene.atlas.gets())
        scene.atlas.answers(taken[-1], "00", **({} if taken[-1]["t"] == "0420" else {"de38": "A12345"}))
    return taken


def test_two_at_once_give_back_no_more_than_was_paid_over_whichever_connection() -> None:
    scene = Scene()
    payment, second = paid(scene), scene.book.acquirer("acquirers", "504102")
    scene.rif.sends(refund(payment, "000002", 6_000))
    second.sends(refund(payment, "000003", 6_000))
    assert second.gets()["39"] == "61", "the first may be approved yet"
    second.sends(refund(payment, "000004", 4_000))
    approves(scene)
    assert (scene.rif.gets()["39"], second.gets()["39"]) == ("00", "00")
    assert said(scene, refund(payment, "000005", 1)) == "61"


def test_what_a_declined_or_reversed_refund_would_have_given_back_is_there_again() -> None:
    scene = Scene()
    payment = paid(scene)
    scene.rif.sends(refund(payment, "000002", 10_000))
    scene.atlas.answers(scene.atlas.gets(), "05")
    assert scene.rif.gets()["39"] == "05"
    assert said(scene, first := refund(payment, "000003", 10_000)) == "00"
    assert said(scene, refund(payment, "000004", 10_000)) == "61"
    assert said(scene, reversal(first, "000005")) == "00"
    assert said(scene, refund(payment, "000006", 10_000)) == "00"


def test_a_reversal_takes_back_what_refunds_have_left() -> None:
    scene = Scene()
    payment = paid(scene)
    assert said(scene, given := refund(payment, "000002", 3_000)) == "00"
    assert said(scene, reversal(payment, "000003")) == "77"
    assert said(scene, reversal(payment, "000004", de95=left(2_999))) == "77"
    assert said(scene, reversal(payment, "000005", de95=left(3_000))) == "00"
    assert said(scene, reversal(given, "000006")) == "00"
    assert said(scene, reversal(payment, "000007")) == "00", "the refund is none any more"


@pytest.mark.parametrize("kept", [0, 5_000])
def test_a_reversal_does_not_wait_for_a_refund_whose_approval_is_then_taken_back(kept: int) -> None:
    scene = Scene()
    payment = paid(scene)
    scene.rif.sends(refund(payment, "000002", 6_000))
    asked = scene.atlas.gets()
    assert said(scene, reversal(payment, "000003", **({"de95": left(kept)} if kept else {}))) == "00"
    scene.atlas.answers(asked, "00", de38="A12345")
    assert scene.rif.gets()["39"] == "91"
    (undone,) = approves(scene)
    assert (undone["t"], undone["3"], undone["90"][4:10]) == ("0420", "200000", asked["11"])
    assert said(scene, refund(payment, "000004", max(kept, 1))) == ("00" if kept else "77")


def test_what_was_reversed_or_waits_for_its_issuer_cannot_be_given_back() -> None:
    scene = Scene()
    payment = paid(scene)
    assert said(scene, reversal(payment, "000002")) == "00"
    assert said(scene, refund(payment, "000003", 100)) == "77"
    scene.rif.sends(waits := purchase("000004", de4=PAID))
    scene.rif.sends(refund(waits, "000005", 100))
    assert scene.rif.gets()["39"] == "77"


def test_refunds_by_whatever_name_of_a_completed_hold_count_together() -> None:
    scene = Scene()
    hold = paid(scene, t="0100", de25="06", de52="")
    assert said(scene, refund(hold, "000002", 1)) == "61", "nothing of it is posted"
    done = {**reversal(hold, "000003"), "t": "0220", "4": "000000008000", "38": "A12345"}
    assert said(scene, done) == "00"
    assert said(scene, refund(hold, "000004", 3_000)) == "00"
    assert said(scene, refund(done, "000005", 3_000)) == "00"
    by_codes = {"de90": "", "de37": hold["37"], "de38": "A12345"}
    assert said(scene, refund(hold, "000006", 2_001, **by_codes)) == "61"
    assert said(scene, refund(hold, "000007", 2_000, **by_codes)) == "00"
    assert said(scene, reversal(done, "000008")) == "77"


def test_a_tip_leaves_no_less_than_was_refunded() -> None:
    scene = Scene()
    payment = paid(scene)
    assert said(scene, refund(payment, "000002", 7_000)) == "00"
    tip = {**reversal(payment, "000003"), "t": "0220", "38": "A12345"}
    assert said(scene, {**tip, "4": "000000006999"}) == "77"
    assert said(scene, {**tip, "11": "000004", "4": "000000011000"}) == "00"
    assert said(scene, refund(payment, "000005", 4_001)) == "61"
    assert said(scene, refund(payment, "000006", 4_000)) == "00"


@pytest.mark.parametrize("mti", ["0100", "0200"])
def test_an_advice_waits_for_what_it_follows_and_does_not_stand_beside_it(mti: str) -> None:
    scene = Scene()
    sent = purchase("000001", t=mti, de4=PAID, de25="06" if mti == "0100" else "00", de52="")
    scene.rif.sends(sent)
    asked = scene.atlas.gets()
    follows = {**reversal(sent, "000002"), "t": "0220", "4": "000000011000"}
    scene.rif.sends(follows)
    assert scene.rif.gets()["39"] == "91"
    assert scene.atlas.got_nothing()
    scene.atlas.answers(asked, "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    assert said(scene, {**follows, "t": "0221"}) == "00"
    (advice,) = scene.book.recorded(Owed)
    assert (advice.original, advice.posts) == (
        scene.book.recorded(Forwarded)[0].txn,
        {"504": 11_000 if mti == "0100" else 1_000},
    )


def test_what_a_reversal_in_part_has_given_up_no_completion_takes_again() -> None:
    scene = Scene()
    for number, mti in enumerate(("0100", "0200")):
        hold = paid(scene, f"00001{number}", t=mti, de25="06" if mti == "0100" else "00", de52="")
        assert said(scene, reversal(hold, f"00002{number}", de95=left(5_000))) == "00"
        more = {**reversal(hold, f"00003{number}"), "t": "0220", "38": "A12345"}
        assert said(scene, {**more, "4": "000000005751"}) == "61"
        assert said(scene, {**more, "11": f"00004{number}", "4": "000000005750"}) == "00"


def test_a_hold_is_not_cut_while_an_increment_of_it_waits() -> None:
    scene = Scene()
    hold = paid(scene, t="0100", de25="06", de52="")
    scene.rif.sends({**hold, "4": "000000006000", "11": "000002", "90": naming(hold), "38": "A12345"})
    asked = scene.atlas.gets()
    cut = reversal(hold, "000003", de95=left(5_000))
    scene.rif.sends(cut)
    assert scene.rif.gets()["39"] == "91"
    scene.atlas.answers(asked, "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    assert said(scene, {**cut, "t": "0401"}) == "00"
    completed = {**reversal(hold, "000004"), "t": "0220", "38": "A12345"}
    assert said(scene, {**completed, "4": "000000005751"}) == "61", "50.00 of both are left, and 15 %"


def test_a_refund_that_a_crash_made_forgotten_is_taken_back_where_another_has_its_place() -> None:
    scene = Scene()
    payment = paid(scene)
    scene.book.journal_holds()
    lost = refund(payment, "000002", 8_000)
    scene.rif.sends(lost)
    assert scene.atlas.gets()["3"] == "200000"
    after = Scene(scene.book.crashes())
    assert said(after, refund(payment, "000003", 8_000, de7="1125120500")) == "00"
    after.rif.sends({**lost, "t": "0201"})
    (undone,) = approves(after)
    assert (undone["t"], undone["37"]) == ("0420", lost["37"])
    assert after.rif.gets()["39"] == "91"


def test_refunds_under_the_de37_of_their_payment_name_it() -> None:
    """And neither names the other, whose DE37 and amount it has."""
    scene = Scene()
    payment = paid(scene)
    named = {"de90": "", "de37": payment["37"]}
    scene.rif.sends(refund(payment, "000002", 5_000, **named))
    assert said(scene, refund(payment, "000003", 5_001, **named)) == "61"
    assert scene.rif.gets()["39"] == "00"
    assert said(scene, refund(payment, "000004", 5_000, **named)) == "00"
    assert said(scene, refund(payment, "000005", 5_000, **named)) == "61"
    assert said(scene, refund(payment, "000006", 10_000)) == "61"


RECENT = 8


@pytest.mark.parametrize("others", [0, RECENT - 1, RECENT + 2])
def test_an_approved_refund_counts_before_it_is_durable_and_when_memory_has_let_its_payment_go(others: int) -> None:
    limits = msgspec.structs.replace(morocco().limits, recent_transactions=RECENT)
    scene = Scene(Playbook(msgspec.structs.replace(morocco(), limits=limits)))
    payment = paid(scene)
    for number in range(others):
        paid(scene, f"{100 + number:06d}", de7=f"11251200{number:02d}")
    scene.book.journal_holds()
    scene.rif.sends(refund(payment, "000002", 6_000))
    approves(scene)
    scene.rif.sends(refund(payment, "000003", 6_000))
    assert scene.rif.gets()["39"] == "61"
    scene.rif.sends(reversal(payment, "000004"))
    assert scene.rif.gets()["39"] == "77"
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"
    assert said(scene, refund(payment, "000005", 4_001)) == "61"
    assert said(scene, refund(payment, "000006", 4_000)) == "00"
