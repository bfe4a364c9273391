"""Answers that no waiting request is for: late ones, second ones, and those of nobody.

A host that approves what was given up, or what it declined before, holds money that no acquirer has been told of. The one rule:
the reversal that ends it is one that was sent *after* the approval was heard. While a reversal is owed, and may have been dealt
with before the approval, it is followed by another; once it has ended (accepted, or as one of nothing there), the approval is
reversed again. What was closed as nothing there is asked again when an approval may have been missed: a connection was lost, or
the switch was away. In: an answer from a host. Out: a log event that says what it was, and what is done.
"""

from functools import partial

from switch.core.kernel import Kernel
from switch.core.links.awaited import AnsweredOnce, GivenUp
from switch.core.links.session import HostState, Session
from switch.core.messages.answer_codes import Meaning
from switch.core.records.records import LATE, LATE_APPROVAL, NOTHING, Excepted, Forwarded, LateApproval, Owed
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.exceptions import raise_exception
from switch.core.transactions.transaction import reversal_entry
from switch.wire.vocabulary import APPROVALS, DE, MTI, Document, mask_pan

APPROVED = frozenset({Meaning.APPROVED, Meaning.PARTIAL})


class LateAnswers:
    """Knows requests given up, so that what comes for them is named, logged and reversed again where it must be."""

    def __init__(self, kernel: Kernel, forwarder: Forwarder) -> None:
        self._kernel = kernel
        self._forwarder = forwarder
        forwarder.reverse_after = self.reverse_after
        for host in kernel.hosts.values():
            host.pending.tell_dropped = partial(self._say_dropped, host.name)

    def _say_dropped(self, host: str, dropped: GivenUp, now: int) -> None:
        """A request that was given up has made room for another: was that before `late_s` was over?"""
        kernel, limit = self._kernel, "late_answers"
        if not dropped.money or now - dropped.at_ns >= kernel.limits.late_s * 1_000_000_000:
            return
        if times := kernel.limit_times(limit, host):
            hint = (
                "what was given up first is no longer watched for: approved after all, it stands there until books are "
            )
            hint = f"{hint}compared; raise late_answers in [limits] of the network file"
            value = kernel.limits.late_answers
            kernel.log("warning", "limit.reached", limit=limit, value=value, host=host, times=times, hint=hint)

    def ask_all_again(self, now: int) -> None:
        """At a start, before what a crash has left open takes its place among what is watched for, which is bounded: an approval
        may have come meanwhile, or have been heard and not recorded."""
        for host in self._kernel.hosts.values():
            self.ask_again(host, now)

    def watch(self, now: int) -> None:
        """At a start: know again the answers to what earlier processes gave up."""
        for name, remembered in self._kernel.state.watched.items():
            host = self._kernel.hosts.get(name)
            for watched in remembered.values() if host is not None else ():
                request = watched.request
                given_up = GivenUp(txn=request.txn, reason="before a restart", at_ns=now, sent_at=request.sent_at)
                self._kernel.hosts[name].pending.watch((request.mti[1], request.stan), given_up)

    def ask_again(self, host: HostState, now: int) -> None:
        """An approval of this host's may have been lost: what it knew nothing of lately is reversed once more."""
        kernel = self._kernel
        since_us = kernel.wall_us(now) - kernel.limits.late_s * 1_000_000
        remembered = kernel.state.watched.get(host.name, {})
        for watched in list(remembered.values()):
            if watched.ended == NOTHING and watched.reversal >= since_us:
                self._reverse_again(watched.request, approved=False, now=now)

    def reverse_after(self, entry: Owed, now: int) -> None:
        """A reversal is accepted whose original was approved after it may have been sent: another one follows it."""
        watched = self._kernel.state.watched.get(entry.host, {}).get(entry.original)
        if watched is not None and watched.reversal == entry.txn and entry.heard_late:
            self._reverse_again(watched.request, approved=False, now=now)

    def handle(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0110, 0210, 0130, 0230, 0410, 0430 that is for nothing that waits and nothing that is owed."""
        kernel, host = self._kernel, session.host
        mti, stan = document[DE.MTI], document.get(DE.STAN, "")
        code, sent_at = raw.get(DE.RESPONSE_CODE, ""), document.get(DE.TRANSMISSION_TIME, "")
        fields = {
            "link": session.link, "mti": mti, "de11": stan, "de7": sent_at,
            "rrn": document.get(DE.RRN, ""), "de39": code,
        }  # fmt: skip
        if host is None:
            kernel.log("warning", "answer.unmatched", **fields, nearest="the switch asks nothing of an acquirer's link")
            return
        key = (mti[1], stan)
        of_request = mti[2] == "1" and mti[1] != MTI.REVERSAL
        given_up = host.pending.late(key, document) if of_request else None
        once = host.pending.answered_before(key, document) if of_request and given_up is None else None
        approved = host.answers.read(code)[0] in APPROVED
        if given_up is not None:
            hint = (
                self._undo_late(session, document, given_up, now) if approved else "it moves no money: nothing to undo"
            )
            kernel.log("warning", "answer.late", **fields, txn=f"{given_up.txn:x}", given_up=given_up.reason,
                       late_ms=(now - given_up.at_ns) // 1_000_000, hint=hint)  # fmt: skip
        elif once is not None:
            hint = self._undo_second(once, host.name, code, now) if approved else "the first answer stands"
            kernel.log("warning", "answer.doubled", **fields, txn=f"{once.txn:x}", hint=hint)
        else:
            kernel.log("warning", "answer.unmatched", **fields, nearest=host.pending.nearest(key, sent_at, now))

    def _undo_late(self, session: Session, document: Document, given_up: GivenUp, now: int) -> str:
        """A request that was given up is approved after all. Returns what is done, for the log."""
        kernel, host = self._kernel, session.host
        assert host is not None
        if not given_up.money:
            return "an inquiry moves no money: nothing to undo"
        watched = kernel.state.watched.get(host.name, {}).get(given_up.txn)
        if watched is None:
            return self._except(session, document, given_up, now)
        request, de39 = watched.request, document.get(DE.RESPONSE_CODE, "")
        if watched.reversal in kernel.state.owed:
            if not kernel.state.owed[watched.reversal].approved:
                kernel.record(LateApproval(txn=request.txn, at_us=kernel.wall_us(now), host=host.name, de39=de39))
            return f"the reversal owed to the host, {watched.reversal:x}, undoes it, or the one that follows it"
        return self._reverse_again(request, approved=watched.ended == NOTHING, now=now)

    def _except(self, session: Session, document: Document, given_up: GivenUp, now: int) -> str:
        """So late that its request is no longer remembered: a person must see to it that it is taken back."""
        kernel, get = self._kernel, document.get
        assert session.host is not None
        if given_up.txn in kernel.state.exceptions:
            return "an exception already"
        reason = f"approved {(now - given_up.at_ns) // 1_000_000_000} s after it was given up ({given_up.reason})"
        entry = Excepted(
            txn=given_up.txn,
            at_us=kernel.wall_us(now),
            kind=LATE_APPROVAL,
            reason=reason,
            host=session.host.name,
            link="",
            pan=mask_pan(get(DE.PAN, "")),
            amount=int(get(DE.AMOUNT) or 0),
            currency=get(DE.CURRENCY, ""),
            rrn=get(DE.RRN, ""),
        )
        if raise_exception(kernel, entry) is not None:
            return "limit exceptions reached"
        kernel.log("error", "approval.too_late", txn=f"{given_up.txn:x}", host=session.host.name, rrn=get(DE.RRN, ""),
                   reason=reason, hint="the acquirer has been told otherwise, and late_s is over: have the issuer take it back, "
                   f"then `cmi-switch exceptions resolve {given_up.txn:x} --reason …`")  # fmt: skip
        return "an exception: see `cmi-switch exceptions list`"

    def _undo_second(self, once: AnsweredOnce, host: str, code: str, now: int) -> str:
        """A request that has its answer is approved (again)."""
        kernel = self._kernel
        outcome = kernel.find(once.key)
        request = outcome.request if outcome is not None and outcome.txn == once.txn else None
        if outcome is None or request is None or outcome.de39 in APPROVALS or outcome.reversed_by:
            return "the first answer stands"
        kernel.record(LateApproval(txn=request.txn, at_us=kernel.wall_us(now), host=host, de39=code))
        return self._reverse_again(request, approved=True, now=now)

    def _reverse_again(self, request: Forwarded, *, approved: bool, now: int) -> str:
        entry = reversal_entry(self._kernel, request, LATE, {}, now, approved=approved)
        self._forwarder.owe(entry, now)
        return f"the acquirer has been told otherwise: reversed, as {entry.txn:x}"
