"""A classic terminal (docs/classic-terminals.md): what it sends, what it remembers, what its paper says.

In: what the cashier wants, and a way to ask the host: a message in, its answer out, or None where none came in time. Out: the
receipt. The rule of such terminals: what was asked and not answered is asked once more under the same DE11, then taken back, and
nothing else is sent before that has been acknowledged. What it would take back is kept before the request leaves, so that a
terminal whose power fails takes it back when it is on again. Its paper is its book: what it approved, voided and refunded,
whatever anybody else remembers. `Habits` are those in which the terminals of different makers differ.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import msgspec

from switch.simulators.cards import TestCard
from switch.simulators.messages import track_2
from switch.wire.vocabulary import APPROVALS, DE, Answer, Document, Processing, mask_pan, repeat_of

Ask: TypeAlias = Callable[[Document], Document | None]
"""Send a message on a connection of its own; its answer, or None"""

SALE, REFUND, VOID = "sale", "refund", "void"
APPROVED, DECLINED, VOIDED, NOT_KNOWN, TAKEN_BACK = "approved", "declined", "voided", "not known", "taken back"
BATCH_MAX: Final = 999
"""payments of a batch: DE63 has three digits for their number"""
TRIES_MAX: Final = 5
"""of a reversal, before the cashier is told that it has to wait"""
_CODES: Final = {SALE: Processing.PURCHASE + "0000", REFUND: Processing.REFUND + "0000"}
_TAKEN_BACK: Final = frozenset({Answer.APPROVED, Answer.RECORD_NOT_FOUND, Answer.ORIGINAL_NOT_FOUND})
"""answers to a reversal after which nothing stands: it was taken back, or was never there"""
_COMPARE, _TRAILER = "920000", "960000"


class BatchFullError(ValueError):
    """No further payment has room in the totals of this batch: it has to be settled first."""


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """In what a terminal differs from others, as public source code of them has it."""

    clock: bool = True
    """it sends DE12 and DE13"""
    own_numbers: bool = False
    """each message takes the next DE11, a reversal too: the invoice (DE62) says of what it is"""
    keeps_number: bool = False
    """a DE11 is used again until a payment with it is approved"""
    works_offline: bool = False
    """some sales are made without asking, and all voids; they are told (0220) until answered, each time under the next DE11; and
    what was uploaded and answered is not uploaded again"""


class Receipt(msgspec.Struct, kw_only=True):
    """One payment on its paper."""

    stan: str
    kind: str
    pan: str
    """masked"""
    amount: int
    """minor units"""
    status: str
    rrn: str = ""
    approval: str = ""
    de39: str = ""
    uploaded: bool = False
    """of this batch, and answered"""

    @property
    def moved(self) -> int:
        """Minor units out of the cardholder's account, as the paper has it."""
        if self.status != APPROVED:
            return 0
        return -self.amount if self.kind == REFUND else self.amount


class Memory(msgspec.Struct, kw_only=True):
    """What a terminal keeps while it is switched off."""

    terminal: str
    """DE41"""
    stan: int = 0
    batch: int = 1
    receipts: list[Receipt] = []
    """of the open batch"""
    owed: Document = {}
    """the reversal that goes before the next payment; empty: none"""
    untold: list[Document] = []
    """advices that have not been answered yet; DE62 is the DE11 that their receipts have"""
    kept: bool = False
    """the last DE11 is that of the next message, too"""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """How a settlement ended."""

    de39: str
    """"" where no answer came"""
    uploaded: bool
    totals: tuple[int, int, int, int]


_USUAL: Final = Habits()


class ClassicTerminal:
    """One terminal."""

    def __init__(
        self,
        memory: Memory,
        merchant: str,
        clock: Callable[[], str],
        *,
        repeats: int = 1,
        habits: Habits = _USUAL,
        keep: Callable[[], None] = lambda: None,
    ) -> None:
        """`clock`: its own date and time, MMDDhhmmss, right or wrong. `repeats`: of a payment that is not answered. `keep`: makes
        its memory outlive a loss of power."""
        self.memory = memory
        self._merchant = merchant
        self._clock = clock
        self._repeats = repeats
        self._habits = habits
        self._keep = keep

    # -- what the cashier wants

    def pay(self, ask: Ask, kind: str, card: TestCard, amount: int) -> Receipt | None:
        """A sale or a refund. None: what is owed could not be sent, and nothing else may be. Raises BatchFullError."""
        if sum(1 for _ in self._standing()) >= BATCH_MAX:
            raise BatchFullError(f"the batch has {BATCH_MAX} payments: settle it first")
        if not self.clear(ask):
            return None
        message = self._message("0200", _CODES[kind], amount, {DE.TRACK2: track_2(card, card.cvv2).replace("=", "D")})
        receipt = Receipt(stan=message[DE.STAN], kind=kind, pan=mask_pan(card.pan), amount=amount, status=NOT_KNOWN)
        self.memory.receipts.append(receipt)
        answered = self._move_money(ask, message)
        if answered is None:
            return receipt
        receipt.de39, receipt.rrn = answered.get(DE.RESPONSE_CODE, ""), answered.get(DE.RRN, "")
        receipt.approval = answered.get(DE.APPROVAL_CODE, "")
        receipt.status = APPROVED if receipt.de39 in APPROVALS else DECLINED
        self.memory.kept = self._habits.keeps_number and receipt.status == DECLINED
        return receipt

    def sell_offline(self, card: TestCard, amount: int) -> Receipt:
        """A sale that nobody is asked about; `tell` says it."""
        approval = f"OFF{self.memory.stan % 1_000:03d}"
        more = {DE.TRACK2: track_2(card, card.cvv2).replace("=", "D"), DE.APPROVAL_CODE: approval}
        message = self._message("0220", _CODES[SALE], amount, more)
        receipt = Receipt(stan=message[DE.STAN], kind=SALE, pan=mask_pan(card.pan), amount=amount, status=APPROVED)
        self.memory.receipts.append(receipt)
        self.memory.untold.append(message)
        return receipt

    def tell(self, ask: Ask) -> bool:
        """Tell what was done without asking, each under the next DE11. False: not all of it was answered."""
        while self.memory.untold:
            told = self.memory.untold[0]
            answered = ask({**told, DE.STAN: self._next_number()})
            if answered is None or answered.get(DE.RESPONSE_CODE) not in APPROVALS:
                return False
            del self.memory.untold[0]
            for receipt in self.memory.receipts:
                if receipt.stan == told[DE.PRIVATE_62] and not receipt.rrn:
                    receipt.rrn = answered.get(DE.RRN, "")
        return True

    def void(self, ask: Ask, receipt: Receipt, card: TestCard) -> str:
        """Void a sale or refund of the open batch. Returns DE39; "" where it is not known, and is taken back."""
        if not self.clear(ask):
            return ""
        code = "22" if receipt.kind == REFUND else "02"
        more = {DE.TRACK2: track_2(card, card.cvv2).replace("=", "D"), DE.RRN: receipt.rrn}
        if self._habits.works_offline:
            if self.tell(ask):
                receipt.status = VOIDED
                self.memory.untold.append(self._message("0220", f"{code}0000", 0, {**more, DE.RRN: receipt.rrn}))
            return Answer.APPROVED if receipt.status == VOIDED else ""
        message = self._message("0200", f"{code}0000", receipt.amount, more)
        answered = self._move_money(ask, message)
        if answered is None:
            return ""
        if answered.get(DE.RESPONSE_CODE) == Answer.APPROVED:
            receipt.status = VOIDED
        return answered.get(DE.RESPONSE_CODE, "")

    def clear(self, ask: Ask) -> bool:
        """Send the reversal that is owed, until it is acknowledged. False: it is not."""
        owed = self.memory.owed
        for _ in range(TRIES_MAX if owed else 0):
            answered = ask({**owed, DE.STAN: self._next_number()} if self._habits.own_numbers else owed)
            if answered is not None and answered.get(DE.RESPONSE_CODE) in _TAKEN_BACK:
                self._taken_back(owed[DE.STAN])
                self.memory.owed = {}
                self.memory.kept = self._habits.keeps_number
                return True
        return not self.memory.owed

    def settle(self, ask: Ask) -> Settled | None:
        """Compare totals, upload where they differ, begin the next batch. None: a reversal is owed, and does not get through."""
        if not (self.clear(ask) and self.tell(ask)):
            return None
        totals = self.totals()
        answered = self._ask(ask, self._settlement(_COMPARE, totals))
        uploaded = answered is not None and answered.get(DE.RESPONSE_CODE) == Answer.RECONCILE_ERROR
        if uploaded:
            if not self._upload(ask):
                return Settled(de39="", uploaded=True, totals=totals)
            answered = self._ask(ask, self._settlement(_TRAILER, totals))
        de39 = answered.get(DE.RESPONSE_CODE, "") if answered is not None else ""
        if de39 == Answer.APPROVED:
            self.memory.batch, self.memory.receipts = self.memory.batch % 999_999 + 1, []
        return Settled(de39=de39, uploaded=uploaded, totals=totals)

    def totals(self) -> tuple[int, int, int, int]:
        """Number and amount of its sales, number and amount of its refunds."""
        sales = [r.amount for r in self._standing() if r.kind == SALE]
        refunds = [r.amount for r in self._standing() if r.kind == REFUND]
        return len(sales), sum(sales), len(refunds), sum(refunds)

    # -- its messages

    def _message(self, mti: str, code: str, amount: int, more: Document) -> Document:
        stan, at = self._next_number(), self._clock()
        message = {
            DE.MTI: mti,
            DE.PROCESSING_CODE: code,
            DE.AMOUNT: f"{amount:012d}",
            DE.STAN: stan,
            DE.LOCAL_TIME: at[4:],
            DE.LOCAL_DATE: at[:4],
            DE.ENTRY_MODE: "021",
            DE.NII: "003",
            DE.CONDITION_CODE: "00",
            DE.TERMINAL: self.memory.terminal.ljust(8),
            DE.MERCHANT: self._merchant.ljust(15),
            DE.PRIVATE_62: stan,
            **more,
        }
        absent = () if self._habits.clock else (DE.LOCAL_TIME, DE.LOCAL_DATE)
        return {de: value for de, value in message.items() if de not in absent}

    def _next_number(self) -> str:
        """The next DE11, or the last once more."""
        if not self.memory.kept:
            self.memory.stan = self.memory.stan % 999_999 + 1
        self.memory.kept = False
        return f"{self.memory.stan:06d}"

    def _move_money(self, ask: Ask, message: Document) -> Document | None:
        """A message that moves money: its reversal is owed until its answer has come."""
        self.memory.owed = {**message, DE.MTI: "0400"}
        self._keep()
        answered = self._ask(ask, message)
        if answered is not None:
            self.memory.owed = {}
        return answered

    def _ask(self, ask: Ask, message: Document) -> Document | None:
        answered = ask(message)
        for nth in range(self._repeats):
            if answered is not None:
                break
            # every second one is marked, as some terminals do
            again = {**message, DE.MTI: repeat_of(message[DE.MTI])} if nth % 2 else message
            answered = ask(again)
        return answered

    def _settlement(self, code: str, totals: tuple[int, int, int, int]) -> Document:
        pairs = f"{totals[0]:03d}{totals[1]:012d}{totals[2]:03d}{totals[3]:012d}"
        message = self._message(
            "0500", code, 0, {DE.PRIVATE_60: f"{self.memory.batch:06d}", DE.PRIVATE_63: f"{pairs:0<90}"}
        )
        for de in (DE.AMOUNT, DE.ENTRY_MODE, DE.CONDITION_CODE, DE.PRIVATE_62):
            del message[de]
        return message

    def _upload(self, ask: Ask) -> bool:
        for receipt in self._standing():
            if receipt.uploaded:
                continue
            original = f"0200{receipt.stan}{receipt.rrn:0>12}"
            message = self._message("0320", _CODES[receipt.kind], receipt.amount, {DE.PRIVATE_60: original})
            if self._ask(ask, message) is None:
                return False
            receipt.uploaded = self._habits.works_offline
        return True

    def _standing(self) -> Iterable[Receipt]:
        return (receipt for receipt in self.memory.receipts if receipt.status == APPROVED)

    def _taken_back(self, stan: str) -> None:
        for receipt in self.memory.receipts:
            if receipt.stan == stan and receipt.status == NOT_KNOWN:
                receipt.status = TAKEN_BACK
