"""Holds, completions, tips and their reversals in any order: the fee lines of all records are those of what stands."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.records.records import Answered, Forwarded
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import Router
from switch.journal.projections.projection import PLACE
from switch.journal.projections.transactions import TransactionFold
from switch.ledger.entries import PAYMENT
from switch.ledger.fold import LedgerFold
from switch.money.fee_line import Fee
from switch.money.fees import add_up
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, Scene, morocco, purchase, reversal
from tests.core.transactions.test_pricing import DAY, pays, standing

Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["completion", "completion", "undo", "undo in part", "cut", "undo all", "increment"]),
        st.integers(0, 3),
        st.integers(1, 9_999),
    ),
    max_size=7,
)
TABLE, NETWORK = fee_table(morocco()), morocco()


def costs(*amounts: int) -> dict[str, int]:
    """By kind, what payments of these amounts cost together."""
    card = Router(NETWORK).lookup(ATLAS_CARD)
    assert card is not None
    chosen = payment_of(NETWORK, card, acquirer="rif", channel="pos", currency="504", mcc="5411")
    lines: list[tuple[Fee, ...]] = [TABLE.price(chosen, DAY, "MERCHANT0000001", n, 1)[0] for n in amounts if n]
    return {fee.kind: fee.amount for fee in add_up(*lines)}


def in_part(left: int) -> str:
    return f"{left:012d}{0:012d}C{0:08d}C{0:08d}"


class Story:
    """One payment, 150.00 at first, and what its acquirer says of it; beside it what must stand."""

    def __init__(self, sent: Document) -> None:
        self.scene, self.sent, self.stan = Scene(), sent, 100_000
        pays(self.scene, sent, de38="A12345")
        self.advices: list[Document] = []
        self.left: dict[int, int] = {}
        """by number of an advice: what is left of it"""
        self.parts: list[int] = [] if sent["t"] == "0100" else [15_000]
        """amounts that are charged, each by itself"""

    def says(self, document: Document) -> bool:
        self.scene.rif.sends(document)
        return self.scene.rif.gets()["39"] == "00"

    def next(self) -> str:
        self.stan += 1
        return str(self.stan)

    def advise(self, amount: int) -> bool:
        advice = {**reversal(self.sent, self.next()), "t": "0220", "4": f"{amount:012d}", "38": "A12345"}
        done = self.says(advice)
        if done:
            self.left[len(self.advices)] = amount
            self.advices.append(advice)
        return done

    def check(self) -> None:
        """Records, memory, ledger and list agree."""
        stands, book = sum(self.parts), self.scene.book
        assert standing(self.scene) == costs(*self.parts)
        txn = next(e.txn for e in book.entries if isinstance(e, Forwarded))
        ledger, rows, posted = LedgerFold("504"), TransactionFold(), []
        for sequence, entry in enumerate(book.entries, 1):
            ledger.fold(sequence, entry)
            take = rows.takes.get(type(entry))
            if take is not None:
                take(entry, sequence, PLACE.pack(1, sequence, 0))
        for cells in ledger.positions.values():
            posted += [v.amount for c, v in cells.items() if c.kind == PAYMENT and c.payer == "atlas"]
            posted += [-v.amount for c, v in cells.items() if c.kind == PAYMENT and c.payee == "atlas"]
        assert sum(posted) == stands
        row = rows.find(txn)
        assert row is not None
        assert row.holds or row.stands == stands


class Hold(Story):
    def __init__(self) -> None:
        super().__init__(purchase(t="0100", de25="06"))
        self.over = False
        """it has been taken back whole"""

    def completion(self, _: int, amount: int) -> None:
        if self.advise(amount):
            assert not self.over
            self.parts.append(amount)

    def undo(self, which: int, _: int, left: int = 0) -> None:
        if which >= len(self.advices):
            return
        of = self.advices[which]
        assert self.says(reversal(of, self.next(), **({"de95": in_part(left)} if left else {})))
        stands, there = sum(self.parts), self.left[which]
        if left >= there or self.over:
            return
        kept = max(0, stands - (there - left))
        self.left[which] = max(0, there - (stands - kept)) if kept else 0
        self.parts = [kept]
        self.over = not kept

    def undo_in_part(self, which: int, amount: int) -> None:
        self.undo(which, 0, amount)

    def cut(self, _: int, left: int) -> None:
        if not self.parts:
            return  # of what is only held: tried in test_pricing
        assert self.says(reversal(self.sent, self.next(), de95=in_part(left)))
        if left < sum(self.parts):
            self.parts = [left]

    def undo_all(self, _: int, __: int) -> None:
        assert self.says(reversal(self.sent, self.next()))
        self.parts, self.over = [], True

    def increment(self, _: int, amount: int) -> None:
        scene = self.scene
        asked = {**reversal(self.sent, self.next()), "t": "0100", "4": f"{amount:012d}", "7": "1125120040"}
        before = len(scene.book.recorded(Forwarded))
        scene.rif.sends(asked)
        if len(scene.book.recorded(Forwarded)) > before:
            sent = next(m for m in iter(scene.atlas.gets, None) if m["t"] == "0100")
            scene.atlas.answers(sent, "00", de38="A12346")
        scene.rif.gets()


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_fees_are_those_of_what_stands_of_a_hold(steps: list[Step]) -> None:
    story = Hold()
    for name, which, amount in steps:
        step: Callable[[int, int], None] = getattr(story, name.replace(" ", "_"))
        step(which, amount)
        story.check()
    story.undo_all(0, 0)
    story.check()
    assert standing(story.scene) == {}


def test_a_completion_and_then_its_hold_give_fees_back_once() -> None:
    """Two completions; the first is taken back, twice over, then all of it: nothing is left, and nothing is given back twice."""
    story = Hold()
    story.completion(0, 5_000)
    story.completion(0, 4_000)
    for _ in range(2):
        story.undo(0, 0)
        story.check()
    assert story.parts == [4_000]
    story.undo_all(0, 0)
    story.undo(1, 0)
    story.check()
    assert standing(story.scene) == {}


def test_what_is_given_back_of_a_completed_hold_may_be_completed_again() -> None:
    story = Hold()
    story.completion(0, 15_000)
    story.cut(0, 5_000)
    story.completion(0, 9_000)
    assert sum(story.parts) == 14_000
    story.check()


def test_a_tip_taken_back_leaves_its_payment_and_both_are_given_back_once() -> None:
    story = Story(purchase())
    assert story.advise(16_500)
    story.parts = [16_500]
    story.check()
    for _ in range(2):
        assert story.says(reversal(story.advices[0], story.next()))
        story.parts = [15_000]
        story.check()
    assert story.says(reversal(story.sent, story.next()))
    assert story.says(reversal(story.advices[0], story.next()))
    story.parts = []
    story.check()
    assert story.scene.book.recorded(Answered)[0].de39 == "00"
