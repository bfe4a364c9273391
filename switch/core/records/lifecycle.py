"""The states of a transaction, and every move between them: the one table that all others ask.

Theory of operation. A record is a move. A *payment* is received, and refused here, forwarded, or stood in for; what was
forwarded is answered, given up, or reversed; what was approved can be taken back, in part or whole. A *promise* (a reversal or
an advice that is owed to a host) is owed until it is delivered; one that was given up is dead until an operator puts it back.

    received ──Declined──> refused                         (here: it never left)
       ├──StoodIn────> approved                            (by the switch itself: its issuer is away)
       ├──Owed───────> approved                            (an advice tells of what has happened)
       └──Forwarded──> open ──Answered──> declined | approved ──Owed──> reversed | approved (of less)
                         ├────Owed──────> reversed         (timeout, restart, undelivered, the acquirer's own reversal)
                         └────Abandoned─> abandoned        (nothing moved: an inquiry that got no answer)

    promised ──Owed──> owed ──Delivered──> delivered
                        └──Shelved──> dead ──Retried──> owed, or ──Delivered──> delivered, or ──Resolved──> resolved

What a host approves after it was reversed, or after it declined it, is reversed once more (`LATE`).

Rule: `Kernel.record` asks `check` before every record, in production too; nothing is applied, journaled or said that is no move.
The simulation's audit folds the same tables over what is durable, with a memory of its own. What memory has let go of is the
journal's: of that `check` says nothing, and the flows have asked History.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from switch.core.messages.meaning import left_of
from switch.core.records.disputes import Disputed, IllegalStepError
from switch.core.records.merchant_charges import Charged
from switch.core.records.records import (
    ADVICE,
    LATE,
    REVERSAL,
    Abandoned,
    Answered,
    AnyEntry,
    Declined,
    Delivered,
    Forwarded,
    Owed,
    Renumbered,
    Resolved,
    Retried,
    Shelved,
    StoodIn,
)
from switch.core.records.state import State
from switch.wire.vocabulary import APPROVALS


class Status(StrEnum):
    """States of payments and promises, as records, the journal's index and everyone's books call them."""

    RECEIVED = "received"
    OPEN = "open"
    APPROVED = "approved"
    DECLINED = "declined"
    """by its host"""
    REFUSED = "refused"
    """here"""
    OVERTAKEN = "overtaken"
    """never came here, and is refused if it does: its reversal was here first"""
    REVERSED = "reversed"
    ABANDONED = "abandoned"
    OWED = "owed"
    DEAD = "dead"
    DELIVERED = "delivered"
    RESOLVED = "resolved"
    """by a person"""


class IllegalMoveError(ValueError):
    """A record that a transaction in its state cannot take: a mistake of the switch's own, or of the journal's."""


Table = dict[tuple[Status, type], tuple[Status, ...]]

MOVES: Final[Table] = {
    (Status.RECEIVED, Declined): (Status.REFUSED,),
    (Status.RECEIVED, Forwarded): (Status.OPEN,),
    (Status.RECEIVED, StoodIn): (Status.APPROVED,),
    (Status.RECEIVED, Owed): (Status.APPROVED,),
    (Status.OPEN, Answered): (Status.APPROVED, Status.DECLINED),
    (Status.OPEN, Owed): (Status.REVERSED,),
    (Status.OPEN, Abandoned): (Status.ABANDONED,),
    (Status.APPROVED, Owed): (Status.REVERSED, Status.APPROVED),
}
"""Of payments."""

LATE_MOVES: Final[Table] = {
    (Status.DECLINED, Owed): (Status.REVERSED,),
    (Status.REVERSED, Owed): (Status.REVERSED,),
}
"""Of payments whose hosts approve after all."""

PROMISES: Final[Table] = {
    (Status.RECEIVED, Owed): (Status.OWED,),
    (Status.OWED, Delivered): (Status.DELIVERED,),
    (Status.OWED, Renumbered): (Status.OWED,),
    (Status.OWED, Shelved): (Status.DEAD,),
    (Status.DEAD, Retried): (Status.OWED,),
    (Status.DEAD, Delivered): (Status.DELIVERED,),
    (Status.DEAD, Resolved): (Status.RESOLVED,),
}
"""Of what is owed."""


def status_after(status: Status, entry: AnyEntry) -> Status:
    """The state that `entry` moves a payment to. Raises IllegalMoveError for a move that is not in the table."""
    late = isinstance(entry, Owed) and entry.reason == LATE
    targets = (LATE_MOVES if late else MOVES).get((status, type(entry)))
    if targets is None or (status is Status.RECEIVED and isinstance(entry, Owed) and entry.kind != ADVICE):
        raise _illegal(status, entry)
    if isinstance(entry, Answered) and entry.de39 not in APPROVALS:
        return Status.DECLINED
    if isinstance(entry, Owed) and status is Status.APPROVED and left_of(entry.message):
        return Status.APPROVED
    return targets[0]


def _illegal(status: Status, entry: AnyEntry) -> IllegalMoveError:
    return IllegalMoveError(f"a transaction that is {status} cannot take a {type(entry).__name__} record")


# -- what a running switch knows of it


def check(state: State, entry: AnyEntry) -> None:
    """Raise IllegalMoveError unless the tables have this move, as far as `state` remembers what it moves."""
    for look, allowed in _CHECKS.get(type(entry), ()):
        status = look(state, entry)
        if status is not None and status not in allowed:
            raise _illegal(status, entry)


_OPEN, _RECEIVED = Status.OPEN, Status.RECEIVED
"""looking them up in the enumeration would cost more than asking for what is open"""


def _payment(state: State, entry: Any) -> Status:
    return _OPEN if entry.txn in state.open else _RECEIVED


def _original(state: State, entry: Owed) -> Status | None:
    """Of what a reversal undoes; None where any will do, or memory has let go of it."""
    if entry.kind != REVERSAL or not entry.original:
        return None
    if entry.original in state.open:
        return Status.OPEN
    if entry.reason == LATE:
        return None
    outcome = state.recent.get(entry.undoes) if entry.undoes is not None else None
    if outcome is None or outcome.txn != entry.original:
        return None
    if outcome.approved:
        return Status.APPROVED
    return Status.REVERSED if outcome.reversed_by else Status.DECLINED


def _exception(state: State, entry: Resolved) -> Status:
    """Of what a person ends: a dead letter, or something that was never owed."""
    if entry.unpriced:
        return Status.DEAD if entry.txn in state.unpriced else Status.RECEIVED
    return Status.DEAD if entry.txn in state.shelved or entry.txn in state.exceptions else Status.RECEIVED


def _promise(state: State, entry: Any) -> Status:
    if entry.txn in state.shelved:
        return Status.DEAD
    return Status.OWED if entry.txn in state.owed else Status.RECEIVED


def _step(state: State, entry: Disputed) -> None:
    """Of a dispute, whose table is its own."""
    try:
        state.disputes.check_step(entry)
    except IllegalStepError as error:
        raise IllegalMoveError(str(error)) from None


def _once(state: State, entry: Charged) -> None:
    """A merchant is charged once, or once a month."""
    if not state.charges.may(entry):
        raise IllegalMoveError(f"{entry.merchant} was charged {entry.fee.kind} of {entry.month or 'once'} before")


_Look = Callable[[State, Any], Status | None]

_OF_PAYMENT: Final[dict[type, _Look]] = {
    Forwarded: _payment,
    Answered: _payment,
    Declined: _payment,
    Abandoned: _payment,
    StoodIn: _payment,
    Owed: _original,
}
_OF_PROMISE: Final[dict[type, _Look]] = {
    Owed: _promise,
    Delivered: _promise,
    Renumbered: _promise,
    Shelved: _promise,
    Retried: _promise,
    Resolved: _exception,
}


def _checks(kind: type) -> tuple[tuple[_Look, tuple[Status, ...]], ...]:
    """For a kind of record: how to look up what it moves, and the states that the tables let it move from."""
    both = ((_OF_PAYMENT, MOVES), (_OF_PROMISE, PROMISES))
    return tuple((of[kind], tuple(s for s, taken in table if taken is kind)) for of, table in both if kind in of)


_CHECKS: Final = {kind: _checks(kind) for kind in _OF_PAYMENT | _OF_PROMISE} | {
    Disputed: ((_step, ()),),
    Charged: ((_once, ()),),
}
