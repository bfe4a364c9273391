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


def principal(moves: list[Move], payment: Parties, amount: int, kind: str = PAYMENT, *, merchants: bool = True) -> None:
    """The amount itself: from issuer to acquirer, and from there to the merchant, where it is not cash. `merchants`: False
    leaves out what is between these and their acquirers, which is in no settlement."""
    acquirer, currency = payment.acquirer, payment.currency
    move(moves, payment.issuer, acquirer, kind, currency, amount)
    if merchants and not payment.cash:
        move(moves, acquirer, MERCHANT + (payment.merchant or acquirer), kind, currency, amount)


def fee_moves(moves: list[Move], acquirer: str, fees: Iterable[Fee], home: str, *, merchants: bool = True) -> None:
    """Lines of the price and the tax on them. What is between a merchant and others than its acquirer goes through that.
    `merchants`: as of `principal`."""
    for fee in fees:
        payer, payee = fee.payer, fee.payee
        if payer[:_PREFIX] == MERCHANT or payee[:_PREFIX] == MERCHANT:
            if acquirer not in (payer, payee):
                _through(moves, (payer, acquirer, payee), fee, home, merchants=merchants)
                continue
            if not merchants:
                continue
        amount, vat = fee.amount, fee.vat
        if amount > 0 and payer != payee:  # as `move` does, without the call: nearly every line is such a one
            moves.append(_new(Move, (payer, payee, fee.kind, home, amount)))
        else:
            move(moves, payer, payee, fee.kind, home, amount)
        if vat:
            move(moves, payer, payee, VAT, home, vat)


def _through(moves: list[Move], path: tuple[str, str, str], fee: Fee, home: str, *, merchants: bool) -> None:
    payer, acquirer, payee = path
    for kind, amount in ((fee.kind, fee.amount), (VAT, fee.vat)):
        for one, other in ((payer, acquirer), (acquirer, payee)):
            if merchants or (one[:_PREFIX] != MERCHANT and other[:_PREFIX] != MERCHANT):
                move(moves, one, other, kind, home, amount)


def move(moves: list[Move], payer: str, payee: str, kind: str, currency: str, amount: int) -> None:
    """Of an amount with a sign: below zero, `payee` gives it back."""
    if payer == payee:
        return
    if amount > 0:
        moves.append(_new(Move, (payer, payee, kind, currency, amount)))
    elif amount:
        moves.append(_new(Move, (payee, payer, kind, currency, -amount)))
