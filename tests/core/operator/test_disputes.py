"""Playbooks: a payment is claimed back, answered, claimed again and ruled on; never more goes back than stands of it."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.operator.disputes import DisputeRow
from switch.core.operator.errors import ErrorCode
from switch.core.records.disputes import MOVES, Disputed, Disputes, IllegalStepError, Step
from switch.core.records.records import Answered, Owed
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal
from tests.core.transactions.test_reconciliation import completion, gets_past_cutover, pays
from tests.ledger.stories import disputed


def txn_of(scene: Scene, nth: int = -1) -> int:
    return scene.book.recorded(Answered)[nth].txn


def days_pass(book: Playbook, until: str) -> None:
    """An operator closes the business day again and again, as far ahead as may be."""
    day, end = date(2025, 11, 25), date.fromisoformat(until)
    while day < end:
        day = min(end, day + timedelta(6))
        book.asks("day.close", date=day.isoformat(), again=True)


def claim(book: Playbook, payment: int, **more: Any) -> DisputeRow:
    about: dict[str, Any] = {"txn": f"{payment:x}", "acquirer": "rif", "rrn": "", "reason": "C4", "by": "amina", **more}
    row = book.asks("disputes.open", **about)
    assert isinstance(row, DisputeRow)
    return row


def answers(book: Playbook, dispute: str, step: str, **more: Any) -> DisputeRow:
    row = book.asks("disputes.step", dispute=dispute, step=step, by="amina", **more)
    assert isinstance(row, DisputeRow)
    return row


def test_every_step_moves_the_money_and_its_interchange_and_has_a_deadline() -> None:
    scene = Scene()
    pays(scene, "000001", "1234.50")
    book = scene.book
    row = claim(book, txn_of(scene))
    assert (row.step, row.amount, row.given_back, row.interchange, row.due) == (
        "chargeback",
        123450,
        123450,
        617,
        "2025-12-25",
    )
    assert (row.acquirer, row.issuer, row.scheme, row.title) == (
        "rif",
        "atlas",
        "cmi",
        "goods, services or cash not received",
    )
    row = answers(book, row.dispute, "representment")
    assert (row.step, row.given_back, row.interchange, row.due) == ("representment", 0, 0, "2025-12-25")
    row = answers(book, row.dispute, "pre-arbitration")
    assert (row.step, row.given_back, row.interchange, row.due) == ("pre-arbitration", 123450, 617, "2025-12-05")
    row = answers(book, row.dispute, "arbitration")
    assert (row.step, row.given_back, row.due, row.next) == ("arbitration", 123450, "", ("closed",))
    row = answers(book, row.dispute, "closed", side="acquirer")
    assert (row.step, row.side, row.given_back, row.interchange, row.next) == ("closed", "acquirer", 0, 0, ())
    steps = book.recorded(Disputed)
    assert [one.change for one in steps if isinstance(one, Disputed)] == [123450, -123450, 123450, 0, -123450]
    assert sum(fee.amount for one in steps if isinstance(one, Disputed) for fee in one.fees) == 0
    assert book.asks("disputes.list").items == ()
    assert [one.step for one in book.asks("disputes.list", all=True).items] == ["closed"]


def test_a_part_is_claimed_and_a_part_of_that_is_presented_again_with_its_share_of_interchange() -> None:
    scene = Scene()
    pays(scene, "000001", "1000.00")
    row = claim(scene.book, txn_of(scene), amount=40_000)
    assert (row.amount, row.interchange) == (40_000, 200)
    row = answers(scene.book, row.dispute, "representment", amount=10_000)
    assert (row.given_back, row.interchange) == (30_000, 150)
    row = answers(scene.book, row.dispute, "closed", side="issuer")
    assert (row.given_back, row.interchange) == (40_000, 200)
    assert claim(scene.book, txn_of(scene)).amount == 60_000, "what is left of it"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"amount": 100_001}, "1000.01 MAD of .* cannot be claimed back: 1000.00 MAD of it stand"),
        ({"reason": "13.1"}, '"13.1" is no reason to claim back a cmi payment'),
        ({"txn": "zz"}, "is no transaction"),
        ({"txn": "77"}, "no payment 77 of rif"),
    ],
)
def test_what_cannot_be_claimed_back_is_refused_and_says_why(more: dict[str, Any], why: str) -> None:
    scene = Scene()
    pays(scene, "000001", "1000.00")
    with pytest.raises(Unable, match=why) as refused:
        claim(scene.book, txn_of(scene), **more)
    assert refused.value.code is ErrorCode.DISPUTE_REFUSED
    assert not scene.book.recorded(Disputed)


@pytest.mark.parametrize(
    ("changes", "de39", "why"),
    [
        ({}, "51", "nothing of it stands"),
        ({"t": "0100"}, "00", "nothing of it stands"),
        ({"de3": "200000"}, "00", "is a refund"),
    ],
)
def test_what_has_moved_no_money_or_gave_it_back_is_not_claimed(changes: dict[str, str], de39: str, why: str) -> None:
    scene = Scene()
    pays(scene, "000001", "100.00", de39, **changes)
    with pytest.raises(Unable, match=why):
        claim(scene.book, txn_of(scene))


def test_a_completed_hold_is_claimed_by_its_own_name() -> None:
    scene = Scene()
    hold = pays(scene, "000001", "800", t="0100")
    scene.rif.sends(completion(hold, "000002", "650"))
    assert scene.rif.gets()["39"] == "00"
    followed = max(outcome.txn for outcome in scene.book.switch.state.recent.values())
    with pytest.raises(Unable, match=f"follows payment {txn_of(scene):x}: claim that back"):
        claim(scene.book, followed)
    assert claim(scene.book, txn_of(scene)).amount == 65_000


def test_never_more_goes_back_than_stands() -> None:
    scene = Scene()
    sent = pays(scene, "000001", "100.00")
    row = claim(scene.book, txn_of(scene), amount=6_000)
    with pytest.raises(Unable, match=r"40\.00 MAD of it stand and are in no dispute"):
        claim(scene.book, txn_of(scene), amount=4_001)
    scene.rif.sends(reversal(sent, "000002"))
    assert scene.rif.gets()["39"] == "77"
    scene.rif.sends(completion(sent, "000003", "59.99"))
    assert scene.rif.gets()["39"] == "77", "a tip may not take it below, either"
    part = "000000006000" + "0" * 12 + "C00000000C00000000"
    scene.rif.sends(reversal(sent, "000004", de95=part))
    assert scene.rif.gets()["39"] == "00", "what is not in dispute can be taken back"
    scene.atlas.answers(scene.atlas.gets(), "00")
    with pytest.raises(Unable, match=r" 0\.00 MAD of it stand"):
        claim(scene.book, txn_of(scene))
    answers(scene.book, row.dispute, "closed", side="acquirer")
    scene.rif.sends(reversal(sent, "000005"))
    assert scene.rif.gets()["39"] == "00"


def test_what_is_claimed_back_is_not_refunded_besides() -> None:
    scene = Scene()
    paid = pays(scene, "000001", "100.00")
    row = claim(scene.book, txn_of(scene), amount=6_000)
    named = {"de3": "200000", "de52": "", "de90": paid["t"] + paid["11"] + paid["7"] + "00000504102" + "0" * 11}
    scene.rif.sends(purchase(stan="000002", de4="000000004001", **named))
    assert scene.rif.gets()["39"] == "77"
    pays(scene, "000003", "40.00", **named)
    answers(scene.book, row.dispute, "closed", side="acquirer")
    scene.rif.sends(purchase(stan="000004", de4="000000006001", **named))
    assert scene.rif.gets()["39"] == "61"
    pays(scene, "000005", "60.00", **named)


def naming(paid: Document) -> dict[str, str]:
    """What makes a refund of a purchase one that names it."""
    return {"de3": "200000", "de52": "", "de90": paid["t"] + paid["11"] + paid["7"] + "00000504102" + "0" * 11}


@pytest.mark.parametrize("remembered", [True, False])
def test_what_is_refunded_is_not_claimed_back_besides(remembered: bool) -> None:
    """Not by a switch, either, whose memory has let the payment go: its index knows."""
    limits = msgspec.structs.replace(morocco().limits, recent_transactions=2)
    scene = Scene(Playbook(morocco() if remembered else msgspec.structs.replace(morocco(), limits=limits)))
    paid = pays(scene, "000001", "100.00")
    payment = txn_of(scene)
    refund = pays(scene, "000002", "70.00", **naming(paid))
    pays(scene, "000003", "5.00")
    pays(scene, "000004", "5.00")
    with pytest.raises(
        Unable, match=r"100\.00 MAD .*: 30\.00 MAD of it .* in no dispute, and 70\.00 MAD have been refunded"
    ):
        claim(scene.book, payment, amount=10_000, rrn=paid["37"])
    row = claim(scene.book, payment, rrn=paid["37"])
    assert row.amount == 3_000
    scene.rif.sends(purchase(stan="000005", de4="000000000001", **naming(paid)))
    assert scene.rif.gets()["39"] == "77"
    scene.rif.sends(reversal(refund, "000006", de95="000000002000" + "0" * 12 + "C00000000C00000000"))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert claim(scene.book, payment, rrn=paid["37"]).amount == 5_000, "of the refund 20.00 stand"


def test_what_was_given_back_already_is_not_given_back_again() -> None:
    scene = Scene()
    paid = pays(scene, "000001", "20000.00")
    payment = txn_of(scene)
    pays(scene, "000002", "20000.00", **naming(paid))
    for stan, amount in (("000003", "000002000000"), ("000004", "000000000001")):
        scene.rif.sends(purchase(stan=stan, de4=amount, **naming(paid)))
        assert scene.rif.gets()["39"] == "61"
    with pytest.raises(Unable, match=r"0\.00 MAD of it stand .* 20000\.00 MAD have been refunded"):
        claim(scene.book, payment)


def returned(book: Playbook) -> int:
    """Interchange that all steps so far have given back, minor units."""
    steps = [fee for entry in book.recorded(Disputed) for fee in entry.fees]
    meanwhile = [fee for entry in book.recorded(Owed) for fee in entry.returned]
    return -sum(fee.amount for fee in (*steps, *meanwhile))


def test_two_claims_of_a_payment_return_no_more_interchange_than_was_paid() -> None:
    scene = Scene()
    pays(scene, "000001", "1.50")  # 0.5 %: 0.01 of all, of 0.90 and of 0.30 nothing
    book, payment = scene.book, txn_of(scene)
    first = claim(book, payment, amount=60)
    assert (first.interchange, returned(book)) == (1, 1)
    second = claim(book, payment, amount=60, reason="C3")
    assert (second.interchange, returned(book)) == (0, 1), "the centime has gone back already"
    answers(book, first.dispute, "representment")
    assert returned(book) == 1, "there is none of the 0.90 that are left, either"
    answers(book, second.dispute, "closed", side="acquirer")
    assert returned(book) == 0


def test_interchange_of_a_claim_follows_what_was_taken_back_meanwhile() -> None:
    scene = Scene()
    sent = pays(scene, "000001", "1.50")
    row = claim(scene.book, txn_of(scene), amount=90)
    scene.rif.sends(reversal(sent, "000002", de95="000000000090" + "0" * 12 + "C00000000C00000000"))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert returned(scene.book) == 0, (
        "its reversal gives the centime back, and what the claim gave back returns with it"
    )
    row = answers(scene.book, row.dispute, "closed", side="issuer")
    assert (row.interchange, returned(scene.book)) == (0, 0)


def test_a_step_that_does_not_follow_and_one_without_its_side_are_refused() -> None:
    scene = Scene()
    pays(scene, "000001", "100.00")
    row = claim(scene.book, txn_of(scene))
    for step, more, why in (
        ("pre-arbitration", {}, "is chargeback: pre-arbitration cannot follow"),
        ("closed", {}, "closed for one side"),
        ("representment", {"side": "issuer"}, "closed for one side"),
        ("representment", {"amount": 10_001}, "100.00 MAD have gone back"),
    ):
        with pytest.raises(Unable, match=why):
            answers(scene.book, row.dispute, step, **more)
    with pytest.raises(Unable, match='"77" is no dispute'):
        answers(scene.book, "77", "closed", side="issuer")
    answers(scene.book, row.dispute, "closed", side="issuer")
    with pytest.raises(Unable, match="closed: closed cannot follow"):
        answers(scene.book, row.dispute, "closed", side="acquirer")


def test_who_is_late_cannot_answer_and_the_other_side_has_it() -> None:
    scene = Scene()
    pays(scene, "000001", "100.00")
    row = claim(scene.book, txn_of(scene))
    days_pass(scene.book, "2025-12-25")
    assert not scene.book.asks("disputes.show", dispute=row.dispute).overdue
    scene.book.asks("day.close", date="2025-12-26", again=True)
    assert scene.book.asks("disputes.show", dispute=row.dispute).overdue
    with pytest.raises(Unable, match="the acquirer had until 2025-12-25 for a representment") as late:
        answers(scene.book, row.dispute, "representment")
    assert (late.value.code, late.value.hint) == (ErrorCode.DISPUTE_LATE, "close it for the other side: --for issuer")
    assert answers(scene.book, row.dispute, "closed", side="issuer").given_back == 10_000


def test_a_claim_after_its_time_is_refused() -> None:
    scene = Scene()
    pays(scene, "000001", "100.00")
    days_pass(scene.book, "2026-03-26")
    with pytest.raises(Unable, match="had to be made by 2026-03-25"):
        claim(scene.book, txn_of(scene))


def test_steps_survive_a_crash_and_a_handover() -> None:
    scene = Scene()
    sent = pays(scene, "000001", "100.00")
    row = claim(scene.book, txn_of(scene))
    answers(scene.book, row.dispute, "representment", amount=3_000)
    scene.book.hands_over()
    assert scene.book.asks("disputes.show", dispute=row.dispute).given_back == 7_000
    after = Scene(scene.book.crashes())
    assert after.book.asks("disputes.show", dispute=row.dispute).given_back == 7_000
    after.rif.sends(reversal(sent, "000009"))
    assert gets_past_cutover(after.rif)["39"] == "77"


def test_the_table_runs_and_has_no_other_move() -> None:
    chargeback = disputed(1, 9, Step.CHARGEBACK, 100, 100, 100)
    for before in Step:
        for step in Step:
            state = Disputes()
            if before is not Step.PRESENTED:
                state.last[509] = disputed(1, 9, before, 100, 100, 100)
            wanted = disputed(2, 9, step, 100, 100, 100 if before is Step.PRESENTED else 0)
            if step in MOVES[before]:
                state.check_step(wanted)
            else:
                with pytest.raises(IllegalStepError):
                    state.check_step(wanted)
    state = Disputes()
    with pytest.raises(IllegalStepError, match="101 of 100 cannot go back"):
        state.check_step(disputed(1, 9, Step.CHARGEBACK, 100, 101, 101))
    state.apply(chargeback, 1)
    state.apply(disputed(2, 9, Step.CLOSED, 100, 0, -100), 1)
    assert not state.committed


def test_claims_of_one_payment_are_in_the_order_in_which_they_began_after_a_snapshot_too() -> None:
    """A snapshot has them by their newest steps."""
    whole, again = Disputes(), Disputes()
    for txn, claim_of in ((1, 501), (2, 502), (3, 501)):
        step = Step.CLOSED if txn == 3 else Step.CHARGEBACK
        taken = msgspec.structs.replace(disputed(txn, 9, step, 100, 100, 100), dispute=claim_of)
        whole.apply(taken, 10)
    for newest in whole.last.values():
        again.apply(newest, 10)
    assert [one.dispute for one in whole.last.values()] == [502, 501]
    assert again == whole


def test_what_left_no_money_with_its_issuer_makes_room() -> None:
    scene = Scene(Playbook(_narrow()))
    for stan in ("000001", "000002", "000003"):
        pays(scene, stan, "100.00")
    first = claim(scene.book, txn_of(scene, 0))
    claim(scene.book, txn_of(scene, 1))
    with pytest.raises(Unable, match="limit disputes=2 reached"):
        claim(scene.book, txn_of(scene, 2))
    answers(scene.book, first.dispute, "closed", side="acquirer")
    claim(scene.book, txn_of(scene, 2))
    state = scene.book.switch.state.disputes
    assert (len(state.last), len(state.named), len(state.committed)) == (2, 2, 2)


def test_what_left_money_with_its_issuer_is_known_until_it_can_be_claimed_no_more() -> None:
    """A limit is no reason to give a payment back twice."""
    scene = Scene(Playbook(_narrow()))
    sent = [pays(scene, stan, "100.00") for stan in ("000001", "000002")]
    for nth in (0, 1):
        row = claim(scene.book, txn_of(scene, nth), amount=6_000)
        answers(scene.book, row.dispute, "closed", side="issuer")
    pays(scene, "000003", "100.00")
    with pytest.raises(Unable, match="limit disputes=2 reached"):
        claim(scene.book, txn_of(scene, 2))
    scene.book.hands_over()
    scene.rif.sends(reversal(sent[0], "000009"))
    assert scene.rif.gets()["39"] == "77"
    days_pass(scene.book, "2026-03-27")
    pays(scene, "000004", "100.00")
    claim(scene.book, txn_of(scene, -1))
    state = scene.book.switch.state.disputes
    assert (len(state.last), len(state.named), len(state.committed)) == (2, 2, 2)


def _narrow() -> Network:
    network = morocco()
    return msgspec.structs.replace(network, limits=msgspec.structs.replace(network.limits, disputes=2))


def test_without_a_journal_nothing_is_claimed() -> None:
    scene = Scene()
    scene.rif.sends(purchase("000001"))
    scene.atlas.answers(scene.atlas.gets(), "00")
    txn = txn_of(scene)
    scene.book.journal_fails("gone")
    with pytest.raises(Unable):
        claim(scene.book, txn)
