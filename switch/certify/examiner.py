"""The party that certifies another: it plays a plan's acquirer or issuer, and looks at everything that comes. Pure.

As an acquirer it takes the plan's tests one after another on its connection. As an issuer it is an endpoint that is always up:
the test is picked by the message that comes, several may be under way, and each may be taken again and again where it is to go
on. What nobody expects is answered as `[[always]]` and `[otherwise]` say, and noted.
"""

from collections.abc import Callable
from typing import Final

from switch.certify.connections import Connections
from switch.certify.findings import FAILED, Outcome
from switch.certify.plan import ACQUIRER, ISSUER, NOTHING, Plan, Reply, Step, Test
from switch.certify.run import MS, Run, answers, brief
from switch.certify.wire import Came, Manner, explained, of_step
from switch.certify.words import UnknownWordError, Words, matches
from switch.core.party import Certificate, Effect, LinkId
from switch.doctor.explain import Explainer
from switch.wire import Dialect, Document
from switch.wire.vocabulary import DE, MTI, is_response

GRACE_MS: Final = 2_000
"""an answer so much later than it may be is still looked at, and found late; at least as long as it may take"""
RECONNECT_MS: Final = 15_000
OUTCOMES_MAX: Final = 500
"""kept by an endpoint that goes on; the oldest is let go"""
NOTES_MAX: Final = 200
_KEYS: Final = (
    "the keys of both ends by their check values (`cmi-switch keys list`), then the padding (docs/security.md, MACs)"
)
_QUIET: Final = "what made it send that: its log, under this DE11"


class Examiner:
    """One certification. `ended` is told each outcome when its test is over."""

    def __init__(
        self,
        plan: Plan,
        manner: Manner,
        spoken: Dialect,
        explainer: Explainer,
        *,
        first_stan: int,
        goes_on: bool = False,
        ended: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        """`spoken`: the dialect of the plan's elements. `first_stan`: DE11 of the first message. `goes_on`: never over."""
        self.outcomes: list[Outcome] = []
        self.notes: list[str] = []
        self.heard_at = 0
        """when the other side last said something, or came; 0: it never came"""
        self._plan = plan
        self._manner = manner
        self._spoken = spoken
        self._explainer = explainer
        self._goes_on = goes_on
        self._ended = ended
        self._connections = Connections(manner, first_stan)
        self._runs: list[tuple[Run, LinkId]] = []
        self._left = list(plan.tests)
        """not begun yet"""
        self._waits_until: int | None = None
        """for the connection that the next test needs"""
        self._draining = False

    # -- for who drives it

    @property
    def over(self) -> bool:
        """True once nothing more is to come of it."""
        return not self._goes_on and not self._left and not self._runs and self._connections.next_due is None

    def stop(self, why: str) -> None:
        """What has not been run is not run any more, for a reason; what is under way ends."""
        for run, _ in list(self._runs):
            run.end(self.heard_at, why)
            self._close(run)
        while self._left and not self._goes_on:
            test = self._left.pop(0)
            self._tell(Outcome(ident=test.ident, title=test.title, about=test.about, why=why))

    # -- the contract

    @property
    def effects(self) -> list[Effect]:
        """What is to be carried out."""
        return self._connections.out

    @effects.setter
    def effects(self, effects: list[Effect]) -> None:
        self._connections.out = effects

    @property
    def wall_offset_ns(self) -> int:
        """The wall clock, less the monotonic one."""
        return self._connections.wall_offset_ns

    @wall_offset_ns.setter
    def wall_offset_ns(self, ns: int) -> None:
        self._connections.wall_offset_ns = ns

    def connected(self, link: LinkId, now: int, peer: str = "", certificate: Certificate | None = None) -> None:
        """A connection was accepted or made."""
        del peer, certificate
        self._connections.add(link, now)
        self.heard_at, self._waits_until = now, None
        hung_up = [run for run in self._active() if run.step is not None and run.step.hang_up and run.due is not None]
        self._runs = [(run, link if run in hung_up else on) for run, on in self._runs]
        for run in hung_up:
            run.good("connected again", "a connection", "one")
            self._advance(run, link, now)
        self._begin_next(now)

    def received(self, link: LinkId, data: bytes, now: int) -> None:
        """Bytes as the stream brought them."""
        wire = self._connections.open.get(link)
        if wire is None:
            return
        self.heard_at = now
        came, broken = wire.feed(data, self._connections.at_ms(now))
        for message in came:
            self._take(link, message, now)
        if broken:
            found = self._explainer.explain_connection(wire.first, self._manner.framing, self._manner.dialect)
            self._trouble("framing", f"{self._manner.framing} before each message", broken, explained(found), now)
            self._connections.leave(link, "its stream cannot be cut into messages")

    def disconnected(self, link: LinkId, now: int) -> None:
        """The connection is gone."""
        wire, ours = self._connections.remove(link)
        for run, on in list(self._runs):
            if on != link or ours or (self._plan.plays == ISSUER and not run.awaits_answer):
                continue  # what an issuer waits for may come on the next connection
            what = "closed before a message of it could be read" if wire and not wire.frames else "closed by the peer"
            look_at = "dialect, framing, sign-on: its log says why it closes; `cmi-switch doctor` reads what comes"
            run.fault("connection", "open", what, look_at)
            self._finish(run, now, f"the connection was {what}")
        if not self._connections.open:
            self._waits_until = now + RECONNECT_MS * MS

    def undelivered(self, link: LinkId, txn: int, now: int) -> None:
        """No send asks for it."""

    def durable(self, position: int, now: int) -> None:
        """No journal."""

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """No journal."""

    def tick(self, now: int) -> None:
        """What is due."""
        self._connections.send_due(now)
        for run, link in list(self._runs):
            if run.due is not None and run.due <= now:
                self._time_is_over(run, link, now)
        if self._waits_until is not None and self._waits_until <= now and self._plan.plays == ACQUIRER:
            self.stop(f"no connection for {RECONNECT_MS // 1_000} s")

    def next_deadline(self) -> int | None:
        """When the first thing is due."""
        waits = self._left and self._plan.plays == ACQUIRER
        times = [*(run.due for run, _ in self._runs), self._connections.next_due, self._waits_until if waits else None]
        return min((due for due in times if due is not None), default=None)

    def drain(self, now: int) -> None:
        """Begin nothing more."""
        del now
        self._draining = True

    def drained(self) -> bool:
        """Nothing is waited for."""
        return self._draining

    # -- what came

    def _take(self, link: LinkId, came: Came, now: int) -> None:
        document = came.document
        if came.passage.wrong or came.unproved:
            for run in self._active():
                run.passed(of_step(came.passage, run.step.name if run.step else ""))
        if came.passage.wrong:
            look_at = self._connections.open[link].explain(self._explainer, came)
            first = came.passage.wrong.partition("\n")[0]
            self._trouble("readable", f"a message of {self._manner.dialect.name}", first, look_at, now)
        elif came.unproved:
            self._trouble("MAC", "one that holds", came.unproved, _KEYS, now)
        elif is_response(document.get(DE.MTI, "")):
            self._take_answer(link, came, now)
        else:
            self._take_request(link, came, now)

    def _take_answer(self, link: LinkId, came: Came, now: int) -> None:
        document, stan = came.document, came.document.get(DE.STAN)
        waiting = [run for run, _ in self._runs if run.awaits_answer and answers(run.out, document)]
        exact = [run for run in waiting if run.out.get(DE.STAN) == stan]
        earlier = [
            (run, name)
            for run in self._active()
            for name, asked in run.asked.items()
            if asked.get(DE.STAN) == stan and answers(asked, document) and run not in exact
        ]
        if earlier and not exact:
            run, name = earlier[0]
            run.passed(of_step(came.passage, name))
            if run.step is not None and run.step.quiet_ms:
                run.fault("quiet", "nothing", f"another answer to step {name}, {document[DE.MTI]}", _QUIET)
            else:
                run.note(
                    f"another answer to step {name} came: {document[DE.MTI]}, DE39 {document.get(DE.RESPONSE_CODE)}"
                )
            return
        if not waiting:
            self._note(f"a {brief(document)} came, which answers nothing that was asked")
            return
        run = (exact or waiting)[0]
        assert run.step is not None
        run.passed(of_step(came.passage, run.step.name))
        run.answer_came(document, now)
        self._advance(run, link, now)

    def _take_request(self, link: LinkId, came: Came, now: int) -> None:
        document = came.document
        expecting = [run for run, _ in self._runs if run.due is not None and run.expects(document)]
        if document.get(DE.MTI, "")[1:2] != MTI.NETWORK:
            expecting = [run for run in expecting if not run.asked or run.likeness(document)]
        if expecting:
            self._expected(max(expecting, key=lambda run: run.likeness(document)), link, came, now)
            return
        for run in self._active():
            if run.step is not None and run.step.quiet_ms and run.follows(document):
                run.passed(of_step(came.passage, run.step.name))
                run.fault("quiet", "nothing", f"a {brief(document)}", _QUIET)
        test = self._picked(document)
        if test is not None:
            run = Run(self._plan, test, self._spoken, now)
            self._runs.append((run, link))
            self._expected(run, link, came, now)
            return
        self._beside(link, came, now)

    def _expected(self, run: Run, link: LinkId, came: Came, now: int) -> None:
        """A request that a step expects: judged, answered."""
        step = run.step
        assert step is not None
        run.passed(of_step(came.passage, step.name))
        run.request_came(came.document, now)
        if step.reply is not None:
            self._answer(run, link, step.reply, came, now)
        self._advance(run, link, now)

    def _picked(self, document: Document) -> Test | None:
        """The test that a message begins; it is not left any more, unless this goes on."""
        if self._plan.plays == ACQUIRER or self._draining:
            return None
        words = Words(self._plan.values)
        for test in self._plan.tests if self._goes_on else self._left:
            wanted = test.steps[0].expects
            if wanted is not None and matches(wanted, document, words):
                if not self._goes_on:
                    self._left.remove(test)
                return test
        return None

    def _beside(self, link: LinkId, came: Came, now: int) -> None:
        """A request that no test is for."""
        words = Words(self._plan.values)
        for run in self._active():
            run.passed(came.passage)
        for always in self._plan.always:
            if matches(always.when, came.document, words):
                self._answer(None, link, always.reply, came, now)
                return
        self._note(f"a {brief(came.document)} came, and no test is for it")
        if self._plan.otherwise is not None:
            self._answer(None, link, self._plan.otherwise, came, now)

    def _answer(self, run: Run | None, link: LinkId, reply: Reply, came: Came, now: int) -> None:
        words = run.words if run is not None else Words(self._plan.values)
        try:
            document, passage = self._connections.reply(link, reply, words, came, now)
        except (UnknownWordError, ValueError) as error:
            self._unsaid(run, "answer", error)
            return
        if run is not None and run.step is not None:
            run.words.answered(run.step.name, document)
            run.passed(of_step(passage, run.step.name))

    # -- steps

    def _begin_next(self, now: int) -> None:
        """As an acquirer: the next test, on the connection there is."""
        if self._plan.plays != ACQUIRER or self._runs or self._draining:
            return
        if self._left and self._connections.open:
            run, link = Run(self._plan, self._left.pop(0), self._spoken, now), next(reversed(self._connections.open))
            self._runs.append((run, link))
            self._begin(run, link, now)

    def _advance(self, run: Run, link: LinkId, now: int) -> None:
        """The step is over: the next one begins."""
        run.number += 1
        self._begin(run, link, now)

    def _begin(self, run: Run, link: LinkId, now: int) -> None:
        step = run.step
        run.due = None
        if step is None:
            self._finish(run, now)
        elif step.send is not None:
            self._send(run, step, link, now)
        elif step.hang_up:
            run.due = now + RECONNECT_MS * MS
            self._connections.leave(link, "the plan hangs up")
        elif step.expects is not None:
            run.sent_at, run.due = now, now + run.within_ms(step) * MS
        else:
            run.due = now + (step.wait_ms or step.quiet_ms) * MS

    def _send(self, run: Run, step: Step, link: LinkId, now: int) -> None:
        self._connections.name(run.words, now)
        try:
            before = {de: value for de, value in run.asked.get(step.again, {}).items() if de not in step.without}
            made = before | run.words.filled(step.send or {})
            document, passage = self._connections.send(link, made, now)
        except (UnknownWordError, ValueError) as error:
            self._unsaid(run, "message", error)
            self._finish(run, now, f"step {step.name} could not be taken")
            return
        run.asked[step.name] = document
        run.words.asked(step.name, document)
        run.passed(of_step(passage, step.name))
        within_ms = run.within_ms(step)
        grace_ms = 0 if step.points.mti == NOTHING else max(within_ms, GRACE_MS)
        run.sent_at, run.due = now, now + (within_ms + grace_ms) * MS

    def _time_is_over(self, run: Run, link: LinkId, now: int) -> None:
        step = run.step
        assert step is not None
        waited = f"none within {(now - run.sent_at) / MS:,.0f} ms"
        if step.send is not None and step.points.mti == NOTHING:
            run.good("no answer", "none", "none")
        elif step.send is not None:
            look_at = "the same DE11 in the peer's log: has it come, and where has its answer gone?"
            run.fault("answer", f"one within {run.within_ms(step):,} ms", waited, look_at)
        elif step.expects is not None:
            run.fault(
                "request", run.expected_text(step), waited, "the peer's log: has it sent it, and on which connection?"
            )
        elif step.hang_up:
            run.fault("connected again", "a connection", waited, "does it listen, or connect, again after one is lost?")
            self._finish(run, now, "no new connection")
            return
        elif step.quiet_ms:
            run.good("quiet", "nothing", "nothing")
        self._advance(run, link, now)

    def _finish(self, run: Run, now: int, why: str = "") -> None:
        run.end(now, why)
        self._close(run)
        if run.test.essential and run.outcome.verdict == FAILED and self._plan.plays == ACQUIRER:
            self.stop(f"{run.test.ident} failed, without which nothing else can be")
        self._begin_next(now)

    def _close(self, run: Run) -> None:
        self._runs = [(other, link) for other, link in self._runs if other is not run]
        self._tell(run.outcome)

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        del self.outcomes[:-OUTCOMES_MAX]
        self._ended(outcome)

    # -- helpers

    def _active(self) -> list[Run]:
        return [run for run, _ in self._runs]

    def _trouble(self, point: str, expected: str, found: str, look_at: str, now: int) -> None:
        """Something that cannot be read: a fault of whoever waits, and the end of that step; of several nobody knows whose."""
        waiting = [(run, link) for run, link in self._runs if run.due is not None]
        waiting = waiting if len(waiting) == 1 else []
        for run, link in waiting:
            run.fault(point, expected, found, look_at)
            self._advance(run, link, now) if link in self._connections.open else self._finish(run, now, found)
        if not waiting:
            self._note(f"{point}: {found}; {look_at}")

    def _unsaid(self, run: Run | None, what: str, error: Exception) -> None:
        said = (
            f"{{{error}}} has no value: a step before it brought none" if isinstance(error, UnknownWordError) else error
        )
        if run is not None:
            run.fault(what, "one that can be made", str(said), "the steps before it, or the plan")
        else:
            self._note(f"an answer could not be made: {said}")

    def _note(self, text: str) -> None:
        self.notes.append(text)
        del self.notes[:-NOTES_MAX]
