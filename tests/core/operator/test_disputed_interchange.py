"""Interchange of payments that are claimed back, whatever comes in between: the ledger has at all times just that of what its
issuer has not got back."""

from random import Random
from typing import Final

import pytest

from switch.core.records.disputes import MOVES, Step
from switch.ledger.fold import LedgerFold
from tests.core.operator.test_disputes import answers, claim
from tests.core.scripts import Scene, reversal
from tests.core.transactions.test_reconciliation import completion, gets_past_cutover, pays
from tests.ledger.stories import MAD

HALF_PERCENT: Final = 200
"""a two-hundredth of a payment is interchange of a Cmi card's"""


def of(amount: int) -> int:
    """Interchange of so many minor units, rounded half away from zero, by other arithmetic than the product's."""
    return (2 * amount + HALF_PERCENT) // (2 * HALF_PERCENT)


def in_the_ledger(scene: Scene) -> tuple[int, int, int]:
    """Minor units by the records so far: what of payments stands, what of it is back with the issuer, interchange that the
    issuer has."""
    sums = {"payment": 0, "dispute": 0, "interchange": 0}
    ledger = LedgerFold(MAD)
    for sequence, record in enumerate(scene.book.entries, 1):
        ledger.fold(sequence, record)
    for cells in ledger.positions.values():
        for cell, found in cells.items():
            if cell.kind in sums:
                sums[cell.kind] += found.amount if cell.payee == "atlas" else -found.amount
    return -sums["payment"], sums["dispute"], sums["interchange"]


class Story:
    """One payment: what is asked of it, and what must then be so."""

    def __init__(self, amount: int, *, hold: bool = False) -> None:
        self.scene = scene = Scene()
        self.sent = pays(scene, "000001", f"{amount / 100:.2f}", t="0100" if hold else "0200")
        self.payment = scene.book.switch.state.last_txn
        self.stands = amount
        self._stan = 1
        if hold:
            self.completes(amount)

    def _next(self) -> str:
        self._stan += 1
        return f"{self._stan:06d}"

    def _takes(self, wanted: str = "00") -> None:
        scene = self.scene
        assert gets_past_cutover(scene.rif)["39"] == wanted
        if wanted == "00":
            scene.atlas.answers(gets_past_cutover(scene.atlas), "00")

    def completes(self, amount: int) -> None:
        """A completion of a hold; of a payment, a tip that takes the place of its amount."""
        self.scene.rif.sends(completion(self.sent, self._next(), f"{amount / 100:.2f}"))
        self._takes()
        self.stands = amount

    def takes_back(self, left: int) -> None:
        """A reversal in part."""
        part = f"{left:012d}" + "0" * 12 + "C00000000C00000000"
        self.scene.rif.sends(reversal(self.sent, self._next(), de95=part))
        self._takes()
        self.stands = left

    @property
    def in_dispute(self) -> int:
        """Minor units of it."""
        return self.scene.book.switch.state.disputes.committed.get(self.payment, 0)

    def agrees(self) -> None:
        """The ledger has what stands, what of it went back, and interchange of the rest."""
        back = sum(one.given_back for one in self.scene.book.switch.state.disputes.last.values())
        assert in_the_ledger(self.scene) == (self.stands, back, of(self.stands - back))


def any_step(story: Story, rng: Random) -> None:
    """One thing that may happen now."""
    book = story.scene.book
    free = story.stands - story.in_dispute
    under_way = [one for one in book.switch.state.disputes.last.values() if one.open]
    what = rng.choice(("claim", "step", "step", "take back", "tip"))
    if what == "claim" and free:
        claim(book, story.payment, amount=rng.randrange(1, free + 1), reason=rng.choice(("C1", "C2", "C3", "C4")))
    elif what == "step" and under_way:
        one = rng.choice(under_way)
        step = rng.choice(MOVES[Step(one.step)])
        more: dict[str, object] = {"side": rng.choice(("issuer", "acquirer"))} if step is Step.CLOSED else {}
        if step is Step.REPRESENTMENT:
            more = {"amount": rng.randrange(1, one.given_back + 1)}
        answers(book, f"{one.dispute:x}", step, **more)
    elif what == "take back" and free > 1:
        story.takes_back(story.in_dispute + rng.randrange(max(1, not story.in_dispute), free))
    elif what == "tip" and free > 1:
        story.completes(story.in_dispute + rng.randrange(max(1, not story.in_dispute), free))


@pytest.mark.parametrize("seed", range(20))
def test_interchange_is_that_of_what_its_issuer_has_not_got_back(seed: int) -> None:
    rng = Random(seed)
    story = Story(rng.choice((150, 190, 290, 301, 1_000, 123_450)))
    for _ in range(25):
        any_step(story, rng)
        story.agrees()


@pytest.mark.parametrize("hold", [False, True])
def test_a_step_that_moves_no_money_moves_no_interchange(hold: bool) -> None:
    story = Story(150, hold=hold)  # 0.01 of interchange; of 0.90 and of 0.60 there is none
    row = claim(story.scene.book, story.payment, amount=90)
    story.agrees()
    story.takes_back(90)
    story.agrees()
    for step in (Step.REPRESENTMENT, Step.PRE_ARBITRATION, Step.ARBITRATION):
        answers(story.scene.book, row.dispute, step)
        story.agrees()
    answers(story.scene.book, row.dispute, Step.CLOSED, side="issuer")
    story.agrees()
