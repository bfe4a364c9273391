"""What pricing costs a payment, and the core with it and without: `python -m tests.bench.test_pricing_cost` prints it.

As a test, only that rules cost nothing once they are compiled (a count of calls, no time).
"""

import sys
import time
import timeit

import msgspec
import pytest

from switch.config import load_network
from switch.core.network import Network
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import Router
from switch.money import fees as module
from switch.money.fees import FeeRule, Fees, Payment
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase

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


def best_us(table: Fees, payment: Payment, rounds: int = 200, number: int = 1_000) -> float:
    """Microseconds a payment, the best of some rounds, which are short: among others, a long one is never alone."""
    return (
        min(timeit.repeat(lambda: table.price(payment, DAY, "M1", 12_345, 1), number=number, repeat=rounds))
        / number
        * 1e6
    )


def payments_us(network: Network, count: int = 1_500) -> float:
    """CPU of a purchase and its approval through the whole core, with the hosts that play it, as this network prices it."""
    scene, began = Scene(Playbook(network)), time.process_time()
    for number in range(1, count + 1):
        scene.rif.sends(purchase(stan=f"{number:06d}", de37=f"{number:012d}"))
        scene.atlas.answers(scene.atlas.gets(), "00")
        scene.rif.gets()
    return (time.process_time() - began) / count * 1e6


def best_of_both(rounds: int = 6) -> tuple[float, float]:
    """Microseconds a payment with the shipped network's rules, and without any: the best of rounds in alternation."""
    priced = morocco()
    free = msgspec.structs.replace(priced, fees=(), tariffs=())
    taken = [(payments_us(priced), payments_us(free)) for _ in range(rounds)]
    return min(one for one, _ in taken), min(other for _, other in taken)


if __name__ == "__main__":
    with_us, without_us = best_of_both()
    sys.stdout.write(
        f"in the core: {with_us:.1f} us a payment with rules, {without_us:.1f} without; throughput {without_us / with_us:.3f}\n"
    )
    table, payments = shipped()
    for payment in payments:
        sys.stdout.write(f"{payment.scheme:<5} {payment.region:<9} {best_us(table, payment):.2f} us\n")
    call = min(timeit.repeat(lambda: ",".join(("a", "b")), number=100_000, repeat=7)) * 10
    sys.stdout.write(f"beside them, a join of two strings: {call:.3f} us\n")
