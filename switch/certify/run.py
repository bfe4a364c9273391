"""One test under way: which step it is at, what it waits for, what has come of it. Pure; the examiner moves it.

Theory. A run is at one step. A step of ours (`send`) is over when its answer has been judged, or its time; one of theirs
(`expects`) when the request has been judged and answered; a `quiet` or `wait` when its time is over; a `hang_up` when the next
connection is there. The run is over with its last step, or when a step cannot be taken: a value that it needs never came.
"""

from typing import Final

from switch.certify.findings import FAILED, NOT_RUN, PASSED, Finding, Outcome, Passage
from switch.certify.plan import NOTHING, Plan, Points, Step, Test
from switch.certify.points import Judge, expected_mti
from switch.certify.words import Words, matches
from switch.wire import Dialect, Document
from switch.wire.printable import printable
from switch.wire.vocabulary import DE, label_of, response_mti

MS: Final = 1_000_000
ALIKE: Final = (DE.TERMINAL, DE.PAN, DE.AMOUNT)
"""elements in which what is about a payment mostly agrees with it, should it not name it rightly"""


class Run:
    """A test under way."""

    def __init__(self, plan: Plan, test: Test, spoken: Dialect, now: int) -> None:
        self.test = test
        self.outcome = Outcome(ident=test.ident, title=test.title, about=test.about)
        self.words = Words(plan.values)
        self.number = 0
        """of the step it is at, from 0; that of all steps: it is over"""
        self.due: int | None = None
        """when what it waits for is over"""
        self.asked: dict[str, Document] = {}
        """step -> the message that was asked in it, in the plan's elements"""
        self.sent_at = 0
        self._plan = plan
        self._judge = Judge(spoken, self.words)
        self._began = now

    # -- where it is

    @property
    def step(self) -> Step | None:
        """The step it is at; None: it is over."""
        return self.test.steps[self.number] if self.number < len(self.test.steps) else None

    @property
    def awaits_answer(self) -> bool:
        """True where a message of ours is out and its answer is not here; also where none may come."""
        step = self.step
        return step is not None and step.send is not None and step.name in self.asked and self.due is not None

    @property
    def out(self) -> Document:
        """What was asked in the step it is at; {}: nothing yet."""
        return self.asked.get(self.step.name, {}) if self.step is not None else {}

    def expects(self, document: Document) -> bool:
        """True where the step it is at expects such a request."""
        step = self.step
        return step is not None and step.expects is not None and matches(step.expects, document, self.words)

    def within_ms(self, step: Step) -> int:
        """How long what a step waits for may take."""
        return step.points.within_ms or self._plan.within_ms

    def likeness(self, document: Document) -> int:
        """In how many elements a request agrees with what was asked in this run; one that names it counts most."""
        agreed = [sum(asked.get(de) == document[de] for de in ALIKE if de in document) for asked in self.asked.values()]
        return max(agreed, default=0) + len(ALIKE) * self.follows(document)

    def follows(self, document: Document) -> bool:
        """True for a request that names what was asked in this run: by DE90, by DE37, or as a repeat of it."""
        return any(
            (DE.RRN in document and document[DE.RRN] == asked.get(DE.RRN))
            or document.get(DE.ORIGINAL, "")[4:10] == asked.get(DE.STAN, "-")
            or all(document.get(de) == asked.get(de) for de in (DE.STAN, DE.TRANSMISSION_TIME))
            for asked in self.asked.values()
        )

    # -- what came

    def answer_came(self, document: Document, now: int) -> None:
        """The answer to the step's message: judged, its values kept."""
        step = self.step
        assert step is not None
        asked, took_ms = self.asked[step.name], (now - self.sent_at) / MS
        if step.points.mti == NOTHING:
            found = f"a {document.get(DE.MTI, 'message')} after {took_ms:,.0f} ms"
            self.fault("no answer", "none", found, "why it answers: its log, under this DE11")
            return
        mti = expected_mti(step.points, asked)
        compared = self.asked.get(step.echo_of, asked) if step.echo_of else asked
        self._add(self._judge.judge(step.name, step.points, document, compared, took_ms, self.within_ms(step), mti))
        if document.get(DE.STAN) != asked.get(DE.STAN) and DE.STAN not in step.points.echo:
            self.fault(
                "DE11 echoed",
                asked.get(DE.STAN, "nothing"),
                document.get(DE.STAN, "nothing"),
                "an answer is matched by DE11: without it a switch takes the request for unanswered",
            )
        self.words.answered(step.name, document)
        self._save(step.points, document)

    def request_came(self, document: Document, now: int) -> None:
        """The request that the step expects: judged, its values kept."""
        step = self.step
        assert step is not None
        self.asked[step.name] = document
        self.words.asked(step.name, document)
        compared = self.asked.get(step.echo_of, {})
        within_ms = self.within_ms(step) if self.number else 0
        took_ms = (now - self.sent_at) / MS
        self._add(self._judge.judge(step.name, step.points, document, compared, took_ms, within_ms, step.points.mti))
        self._save(step.points, document)

    def fault(self, point: str, expected: str, found: str, look_at: str = "") -> None:
        """A point that is not good."""
        step = self.step
        name = step.name if step is not None else ""
        look_at = (step.points.look_at if step is not None else "") or look_at
        self._add([Finding(step=name, point=point, good=False, expected=expected, found=found, look_at=look_at)])

    def expected_text(self, step: Step) -> str:
        """The request that a step expects, in words."""
        return f"one with {self._judge.wanted_text(step.expects or {})}"

    def good(self, point: str, expected: str, found: str) -> None:
        """A point that is."""
        name = self.step.name if self.step is not None else ""
        self._add([Finding(step=name, point=point, good=True, expected=expected, found=found)])

    def passed(self, passage: Passage) -> None:
        """A message of this test."""
        self.outcome.passages.append(passage)

    def note(self, text: str) -> None:
        """Something that is no point of the test."""
        self.outcome.notes.append(text)

    # -- its end

    def end(self, now: int, why: str = "") -> None:
        """Nothing more comes of it. `why`: it ends before its last step."""
        outcome = self.outcome
        self.number, self.due = len(self.test.steps), None
        outcome.took_ms = round((now - self._began) / MS, 3)
        outcome.why = why
        if outcome.failed or why:
            outcome.verdict = FAILED
        else:
            outcome.verdict = PASSED if outcome.findings else NOT_RUN

    def _add(self, findings: list[Finding]) -> None:
        self.outcome.findings += findings

    def _save(self, points: Points, document: Document) -> None:
        for name, de in points.save.items():
            if de in document:
                self.words.save(name, document[de])
            else:
                wanted = f"a value, which is {{{name}}} from then on"
                self.fault(
                    f"{label_of(de)} to save",
                    wanted,
                    "nothing",
                    "the points above: the answer is not what it should be",
                )


def answers(asked: Document, document: Document) -> bool:
    """True where a message is of the class that answers another."""
    mti = asked.get(DE.MTI, "")
    return document.get(DE.MTI, "")[:3] == response_mti(mti)[:3] if len(mti) == 4 else False


def brief(document: Document) -> str:
    """A message in a note."""
    return printable(f"{document.get(DE.MTI, 'message')} with DE11 {document.get(DE.STAN, 'absent')}")
