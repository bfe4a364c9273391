"""Answers that no waiting request is for: late ones, second ones, and those of nobody.

A host that approves what was given up, or what it declined before, holds money that no acquirer has been told of. While the
reversal of it is owed, that reversal undoes it, and must be accepted. Once the reversal has ended (accepted, or as one of nothing
there) the approval is reversed again. In: an answer from a host. Out: a log event that says what it was, and what is done.
"""

from switch.core.kernel import Kernel
from switch.core.links.pending import AnsweredOnce, GivenUp
from switch.core.links.session import Session
from switch.core.messages.answer_codes import Meaning
from switch.core.records.records import LATE, NOTHING, Forwarded, LateApproval
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.transaction import reversal_entry
from switch.wire.vocabulary import APPROVALS, DE, MTI, Document

APPROVED = frozenset({Meaning.APPROVED, Meaning.PARTIAL})


class LateAnswers:
    """Of all hosts."""

    def __init__(self, kernel: Kernel, forwarder: Forwarder) -> None:
        self._kernel = kernel
        self._forwarder = forwarder

    def watch(self, now: int) -> None:
        """At a start: know again the answers to what earlier processes gave up."""
        for watched in self._kernel.state.watched.values():
            request = watched.request
            host = self._kernel.hosts.get(request.host)
            if host is not None:
                given_up = GivenUp(txn=request.txn, reason="before a restart", at_ns=now, sent_at=request.sent_at)
                host.pending.watch((request.mti[1], request.stan), given_up)

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
            hint = self._undo_late(given_up, code, now) if approved else "it moves no money: nothing to undo"
            kernel.log("warning", "answer.late", **fields, txn=f"{given_up.txn:x}", given_up=given_up.reason,
                       late_ms=(now - given_up.at_ns) // 1_000_000, hint=hint)  # fmt: skip
        elif once is not None:
            hint = self._undo_second(once, code, now) if approved else "the first answer stands"
            kernel.log("warning", "answer.doubled", **fields, txn=f"{once.txn:x}", hint=hint)
        else:
            kernel.log("warning", "answer.unmatched", **fields, nearest=host.pending.nearest(key, sent_at, now))

    def _undo_late(self, given_up: GivenUp, code: str, now: int) -> str:
        """A request that was given up is approved after all. Returns what is done, for the log."""
        kernel = self._kernel
        watched = kernel.state.watched.get(given_up.txn)
        if watched is None:
            return "an inquiry moves no money: nothing to undo"
        request = watched.request
        if watched.reversal in kernel.state.owed:
            if not kernel.state.owed[watched.reversal].approved:
                kernel.record(LateApproval(txn=request.txn, at_us=kernel.wall_us(now), de39=code))
            return f"the reversal owed to the host, {watched.reversal:x}, undoes it"
        return self._reverse_again(request, approved=watched.ended == NOTHING, now=now)

    def _undo_second(self, once: AnsweredOnce, code: str, now: int) -> str:
        """A request that has its answer is approved (again)."""
        kernel = self._kernel
        outcome = kernel.find(once.key)
        request = outcome.request if outcome is not None and outcome.txn == once.txn else None
        if outcome is None or request is None or outcome.de39 in APPROVALS or outcome.reversed_by:
            return "the first answer stands"
        kernel.record(LateApproval(txn=request.txn, at_us=kernel.wall_us(now), de39=code))
        return self._reverse_again(request, approved=True, now=now)

    def _reverse_again(self, request: Forwarded, *, approved: bool, now: int) -> str:
        entry = reversal_entry(self._kernel, request, LATE, {}, now, approved=approved)
        self._forwarder.owe(entry, now)
        return f"the acquirer has been told otherwise: reversed, as {entry.txn:x}"
