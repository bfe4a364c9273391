"""What an error nobody foresaw costs: the one message it arose with, and its link where that goes on.

Theory of operation. A flow decides, then records; what it says stands beside what it records. So an error before the first record
leaves nothing but effects that nobody has seen yet, which `Kernel.contain` takes back. After a record the journal has the truth:
the record and what belongs to it stay, and what is left half done is ended by the paths that end it after a crash (`mend`): a
request that nobody waits for is reversed, an approval that was not said is undelivered, what is owed is sent again.
"""

from collections.abc import Callable
from typing import Any, Final

from switch.core.kernel import Kernel, Mark
from switch.core.links.session import Session
from switch.core.messages.internal import answer
from switch.core.party import Record, Send
from switch.core.records.records import Answered, Forwarded, StoodIn
from switch.core.saf.forwarder import Forwarder
from switch.core.transactions.overload import may_be_known
from switch.core.transactions.payments import Payments
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import key_of
from switch.wire.letters import decode_anyway
from switch.wire.vocabulary import ADVICES, DE, REQUESTS, REVERSALS, Answer, Document, is_repeat, is_request

DEFECTS_MAX: Final = 3
"""messages of one connection that may end in an error before the connection does"""
REST_NS: Final = 1_000_000_000
"""where what falls due ends in errors twice running, nothing is looked at for so long: it may be due for ever"""


class Containment:
    """Ends the message an error arose with, and counts errors a link."""

    def __init__(
        self,
        kernel: Kernel,
        forwarder: Forwarder,
        payments: Payments,
        close_open: Callable[[Forwarded, int], None],
        close: Callable[[Session, str], None],
    ) -> None:
        """`close_open`: ends a request that nobody waits for. `close`: ends a connection."""
        self.rest_until = 0
        """no deadline is before that"""
        self.errors = 0
        """that `guard` has contained"""
        self._ticks_failed = 0
        """running"""
        self._kernel = kernel
        self._forwarder = forwarder
        self._payments = payments
        self._close_open = close_open
        self._close = close

    # -- where errors end

    def end_message(self, error: Exception, session: Session, frame: bytes, mark: Mark, now: int) -> None:
        """An error arose while `frame` was dealt with."""
        kernel = self._kernel
        document, raw = _read(session, frame)
        mti, stan = document.get(DE.MTI, "") or "message", document.get(DE.STAN, "")
        session.defects += 1
        kernel.contain(error, f"dealing with a {mti}", mark, link=session.link, de11=stan)
        self.guard("mending what an error has left", now, self._end_half_done, mark, now)
        if raw and is_request(mti):
            self.guard("refusing what led to an error", now, self._refuse, session, document, raw, mark)
        if session.defects >= DEFECTS_MAX:
            self._close(session, f"{session.defects} messages of it led to errors of the switch's own")

    def guard(self, doing: str, now: int, call: Callable[..., Any], *args: Any) -> bool:
        """Call it; False: it ended in an error, which is contained."""
        kernel = self._kernel
        mark = kernel.mark()
        try:
            call(*args)
        except Exception as error:
            kernel.contain(error, doing, mark)
            self.errors += 1
            self._mend_once(now)
            return False
        return True

    def rest(self, errors: int, now: int) -> None:
        """What was due has been looked at, with so many errors."""
        self._ticks_failed = self._ticks_failed + 1 if errors else 0
        if self._ticks_failed > 1:
            self.rest_until = now + REST_NS

    # -- what is left

    def _end_half_done(self, mark: Mark, now: int) -> None:
        """End what was recorded since `mark` and not gone on with, and mend the rest."""
        kernel = self._kernel
        since = kernel.effects[mark[1] :]
        said = {effect.txn for effect in since if isinstance(effect, Send)}
        for effect in since:
            if (
                isinstance(effect, Record)
                and isinstance(effect.entry, Answered | StoodIn)
                and effect.entry.txn not in said
            ):
                self._payments.undelivered(effect.entry.txn, now)
        self.mend(now)

    def _mend_once(self, now: int) -> None:
        kernel = self._kernel
        mark = kernel.mark()
        try:
            self.mend(now)
        except Exception as error:
            kernel.contain(error, "mending what an error has left", mark)

    def mend(self, now: int) -> None:
        """Make memory say what the state says: who waits, and what is owed."""
        kernel = self._kernel
        self._forwarder.mend()
        waiting = {pending.txn for pending in kernel.pending.values()}
        for request in list(kernel.state.open.values()):
            if request.txn not in waiting:
                self._close_open(request, now)
        for session in kernel.sessions.values():
            session.in_flight = 0
        for pending in kernel.pending.values():
            if pending.link in kernel.sessions:
                kernel.sessions[pending.link].in_flight += 1

    def _refuse(self, session: Session, document: Document, raw: Document, mark: Mark) -> None:
        """Answer 96, unless it has an answer, or may be a repeat of what has been approved: silence is undone, a no is not."""
        kernel, mti = self._kernel, document[DE.MTI]
        if any(isinstance(effect, Send) and effect.link == session.link for effect in kernel.effects[mark[1] :]):
            return
        if mti in REQUESTS:
            key = key_of(session, document)
            if is_repeat(mti) or may_be_known(kernel, session, key):
                return
            kernel.remember_refusal(key, Answer.MALFUNCTION)
        elif mti not in REVERSALS and mti not in ADVICES and mti[1] != "8":
            return
        reply(kernel, session, answer(document, Answer.MALFUNCTION), raw)


def _read(session: Session, frame: bytes) -> tuple[Document, Document]:
    """In internal format, and as it came; empty where it cannot be read."""
    try:
        raw = decode_anyway(session.dialect, frame)
        return session.inward(raw), raw
    except Exception:
        return {}, {}
