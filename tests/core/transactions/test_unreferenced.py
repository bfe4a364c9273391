"""Advices and refunds that no payment known here stands behind: up to a bound of their member's, and not in silence above it."""

from collections.abc import Callable

import msgspec
import pytest

from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import OTHER_CARD, Scene, morocco, purchase


def advice(stan: str = "000200", **changes: str) -> Document:
    """A 0220 that follows nothing: an offline payment."""
    return purchase(stan=stan, **{"t": "0220", "de38": "OFF123", "de52": "", **changes})


def refund(stan: str = "000300", **changes: str) -> Document:
    return purchase(stan=stan, **{"de3": "200000", "de52": "", **changes})


def original(of: Document) -> str:
    return of["t"] + of["11"] + of["7"] + of["32"].rjust(11, "0") + "0" * 11


def answered(scene: Scene, message: Document) -> str:
    """DE39 of what Rif sends; Atlas approves what reaches it."""
    scene.rif.sends(message)
    if not scene.atlas.got_nothing():
        scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    return scene.rif.gets()["39"]


@pytest.mark.parametrize(("amount", "de39"), [("000001000000", "00"), ("000001000001", "61"), ("000900000000", "61")])
@pytest.mark.parametrize("made", [advice, refund])
def test_without_an_original_ten_thousand_is_the_most(made: Callable[..., Document], amount: str, de39: str) -> None:
    scene = Scene()
    assert answered(scene, made(de4=amount)) == de39
    reached = [log.fields for log in scene.book.logs if log.event == "amount.unreferenced"]
    assert [fields["amount"] for fields in reached] == ([int(amount)] if de39 == "61" else [])
    if reached:
        assert "[[member]] rif" in reached[0]["hint"]


def test_each_member_has_bounds_of_its_own() -> None:
    network = morocco()
    members = tuple(
        msgspec.structs.replace(m, advice_amount_max=50_00, refund_amount_max=20_00) if m.name == "rif" else m
        for m in network.members
    )
    scene = Scene(Playbook(msgspec.structs.replace(network, members=members)))
    assert answered(scene, advice("000201", de4="000000005000")) == "00"
    assert answered(scene, advice("000202", de4="000000005001")) == "61"
    assert answered(scene, advice("000203", de4="000000002001", de3="200000")) == "61"  # an advice of a refund
    assert answered(scene, refund("000301", de4="000000002000")) == "00"
    assert answered(scene, refund("000302", de4="000000002001")) == "61"


def test_another_currency_counts_by_its_rate() -> None:
    assert answered(Scene(), advice(de4="000000090000", de49="978")) == "00"
    assert answered(Scene(), advice(de4="000000100000", de49="978")) == "61"  # 1,000 EUR are more than 10,000 MAD


def test_a_refund_of_a_payment_that_stands_may_be_as_large_as_the_payment() -> None:
    scene = Scene()
    paid = purchase(de4="000002000000")
    assert answered(scene, paid) == "00"
    assert answered(scene, refund("000301", de4="000002000000", de90=original(paid))) == "00"
    assert answered(scene, refund("000302", de4="000002000001", de90=original(paid))) == "61"
    assert answered(scene, refund("000303", de4="000002000000", de90=original(paid), de2=OTHER_CARD)) == "61"


def test_a_completion_is_bound_by_its_own_hold() -> None:
    scene = Scene()
    hold = purchase(t="0100", de4="000002000000", de25="06")
    assert answered(scene, hold) == "00"
    completion = advice(de4="000002000000", de90=original(hold), de38="A12345")
    assert answered(scene, completion) == "00"


def test_an_advice_of_a_decline_moves_no_money() -> None:
    assert answered(Scene(), advice(de4="000900000000", de39="51")) == "00"
