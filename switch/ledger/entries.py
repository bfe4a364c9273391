"""What is posted: entries, each made of moves between two parties, so that no centime can appear or vanish.

An account is what its owner is owed by (or, below zero, owes to) one counterpart, for one kind of reason: `atlas:rif:payment`.
A move takes an amount from one party and gives it to another: two lines, whose sum is zero. An entry is all that one record
posts. It is never changed; what corrects it is an entry of its own that names it.

Parties are members and networks by name, `switch`, `merchant:` with DE42, and members' positions in foreign currency
(`fx:` and the name; `exchange.py`). Amounts are minor units of their currency
(ISO 4217, numeric).
"""

from typing import Final, NamedTuple

import msgspec

from switch.money.fee_line import MERCHANT_ACCOUNT

SWITCH: Final = "switch"
"""The switch as a party: what its fees go to."""
MERCHANT: Final = MERCHANT_ACCOUNT
"""What a merchant's name begins with; DE42 follows."""

PAYMENT: Final = "payment"
"""Kind of the amount itself; others are kinds of fees."""
DISPUTE: Final = "dispute"
"""Kind of what is claimed back of an amount, and presented again."""
VAT: Final = "vat"
"""Kind of the tax on fees, which is in the payee's hands."""


class Account(NamedTuple):
    """What `owner` is owed by `counterpart`."""

    owner: str
    counterpart: str
    kind: str

    def __str__(self) -> str:
        """`atlas:rif:payment`."""
        return ":".join(self)


class Line(NamedTuple):
    """One side of a move."""

    account: Account
    currency: str
    amount: int
    """above zero: the account's owner is owed more"""


class Move(NamedTuple):
    """An amount that `payer` owes `payee` from now on."""

    payer: str
    payee: str
    kind: str
    currency: str
    amount: int
    """above zero"""


class Window(NamedTuple):
    """A part of a business day that is settled at once. They sort as they follow one another."""

    day: str
    """YYYY-MM-DD"""
    number: int
    """from 1"""

    def __str__(self) -> str:
        """`2026-11-27/1`."""
        return f"{self.day}/{self.number}"


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """All that one record has posted."""

    sequence: int
    """of the record, which is the entry's name, too"""
    at_us: int
    """of the record, wall-clock µs"""
    window: Window
    txn: int
    """of the message"""
    what: str
    """a `rules.What`"""
    counters: int = 0
    """sequence of the entry that this one changes; 0: none"""
    of_day: str = ""
    """business day of the payment that it changes, where that is another one"""
    scheme: str = ""
    acquirer: str
    issuer: str
    merchant: str = ""
    currency: str
    """of `amount`"""
    amount: int
    """signed: by how much what stands of the payment has changed; below zero: towards the cardholder"""
    moves: tuple[Move, ...] = ()
    unpriced: str = ""
    """why it has no fees; "": it has its price"""

    @property
    def lines(self) -> tuple[Line, ...]:
        """Two a move; each currency's sum is zero."""
        return tuple(
            line
            for payer, payee, kind, currency, amount in self.moves
            for line in (
                Line(Account(payer, payee, kind), currency, -amount),
                Line(Account(payee, payer, kind), currency, amount),
            )
        )


def in_home(entry: Entry, home: str) -> Entry:
    """The same entry with amounts in the home currency (numeric), where a journal of an older release does not name it."""
    for move in entry.moves:
        if not move.currency:
            break
    else:
        if entry.currency:
            return entry
    moves = tuple(move if move.currency else move._replace(currency=home) for move in entry.moves)
    return msgspec.structs.replace(entry, moves=moves, currency=entry.currency or home)


def is_inner(party: str) -> bool:
    """True for what is a member's own business and in no settlement: its merchants, its positions in foreign currency."""
    return ":" in party


def is_merchant(party: str) -> bool:
    """True for a merchant: its acquirer pays it, not the settlement."""
    return party.startswith(MERCHANT)
