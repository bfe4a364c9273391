"""Claims on one payment that race: refunds, reversals, completions, tips, increments, and claims of its issuer, in any order,
with a slow disk, a slow issuer, a small memory, and kill -9 in between.

The model is an acquirer that knows nothing but what it was answered, and a simulated issuer with accounts of its own. At the end
of each story the three books agree, and of no payment more was taken back than was approved.
"""

import random
from collections.abc import Callable

import msgspec
import pytest

from switch.core.operator.command import Unable
from switch.core.records.records import STAN, Forwarded
from switch.sim.playbook import Peer, Playbook
from switch.simulators.messages import completion, increment, repeat, request, reversal
from switch.simulators.reconciliation import journal_rows
from switch.wire.vocabulary import Document
from tests.core.scripts import morocco
from tests.core.test_mechanisms import Bank, Counter

RECENT = 24
"""outcomes in memory: a payment has left it before its story is over"""
ANSWERED_IN_S = 40
"""the acquirer sends again what has no answer after so long"""


class Known(msgspec.Struct):
    """A payment as its acquirer knows it."""

    asked: Document
    held: bool
    approval: str = ""
    approved: int = 0
    stands: int = 0
    """of a hold: what was completed"""
    holds: int = 0
    refunded: int = 0
    claimed: int = 0


class Rivals(Counter):
    """A counter whose messages wait for their answers side by side, and a world that is not always there."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        limits = msgspec.structs.replace(morocco().limits, recent_transactions=RECENT)
        network = msgspec.structs.replace(self.book.network, limits=limits)
        self.book = Playbook(network)
        self.bank = Bank(self)
        self.rif = self.book.acquirer("acquirers", "504102")
        self.second: Peer = self.book.acquirer("acquirers", "504102")
        self.waiting: dict[str, tuple[Document, Callable[[], None]]] = {}
        """by DE11, as they were sent: what has no answer yet, and what its approval means"""
        self.approved: list[tuple[int, Callable[[], None]]] = []
        """what approvals mean, by the order in which what they answer was sent"""
        self.sent: dict[str, int] = {}
        self.paid = 0
        self.story: list[str] = []

    # -- what is said

    def tells(self, document: Document, means: Callable[[], None]) -> None:
        """Send it on one of two connections."""
        self.waiting[document["11"]] = document, means
        self.sent[document["11"]] = len(self.sent)
        said = " ".join(document.get(de, "")[:12] for de in ("t", "11", "3", "4", "95"))
        self.story.append(said)
        (self.rif if self.chance.random() < 0.7 else self.second).sends(document)

    def hears(self) -> None:
        """Read what has come."""
        for peer in (self.rif, self.second):
            while not peer.got_nothing():
                answer = peer.gets()
                if answer["t"] == "0800" or answer["11"] not in self.waiting:
                    continue
                sent, means = self.waiting[answer["11"]]
                self.story.append(f"  {answer['t']} {answer['11']} {answer['39']}")
                if answer["39"] in ("91", "96") and sent["t"][1:3] in ("40", "22"):
                    self.sent[answer["11"]] = max(self.sent.values()) + 1
                    continue  # not now: it is sent again
                del self.waiting[answer["11"]]
                if answer["39"] == "00":
                    self.approved.append((self.sent[answer["11"]], means))

    def pays(self, amount: int, kind: str = "purchase") -> Known:
        """A payment, approved."""
        asked = self._request(kind, amount)
        said = self.says(asked)
        assert said["39"] == "00", said
        held = kind == "preauth"
        stands, holds = (0, amount) if held else (amount, 0)
        return Known(asked, held, said["38"], approved=amount, stands=stands, holds=holds)

    def _request(self, kind: str, amount: int) -> Document:
        at, stan = self.at(), self.stan()
        return request(kind, self.card("atlas-approved"), amount, self._place, at, stan, at.rrn_prefix + stan)

    def refunds(self, payment: Known, amount: int) -> None:
        asked = self._request("refund", amount)
        asked["90"] = reversal(payment.asked, "", self.at(), "000000")["90"]

        def given() -> None:
            payment.refunded += amount

        self.tells(asked, given)

    def reverses(self, payment: Known, left: int) -> None:
        def taken() -> None:
            payment.stands, payment.holds = min(payment.stands, left), min(payment.holds, left)

        self.tells(reversal(payment.asked, "", self.at(), self.stan(), left), taken)

    def finishes(self, payment: Known, amount: int) -> None:
        """A completion, or a tip."""

        def posted() -> None:
            payment.stands = payment.stands + amount if payment.held else amount
            payment.holds = 0

        self.tells(completion(payment.asked, payment.approval, amount, self.at(), self.stan()), posted)

    def raises(self, payment: Known, amount: int) -> None:
        """An increment."""

        def added() -> None:
            payment.holds += amount
            payment.approved += amount

        self.tells(increment(payment.asked, payment.approval, amount, self.at(), self.stan()), added)

    def claims(self, payment: Known, amount: int) -> None:
        """The issuer claims a part of it back."""
        txn = self.txn_of(payment)
        about = {"txn": f"{txn:x}", "acquirer": "rif", "rrn": payment.asked["37"], "reason": "C4", "by": "amina"}
        try:
            self.book.asks("disputes.open", amount=amount, **about)
        except Unable as error:
            self.story.append(f"  {error}")
            return
        self.story.append(f"  claimed {amount}")

    def txn_of(self, payment: Known) -> int:
        forwarded = self.book.recorded(Forwarded)
        return next(entry.txn for entry in forwarded if entry.key[STAN] == payment.asked["11"])

    # -- what happens

    def fills(self) -> None:
        """Payments of others, so that memory lets go of what was there."""
        for _ in range(RECENT // 2 + 2):
            self.tells(self._request("purchase", 100), self._paid)
        self.bank.works()
        self.hears()

    def _paid(self) -> None:
        self.paid += 1

    def crashes(self) -> None:
        """kill -9; what was not durable is gone, and what has no answer is sent again."""
        self.story.append("  kill -9")
        self.bank.party.disconnected(self.bank.link, self.book.now)
        self.bank._waiting.clear()
        self.book = self.book.crashes()
        self.book.passes(1)
        self.bank.comes()
        self.rif, self.second = (self.book.acquirer("acquirers", "504102") for _ in range(2))
        self.repeats()

    def repeats(self) -> None:
        for document, _ in list(self.waiting.values()):
            self.rif.sends(repeat(document))

    def settles(self) -> None:
        """All is well for a while: whatever was begun comes to an end."""
        self.book.journal_flushes()
        for _ in range(8):
            self.bank.works()
            self.hears()
            if not self.waiting and not self.book.switch.state.owed:
                return
            self.passes(ANSWERED_IN_S)
            self.hears()
            self.repeats()
        assert not self.waiting, self.waiting

    def agrees(self, *payments: Known) -> None:
        """Three books, and the rule."""
        self.settles()
        for _, means in sorted(self.approved, key=lambda one: one[0]):
            means()
        owed_by_card = sum(p.stands - p.refunded for p in payments) + 100 * self.paid
        account = self.bank.party.ledger.accounts[self.card("atlas-approved").pan]
        assert self.card("atlas-approved").balance - account.balance == owed_by_card, "the issuer's"
        assert account.held == sum(p.holds for p in payments), "the issuer's holds"
        rows = [row for row in journal_rows(self.book.entries) if row.amount]
        assert sum(row.amount for row in rows) == owed_by_card + account.held, "the switch's"
        for payment in payments:
            payment.claimed = self.book.switch.state.disputes.committed.get(self.txn_of(payment), 0)
            assert 0 <= payment.refunded + payment.claimed <= payment.stands <= payment.approved * 1.15, payment


def one_claim(rivals: Rivals, payment: Known) -> None:
    """One of those that a payment may meet."""
    chance, part = rivals.chance, rivals.chance.choice((20_00, 40_00, 60_00, 100_00))
    kinds: list[Callable[[], None]] = [
        lambda: rivals.refunds(payment, part),
        lambda: rivals.refunds(payment, part),
        lambda: rivals.reverses(payment, 0),
        lambda: rivals.reverses(payment, chance.choice((30_00, 50_00, 90_00))),
        lambda: rivals.finishes(payment, chance.choice((50_00, 95_00, 110_00))),
    ]
    if payment.held:
        kinds.append(lambda: rivals.raises(payment, part))
    else:
        kinds.append(lambda: rivals.claims(payment, part))
    chance.choice(kinds)()


def tell(seed: int) -> None:
    rivals = Rivals(seed)
    chance = rivals.chance
    payment = rivals.pays(100_00, chance.choice(("purchase", "preauth")))
    try:
        for _ in range(chance.randint(2, 7)):
            happens = chance.random()
            if happens < 0.6:
                one_claim(rivals, payment)
            elif happens < 0.7:
                rivals.fills()
            elif happens < 0.75:
                rivals.crashes()
            elif happens < 0.85:
                rivals.book.journal_holds()
            elif happens < 0.92:
                rivals.book.journal_flushes()
            if chance.random() < 0.4:
                rivals.bank.works()
                rivals.hears()
        rivals.agrees(payment)
    except AssertionError as error:
        told = "\n".join(rivals.story)
        raise AssertionError(f"seed {seed}: {error}\n{told}") from error


def test_of_no_payment_is_more_taken_back_than_was_approved() -> None:
    for seed in range(60):
        tell(seed)


@pytest.mark.long
def test_nor_in_hundreds_of_stories() -> None:
    for seed in range(60, 282):
        tell(seed)
