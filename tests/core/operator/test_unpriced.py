"""Playbooks: what was approved without a price stands on the list of exceptions, until a person says what became of it."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.operator.exceptions import ExceptionList
from switch.core.records.fold import apply
from switch.core.records.records import Resolved
from switch.core.records.state import State
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase, reversal
from tests.core.transactions.test_standin import network as with_stand_in

KUWAIT = "414"


def without_fees() -> Network:
    """Morocco, with a fee that is over, and stand-in."""
    network = with_stand_in()
    return msgspec.structs.replace(network, fees=(msgspec.structs.replace(network.fees[0], end="2020-01-01"),))


def items(book: Playbook, kind: str = "unpriced") -> list[tuple[str, int, str, int]]:
    listed = book.asks("exceptions.list", kind=kind)
    assert isinstance(listed, ExceptionList)
    return [(row.reason, row.amount, row.currency, row.age_s) for row in listed.items]


def approved(scene: Scene, stan: str = "000001", **changes: str) -> dict[str, str]:
    sent = purchase(stan, de49=KUWAIT, de4="000000010000", **changes)
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    return sent


def test_a_payment_without_a_rate_is_listed_with_its_age_and_said() -> None:
    scene = Scene()
    approved(scene)
    scene.book.passes(20)
    assert items(scene.book) == [("no rate for currency KWD", 10_000, KUWAIT, 20)]
    (log,) = scene.book.logged("payment.unpriced")
    assert (log.fields["reason"], log.fields["times"]) == ("no rate for currency KWD", 1)


def test_what_no_fee_is_for_is_listed_stood_in_for_or_told_of() -> None:
    scene = Scene(Playbook(without_fees()))
    scene.rif.sends(purchase("000003", t="0220"))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.hangs_up()
    scene.rif.sends(purchase("000002", de4="000000002000", de52=""))
    assert scene.rif.gets()["39"] == "00"
    assert [(why[:20], amount) for why, amount, *_ in items(scene.book)] == [
        ("no [[fee]] is for cm", 15_000),
        ("no [[fee]] is for cm", 2_000),
    ]


def test_a_decline_a_hold_and_an_inquiry_cost_nothing_and_are_not_listed() -> None:
    scene = Scene()
    scene.rif.sends(purchase("000001", de49=KUWAIT))
    scene.atlas.answers(scene.atlas.gets(), "51")
    scene.rif.sends(purchase("000002", t="0100", de49=KUWAIT))
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert items(scene.book) == []


@pytest.mark.parametrize("crash", [False, True], ids=["running", "after a crash and a snapshot"])
def test_a_person_ends_it_with_a_reason_and_nothing_owed_is_ended_by_it(crash: bool) -> None:
    scene = Scene(Playbook(without_fees()))
    scene.rif.sends(purchase("000003", t="0220"))
    book = scene.book
    owed = dict(book.switch.state.owed)
    if crash:
        book.switch.snapshot(book.now)
        book.asks("day.show")
        book = book.crashes()
    (row,) = book.asks("exceptions.list").items
    book.asks("exceptions.resolve", txn=row.txn, reason="charged by hand, card 4761739001010119", by="Amina")
    assert items(book) == []
    assert book.switch.state.owed == owed, "the advice is owed all the same"
    assert [(r.reason, r.unpriced) for r in book.recorded(Resolved)] == [
        ("charged by hand, card 4761730000500119", True)
    ]
    with pytest.raises(Unable, match="is no open exception"):
        book.asks("exceptions.resolve", txn=row.txn, reason="again", by="Amina")
    assert items(book.crashes()) == []


def test_it_goes_where_all_of_the_payment_is_taken_back_and_not_where_a_part_is() -> None:
    scene = Scene()
    sent = approved(scene)
    scene.rif.sends(reversal(sent, "000900", de95="000000003000" + "0" * 12 + "C" + "0" * 8 + "C" + "0" * 8))
    assert scene.rif.gets()["39"] == "00"
    assert len(items(scene.book)) == 1
    scene.rif.sends(reversal(sent, "000901"))
    assert scene.rif.gets()["39"] == "00"
    assert items(scene.book) == []


def test_the_list_is_bounded_and_leaves_other_exceptions_their_room() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, exceptions=3)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    for n in range(5):
        approved(scene, f"{n:06d}")
    state = scene.book.switch.state
    assert (len(state.unpriced), len(state.exceptions)) == (3, 0)
    again = State(limits)
    for entry in scene.book.entries:
        apply(again, entry)
    assert again.unpriced == state.unpriced
