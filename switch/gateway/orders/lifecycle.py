"""The states of an order, and every move between them: the table that runs.

Theory of operation. An order is *open* while its page waits for a card. Where cards are authenticated (3-D Secure), it is
*authenticating* first: the card's bank is asked, or its holder is on the bank's page; nothing is at the issuer yet, and what is
refused there, or forgotten by a process that ended, is *declined*. A card submitted, it is *authorizing*: a request may be at the
issuer. What is answered yes is *approved*, and the merchant's callback decides once: it is being captured, held, or taken back.
What is answered no is *declined*; another card may be tried. No answer is taken back: nobody knows what it was; but a request
that no link was there for has asked nobody, and the order is open as before. What is owed to
the switch (*capturing*, *reversing*, *crediting*) is sent until it is acknowledged.

    open ──submit──> authorizing ──approve──> approved ──capture──> capturing ──posted──> captured ──credit──> crediting
     │  ^                │  │                  │    └──hold──> held ──capture──> …            ^───credited───────┘
     │  └ (declined) <───┘  └──give_up──┐      │                │
     └──cancel, expire──> cancelled, expired   └──take_back──> reversing ──taken_back──> reversed

Rule: a move is written, with what it changes, before anything of it is sent or said; `Store.move` refuses what is not in `MOVES`.
So a payment that was begun twice, by a double click or two windows, is begun once.
"""

from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """Where an order is."""

    OPEN = "open"
    AUTHENTICATING = "authenticating"
    AUTHORIZING = "authorizing"
    DECLINED = "declined"
    APPROVED = "approved"
    HELD = "held"
    CAPTURING = "capturing"
    CAPTURED = "captured"
    CREDITING = "crediting"
    REVERSING = "reversing"
    REVERSED = "reversed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Move(StrEnum):
    """What happens to an order."""

    AUTHENTICATE = "authenticate"
    CHALLENGE = "challenge"
    RESULT = "result"
    REFUSE = "refuse"
    SUBMIT = "submit"
    APPROVE = "approve"
    DECLINE = "decline"
    GIVE_UP = "give_up"
    NOT_SENT = "not_sent"
    HOLD = "hold"
    CAPTURE = "capture"
    POSTED = "posted"
    NOT_POSTED = "not_posted"
    TAKE_BACK = "take_back"
    TAKEN_BACK = "taken_back"
    CREDIT = "credit"
    CREDITED = "credited"
    NOT_CREDITED = "not_credited"
    CANCEL = "cancel"
    EXPIRE = "expire"


class IllegalMoveError(Exception):
    """An order that is not where this can happen to it. The message says where it is."""


MOVES: Final[dict[tuple[Stage, Move], Stage]] = {
    (Stage.OPEN, Move.AUTHENTICATE): Stage.AUTHENTICATING,
    (Stage.DECLINED, Move.AUTHENTICATE): Stage.AUTHENTICATING,
    (Stage.AUTHENTICATING, Move.CHALLENGE): Stage.AUTHENTICATING,
    (Stage.AUTHENTICATING, Move.RESULT): Stage.AUTHENTICATING,
    (Stage.AUTHENTICATING, Move.REFUSE): Stage.DECLINED,
    (Stage.AUTHENTICATING, Move.SUBMIT): Stage.AUTHORIZING,
    (Stage.AUTHENTICATING, Move.CANCEL): Stage.CANCELLED,
    (Stage.OPEN, Move.SUBMIT): Stage.AUTHORIZING,
    (Stage.DECLINED, Move.SUBMIT): Stage.AUTHORIZING,
    (Stage.AUTHORIZING, Move.APPROVE): Stage.APPROVED,
    (Stage.AUTHORIZING, Move.DECLINE): Stage.DECLINED,
    (Stage.AUTHORIZING, Move.GIVE_UP): Stage.REVERSING,
    (Stage.AUTHORIZING, Move.NOT_SENT): Stage.OPEN,
    (Stage.APPROVED, Move.HOLD): Stage.HELD,
    (Stage.APPROVED, Move.CAPTURE): Stage.CAPTURING,
    (Stage.APPROVED, Move.TAKE_BACK): Stage.REVERSING,
    (Stage.HELD, Move.CAPTURE): Stage.CAPTURING,
    (Stage.HELD, Move.TAKE_BACK): Stage.REVERSING,
    (Stage.CAPTURING, Move.POSTED): Stage.CAPTURED,
    (Stage.CAPTURING, Move.NOT_POSTED): Stage.HELD,
    (Stage.CAPTURED, Move.TAKE_BACK): Stage.REVERSING,
    (Stage.CAPTURED, Move.CREDIT): Stage.CREDITING,
    (Stage.CREDITING, Move.CREDITED): Stage.CAPTURED,
    (Stage.CREDITING, Move.NOT_CREDITED): Stage.CAPTURED,
    (Stage.REVERSING, Move.TAKEN_BACK): Stage.REVERSED,
    (Stage.OPEN, Move.CANCEL): Stage.CANCELLED,
    (Stage.DECLINED, Move.CANCEL): Stage.CANCELLED,
    (Stage.OPEN, Move.EXPIRE): Stage.EXPIRED,
    (Stage.DECLINED, Move.EXPIRE): Stage.EXPIRED,
}

PAYABLE: Final = frozenset({Stage.OPEN, Stage.DECLINED})
OWED: Final = frozenset({Stage.CAPTURING, Stage.REVERSING, Stage.CREDITING})
"""something is sent until it is acknowledged"""
UNDER_WAY: Final = frozenset({Stage.AUTHORIZING, Stage.APPROVED})
GOOD: Final = frozenset({Stage.HELD, Stage.CAPTURING, Stage.CAPTURED, Stage.CREDITING})
"""the customer's money is held or taken: what the merchant calls approved"""


def after(stage: Stage, move: Move) -> Stage:
    """Where an order is then. Raises IllegalMoveError."""
    found = MOVES.get((stage, move))
    if found is None:
        raise IllegalMoveError(f"the order is {stage}: {move} cannot happen to it")
    return found
