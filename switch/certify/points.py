"""A message that came, beside what the plan says of it: each point good or not, what was expected, what was found. Pure.

Rule: what a finding shows is fit to be kept: values go through `as_shown`, which masks the PAN and hides secrets.
"""

import re
from typing import Final

from switch.certify.findings import Finding
from switch.certify.plan import Points, Wanted
from switch.certify.words import UnknownWordError, Words
from switch.wire import Dialect, Document
from switch.wire.describe import as_shown
from switch.wire.printable import printable
from switch.wire.vocabulary import ANSWER_NAMES, DE, label_of, response_mti

_LOOK_AT_CODES: Final = {
    "12": "it takes the message for one that is not allowed here: DE3, and whether it knows this kind",
    "14": "the card is not known there: name one that is, --set card=…",
    "15": "the card is of no issuer there: name one that is, --set card=…",
    "30": "it could not read an element, or lacks one: its log says which; `cmi-switch decode` shows what was sent",
    "54": "the card is expired there: --set expiry=YYMM",
    "58": "it does not know who sends: the sign-on, and DE32 (--set institution=…)",
    "68": "it had no answer in time from whom it asked",
    "76": "it knows no such original: DE90 names it, or DE37",
    "25": "it knows no such original: DE90 names it, or DE37",
    "91": "it cannot reach whom it has to ask: is that host up and signed on?",
    "94": "it takes the message for a repeat: has DE11 been used before within its window?",
    "96": "its log: something is wrong on its side, or it wants MACs (--keys-of)",
}
_LOOK_AT: Final = {
    "present": "what makes the message leaves it out; a dialect file may do so, too",
    "absent": "nothing of it is to be said here: it is a secret, or means something else",
    "form": "how it is made, and filled up to its length",
    "begins": "what it is made of",
    "MTI": "the type of message: class, function, origin",
    "value": "what the peer makes it of: its log, under this DE11",
}
_ECHO: Final = "an answer repeats this element as it was asked (docs/contract.md, who echoes what)"
_APPROVAL: Final = "who approves gives a code for it: on slips and for voids it is asked for"


class Judge:
    """Looks at the messages of one test. `spoken`: the dialect that the plan's elements are those of."""

    def __init__(self, spoken: Dialect, words: Words) -> None:
        self._spoken = spoken
        self._words = words

    def judge(
        self, step: str, points: Points, came: Document, asked: Document, took_ms: float, within_ms: int, mti: str
    ) -> list[Finding]:
        """Every point of a message. `asked`: what its echoes are compared with; `mti`: that it should have, "" for any."""
        made = [_in_time(step, took_ms, within_ms)] if within_ms else []
        if mti:
            made.append(self._equal(step, came, DE.MTI, (mti,), points.look_at))
        look_at = points.look_at
        echoed = [de for de in points.echo if de in asked]
        echoed += [de for de in points.echo_if_there if de in asked and de in came]
        made += [self._echo(step, came, asked, de, look_at) for de in echoed]
        made += [self._wanted(step, came, de, texts, look_at) for de, texts in points.equals.items()]
        made += [self._started(step, came, de, text, look_at) for de, text in points.starts.items()]
        made += [self._present(step, came, de, look_at) for de in points.has]
        made += [self._absent(step, came, de, look_at) for de in points.lacks]
        made += [self._formed(step, came, de, pattern, look_at) for de, pattern in points.form.items()]
        return made

    def _wanted(self, step: str, came: Document, de: str, texts: tuple[str, ...], look_at: str) -> Finding:
        try:
            values = tuple(self._words.fill(text) for text in texts)
        except UnknownWordError as word:
            return self._unknown(step, came, de, word)
        return self._equal(step, came, de, values, look_at)

    def _unknown(self, step: str, came: Document, de: str, word: UnknownWordError) -> Finding:
        why = f"{{{word}}}, which has no value: the step that brings it did not"
        look_at = "the step that was to bring it"
        return Finding(
            step=step, point=label_of(de), good=False, expected=why, found=self._shown(came, de), look_at=look_at
        )

    def _equal(self, step: str, came: Document, de: str, values: tuple[str, ...], look_at: str) -> Finding:
        good = came.get(de, "") in values
        expected = " or ".join(self._shown({**came, de: value}, de) for value in values)
        if de == DE.RESPONSE_CODE:
            look_at = look_at or _LOOK_AT_CODES.get(came.get(de, ""), "its log says why, under this DE11")
        look_at = look_at or _LOOK_AT["MTI" if de == DE.MTI else "value"]
        return _finding(step, label_of(de), good, expected, self._shown(came, de), look_at)

    def _started(self, step: str, came: Document, de: str, text: str, look_at: str) -> Finding:
        try:
            start = self._words.fill(text)
        except UnknownWordError as word:
            return self._unknown(step, came, de, word)
        good, found = came.get(de, "").startswith(start), self._shown(came, de)
        expected = f"{self._shown({**came, de: start}, de)} …"
        return _finding(step, f"{label_of(de)} begins", good, expected, found, look_at or _LOOK_AT["begins"])

    def _present(self, step: str, came: Document, de: str, look_at: str) -> Finding:
        look_at = look_at or (_APPROVAL if de == DE.APPROVAL_CODE else _LOOK_AT["present"])
        good = bool(came.get(de, "").strip())
        return _finding(step, f"{label_of(de)} present", good, "present", self._shown(came, de), look_at)

    def _absent(self, step: str, came: Document, de: str, look_at: str) -> Finding:
        return _finding(
            step,
            f"{label_of(de)} absent",
            de not in came,
            "absent",
            self._shown(came, de),
            look_at or _LOOK_AT["absent"],
        )

    def _formed(self, step: str, came: Document, de: str, pattern: str, look_at: str) -> Finding:
        good = re.fullmatch(pattern, came.get(de, "")) is not None
        return _finding(
            step,
            f"{label_of(de)} form",
            good,
            f"a value like {pattern}",
            self._shown(came, de),
            look_at or _LOOK_AT["form"],
        )

    def _echo(self, step: str, came: Document, asked: Document, de: str, look_at: str) -> Finding:
        good = came.get(de) == asked[de]
        return _finding(
            step, f"{label_of(de)} echoed", good, self._shown(asked, de), self._shown(came, de), look_at or _ECHO
        )

    def wanted_text(self, wanted: Wanted) -> str:
        """What tells a message that is expected, as it may be kept."""
        told = []
        for de, texts in wanted.items():
            try:
                values = [self._shown({DE.MTI: "0200", de: self._words.fill(text)}, de) for text in texts]
            except UnknownWordError as word:
                values = [f"{{{word}}}"]
            told.append(f"{label_of(de)} {' or '.join(values)}")
        return ", ".join(told)

    def _shown(self, document: Document, de: str) -> str:
        """A value as it may be kept; a code with its name."""
        if de not in document:
            return "nothing"
        value = printable(as_shown(self._spoken, {DE.MTI: document.get(DE.MTI, "0200"), de: document[de]})[de])
        if de == DE.RESPONSE_CODE and self._spoken.version == "0":
            return f"{value} {ANSWER_NAMES.get(document[de], '')}".rstrip()
        return repr(value) if value != value.strip() or not value else value


def expected_mti(points: Points, asked: Document) -> str:
    """The MTI that an answer has by the plan."""
    return points.mti or response_mti(asked[DE.MTI])


def _in_time(step: str, took_ms: float, within_ms: int) -> Finding:
    look_at = "what it waits for: `cmi-switch hops` of a switch has a waterfall of each payment"
    return _finding(step, "in time", took_ms <= within_ms, f"within {within_ms:,} ms", f"{took_ms:,.0f} ms", look_at)


def _finding(step: str, point: str, good: bool, expected: str, found: str, look_at: str) -> Finding:
    return Finding(step=step, point=point, good=good, expected=expected, found=found, look_at="" if good else look_at)
