"""Playbooks: banks that count by other rules than ours, from books of their own; each is told apart by what it says."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.core.scripts import Scene
from tests.core.transactions.test_reconciliation import asks, of, pays, says, takes_back


class Booked(NamedTuple):
    """A payment as a bank has it: major units, below zero a refund; and what of it was taken back."""

    amount: float
    back: float = 0


BOOK = (Booked(1_000), Booked(400, 400), Booked(220, 20), Booked(-50), Booked(-12, -12))
Said = tuple[tuple[int, int, int, int], tuple[float, float, float, float]]
Mind = Callable[[tuple[Booked, ...]], Said]


def as_we_do(book: tuple[Booked, ...]) -> Said:
    refunds, debits = [one for one in book if one.amount < 0], [one for one in book if one.amount > 0]
    numbers = len(refunds), sum(one.back > 0 for one in debits), len(debits), sum(one.back < 0 for one in refunds)
    amounts = (
        -sum(one.amount for one in refunds),
        sum(one.back for one in debits),
        sum(one.amount for one in debits),
        -sum(one.back for one in refunds),
    )
    return numbers, amounts


def swapped(book: tuple[Booked, ...]) -> Said:
    """The merchant's view: a sale is a credit."""
    (a, b, c, d), (e, f, g, h) = as_we_do(book)
    return (c, d, a, b), (g, h, e, f)


def by_kind(book: tuple[Booked, ...]) -> Said:
    """DE75 as credits that were reversed."""
    (a, b, c, d), (e, f, g, h) = as_we_do(book)
    return (a, d, c, b), (e, h, g, f)


def negative(book: tuple[Booked, ...]) -> Said:
    """A refund is a purchase below zero."""
    backs = [one.back for one in book if one.back]
    return (0, len(backs), len(book), 0), (0, sum(backs), sum(one.amount for one in book), 0)


def what_stands(book: tuple[Booked, ...]) -> Said:
    """What was taken back is no more."""
    left = [one.amount - one.back for one in book if one.amount != one.back]
    refunds, debits = [-one for one in left if one < 0], [one for one in left if one > 0]
    return (len(refunds), 0, len(debits), 0), (sum(refunds), 0, sum(debits), 0)


def in_minor_units(book: tuple[Booked, ...]) -> Said:
    numbers, (a, b, c, d) = as_we_do(book)
    return numbers, (100 * a, 100 * b, 100 * c, 100 * d)


def doubled(book: tuple[Booked, ...]) -> Said:
    return as_we_do((*book, book[0]))


def without_its_reversals(book: tuple[Booked, ...]) -> Said:
    """Its late reversals are booked in the day of their payments."""
    return as_we_do(tuple(one._replace(back=0) for one in book))


MINDS: dict[Mind, str] = {
    as_we_do: "they agree",
    swapped: "credits and debits are the other way round",
    by_kind: "DE75 and 77 are read the other way",
    negative: "refunds are counted as purchases below zero",
    what_stands: "what was taken back is left out",
    in_minor_units: "amounts in another unit: 100 times",
    doubled: "missing, doubled, or in another window",
    without_its_reversals: "late, and counted in its payment's day",
}


def a_day_of(book: tuple[Booked, ...]) -> Scene:
    """The same payments through the switch; the day before had one of 7.00."""
    scene = Scene()
    pays(scene, "000090", "7")
    scene.book.asks("day.close", again=True)
    for n, one in enumerate(book, 1):
        kind = {"de3": "200000"} if one.amount < 0 else {}
        sent = pays(scene, f"{n:06d}", f"{abs(one.amount):.2f}", **kind)
        if one.back:
            left = abs(one.amount - one.back)
            takes_back(scene, sent, f"1{n:05d}", f"{left:.2f}" if left else "")
    scene.book.asks("day.close", again=True)
    return scene


def told(scene: Scene, said: Said, day: str = "1126") -> str:
    numbers, amounts = said
    net = amounts[0] + amounts[1] - amounts[2] - amounts[3]
    words = " ".join(map(str, numbers)), " ".join(f"{amount:.2f}" for amount in amounts)
    answer = says(scene.rif, asks(*words, f"{'D' if net < 0 else 'C'}{abs(net)}", de15=day, de7="1127000500"))
    assert answer["66"] in ("1", "2"), of(answer)
    logs = [log for name in ("reconciliation.differs", "reconciliation.agrees") for log in scene.book.logged(name)]
    return str(logs[-1].fields.get("reason", "they agree"))


@pytest.mark.parametrize("mind", MINDS, ids=lambda mind: mind.__name__)
def test_a_bank_that_counts_otherwise_is_told_apart_by_what_it_says(mind: Mind) -> None:
    assert MINDS[mind] in told(a_day_of(BOOK), mind(BOOK))


def test_totals_of_another_day_are_known_for_those() -> None:
    assert "these are the totals of 2025-11-25" in told(a_day_of(BOOK), as_we_do((Booked(7),)))
