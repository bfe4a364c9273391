"""Playbooks: what a payment costs is said with the answer to its completion and its reversal, where the link wants it (DE46)."""

import msgspec
import pytest

from switch.core.messages.fee_amounts import FeeAmount, fees_of, read_fees, write_fees
from switch.core.records.records import Owed
from switch.money.fee_line import Fee
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal

HOLD = purchase("000001", t="0100", de25="06", de18="5411")


def scene(fees: bool = True) -> Scene:
    network = morocco()
    listeners = tuple(msgspec.structs.replace(each, fees=fees) for each in network.listeners)
    return Scene(Playbook(msgspec.structs.replace(network, listeners=listeners)))


def completed(at: Scene, amount: str = "000000010000") -> Document:
    """The answer to the completion of a hold."""
    at.rif.sends(HOLD)
    at.atlas.answers(at.atlas.gets(), "00", de38="A12345")
    assert "46" not in at.rif.gets(), "a hold costs nothing yet"
    at.rif.sends({**reversal(HOLD, "000002"), "t": "0220", "4": amount, "38": "A12345"})
    assert at.atlas.gets()["t"] == "0220"
    return at.rif.gets()


def test_a_completion_is_answered_with_its_fees_and_its_window() -> None:
    at = scene()
    answer = completed(at)
    (owed,) = at.book.recorded(Owed)
    assert owed.priced is not None
    told = {fee.code: fee.amount for fee in read_fees(answer["46"])}
    by_kind = {fee.kind: fee for fee in owed.priced.fees}
    assert told == {
        "70": by_kind["service"].amount,
        "71": by_kind["interchange"].amount,
        "72": by_kind["switch"].amount,
        "78": by_kind["service"].vat,
    }
    assert {fee.currency for fee in read_fees(answer["46"])} == {"504"}
    assert answer["48"] == "6403001"
    at.rif.sends({**reversal(HOLD, "000002"), "t": "0221", "4": "000000010000", "38": "A12345"})
    again = at.rif.gets()
    assert (again["46"], again["48"]) == (answer["46"], answer["48"]), "a repeat is told the same"


def test_a_reversal_is_answered_with_what_comes_back() -> None:
    at = scene()
    paid = {fee.code: fee.amount for fee in read_fees(completed(at)["46"])}
    at.rif.sends(reversal(HOLD, "000003"))
    while (answer := at.rif.gets())["t"] != "0410":
        pass
    back = {fee.code: fee.amount for fee in read_fees(answer["46"])}
    assert back == {code: -amount for code, amount in paid.items()}


def test_a_link_that_does_not_want_it_is_told_nothing() -> None:
    answer = completed(scene(fees=False))
    assert "46" not in answer
    assert "48" not in answer


def test_an_acquirer_is_told_nothing_of_what_others_owe_each_other() -> None:
    fees = [
        Fee(rule="a", kind="scheme", payer="atlas", payee="visa", amount=500),
        Fee(rule="b", kind="interchange", payer="rif", payee="atlas", amount=61, vat=6),
        Fee(rule="c", kind="interchange", payer="atlas", payee="rif", amount=11),
        Fee(rule="d", kind="service", payer="merchant:M1", payee="rif", amount=988, vat=99),
        Fee(rule="e", kind="gateway", payer="merchant:M1", payee="maroc-telecommerce", amount=40),
    ]
    told = fees_of(fees, "rif", "504")
    assert [(fee.code, fee.amount) for fee in told] == [("70", 988), ("71", 50), ("73", 40), ("78", 99), ("79", 6)]
    assert read_fees(write_fees(told)) == told


@pytest.mark.parametrize("value", ["", "x" * 33, "70504X00000988" + "0" * 20, "70504D0000098x" + "0" * 20])
def test_what_cannot_be_read_is_left_out(value: str) -> None:
    assert read_fees(value) == []
    right = write_fees([FeeAmount("70", "504", -5)])
    assert read_fees(right + value) == [FeeAmount("70", "504", -5)]


def test_no_more_than_an_answer_has_room_for() -> None:
    many = [FeeAmount(f"{code}", "504", code) for code in range(70, 79)]
    assert len(write_fees(many)) == 204
    assert write_fees([FeeAmount("70", "504", 10**8)]) == ""
