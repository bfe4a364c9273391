"""Reversals (0400, 0420) and advices (0120, 0220) that acquirers and networks send.

Both are promises once acknowledged: the acquirer forgets them when it reads our answer, so that the answer waits until the
`Owed` record is durable. A reversal undoes its original at the issuer exactly once in effect, whether it comes before, during,
after or without that original.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.core.links.session import Session
from switch.core.messages.internal import Original
from switch.core.messages.meaning import direction_of, is_inquiry
from switch.core.records.outcomes import Outcome
from switch.core.records.records import ADVICE, AMBIGUOUS, MTI_CLASS, REVERSAL, Declined, Excepted, Forwarded, Key, Owed
from switch.core.routing.routing import Router
from switch.core.saf.forwarder import NOT_YET, Forwarder
from switch.core.transactions.claimed_back import check_claimed, with_claims
from switch.core.transactions.duplicates import answer_now
from switch.core.transactions.exceptions import raise_exception
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.increments import hold_ended, is_added_to, stands_without
from switch.core.transactions.originals import (
    NAMES,
    NEAR_S,
    Ambiguous,
    find_alike,
    find_first,
    find_namesake,
    find_original,
    named_key,
    original_of_message,
    txn_of,
)
from switch.core.transactions.payments import Payments
from switch.core.transactions.pricing import Pricing
from switch.core.transactions.refunds import check_advice
from switch.core.transactions.replies import acknowledge
from switch.core.transactions.taken_back import followed_by, left_without, nothing_to_undo, remaining, taken_back, told
from switch.core.transactions.transaction import (
    NOT_STORED,
    Refusal,
    check_shape,
    original_name,
    reversal_entry,
    route,
    take,
)
from switch.wire.dates import later, seconds_between
from switch.wire.pans import keepable
from switch.wire.vocabulary import DE, MTI, Answer, Document, advice_of, request_of

PASSED = (DE.RESPONSE_CODE, DE.EXPIRY, DE.MERCHANT_NAME)
"""Elements of an acquirer's reversal or advice that its issuer gets as they are: why it reverses, and what names the payment"""
PREAUTH_CONDITION = "06"
"""DE25 of a pre-authorization and of its completion"""
OF_THE_MOMENT = NOT_YET | {Answer.NOT_PERMITTED_TERMINAL}
"""Refusals that a repeat of the same reversal or advice need not meet: it is judged anew."""


class Reversals:
    """What acquirers and networks take back or tell afterwards."""

    def __init__(
        self, kernel: Kernel, router: Router, forwarder: Forwarder, payments: Payments, pricing: Pricing
    ) -> None:
        self._kernel = kernel
        self._pricing = pricing
        self._router = router
        self._forwarder = forwarder
        self._payments = payments

    def handle_reversal(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0400, 0420 and their repeats."""
        self._handle(take(self._kernel, session, document, raw, now), advice=False)

    def handle_advice(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0120, 0220 and their repeats: acknowledged at once, forwarded until the issuer has it."""
        self._handle(take(self._kernel, session, document, raw, now), advice=True)

    def _handle(self, message: Incoming, *, advice: bool) -> None:
        kernel = self._kernel
        try:
            check_shape(kernel, message)
            if kernel.journal_down or kernel.journal_full():
                why = f"the journal cannot take it: {kernel.journal_down or 'too much waits'}"
                raise Refusal(Answer.MALFUNCTION, why)
            seen = self._seen(message, advice=advice)
            if seen is not None:
                acknowledge(
                    kernel, message, answer_now(seen)[0], f"as {seen.txn:x} was answered", "", seen.window, seen.priced
                )
            elif advice:
                self._advise(message)
            else:
                self._reverse(message)
        except Refusal as refusal:
            if isinstance(refusal, Ambiguous):
                refusal = self._except(message, refusal)
            self._payments.decline(message, refusal, remember=refusal.de39 not in OF_THE_MOMENT)

    def _seen(self, message: Incoming, *, advice: bool) -> Outcome | None:
        """What became of the message that this one repeats. A reversal that comes again under another DE7 need not be known for
        one: it changes nothing."""
        seen = self._kernel.repeated(message.key)
        if seen is None and advice:
            first = find_first(self._kernel, message)
            seen = first.outcome if first is not None else None
        return seen

    def _except(self, message: Incoming, refusal: Refusal) -> Refusal:
        """Nobody can tell which payment it means: not acknowledged, and a person must look. Returns the refusal to answer."""
        kernel, link, rrn = self._kernel, message.session.name, message.document.get(DE.RRN, "")
        entry = Excepted(
            txn=message.txn,
            at_us=kernel.wall_us(message.now),
            kind=AMBIGUOUS,
            reason=refusal.reason,
            host="",
            link=link,
            pan=message.masked,
            amount=message.amount,
            currency=message.currency,
            rrn=rrn,
        )
        if (too_many := raise_exception(kernel, entry)) is not None:
            return too_many
        kernel.log(
            "error", "reversal.ambiguous", txn=f"{message.txn:x}", link=message.session.link, rrn=rrn, pan=message.masked,
            amount=message.amount, currency=message.currency, reason=refusal.reason,
            hint=f"not acknowledged; reverse the right one, then `cmi-switch exceptions resolve {message.txn:x} --reason …`",
        )  # fmt: skip
        return refusal

    # -- reversals

    def _reverse(self, message: Incoming) -> None:
        left = remaining(message)
        named = original_of_message(message)
        original = find_original(self._kernel, message, named)
        if original is None:
            self._reverse_unknown(message, named)
        elif original.pending is not None:
            self._reverse_open(message, original.pending)
        elif original.outcome is not None:
            self._reverse_ended(message, original.outcome, left)

    def _reverse_ended(self, message: Incoming, original: Outcome, left: int) -> None:
        kernel, part = self._kernel, original
        followed = followed_by(kernel, part)
        if followed is not None and left < part.amount:
            original, left = followed, left_without(part, followed, left)
        request = original.request
        hold = hold_ended(kernel, part.request)
        if request is None or left >= original.amount or not part.approved or hold:
            why = hold or nothing_to_undo(original if part.approved else part)
            kernel.log(
                "info", "reversal.nothing_to_undo", txn=f"{message.txn:x}", original=f"{original.txn:x}", reason=why
            )
            acknowledge(kernel, message, Answer.APPROVED, f"nothing to undo: {why}")
            return
        if message.masked and request.pan != message.masked:
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"the original {original.txn:x} has another card")
        check_claimed(kernel.state.disputes, original, left)
        if left and request.key[MTI_CLASS] == MTI.AUTHORIZATION and is_added_to(kernel, original):
            raise Refusal(Answer.ISSUER_INOPERATIVE, f"an increment of {original.txn:x} waits: DE95 is about both")
        if self._forwarder.full(request.host):
            raise Refusal(Answer.MALFUNCTION, f"limit owed_per_host reached (host {request.host})")
        entry = reversal_entry(kernel, request, "acquirer", original.elements, message.now, approved=True)
        priced = self._pricing.of_reversal(original, left, message.now)
        entry = msgspec.structs.replace(entry, priced=priced, posts=taken_back(original, left))
        entry = with_claims(entry, original, left, kernel.state.disputes, self._pricing, message.now)
        if request.hold is not None:
            entry = msgspec.structs.replace(entry, stands=stands_without(kernel, original, left))
        elif original.added:
            entry.message[DE.AMOUNT] = f"{original.authorized:012d}"
            entry = msgspec.structs.replace(entry, amount=original.authorized)
        if part is not original:
            entry = msgspec.structs.replace(entry, original=part.txn, undoes=part.key)
            entry.message.update({DE.REPLACEMENT: f"{left:012d}{0:012d}C{0:08d}C{0:08d}"} if left else {})
            self._owe(message, entry)
            return
        self._owe(message, entry, [DE.REPLACEMENT] if left else [])

    def _reverse_open(self, message: Incoming, pending: Pending) -> None:
        """The original still waits for its issuer: it ends here, and its late answer will be known for one."""
        kernel = self._kernel
        kernel.hosts[pending.decision.host].pending.give_up(pending, "reversed by the acquirer", message.now)
        kernel.end_waiting(pending.link)
        request = kernel.state.open[pending.txn]
        if is_inquiry(request.elements):
            self._payments.close_open(request, "reversed by the acquirer", message.now)
            acknowledge(kernel, message, Answer.APPROVED, "nothing to undo: an inquiry moves no money")
        else:
            self._owe(message, reversal_entry(kernel, request, "acquirer", {}, message.now))

    def _reverse_unknown(self, message: Incoming, original: Original | None) -> None:
        """What it names (`original`: DE90) is not known here: a crash may have taken its record, or it has not come yet. The
        card's issuer may know it, and is told as the acquirer tells it; the original is refused if it comes."""
        kernel = self._kernel
        unknown = "its original is not known here"
        if not message.pan:
            raise Refusal(Answer.RECORD_NOT_FOUND, f"{unknown}, and it has no PAN (DE2) to route by")
        if original is not None and _is_past(original, kernel.de7(message.now), kernel.today()):
            why = f"{unknown}, and what DE90 names ({original.sent_at}) is older than a reversal can be"
            raise Refusal(Answer.RECORD_NOT_FOUND, why)
        if original is not None and (hold := find_namesake(kernel, message, original)) is not None:
            self._reverse_never_left(message, original, hold)
            return
        try:
            decision = route(self._router, message, back=True)
        except Refusal as refusal:
            why = f"{unknown}, and no issuer can be named: {refusal.reason}"
            raise Refusal(Answer.RECORD_NOT_FOUND, why) from None
        if original is not None and (alike := find_alike(kernel, message, original)) is not None:
            why = f"{unknown}; without DE37 its issuer may take it for {txn_of(alike):x}, of the same card and amount"
            raise Ambiguous(Answer.NO_ACTION, why)
        kernel.log("warning", "reversal.original_unknown", txn=f"{message.txn:x}", link=message.session.link,
                   host=decision.host, hint="forwarded to the card's issuer all the same")  # fmt: skip
        entry = self._entry(message, REVERSAL, decision.host, decision.route)
        undoes = named_key(message, original)
        self._owe(message, msgspec.structs.replace(entry, undoes=undoes))
        if undoes is not None:
            self._refuse_original(message, undoes)

    def _reverse_never_left(self, message: Incoming, original: Original, hold: Outcome) -> None:
        """DE37 is that of a hold, and DE90 names another request: an increment of it, and one that is not known here never left.
        Its issuer, told of it, might take back the hold. Raises Ambiguous where it may be the hold that is meant."""
        request = hold.request
        if request is None or message.amount in (request.amount, hold.authorized):
            why = f"DE37 and DE4 are those of {hold.txn:x}, and DE90 names another request, which is not known here"
            raise Ambiguous(Answer.NO_ACTION, why)
        why = f"DE37 is that of {hold.txn:x}; an increment of it with DE11 {original.stan} never left here"
        self._kernel.log(
            "info", "reversal.nothing_to_undo", txn=f"{message.txn:x}", original=f"{hold.txn:x}", reason=why
        )
        undoes = named_key(message, original)
        if undoes is not None:
            self._refuse_original(message, undoes)
        acknowledge(self._kernel, message, Answer.APPROVED, f"nothing to undo: {why}")

    def _refuse_original(self, message: Incoming, key: Key) -> None:
        """The original may yet come, overtaken by its reversal. `apply` has ended it already; this is for the journal's index."""
        kernel = self._kernel
        kernel.record(
            Declined(
                txn=kernel.next_txn(message.now),
                at_us=kernel.wall_us(message.now),
                key=key,
                link=message.session.name,
                mti=request_of(key[MTI_CLASS]),
                pan=message.masked,
                amount=message.amount,
                currency=message.currency,
                rrn=message.document.get(DE.RRN, ""),
                de39=Answer.ISSUER_INOPERATIVE,
                reason="its reversal was here first",
                came=False,
                window=kernel.window(message.now),
            )
        )

    # -- advices

    def _advise(self, message: Incoming) -> None:
        """To who holds what it follows, under the name that host knows it by; else to the card's issuer."""
        kernel = self._kernel
        followed = self._followed(message)
        request = followed.request if followed is not None else None
        if followed is None or request is None or request.host not in kernel.hosts:
            if not message.pan:
                raise Refusal(Answer.RECORD_NOT_FOUND, "what it follows is not known here, and it has no PAN (DE2)")
            named = DE.ORIGINAL in message.document or DE.APPROVAL_CODE in message.document
            decision = route(self._router, message, back=named)
            check_advice(kernel, message)
            entry = self._entry(message, ADVICE, decision.host, decision.route)
            priced = self._pricing.of_advice(message, decision.host, None)
            self._owe(message, msgspec.structs.replace(entry, priced=priced, posts=told(message, None)))
            return
        entry = self._entry(message, ADVICE, request.host, kernel.hosts[request.host].route)
        entry.message.update(
            {de: request.elements[de] for de in NAMES if de in request.elements and de not in entry.message}
        )
        entry.message[DE.ORIGINAL] = original_name(kernel, request)
        known: dict[str, Any] = {} if message.pan else {"pan": request.pan, "sealed": request.sealed}
        if followed.captured and message.key[MTI_CLASS] == MTI.FINANCIAL:
            entry = msgspec.structs.replace(entry, stands=followed.captured + message.amount)
        priced, posts = self._pricing.of_advice(message, request.host, followed), told(message, followed)
        known |= {"original": followed.txn, "undoes": request.key, "priced": priced, "posts": posts}
        entry = msgspec.structs.replace(entry, **known)
        if message.key[MTI_CLASS] == MTI.FINANCIAL:
            stands = entry.stands if entry.stands >= 0 else message.amount
            entry = with_claims(entry, followed, stands, kernel.state.disputes, self._pricing, message.now)
        self._owe(message, entry)

    def _followed(self, message: Incoming) -> Outcome | None:
        """What an advice follows, where it is known: named by DE90, or by DE37 and DE38 of what was approved.

        A completion (DE25 06) may lack DE38, too: an issuer may have given none. Then it is a pre-authorization that DE37 names.
        Raises Refusal for one that cannot follow it, or not yet: told of by itself, it would stand beside what it follows.
        """
        document = message.document
        named, code = DE.ORIGINAL in document, document.get(DE.APPROVAL_CODE, "")
        completes = document.get(DE.CONDITION_CODE) == PREAUTH_CONDITION
        if not named and not (document.get(DE.RRN) and (code or completes)):
            return None
        follows = "" if named else code
        found = find_original(self._kernel, message, original_of_message(message), follows=follows)
        if found is not None and found.pending is not None:
            raise Refusal(Answer.ISSUER_INOPERATIVE, f"what it follows, {found.pending.txn:x}, waits for its issuer")
        outcome = found.outcome if found is not None else None
        request = outcome.request if outcome is not None else None
        if outcome is None or request is None or not (named or code or request.key[MTI_CLASS] == MTI.AUTHORIZATION):
            return None
        if direction_of(document) < 0 < direction_of(request.elements):
            return None  # a refund stands beside what it gives back
        if message.key[MTI_CLASS] == MTI.FINANCIAL:
            self._check_completion(message, outcome, request)
        return outcome

    def _check_completion(self, message: Incoming, original: Outcome, request: Forwarded) -> None:
        """Raise Refusal where what it completes or adjusts does not stand, or its issuer allows no such amount."""
        what = "pre-authorization" if request.key[MTI_CLASS] == MTI.AUTHORIZATION else "payment"
        if message.masked and request.pan != message.masked:
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, f"the {what} {original.txn:x} has another card")
        if not original.approved:
            why = f"the {what} {original.txn:x} does not stand: {nothing_to_undo(original)}"
            raise Refusal(Answer.ORIGINAL_INCONSISTENT, why)
        if request.key[MTI_CLASS] == MTI.FINANCIAL:
            check_claimed(self._kernel.state.disputes, original, message.amount)
        host = self._kernel.hosts.get(request.host)
        tolerance = host.config.completion_tolerance if host is not None else Decimal(0)
        may_stand = original.may_stand
        most = may_stand + int(may_stand * tolerance)
        whole = message.amount + original.captured
        if message.currency == request.currency and whole > most:
            before = f" with {original.captured} completed before" if original.captured else ""
            allowed = f"{may_stand} and completion_tolerance of {tolerance:.0%}: {most}"
            why = f"{message.amount}{before} is more than {allowed}"
            raise Refusal(Answer.EXCEEDS_AMOUNT, why)

    # -- promises

    def _entry(self, message: Incoming, kind: str, host: str, route_name: str) -> Owed:
        """What the acquirer says, as it is owed to `host`. Raises Refusal where too much is owed to it."""
        kernel, now = self._kernel, message.now
        if self._forwarder.full(host):
            raise Refusal(Answer.ISSUER_INOPERATIVE, f"limit owed_per_host reached (host {host})", route_name)
        elements = {de: value for de, value in message.document.items() if de not in NOT_STORED}
        elements[DE.MTI] = advice_of(message.document[DE.MTI])
        elements[DE.STAN], elements[DE.TRANSMISSION_TIME] = kernel.next_stan(host), kernel.de7(now)
        elements[DE.FORWARDER] = kernel.network.institution
        return Owed(
            txn=message.txn,
            at_us=kernel.wall_us(now),
            kind=kind,
            reason="acquirer",
            host=host,
            original=0,
            key=message.key,
            link=message.session.name,
            pan=message.masked,
            sealed=kernel.vault.seal(message.pan, message.txn),
            amount=message.amount,
            currency=message.currency,
            message=keepable(elements),
        )

    def _owe(self, message: Incoming, entry: Owed, passed: Iterable[str] = ()) -> None:
        """Promise `entry` under the acquirer's own key and transaction, with what its message adds (`PASSED`, `passed`), and
        acknowledge once the promise is durable."""
        document = message.document
        added = {de: document[de] for de in (*PASSED, *passed) if de in document}
        owed = msgspec.structs.replace(
            entry,
            txn=message.txn,
            key=message.key,
            link=message.session.name,
            message={**entry.message, **keepable(added)},
        )
        self._forwarder.owe(owed, message.now)
        host = self._kernel.hosts.get(entry.host)
        by = host.route if host is not None else ""
        message.masked = message.masked or entry.pan
        acknowledge(
            self._kernel, message, Answer.APPROVED, f"{entry.kind} owed to {entry.host}", by, priced=owed.priced
        )


def _is_past(original: Original, now: str, today: date) -> bool:
    """True if the date that DE90 names, read as the nearest, is to come: it can only be a year ago."""
    sent_at = original.sent_at
    apart = seconds_between(sent_at, now, today) if sent_at.strip("0") else None
    return apart is not None and apart > NEAR_S and later(sent_at, now)
