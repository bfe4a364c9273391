"""What is wrong with an order after a soak: the gateway's book, the shop's and what its buyer saw must say the same."""

import msgspec
import pytest

from switch.core.records.lifecycle import Status
from switch.gateway.demo_shop import Told
from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.order import Attempt, Authentication, Order
from switch.gateway.payment_messages import Names
from switch.soak.web import _payment, _wrong
from tests.gateway.test_store import order

NAMES = Names(stan="1", sent_at="", local_time="", local_date="", rrn="R1", amount=3150, currency="504")


def paid(stage: Stage, **more: object) -> Order:
    made = order("A1", stage=stage, attempt=Attempt(names=NAMES, masked="", scheme="cmi", client="", code="00"), **more)
    return msgspec.structs.replace(
        made, asked=msgspec.structs.replace(made.asked, callback_url="https://shop.example/cb")
    )


def told(code: str, rrn: str = "R1") -> Told:
    return Told(oid="A1", code=code, rrn=rrn)


@pytest.mark.parametrize(
    ("stage", "said", "seen", "wrong"),
    [
        (Stage.CAPTURED, [told("00")], {"A1"}, ""),
        (Stage.REVERSED, [told("00"), told("99")], set(), ""),
        (Stage.OPEN, [], set(), ""),
        (Stage.CAPTURED, [], set(), "the shop was last told nothing"),
        (Stage.CAPTURED, [told("00"), told("99")], set(), "the shop was last told 99"),
        (Stage.REVERSED, [told("00")], set(), "the shop was last told 00"),
        (Stage.REVERSED, [told("99")], {"A1"}, "its buyer has seen that it is paid"),
        (Stage.CAPTURED, [told("00"), told("00", "R2")], {"A1"}, "was approved 2 times: R1, R2"),
        (Stage.REVERSING, [told("00"), told("99")], set(), "is still reversing"),
    ],
)
def test_an_order_that_is_paid_for_one_and_not_for_another_is_found(
    stage: Stage, said: list[Told], seen: set[str], wrong: str
) -> None:
    found = _wrong(paid(stage), {"A1": said}, seen)
    assert bool(found) is bool(wrong)
    assert wrong in "; ".join(found)


@pytest.mark.parametrize(
    ("known", "wrong"),
    [
        (Authentication(trans_id="t", status="Y"), ""),
        (Authentication(trans_id="t", status="U"), ""),
        (Authentication(trans_id="t", status="Y", acs_url="https://bank.example/", result="Y"), ""),
        (Authentication(trans_id="t", status="Y", acs_url="https://bank.example/"), "its card's bank has said Y"),
        (Authentication(trans_id="t", status="Y", acs_url="https://bank.example/", result="N"), "has said N"),
        (Authentication(trans_id="t", status="R"), "has said R"),
    ],
)
def test_an_order_that_its_cards_bank_has_not_said_yes_to_is_found(known: Authentication, wrong: str) -> None:
    made = paid(Stage.CAPTURED)
    assert made.attempt is not None
    made = msgspec.structs.replace(made, attempt=msgspec.structs.replace(made.attempt, authentication=known))
    found = "; ".join(_wrong(made, {"A1": [told("00")]}, {"A1"}))
    assert bool(found) is bool(wrong)
    assert wrong in found


@pytest.mark.parametrize(
    ("made", "status", "amount"),
    [
        (paid(Stage.CAPTURED, captured=3150, credited=1000), Status.APPROVED, 2150),
        (paid(Stage.HELD), Status.APPROVED, 3150),
        (paid(Stage.REVERSED), Status.REVERSED, 0),
        (paid(Stage.EXPIRED), Status.DECLINED, 0),
        (paid(Stage.AUTHORIZING), Status.OPEN, 0),
    ],
)
def test_an_order_is_what_an_acquirer_keeps_of_a_payment(made: Order, status: Status, amount: int) -> None:
    payment = _payment(made, "504101")
    assert payment is not None
    assert (payment.status, payment.amount, payment.key) == (status, amount, "504101/W0000001/R1")
    assert _payment(order("A2"), "504101") is None
    assert _payment(paid(Stage.AUTHENTICATING), "504101") is None, "no issuer was asked yet"
