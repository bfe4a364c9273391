"""The posting rules, each broken on purpose: `test_mutants.py` sees to it that each is noticed."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from switch.core.records.day_records import Cutover
from switch.core.records.records import Owed, StoodIn
from switch.ledger import exchange, fold, moves, rules
from switch.ledger.entries import MERCHANT, Entry, Move
from switch.ledger.fold import LedgerFold
from switch.ledger.payments import Payment, Terms
from switch.ledger.rules import What
from switch.money.fee_line import Fee
from switch.wire.vocabulary import APPROVALS

Mutant = Callable[[pytest.MonkeyPatch], None]


def changed(name: str, **values: Any) -> Mutant:
    """What `LedgerFold._payment` says of a payment, with these values in place of its own."""

    def break_(patch: pytest.MonkeyPatch) -> None:
        whole = LedgerFold._payment

        def payment(self: LedgerFold, *told: Any) -> Payment:
            return msgspec.structs.replace(whole(self, *told), **values)

        patch.setattr(LedgerFold, "_payment", payment)

    break_.__name__ = name
    return break_


cash_is_paid_to_a_merchant = changed("cash_is_paid_to_a_merchant", cash=False)
a_hold_is_posted = changed("a_hold_is_posted", hold=False)
a_refund_goes_from_the_issuer = changed("a_refund_goes_from_the_issuer", direction=1)


def keeping(name: str, of: What, change: Callable[[Entry], Iterable[Entry]]) -> Mutant:
    """Entries of one rule as this makes them."""

    def break_(patch: pytest.MonkeyPatch) -> None:
        whole = LedgerFold._keep

        def keep(self: LedgerFold, made: Entry) -> None:
            for one in change(made) if made.what == of else (made,):
                whole(self, one)

        patch.setattr(LedgerFold, "_keep", keep)

    break_.__name__ = name
    return break_


def nothing_is_posted_for(what: What) -> Mutant:
    """A rule that posts, left out."""
    return keeping(f"no_{what.name.lower()}_is_posted", what, lambda _: ())


def counters_nothing(what: What) -> Mutant:
    """An entry that changes another one, and does not name it."""
    return keeping(
        f"a_{what.name.lower()}_names_nothing", what, lambda made: (msgspec.structs.replace(made, counters=0),)
    )


def a_decline_is_posted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fold, "APPROVALS", {*APPROVALS, "51"})


def what_is_approved_in_part_is_posted_whole(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._approve

    def approve(self: LedgerFold, payment: Payment, _: int, *rest: Any) -> None:
        whole(self, payment, payment.asked, *rest)

    patch.setattr(LedgerFold, "_approve", approve)


def the_whole_amount_is_posted_and_not_the_difference(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._let_stand

    def let_stand(self: LedgerFold, payment: Payment, stands: int, *rest: Any) -> None:
        payment.stands = 0
        whole(self, payment, stands, *rest)

    patch.setattr(LedgerFold, "_let_stand", let_stand)


def a_tip_is_added_to_what_stands(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._let_stand

    def let_stand(self: LedgerFold, payment: Payment, stands: int, said: What, *rest: Any) -> None:
        whole(self, payment, stands + (payment.stands if said is What.CORRECTION else 0), said, *rest)

    patch.setattr(LedgerFold, "_let_stand", let_stand)


def a_reversal_takes_back_all_whatever_it_leaves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fold, "left_of", lambda _: 0)


def a_hold_outlives_its_completion(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._hold

    def hold(self: LedgerFold, payment: Payment, held: int, *rest: Any) -> None:
        if held:
            whole(self, payment, held, *rest)

    patch.setattr(LedgerFold, "_hold", hold)


def an_increment_is_a_hold_of_its_own_amount_in_the_place_of_the_first(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._hold

    def hold(self: LedgerFold, payment: Payment, held: int, *rest: Any) -> None:
        whole(self, payment, held - payment.held if held > payment.held > 0 else held, *rest)

    patch.setattr(LedgerFold, "_hold", hold)


def the_advice_of_a_stand_in_is_taken_for_a_payment(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._stand_in

    def stand_in(self: LedgerFold, entry: Any, sequence: int, place: bytes) -> None:
        whole(self, entry, sequence, place)
        self.payments.known.pop(entry.advice.txn, None)
        advice = {**entry.advice.message, "t": "0220"}
        self._owe(msgspec.structs.replace(entry.advice, message=advice, original=0), sequence, place)

    patch.setitem(fold._TAKES, StoodIn, stand_in)


def a_timeout_leaves_the_payment_open(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._reverse

    def reverse(self: LedgerFold, entry: Owed, payment: Payment | None, sequence: int) -> None:
        if payment is not None and payment.open:
            self._let_stand(payment, payment.asked, What.PURCHASE, entry, sequence, entry.txn)
            return
        whole(self, entry, payment, sequence)

    patch.setattr(LedgerFold, "_reverse", reverse)


def a_late_reversal_counts_in_the_day_of_its_payment(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LedgerFold, "_of_day", lambda *_: "")


def a_cutover_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(fold._TAKES, Cutover, lambda *_: None)


def another_currency_does_not_give_back_what_stood(patch: pytest.MonkeyPatch) -> None:
    whole = LedgerFold._let_stand

    def let_stand(self: LedgerFold, *told: Any) -> None:
        whole(self, *told[:6])

    patch.setattr(LedgerFold, "_let_stand", let_stand)


def fees(rule: Callable[[Fee], Iterable[Fee]], name: str) -> Mutant:
    """Fees as this makes them."""

    def break_(patch: pytest.MonkeyPatch) -> None:
        whole = moves.fee_moves

        def fee_moves(into: list[Move], acquirer: str, lines: Iterable[Fee], home: str, *, merchants: bool) -> None:
            whole(into, acquirer, [made for fee in lines for made in rule(fee)], home, merchants=merchants)

        patch.setattr(fold, "fee_moves", fee_moves)

    break_.__name__ = name
    return break_


replace = msgspec.structs.replace
tax_is_forgotten = fees(lambda fee: [replace(fee, vat=0)], "tax_is_forgotten")
tax_is_in_the_fee = fees(lambda fee: [replace(fee, amount=fee.amount + fee.vat, vat=0)], "tax_is_in_the_fee")
payees_pay = fees(lambda fee: [replace(fee, payer=fee.payee, payee=fee.payer)], "payees_pay")
fees_are_posted_twice = fees(lambda fee: [fee, fee], "fees_are_posted_twice")
no_fees_are_posted = fees(lambda _: [], "no_fees_are_posted")


def a_merchant_pays_others_itself(patch: pytest.MonkeyPatch) -> None:
    def through(into: list[Move], path: tuple[str, str, str], fee: Fee, home: str, **_: bool) -> None:
        for kind, amount in ((fee.kind, fee.amount), ("vat", fee.vat)):
            moves.move(into, path[0], path[2], kind, home, amount)

    patch.setattr(moves, "_through", through)


def the_acquirer_keeps_what_is_its_merchants(patch: pytest.MonkeyPatch) -> None:
    whole = moves.principal

    def principal(into: list[Move], payment: Payment, amount: int, *, merchants: bool) -> None:
        whole(into, payment, amount, merchants=merchants)
        into[:] = [one for one in into if MERCHANT not in one.payee and MERCHANT not in one.payer]

    patch.setattr(fold, "principal", principal)


def the_difference_of_an_exchange_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    whole = exchange.exchange

    def forgetful(told: list[Move], terms: Terms) -> list[Move]:
        return [one for one in whole(told, terms) if not one.payer.startswith(exchange.DIFFERENCE)]

    patch.setattr(fold, "exchange", forgetful)


def each_part_is_exchanged_by_itself(patch: pytest.MonkeyPatch) -> None:
    whole = exchange.exchange

    def alone(told: list[Move], terms: Terms) -> list[Move]:
        terms.stands.clear()
        return whole(told, terms)

    patch.setattr(fold, "exchange", alone)


def an_exchange_is_at_par(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(exchange, "worth_at", lambda amount, *_: amount)


def a_network_settles_in_the_payments_currency(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fold, "abroad", lambda *_: None)


MUTANTS: tuple[Mutant, ...] = (
    *(nothing_is_posted_for(what) for what, rule in rules.RULES.items() if rule.posts),
    *(counters_nothing(what) for what, rule in rules.RULES.items() if rule.counters),
    cash_is_paid_to_a_merchant,
    a_hold_is_posted,
    a_refund_goes_from_the_issuer,
    a_decline_is_posted,
    what_is_approved_in_part_is_posted_whole,
    the_whole_amount_is_posted_and_not_the_difference,
    a_tip_is_added_to_what_stands,
    a_reversal_takes_back_all_whatever_it_leaves,
    a_hold_outlives_its_completion,
    an_increment_is_a_hold_of_its_own_amount_in_the_place_of_the_first,
    the_advice_of_a_stand_in_is_taken_for_a_payment,
    a_timeout_leaves_the_payment_open,
    a_late_reversal_counts_in_the_day_of_its_payment,
    a_cutover_is_overlooked,
    another_currency_does_not_give_back_what_stood,
    tax_is_forgotten,
    tax_is_in_the_fee,
    payees_pay,
    fees_are_posted_twice,
    no_fees_are_posted,
    a_merchant_pays_others_itself,
    the_acquirer_keeps_what_is_its_merchants,
    the_difference_of_an_exchange_is_forgotten,
    each_part_is_exchanged_by_itself,
    an_exchange_is_at_par,
    a_network_settles_in_the_payments_currency,
)
