"""Disputes of a simulated day: an operator claims payments back and goes on step by step, while all the rest goes on and breaks.

Whatever an operator asks, the switch may refuse. What it takes, the two banks of the payment write into books of their own, by
their own arithmetic, once they have heard of it; of a step whose answer a crash has taken from them they ask afterwards whether
it was taken. At rest these books are held against what the ledger has moved.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from switch.core.operator.command import Unable
from switch.core.operator.disputes import DisputeList, DisputeRow
from switch.core.operator.errors import ErrorCode
from switch.core.records.disputes import ACQUIRER, ISSUER, MOVES, Step
from switch.core.records.lifecycle import Status
from switch.core.records.outcomes import Outcome
from switch.core.records.records import AnyEntry
from switch.core.switch import Switch
from switch.sim.claims import Claim, disagreements
from switch.sim.clock import MS_NS, Clock
from switch.sim.faults import Span
from switch.sim.ports import SwitchProcess
from switch.simulators.payment_key import payment_key
from switch.simulators.terminal import Terminal

SHARE = 0.3
"""of days that have some"""
CLAIMS = 2
"""in each look"""
LOOKS = 6
"""once all payments have ended"""
UNDER_WAY = 8
"""while they are made, of payments that are so old:"""
AGE_US = 1_000_000
REASONS = {"cmi": ("C1", "C4"), "visa": ("10.4", "13.1"), "mastercard": ("4837", "4853")}


class Asked(NamedTuple):
    """A step that an operator has asked for."""

    step: Step
    amount: int
    """minor units, where it has an amount of its own; 0: all"""
    side: str
    about: str
    """the dispute's name; of a claim, the payment's"""


class Disputing:
    """Claims some of a day's payments back, and compares what became of each with the books.

    No bank claims what has just been paid: not while its acquirer waits for an answer or takes it back. One that is told then
    that its reversal comes too late (77) has to ask a person what stands: how much was approved, or which reversal counts.
    """

    def __init__(self, seed: int, process: SwitchProcess, clock: Clock, terminals: Sequence[Terminal]) -> None:
        """`process`: the switch's. `terminals`: whose payments they are, the day long."""
        self._process, self._clock, self._terminals = process, clock, terminals
        self._rng = rng = Random(f"{seed} disputes")  # noqa: S311 - its own: else other days change
        self.left = LOOKS if rng.random() < SHARE else 0
        """looks at rest that are still to come"""
        self.claims: dict[str, Claim] = {}
        """what the banks have in their books, by the dispute's name"""
        self._unheard: list[tuple[int, Asked, DisputeRow]] = []
        """answered when the journal holds so much"""

    def begin(self, span: Span) -> None:
        """From now on an operator looks a few times while payments are made."""
        for _ in range(UNDER_WAY if self.left else 0):
            at_ms = span.begin_ms + self._rng.randrange(span.load_ms + 10_000)
            self._clock.at(at_ms * MS_NS, self._look_under_way, None)

    def _look_under_way(self, _: None) -> None:
        party = self._process.party
        if party is not None:
            self._look(party, party.wall_us(self._clock.now) - AGE_US)

    def look(self, switch: Switch) -> None:
        """All payments have ended."""
        if self.left:
            self.left -= 1
            self._look(switch, switch.state.last_txn + 1)

    def _look(self, switch: Switch, before_us: int) -> None:
        """Take a step in what is open, and claim back some of the payments that came before."""
        rng = self._rng
        for one in [d for d in switch.state.disputes.last.values() if d.open]:
            step = rng.choice(MOVES[Step(one.step)])
            amount = rng.randrange(0, one.given_back + 1) if step is Step.REPRESENTMENT else 0
            side = rng.choice((ISSUER, ACQUIRER)) if step is Step.CLOSED else ""
            name = f"{one.dispute:x}"
            about = {"dispute": name, "step": step.value, "by": "operator", "amount": amount, "side": side}
            self._ask("disputes.step", about, Asked(step, amount, side, name))
        unsure = {p.key for one in self._terminals for p in one.book().payments if p.status == Status.OPEN}
        before = [one for one in switch.state.recent.values() if one.approved and one.txn < before_us]
        paid = [one for one in before if one.request is not None and payment_key(one.request.elements) not in unsure]
        for outcome in rng.sample(paid, min(CLAIMS, len(paid))):
            self._claim(outcome, rng)

    def _claim(self, outcome: Outcome, rng: Random) -> None:
        priced = outcome.priced
        amount = rng.choice((0, rng.randrange(1, outcome.amount + 1))) if outcome.amount else 0
        reasons = REASONS.get(priced.scheme if priced is not None else "", ("C1",))
        txn = f"{outcome.txn:x}"
        about = {"txn": txn, "acquirer": outcome.key[0], "rrn": outcome.rrn, "reason": rng.choice(reasons)}
        asked = Asked(Step.CHARGEBACK, amount, "", txn)
        self._ask("disputes.open", {**about, "by": "operator", "amount": amount}, asked)

    def _ask(self, command: str, arguments: Mapping[str, object], asked: Asked) -> None:
        """Now or, where the switch stands still, once it goes on. One that failed may have been done: then they look."""
        self._process.when_awake(lambda: self._ask_now(command, arguments, asked))

    def _ask_now(self, command: str, arguments: Mapping[str, object], asked: Asked) -> None:
        party = self._process.party
        if party is None:
            return
        row: msgspec.Struct | None
        try:
            row = party.operator.ask(command, dict(arguments), "an operator", self._clock.now)
        except Unable as error:
            row = self._looked_up(party, asked) if error.code is ErrorCode.COMMAND_FAILED else None
        if isinstance(row, DisputeRow):
            self._unheard.append((party.position, asked, row))
        self._process.carry_out()

    def _looked_up(self, party: Switch, asked: Asked) -> DisputeRow | None:
        """The dispute, if the step was taken."""
        known = {row.dispute for _, _, row in self._unheard} | self.claims.keys()
        listed = party.operator.ask("disputes.list", {"all": True, "limit": 0}, "an operator", self._clock.now)
        for row in listed.items if isinstance(listed, DisputeList) else ():
            new = asked.step is Step.CHARGEBACK and row.txn == asked.about and row.dispute not in known
            if new or (row.dispute == asked.about and row.step == asked.step):
                return row
        return None

    # -- the banks' books

    def durable(self, position: int) -> None:
        """The journal holds so much: what waited for it is answered, and booked."""
        while self._unheard and self._unheard[0][0] <= position:
            _, asked, row = self._unheard.pop(0)
            if asked.step is Step.CHARGEBACK:
                self.claims[row.dispute] = Claim(
                    txn=row.txn,
                    issuer=row.issuer,
                    acquirer=row.acquirer,
                    currency=row.currency,
                    amount=asked.amount or row.amount,
                )
            self.claims[row.dispute].take(asked.step, asked.amount, asked.side)

    def restarted(self, position: int) -> None:
        """The switch has lost what the journal does not hold: so have the banks, which ask."""
        self.durable(position)
        self._unheard.clear()

    def disagreements(self, records: Sequence[AnyEntry], home: str) -> Iterator[str]:
        """See `claims.disagreements`."""
        return disagreements(self.claims, records, home) if self.claims else iter(())
