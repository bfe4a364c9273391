"""What a record's amount and its fees move, from whom to whom. The posting rules of money, and nothing else.

In: a payment and an amount with its sign, or lines of a price. Out: moves, appended to a list; what is zero, or would go from a
party to itself, is none.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from switch.ledger.entries import MERCHANT, PAYMENT, VAT, Move
from switch.money.fee_line import Fee

_PREFIX: Final = len(MERCHANT)
_new = tuple.__new__
"""a `Move` in half the time that its own constructor takes: six are made a payment"""


class Parties(Protocol):
    """Between whom a payment is; its currency."""

    @property
    def issuer(self) -> str: ...  # noqa: D102
    @property
    def acquirer(self) -> str: ...  # noqa: D102
    @property
    def merchant(self) -> str: ...  # noqa: D102
    @property
    def cash(self) -> bool: ...  # noqa: D102
    @property
    def currency(self) -> str: ...  # noqa: D102


def principal(moves: list[Move], payment: Parties, amount: int, kind: str = PAYMENT) -> None:
    """The amount itself: from issuer to acquirer, and from there to the merchant, where it is not cash."""
    acquirer = payment.acquirer
    move(moves, payment.issuer, acquirer, kind, payment.currency, amount)
    if not payment.cash:
        merchant = MERCHANT + (payment.merchant or acquirer)
        move(moves, acquirer, merchant, kind, payment.currency, amount)


def fee_moves(moves: list[Move], acquirer: str, fees: Iterable[Fee], home: str) -> None:
    """Lines of the price and the tax on them. What is between a merchant and others than its acquirer goes through that."""
    for fee in fees:
        payer, payee, kind, amount, vat = fee.payer, fee.payee, fee.kind, fee.amount, fee.vat
        if acquirer not in (payer, payee) and (payer[:_PREFIX] == MERCHANT or payee[:_PREFIX] == MERCHANT):
            _through(moves, (payer, acquirer, payee), fee, home)
            continue
        if amount > 0 and payer != payee:  # as `move` does, without the call: nearly every line is such a one
            moves.append(_new(Move, (payer, payee, kind, home, amount)))
        else:
            move(moves, payer, payee, kind, home, amount)
        if vat:
            move(moves, payer, payee, VAT, home, vat)


def _through(moves: list[Move], path: tuple[str, str, str], fee: Fee, home: str) -> None:
    payer, acquirer, payee = path
    for kind, amount in ((fee.kind, fee.amount), (VAT, fee.vat)):
        move(moves, payer, acquirer, kind, home, amount)
        move(moves, acquirer, payee, kind, home, amount)


def move(moves: list[Move], payer: str, payee: str, kind: str, currency: str, amount: int) -> None:
    """Of an amount with a sign: below zero, `payee` gives it back."""
    if payer == payee:
        return
    if amount > 0:
        moves.append(_new(Move, (payer, payee, kind, currency, amount)))
    elif amount:
        moves.append(_new(Move, (payee, payer, kind, currency, -amount)))
