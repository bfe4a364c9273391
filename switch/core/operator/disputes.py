"""An operator's part in disputes: a claim is opened, answered, and closed, step by step (`core.records.disputes`).

Each step is a record, which the ledger posts; the command is answered once that is durable. What the sides say to each other
comes to the centre by other ways than authorization messages (files, screens), so that no link carries it here.
"""

from datetime import date, timedelta

import msgspec

from switch.core.kernel import Kernel
from switch.core.messages.meaning import direction_of
from switch.core.operator.command import Arguments, Command, Unable, rows_shown
from switch.core.operator.errors import ErrorCode
from switch.core.records.disputes import ACQUIRER, ISSUER, MOVES, WHOSE, Disputed, Step
from switch.core.records.outcomes import Outcome
from switch.core.shards import is_passed_on
from switch.core.transactions.claimed_back import back_of, returned_with
from switch.core.transactions.pricing import Pricing
from switch.core.transactions.taken_back import posted
from switch.money.currency import format_amount
from switch.money.dispute_rules import DisputeReason, DisputeTimes
from switch.money.fee_line import Fee
from switch.money.fees import change
from switch.wire.dates import day_of
from switch.wire.vocabulary import DE, Processing


class ListDisputes(Arguments, frozen=True):
    """What to show, newest first."""

    all: bool = False
    """ended ones, too"""
    limit: int = 50
    """0: as many as one command may show"""


class OneDispute(Arguments, frozen=True):
    """Which: hexadecimal, as lists show it."""

    dispute: str


class OpenDispute(Arguments, frozen=True):
    """A claim of an issuer's."""

    txn: str
    """of the payment, hexadecimal"""
    acquirer: str
    rrn: str
    """who brought it, and its DE37: what history knows it by"""
    reason: str
    by: str
    amount: int = 0
    """minor units; 0: all that stands"""


class StepDispute(Arguments, frozen=True):
    """An answer to it."""

    dispute: str
    step: str
    by: str
    amount: int = 0
    """of a representment: minor units that go back to the acquirer; 0: all"""
    side: str = ""
    """of `closed`: for whom"""


class DisputeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One dispute, as it is now."""

    dispute: str
    txn: str
    """of the payment"""
    rrn: str
    scheme: str
    reason: str
    title: str
    step: str
    side: str
    acquirer: str
    issuer: str
    merchant: str
    currency: str
    amount: int
    given_back: int
    interchange: int
    """minor units of the home currency that have gone back to the acquirer"""
    due: str
    overdue: bool
    next: tuple[str, ...]
    """steps that may follow"""


class DisputeList(msgspec.Struct, frozen=True):
    """Disputes."""

    items: tuple[DisputeRow, ...]
    left_out: int


class DisputeCommands:
    """`disputes.…`"""

    def __init__(self, kernel: Kernel, pricing: Pricing) -> None:
        self._kernel = kernel
        self._pricing = pricing
        rules = kernel.network.disputes
        self._reasons = {(reason.scheme, reason.code): reason for reason in rules.reasons}
        self._times = {times.scheme: times for times in rules.times}
        self._file_days = {
            scheme: max(one.file_days for one in rules.reasons if one.scheme == scheme) for scheme, _ in self._reasons
        }
        """the longest time in which a scheme's payment may be claimed"""

    def table(self) -> dict[str, Command]:
        """By name."""
        return {
            "disputes.list": Command(ListDisputes, self.show, changes=False),
            "disputes.show": Command(OneDispute, self.show_one, changes=False),
            "disputes.open": Command(OpenDispute, self.open),
            "disputes.step": Command(StepDispute, self.step),
        }

    # -- what there is

    def show(self, given: ListDisputes, now: int) -> DisputeList:
        """Newest first."""
        found = [one for one in self._kernel.state.disputes.last.values() if given.all or one.open][::-1]
        limit = rows_shown(given.limit)
        return DisputeList(tuple(self._row(one, now) for one in found[:limit]), max(0, len(found) - limit))

    def show_one(self, given: OneDispute, now: int) -> DisputeRow:
        """One. Raises Unable."""
        return self._row(self._known(given.dispute), now)

    def _known(self, text: str) -> Disputed:
        try:
            found = self._kernel.state.disputes.last.get(int(text, 16))
        except ValueError:
            found = None
        if found is None:
            hint = "`cmi-switch disputes list --all` shows those that are known"
            raise Unable(f'"{text}" is no dispute', hint, code=ErrorCode.DISPUTE_UNKNOWN)
        return found

    def _row(self, one: Disputed, now: int) -> DisputeRow:
        reason = self._reasons.get((one.scheme, one.reason))
        return DisputeRow(
            dispute=f"{one.dispute:x}",
            txn=f"{one.original:x}",
            rrn=one.rrn,
            scheme=one.scheme,
            reason=one.reason,
            title=reason.title if reason is not None else "",
            step=one.step,
            side=one.side,
            acquirer=one.acquirer,
            issuer=one.issuer,
            merchant=one.merchant,
            currency=one.currency,
            amount=one.amount,
            given_back=one.given_back,
            interchange=-sum(fee.amount for fee in one.returned),
            due=one.due,
            overdue=bool(one.due) and one.due < self._kernel.business_day(now),
            next=tuple(MOVES[Step(one.step)]),
        )

    # -- a claim

    def open(self, given: OpenDispute, now: int) -> DisputeRow:
        """The issuer's chargeback: the money goes back to it. Raises Unable."""
        kernel = self._kernel
        if is_passed_on(given.acquirer):
            raise _unable(
                f"{given.txn} was passed on by {given.acquirer}, in whose journal it stands: claim it back in that shard"
            )
        original = self._payment(given)
        request, priced = original.request, original.priced
        if request is None or priced is None or not posted(original):
            why = (
                "nothing of it stands: it was declined, taken back, only held, or a release without prices recorded it"
            )
            raise _unable(f"{given.txn} cannot be claimed back: {why}")
        if request.hold is not None:
            raise _unable(f"{given.txn} follows payment {request.hold.txn:x}: claim that back")
        if direction_of(request.elements) < 0:
            raise _unable(
                f"{given.txn} is a refund: what it gave to the cardholder is not claimed back from the merchant"
            )
        amount = self._claimed(given, original, request.currency)
        today = date.fromisoformat(kernel.business_day(now))
        if kernel.state.disputes.crowded(kernel.limits.disputes, today.isoformat()):
            raise _unable(f"limit disputes={kernel.limits.disputes} reached: raise it in [limits] of the network file")
        reason, times = self._rules(priced.scheme, given.reason)
        paid = date.fromisoformat(priced.of_day or priced.day) if priced.day else day_of(original.at_us)
        if (today - paid).days > reason.file_days:
            until = paid + timedelta(reason.file_days)
            raise _unable(f"{given.txn} was paid on {paid}: a claim for {reason.code} had to be made by {until}")
        txn = kernel.next_txn(now)
        lines = self._interchange(original, txn, amount, now)
        if lines is None:
            raise _no_rules(given.txn, original)
        return self._record(
            Disputed(
                txn=txn,
                at_us=kernel.wall_us(now),
                dispute=txn,
                step=Step.CHARGEBACK,
                original=original.txn,
                rrn=original.rrn,
                reason=reason.code,
                amount=amount,
                given_back=amount,
                change=amount,
                currency=request.currency,
                due=(today + timedelta(times.represent_days)).isoformat(),
                side="",
                by=given.by,
                scheme=priced.scheme,
                acquirer=priced.acquirer,
                issuer=priced.issuer,
                merchant=priced.merchant,
                cash=request.elements.get(DE.PROCESSING_CODE, "")[:2] == Processing.CASH,
                of_day=paid.isoformat(),
                interchange=lines,
                returned=lines,
                fees=lines,
                window=kernel.window(now),
                until=(paid + timedelta(self._file_days[priced.scheme])).isoformat(),
            ),
            now,
        )

    def _claimed(self, given: OpenDispute, payment: Outcome, currency: str) -> int:
        """What is claimed of it, minor units: never more than stands, is in no dispute and was not refunded. Raises Unable."""
        free = posted(payment) - self._kernel.state.disputes.committed.get(payment.txn, 0) - payment.refunded
        amount = given.amount or free
        if 0 < amount <= free:
            return amount
        asked, left, gone = (format_amount(minor, currency) for minor in (amount, max(0, free), payment.refunded))
        besides = f", and {gone} have been refunded" if payment.refunded else ""
        why = f"{left} of it stand and are in no dispute{besides}"
        raise _unable(f"{asked if given.amount else left} of {given.txn} cannot be claimed back: {why}")

    def _payment(self, given: OpenDispute) -> Outcome:
        try:
            txn = int(given.txn, 16)
        except ValueError:
            raise _unable(f'"{given.txn}" is no transaction: expected hexadecimal digits') from None
        found = self._find(txn, given.acquirer, given.rrn)
        if found is None:
            raise _not_known(given.txn, given.acquirer, given.rrn)
        return found

    def _find(self, txn: int, acquirer: str, rrn: str) -> Outcome | None:
        """A payment, recent or not. None: it is in the journal no more, or never was."""
        kernel = self._kernel
        recent = next((one for one in reversed(kernel.state.recent.values()) if one.txn == txn), None)
        return recent or next((one for one in kernel.history.find_named(acquirer, rrn) if one.txn == txn), None)

    def _rules(self, scheme: str, code: str) -> tuple[DisputeReason, DisputeTimes]:
        reason, times = self._reasons.get((scheme, code)), self._times.get(scheme)
        if reason is None or times is None:
            known = ", ".join(f"{known} ({one.title})" for (of, known), one in self._reasons.items() if of == scheme)
            raise _unable(
                f'"{code}" is no reason to claim back a {scheme or "card"} payment', f"there are: {known or 'none'}"
            )
        return reason, times

    def _interchange(self, original: Outcome, dispute: int, given_back: int, now: int) -> tuple[Fee, ...] | None:
        """What of it has gone back by a dispute once so much of the payment is with its issuer: what all disputes of it have
        given back then, less what the others have. None: the network file has the payment's rules no more."""
        others = [one for one in self._kernel.state.disputes.of(original.txn) if one.dispute != dispute]
        back, returned = back_of(others)
        lines = returned_with(self._pricing, original, back + given_back, now)
        return change(returned, lines) if lines is not None else None

    # -- answers

    def step(self, given: StepDispute, now: int) -> DisputeRow:
        """The next step. Raises Unable."""
        kernel, before = self._kernel, self._known(given.dispute)
        may = MOVES[Step(before.step)]
        if given.step not in may:
            hint = f"next may be: {', '.join(may)}" if may else "nothing follows"
            raise Unable(
                f"dispute {given.dispute} is {before.step}: {given.step} cannot follow",
                hint,
                code=ErrorCode.DISPUTE_STEP,
            )
        step, today = Step(given.step), date.fromisoformat(kernel.business_day(now))
        if step is not Step.CLOSED and before.due and today.isoformat() > before.due:
            why = f"the {WHOSE[step]} had until {before.due} for a {step}, and it is {today}"
            raise Unable(why, f"close it for the other side: --for {_other(WHOSE[step])}", code=ErrorCode.DISPUTE_LATE)
        given_back = self._given_back(before, step, given)
        returned = self._returned(before, given_back, now)
        times = self._times.get(before.scheme)
        days = (
            {Step.REPRESENTMENT: times.pre_arbitration_days, Step.PRE_ARBITRATION: times.arbitration_days}
            if times
            else {}
        )
        return self._record(
            msgspec.structs.replace(
                before,
                txn=kernel.next_txn(now),
                at_us=kernel.wall_us(now),
                step=step,
                given_back=given_back,
                change=given_back - before.given_back,
                due=(today + timedelta(days[step])).isoformat() if step in days else "",
                side=given.side,
                by=given.by,
                returned=returned,
                fees=change(before.returned, returned),
                window=kernel.window(now),
            ),
            now,
        )

    @staticmethod
    def _given_back(before: Disputed, step: Step, given: StepDispute) -> int:
        """Minor units that the issuer has after it. Raises Unable."""
        if (step is Step.CLOSED) != (given.side in (ISSUER, ACQUIRER)):
            hint = f"--for {ISSUER}, or --for {ACQUIRER}, with closing alone"
            raise Unable("a dispute is closed for one side", hint, code=ErrorCode.DISPUTE_STEP)
        if given.amount and step is not Step.REPRESENTMENT:
            about = format_amount(before.amount, before.currency)
            raise _unable(f"a {step} has no amount of its own: it is about the {about} in dispute")
        if step is Step.REPRESENTMENT:
            back = given.amount or before.given_back
            if not 0 < back <= before.given_back:
                asked, had = (format_amount(minor, before.currency) for minor in (back, before.given_back))
                raise _unable(f"{asked} cannot be presented again: {had} have gone back")
            return before.given_back - back
        if step is Step.CLOSED:
            return before.amount if given.side == ISSUER else 0
        return before.amount if step is Step.PRE_ARBITRATION else before.given_back

    def _returned(self, before: Disputed, given_back: int, now: int) -> tuple[Fee, ...]:
        """Interchange that has gone back once the step is taken. Of a payment that has left the journal, or whose rules have left
        the network file, what was so before, or all of it or none. Raises Unable."""
        if given_back == before.given_back:
            return before.returned
        original = self._find(before.original, before.acquirer, before.rrn)
        lines = self._interchange(original, before.dispute, given_back, now) if original is not None else None
        if lines is not None:
            return lines
        if given_back in (0, before.amount):
            return before.interchange if given_back else ()
        if original is not None:
            raise _no_rules(f"{before.original:x}", original)
        raise _not_known(f"{before.original:x}", before.acquirer, before.rrn)

    def _record(self, entry: Disputed, now: int) -> DisputeRow:
        kernel = self._kernel
        kernel.record(entry)
        about = {"step": entry.step, "by": entry.by, "reason": entry.reason, "due": entry.due}
        money = {"amount": entry.amount, "change": entry.change, "currency": entry.currency}
        kernel.log("info", "dispute.step", dispute=f"{entry.dispute:x}", txn=f"{entry.original:x}", **about, **money)
        return self._row(entry, now)


def _other(side: str) -> str:
    return ACQUIRER if side == ISSUER else ISSUER


def _not_known(txn: str, acquirer: str, rrn: str) -> Unable:
    return _unable(f"no payment {txn} of {acquirer} with DE37 {rrn or 'absent'} is known")


def _no_rules(txn: str, payment: Outcome) -> Unable:
    day = payment.priced.day if payment.priced is not None else ""
    why = (
        f"what a part of {txn} costs cannot be said: the network file has no rule, or rate, of {day}, whose fees it has"
    )
    return _unable(why, "put them back (rows that have ended stay, with `to`), or claim all of it")


def _unable(sentence: str, hint: str = "`cmi-switch journal show TXN` shows what is known of a payment") -> Unable:
    return Unable(sentence, hint, code=ErrorCode.DISPUTE_REFUSED)
