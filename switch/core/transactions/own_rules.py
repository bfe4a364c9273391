"""The rules of a network's own file, applied: at which moments they are asked, what becomes of what they say, and how they end.

Theory of operation. A rule is somebody else's code on the path of every payment, so it is bounded in what it can cost. An error
of it costs the one message: a request is declined with 96, an answer goes on as it is. What takes longer than the budget has been
waited for, and counts; three times within ten minutes, and the rules are off: payments go on without them (`open`), or are
declined (`closed`), as the network file says, until it is read again. What never returns stands still with the process, which the
service's watchdog ends.
"""

from collections.abc import Callable
from typing import Any, Final

from switch.core import hooks
from switch.core.hooks import ADDABLE, BEFORE_ANSWER, BEFORE_FORWARD, ROUTE, Hooks, Payment, Refuse
from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.core.party import link_name
from switch.core.routing.decision import Decision
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import Refusal, pan_of
from switch.wire.pans import mask_pans
from switch.wire.vocabulary import APPROVALS, DE, Document
from switch.wire.vocabulary import Answer as Code

OVERRUNS_MAX: Final = 3
WITHIN_US: Final = 600_000_000
"""so many overruns within so long, and the rules are off"""
REASON_MAX: Final = 200
VALUE_MAX: Final = 99
NAME_MAX: Final = 40
"""what is shown of a name that a rule gives for a host"""


class OwnRules:
    """Of one switch. `clock`: monotonic ns, to time the rules by; a simulation leaves it standing."""

    def __init__(self, kernel: Kernel, file: Hooks) -> None:
        """RulesError: the file makes no rules."""
        self.file = file
        self.off = ""
        """why they are off; "": they are not"""
        self.clock: Callable[[], int] = lambda: 0
        self._kernel = kernel
        self._rules, self._points = hooks.made(file.source, file.file)
        self._overruns: list[int] = []
        """when, wall-clock µs"""
        self._at_us = 0
        """of the message that they are asked about"""

    def go_on(self, kernel: Kernel) -> None:
        """Another switch is in the place of the one before, and has the same rules."""
        self._kernel = kernel

    # -- the points

    def before(self, message: Incoming, decision: Decision) -> Decision:
        """`route` and `before_forward`, of a request that has a route. Raises Refusal."""
        if self.off:
            if self.file.when_off == "closed":
                raise Refusal(Code.MALFUNCTION, f"own rules are off, and closed: {self.off}", decision.route)
            return decision
        self._at_us = self._kernel.wall_us(message.now)
        payment = self._payment(message, decision)
        if ROUTE in self._points:
            host = self._ask(ROUTE, message, payment)
            if host is not None and host != decision.host:
                decision = self._rerouted(message, decision, host)
                payment = self._payment(message, decision)
        if BEFORE_FORWARD in self._points:
            said = self._ask(BEFORE_FORWARD, message, payment)
            if said is not None:
                raise self._refusal(message, decision, said)
        return decision

    def answering(self, pending: Pending, document: Document, amount: int, now: int) -> None:
        """`before_answer`: what it says is added to the answer, which is what a repeat gets again, too."""
        if self.off or BEFORE_ANSWER not in self._points:
            return
        self._at_us = self._kernel.wall_us(now)
        session = self._kernel.sessions.get(pending.link)
        payment = self._values(
            pending.request,
            pending.decision,
            pan_of(pending.request),
            masked=pending.pan,
            amount=pending.amount,
            acquirer=session.source if session is not None else "",
            listener=link_name(pending.link),
        )
        answer = hooks.Answer(de39=document[DE.RESPONSE_CODE], amount=amount, host=pending.decision.host)
        try:
            said = self._timed(BEFORE_ANSWER, payment, answer)
            if said is not None:
                document.update(_added(said))
        except BaseException as error:  # KeyboardInterrupt, too: what a rule ends is its own message
            self._say_failed(BEFORE_ANSWER, error, pending.txn, "the answer goes on as it is")

    # -- asking

    def _ask(self, point: str, message: Incoming, payment: Payment) -> Any:
        """What a rule says. Raises Refusal: it ended in an error."""
        try:
            return self._timed(point, payment)
        except BaseException as error:
            told = self._say_failed(point, error, message.txn, "declined with 96")
            raise Refusal(Code.MALFUNCTION, f"own rule {point}: {told}") from None

    def _timed(self, point: str, *values: Any) -> Any:
        began = self.clock()
        try:
            return self._points[point](*values)
        finally:
            took_us = (self.clock() - began) // 1_000
            if took_us > self.file.budget_ms * 1_000:
                self._overrun(point, took_us)

    def _overrun(self, point: str, took_us: int) -> None:
        kernel, at_us = self._kernel, self._at_us
        self._overruns = [at for at in self._overruns if at_us - at < WITHIN_US] + [at_us]
        hint = f"at {OVERRUNS_MAX} within ten minutes the rules are off"
        about = {"point": point, "file": self.file.file, "took_us": took_us, "budget_ms": self.file.budget_ms}
        kernel.log("warning", "hook.overrun", **about, times=len(self._overruns), hint=hint)
        if len(self._overruns) >= OVERRUNS_MAX:
            self.off = f"{OVERRUNS_MAX} overruns within ten minutes, the last of {point}"
            then = "are declined with 96" if self.file.when_off == "closed" else "go on without them"
            hint = "mend the file, or raise `budget_ms`; `cmi-switch reload` begins anew"
            kernel.log("error", "hook.off", file=self.file.file, reason=self.off, payments=then, hint=hint)

    def _say_failed(self, point: str, error: BaseException, txn: int, then: str) -> str:
        """An error of a rule, said once a second; its kind and place, which name nothing of the message."""
        told = hooks.place_of(error, self.file.file)
        times = self._kernel.limit_times("hook", point)
        if times:
            hint = "mend the rule, then `cmi-switch reload`; `cmi-switch simulate --rules FILE` tries it"
            about = {"point": point, "txn": f"{txn:x}", "error": told, "then": then, "times": times, "hint": hint}
            self._kernel.log("error", "hook.failed", **about)
        return told

    # -- what they are given

    def _payment(self, message: Incoming, decision: Decision) -> Payment:
        session = message.session
        return self._values(
            message.document,
            decision,
            message.pan,
            masked=message.masked,
            amount=message.amount,
            acquirer=session.source,
            listener=session.name,
        )

    def _values(
        self,
        document: Document,
        decision: Decision,
        pan: str,
        *,
        masked: str,
        amount: int,
        acquirer: str,
        listener: str,
    ) -> Payment:
        get, found = document.get, decision.bin
        return Payment(
            at_us=self._at_us,
            mti=document[DE.MTI],
            acquirer=acquirer,
            listener=listener,
            card=self._kernel.vault.digest(pan).hex() if pan else "",
            pan=masked,
            scheme=found.scheme if found is not None else "",
            issuer=found.issuer if found is not None else "",
            amount=amount,
            currency=get(DE.CURRENCY, ""),
            processing=get(DE.PROCESSING_CODE, "")[:2],
            merchant=get(DE.MERCHANT, "").rstrip(),
            terminal=get(DE.TERMINAL, "").rstrip(),
            category=get(DE.MERCHANT_TYPE, ""),
            country=get(DE.ACQUIRER_COUNTRY, ""),
            entry=get(DE.ENTRY_MODE, ""),
            host=decision.host,
            hosts={name: host.up is not None for name, host in self._kernel.hosts.items()},
        )

    # -- what they say

    def _rerouted(self, message: Incoming, decision: Decision, name: Any) -> Decision:
        host = self._kernel.hosts.get(name) if isinstance(name, str) else None
        if host is None or decision.bin is None:
            called = repr(name[:NAME_MAX]) if isinstance(name, str) else f"a {type(name).__name__}"
            told = f"{called} is no host of the network file: {', '.join(self._kernel.hosts)}"
            error = ValueError(told)
            self._say_failed(ROUTE, error, message.txn, "declined with 96")
            raise Refusal(Code.MALFUNCTION, f"own rule {ROUTE}: {told}")
        route = host.config.scheme or "domestic"
        rule = f"{self.file.file}: route says {name}, in the place of {decision.host}"
        return Decision(host=host.name, route=route, de39="", rule=rule, bin=decision.bin)

    def _refusal(self, message: Incoming, decision: Decision, said: Any) -> Refusal:
        if isinstance(said, Refuse) and _refuses(said):
            return Refusal(said.de39, f"own rule: {mask_pans(said.reason)[:REASON_MAX]}", decision.route)
        told = f"it says {type(said).__name__}, and not Refuse with a DE39 that is no approval and a reason, both text"
        self._say_failed(BEFORE_FORWARD, TypeError(told), message.txn, "declined with 96")
        return Refusal(Code.MALFUNCTION, f"own rule {BEFORE_FORWARD}: {told}", decision.route)


def _refuses(said: Any) -> bool:
    """Is a `Refuse` made of what it should be? Nothing has looked at that: a number in DE39's place is easily written, and
    compiled code takes a declared type at its word."""
    de39 = said.de39
    good = isinstance(de39, str) and len(de39) == 2 and de39.isascii() and de39.isalnum()
    return good and de39 not in APPROVALS and isinstance(said.reason, str)


def _added(said: Any) -> Document:
    """The elements that an answer gets. ValueError, TypeError: they are none that it may."""
    added: Document = {}
    for de, value in dict(said).items():
        if de not in ADDABLE:
            raise ValueError(f"DE{de} is not one of {', '.join(sorted(ADDABLE, key=int))}")
        if not (isinstance(value, str) and value.isascii() and value.isprintable() and 0 < len(value) <= VALUE_MAX):
            raise ValueError(f"DE{de} is no text of 1 to {VALUE_MAX} characters")
        added[de] = value
    return added


def rules_of(kernel: Kernel) -> OwnRules | None:
    """Those that a switch's network file names. RulesError."""
    file = kernel.network.hooks
    return OwnRules(kernel, file) if file is not None else None


def keep_rules(before: Kernel, after: Kernel) -> None:
    """A switch follows another: under the same file, rules that are not off go on with what they remember."""
    rules = before.own_rules
    if rules is not None and not rules.off and after.own_rules is not None and rules.file == after.own_rules.file:
        rules.go_on(after)
        after.own_rules = rules
