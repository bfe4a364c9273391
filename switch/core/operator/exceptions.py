"""An operator's list of what no repeating ends: dead letters, refused and unmatched reversals, payments without a price.

One list for all kinds, oldest first. A dead letter may also be put back (`saf retry`); whatever is resolved here is owed no more.
An unpriced item is no promise: of an advice that is one, and a dead letter as well, the dead letter is resolved first.
"""

from collections.abc import Iterator
from itertools import islice

import msgspec

from switch.core.kernel import Kernel
from switch.core.operator.command import Arguments, Command, Unable, rows_shown
from switch.core.operator.errors import ErrorCode
from switch.core.records.records import Excepted, Resolved
from switch.core.saf.forwarder import Forwarder
from switch.wire.pans import mask_pans
from switch.wire.vocabulary import DE


class ListExceptions(Arguments, frozen=True):
    """What to show, oldest first."""

    kind: str = ""
    """"": of every kind"""
    limit: int = 50
    """0: as many as one command may show"""


class OneException(Arguments, frozen=True):
    """Which: hexadecimal, as lists show it."""

    txn: str


class ResolveArguments(Arguments, frozen=True):
    """Which, why it is over, and who says so."""

    txn: str
    reason: str
    by: str


class ExceptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One open exception."""

    txn: str
    kind: str
    reason: str
    host: str
    link: str
    """the acquirer's, by name; "" where none asked"""
    mti: str
    """of what is owed; "" where nothing is"""
    original: str
    """txn of the payment it is about; "": unknown"""
    pan: str
    """masked"""
    amount: int
    """minor units of `currency`"""
    currency: str
    rrn: str
    age_s: int


class ExceptionList(msgspec.Struct, frozen=True):
    """Open exceptions."""

    items: tuple[ExceptionRow, ...]
    left_out: int


class ExceptionCommands:
    """`exceptions.…`"""

    def __init__(self, kernel: Kernel, forwarder: Forwarder) -> None:
        self._kernel = kernel
        self._forwarder = forwarder

    def table(self) -> dict[str, Command]:
        """By name."""
        return {
            "exceptions.list": Command(ListExceptions, self.show, changes=False),
            "exceptions.show": Command(OneException, self.show_one, changes=False),
            "exceptions.resolve": Command(ResolveArguments, self.resolve),
        }

    def show(self, given: ListExceptions, now: int) -> ExceptionList:
        """What is open, oldest first."""
        limit = rows_shown(given.limit)
        rows = [row for row in self._rows(now) if given.kind in ("", row.kind)]
        return ExceptionList(items=tuple(islice(rows, limit)), left_out=max(0, len(rows) - limit))

    def show_one(self, given: OneException, now: int) -> ExceptionRow:
        """The whole of one. Raises Unable."""
        txn = self._open(given.txn)
        return next(row for row in self._rows(now) if row.txn == f"{txn:x}")

    def resolve(self, given: ResolveArguments, now: int) -> ExceptionRow:
        """End one; what was owed by it is owed no more. Returns what it was. A card's number in the reason is kept masked.
        Raises Unable."""
        given = msgspec.structs.replace(given, reason=mask_pans(given.reason, anywhere=False))
        txn = self._open(given.txn)
        if not given.reason.strip():
            raise Unable(
                "an exception is resolved with a reason",
                "say what was done about it: --reason TEXT",
                code=ErrorCode.EXCEPTION_REASON,
            )
        row = self.show_one(OneException(txn=given.txn), now)
        if not self._forwarder.resolve(txn, given.reason, given.by, now):
            kernel = self._kernel
            at_us, unpriced = kernel.wall_us(now), txn not in kernel.state.exceptions
            kernel.record(Resolved(txn=txn, at_us=at_us, reason=given.reason, by=given.by, unpriced=unpriced))
        return row

    def _open(self, text: str) -> int:
        state = self._kernel.state
        try:
            txn = int(text, 16)
        except ValueError:
            txn = 0
        if not any(txn in open_ for open_ in (state.exceptions, state.shelved, state.unpriced)):
            raise Unable(
                f'"{text}" is no open exception',
                "`cmi-switch exceptions list` shows what is open",
                code=ErrorCode.EXCEPTION_UNKNOWN,
            )
        return txn

    def _rows(self, now: int) -> Iterator[ExceptionRow]:
        state = self._kernel.state
        for txn in sorted(state.exceptions.keys() | state.shelved.keys() | state.unpriced.keys()):
            entry, unpriced = state.exceptions.get(txn), state.unpriced.get(txn)
            if entry is not None or txn in state.shelved:
                yield self._row(entry, now) if entry is not None else self._dead(txn, now)
            if unpriced is not None:
                yield self._row(unpriced, now)

    def _row(self, entry: Excepted, now: int) -> ExceptionRow:
        return ExceptionRow(
            txn=f"{entry.txn:x}", kind=entry.kind, reason=entry.reason, host=entry.host, link=entry.link, mti="", original="",
            pan=entry.pan, amount=entry.amount, currency=entry.currency, rrn=entry.rrn, age_s=self._age_s(entry.at_us, now),
        )  # fmt: skip

    def _dead(self, txn: int, now: int) -> ExceptionRow:
        entry, shelved = self._kernel.state.owed[txn], self._kernel.state.shelved[txn]
        return ExceptionRow(
            txn=f"{txn:x}", kind=shelved.kind, reason=shelved.reason, host=entry.host, link=entry.link,
            mti=entry.message[DE.MTI], original=f"{entry.original:x}" if entry.original else "", pan=entry.pan,
            amount=entry.amount, currency=entry.currency, rrn=entry.message.get(DE.RRN, ""),
            age_s=self._age_s(entry.at_us, now),
        )  # fmt: skip

    def _age_s(self, at_us: int, now: int) -> int:
        return max(0, self._kernel.wall_us(now) - at_us) // 1_000_000
