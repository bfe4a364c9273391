"""What pricing costs a payment: `python -m tests.bench.test_pricing_cost` prints it; as a test, only that rules cost nothing once
they are compiled (a count of calls, no time)."""

import sys
import timeit

import pytest

from switch.config import load_network
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import Router
from switch.money import fees as module
from switch.money.fees import FeeRule, Fees, Payment

DAY = "2026-11-27"


def shipped() -> tuple[Fees, list[Payment]]:
    network = load_network("morocco")
    router = Router(network)
    ranges = [router.lookup(pan) for pan in ("9504010000000019", "4550411100000000", "4970000000090017")]
    cards = [card for card in ranges if card is not None]
    return fee_table(network), [
        payment_of(network, card, acquirer="rif", channel="pos", currency="504", mcc="5411") for card in cards
    ]


def test_rules_are_looked_at_once_for_payments_of_a_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    table, payments = shipped()
    looked: list[FeeRule] = []
    fits = module._fits

    def counted(rule: FeeRule, payment: Payment, day: str) -> bool:
        looked.append(rule)
        return fits(rule, payment, day)

    monkeypatch.setattr(module, "_fits", counted)
    for payment in payments:
        table.price(payment, DAY, "M1", 10_000, 1)
    once = len(looked)
    for amount in range(1_000):
        for payment in payments:
            table.price(payment, DAY, f"M{amount}", amount, 1)
    assert len(looked) == once


def best_us(table: Fees, payment: Payment, rounds: int = 7, number: int = 20_000) -> float:
    """Microseconds a payment, the best of some rounds."""
    return (
        min(timeit.repeat(lambda: table.price(payment, DAY, "M1", 12_345, 1), number=number, repeat=rounds))
        / number
        * 1e6
    )


if __name__ == "__main__":
    table, payments = shipped()
    for payment in payments:
        sys.stdout.write(f"{payment.scheme:<5} {payment.region:<9} {best_us(table, payment):.2f} us\n")
    call = min(timeit.repeat(lambda: ",".join(("a", "b")), number=100_000, repeat=7)) * 10
    sys.stdout.write(f"beside them, a join of two strings: {call:.3f} us\n")
