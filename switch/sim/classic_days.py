"""Days of classic terminals: shops with such terminals, one issuer, the switch between, and all that goes wrong on their lines.

A seed decides everything. Terminals' clocks are wrong, requests and answers are lost, a line drops while the issuer thinks, the
issuer is slow or away, a request arrives behind its reversal, the switch is killed, terminals are swapped for others whose
numbers begin at 1. At the end of each day all settle. The audit asks two books and no third: the paper of the terminals, and the
issuer's accounts. They must say the same of each card, to the minor unit.

    python -m switch.sim.classic_days --seeds 20
"""

import argparse
import random
from collections import Counter, deque
from typing import Final

import msgspec

from switch.config import load_network
from switch.core.network import Address, Listener, Network
from switch.core.party import Send
from switch.core.records.batch_records import BatchClosed
from switch.sim.clock import EPOCH_NS
from switch.sim.playbook import Peer, Playbook
from switch.simulators.build import make_issuer
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.classic import (
    APPROVED,
    NOT_KNOWN,
    REFUND,
    SALE,
    ClassicTerminal,
    Habits,
    Memory,
    Receipt,
    Settled,
)
from switch.simulators.faults import Latency
from switch.wire.dates import day_of
from switch.wire.vocabulary import DE, Document

PORT: Final = "tills"
TPDU: Final = "6000030001"
SECOND_NS: Final = 1_000_000_000
WAIT_S: Final = 30
"""for an answer"""
FAULTS: Final = (
    "request lost",
    "answer lost",
    "line dropped",
    "issuer slow",
    "issuer away",
    "request late",
    "switch killed",
    "comes twice",
)
NUMBERS: Final = (0, 0, 0, 999_980)
"""DE11 before a terminal's first"""
HABITS: Final = (
    Habits(),
    Habits(),
    Habits(clock=False),
    Habits(keeps_number=True),
    Habits(own_numbers=True),
    Habits(works_offline=True),
)


def with_port(network: Network, member: str, **changes: object) -> Network:
    """A network with a port for the classic terminals of one member."""
    port = Listener(
        name=PORT,
        role="terminal",
        address=Address("127.0.0.1", 8585),
        dialect="cmi87b",
        framing="tpdu",
        max_connections=1_000,
        idle_s=60,
        members=(member,),
        profile="classic",
    )
    return msgspec.structs.replace(network, listeners=(*network.listeners, msgspec.structs.replace(port, **changes)))


class Bank:
    """The issuer's host behind its link, with its accounts: they outlive whatever becomes of the switch."""

    def __init__(self, network: Network, seed: int) -> None:
        self.closed = ""
        """why the switch has closed its link; "": it has not"""
        self.party = make_issuer(network, "atlas", random.Random(seed), Latency(0))  # noqa: S311 - repeatable
        self.party.wall_offset_ns = EPOCH_NS
        self.silent = False
        self._waiting: deque[bytes] = deque()
        self.link = ""

    def connect(self, book: Playbook) -> None:
        """Connect."""
        self._waiting.clear()
        self.closed = ""
        self.link = book.join("atlas", self)
        self.party.connected(self.link, book.now)
        self.answer(book)

    def take(self, data: bytes) -> None:
        """Bytes from the switch."""
        self._waiting.append(data)

    def answer(self, book: Playbook) -> None:
        """Answer all that has come, unless it is silent; connect again where its silence has ended the link."""
        if self.closed and not self.silent:
            self.party.disconnected(self.link, book.now)
            self.connect(book)
            return
        while not self.silent and (self._waiting or self.party.effects):
            effects, self.party.effects = self.party.effects, []
            for effect in effects:
                if isinstance(effect, Send):
                    book.deliver(effect.link, effect.data)
            if self._waiting:
                self.party.received(self.link, self._waiting.popleft(), book.now)


class ClassicDays:
    """One seed's."""

    def __init__(self, network: Network, seed: int, terminals: int = 4) -> None:
        """`network`: with `PORT`."""
        self._rng = random.Random(seed)  # noqa: S311 - repeatable
        self._network = network
        self.book = Playbook(network)
        self.bank = Bank(network, seed)
        self.bank.connect(self.book)
        self.cards = [c for c in demo_cards(network) if c.issuer == "atlas" and c.plain][:6]
        self.habits: dict[str, Habits] = {}
        """of each terminal, by DE41"""
        self._ahead_s = [self._rng.choice((0, -3_600, 86_400 * 40, 7)) for _ in range(terminals)]
        self.terminals = [self._terminal(at, Memory(terminal=f"TILL{at:04d}")) for at in range(terminals)]
        self.paper: list[tuple[TestCard, Receipt]] = []
        """every receipt, of settled batches and swapped terminals, too"""
        self.counts: Counter[str] = Counter()
        """what has happened"""
        self.differing: list[str] = []
        """settlements that should have agreed, and did not"""
        self._late: list[tuple[Peer, Document]] = []

    def _terminal(self, at: int, memory: Memory) -> ClassicTerminal:
        repeats, habits = self._rng.choice((0, 1, 1, 2)), self._rng.choice(HABITS)
        memory.stan = self._rng.choice(NUMBERS)
        self.habits[memory.terminal] = habits
        return ClassicTerminal(memory, f"SHOP{at:04d}", lambda: self._clock(at), repeats=repeats, habits=habits)

    def _clock(self, at: int) -> str:
        seconds = (EPOCH_NS + self.book.now) // SECOND_NS + self._ahead_s[at]
        day = day_of(seconds * 1_000_000)
        rest = seconds % 86_400
        return f"{day:%m%d}{rest // 3_600:02d}{rest % 3_600 // 60:02d}{rest % 60:02d}"

    # -- a day

    def run(self, payments: int, faults: float) -> None:
        """A day of so many payments; `faults`: the share of messages that something happens to. Then all settle."""
        for _ in range(payments):
            terminal = self._rng.choice(self.terminals)
            self._pay(terminal, faults)
            self._pass_time(self._rng.choice((1, 5, 20)))
        for at, terminal in enumerate(self.terminals):
            dated = [
                (line, m) for line, m in self._late if DE.LOCAL_DATE in m or m[DE.TERMINAL] != terminal.memory.terminal
            ]
            self._late = dated  # behind a settlement, nothing would say of the others what they are
            self._settle(terminal, faults)
            if self._rng.random() < 0.5:  # swapped: another one, whose numbers begin at 1
                self.counts["swapped"] += 1
                self.terminals[at] = self._terminal(at, Memory(terminal=f"TILL{at:04d}", batch=terminal.memory.batch))

    def _pay(self, terminal: ClassicTerminal, faults: float) -> None:
        def ask(message: Document) -> Document | None:
            return self._ask(message, self._rng.choice(FAULTS) if self._rng.random() < faults else "")

        standing = [(c, r) for c, r in self.paper if r in terminal.memory.receipts and r.status == APPROVED]
        if standing and self._rng.random() < 0.2:
            card, receipt = self._rng.choice(standing)
            self.counts[f"void {terminal.void(ask, receipt, card) or 'not known'}"] += 1
            return
        kind = REFUND if self._rng.random() < 0.1 else SALE
        card, amount = self._rng.choice(self.cards), self._rng.choice((500, 500, 1_250, 9_900))
        if self.habits[terminal.memory.terminal].works_offline:
            terminal.tell(ask)
            if self._rng.random() < 0.3:
                self.paper.append((card, terminal.sell_offline(card, amount)))
                self.counts["sale offline"] += 1
                return
        paid = terminal.pay(ask, kind, card, amount)
        if paid is None:
            self.counts["blocked by a reversal"] += 1
            return
        self.paper.append((card, paid))
        self.counts[f"{kind} {paid.status}"] += 1

    def _settle(self, terminal: ClassicTerminal, faults: float) -> None:
        for attempt in range(10):
            quiet = attempt > 5

            def ask(message: Document, quiet: bool = quiet) -> Document | None:
                broken = not quiet and self._rng.random() < faults
                return self._ask(message, self._rng.choice(FAULTS[:3]) if broken else "")

            settled = terminal.settle(ask)
            if settled is not None and settled.de39 == "00":
                self._note(terminal, settled)
                return
        self.differing.append(f"{terminal.memory.terminal} could not settle")

    def _note(self, terminal: ClassicTerminal, settled: Settled) -> None:
        self.counts["settled after an upload" if settled.uploaded else "settled"] += 1
        (*_, closed) = self.book.recorded(BatchClosed)
        if isinstance(closed, BatchClosed) and closed.ours != settled.totals:
            self.differing.append(
                f"{terminal.memory.terminal}: its paper has {settled.totals}, the switch {closed.ours}"
            )

    # -- its lines

    def _ask(self, message: Document, fault: str) -> Document | None:
        """One message on one connection, and what happens to it."""
        if fault == "request late" and self.habits[message[DE.TERMINAL].strip()].own_numbers:
            fault = "request lost"  # behind a reversal that has another number, nothing says that it was meant
        if fault:
            self.counts[fault] += 1
        if fault == "request lost":
            self._pass_time(WAIT_S)
            return None
        if fault in ("issuer slow", "issuer away"):
            self.bank.silent = True
        line = self.book.acquirer(PORT, "", sign_on=False)
        if fault == "request late":
            self._late.append((line, message))
            self._pass_time(WAIT_S)
            return None
        line.sends_link({"h": TPDU, **message})
        if fault == "line dropped":
            line.hangs_up()
        if fault == "switch killed":
            self._restart()
            return None
        if fault == "issuer slow":
            self._pass_time(3)
            self.bank.silent = False
        self.bank.answer(self.book)
        if line.got_nothing() and fault != "line dropped":
            self._pass_time(WAIT_S)
        self.bank.silent = False
        self.bank.answer(self.book)
        heard = None if line.got_nothing() else line.raw_of(line.gets())
        if fault != "line dropped":
            line.hangs_up()
        self._arrive_late()
        if fault == "comes twice":  # a copy is kept in a queue, and comes behind what is asked next
            self._late.append((self.book.acquirer(PORT, "", sign_on=False), message))
        return None if fault == "answer lost" else heard

    def _arrive_late(self) -> None:
        """What was on its way all the time arrives: behind its reversal, or its repeat."""
        late, self._late = self._late, []
        for line, message in late:
            line.sends_link({"h": TPDU, **message})
            self.bank.answer(self.book)
            line.hangs_up()

    def _restart(self) -> None:
        self._late.clear()
        self.book = self.book.crashes()
        self.bank.silent = False
        self.bank.connect(self.book)
        self._pass_time(1)

    def _pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.book.passes(1)
            self.bank.answer(self.book)

    # -- the audit

    def audit(self) -> list[str]:
        """Each card whose paper is not its account, in words; and settlements that should have agreed."""
        for terminal in self.terminals:
            terminal.clear(lambda message: self._ask(message, ""))
            terminal.tell(lambda message: self._ask(message, ""))
        self._pass_time(120)
        accounts = self.bank.party.ledger.accounts
        found = list(self.differing)
        for card in self.cards:
            paper = sum(receipt.moved for of, receipt in self.paper if of is card)
            account = card.balance - accounts[card.pan].balance
            if paper != account:
                found.append(f"card {card.name}: its receipts come to {paper}, its account has {account}")
        found += [f"{r.stan}: not known to the end" for _, r in self.paper if r.status == NOT_KNOWN]
        return found


def main() -> None:
    """Seeded days from the command line; exit code 1 where a book differs."""
    parser = argparse.ArgumentParser(description="Days of classic terminals; their paper against the issuer's accounts")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--payments", type=int, default=60, help="a day")
    parser.add_argument("--faults", type=float, default=0.15, help="share of messages that something happens to")
    given = parser.parse_args()
    network, found, counts = with_port(load_network("morocco"), "rif"), [], Counter[str]()
    for seed in range(given.first_seed, given.first_seed + given.seeds):
        days = ClassicDays(network, seed)
        for _ in range(given.days):
            days.run(given.payments, given.faults)
        found += [f"seed {seed}: {sentence}" for sentence in days.audit()]
        counts += days.counts
    lines = [*found, *(f"{count:8d}  {name}" for name, count in sorted(counts.items()))]
    lines.append(
        f"{given.seeds} seeds, {given.days} days each: {len(found) or 'no'} differences between paper and accounts"
    )
    print("\n".join(lines))  # noqa: T201 - a command
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
