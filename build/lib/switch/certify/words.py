"""Names in braces of a plan's values, filled in. Pure: the moment and the numbers come in.

Names are the plan's values, what steps have saved, `stan`, `de7`, `time`, `date` and `rrn` of the message that is made, and of an
earlier step `STEP.DE` (what was asked in it), `STEP.answer.DE` (what was answered) and `STEP.original` (DE90 of what was asked).
In a reply, `this.answer` is the MTI that answers what came.
"""

import re
from collections.abc import Mapping
from typing import Final

from switch.core.messages.internal import original_data
from switch.simulators.clock import Moment
from switch.wire.vocabulary import DE, Document, response_mti

NAME: Final = re.compile(r"\{([A-Za-z0-9_.-]+)\}")
OF_A_MESSAGE: Final = ("stan", "de7", "time", "date", "rrn")
"""names that each message of ours has anew"""
ANSWERED, ORIGINAL = "answer", "original"
THIS_ANSWER: Final = "this.answer"


class UnknownWordError(Exception):
    """A name that has no value; the name is the message."""


class Words:
    """The names of one test: those of the plan, and what its steps add."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def message(self, at: Moment, stan: str) -> None:
        """A message is about to be made: its time and number."""
        self._values |= {
            "stan": stan,
            "de7": at.sent_at,
            "time": at.local_time,
            "date": at.local_date,
            "rrn": at.rrn_prefix + stan,
        }

    def about(self, document: Document) -> None:
        """A message is about to be answered."""
        self._values[THIS_ANSWER] = response_mti(document[DE.MTI])

    def save(self, name: str, value: str) -> None:
        """A step's value under a name of the plan."""
        self._values[name] = value

    def asked(self, step: str, document: Document) -> None:
        """The message that a step was about, in the plan's elements."""
        self._values |= {f"{step}.{de}": value for de, value in document.items()}
        if DE.STAN in document and DE.TRANSMISSION_TIME in document:
            self._values[f"{step}.{ORIGINAL}"] = original_data(
                document[DE.MTI], document[DE.STAN], document[DE.TRANSMISSION_TIME], document.get(DE.ACQUIRER, ""), ""
            )

    def answered(self, step: str, document: Document) -> None:
        """What was answered in a step."""
        self._values |= {f"{step}.{ANSWERED}.{de}": value for de, value in document.items()}

    def fill(self, text: str) -> str:
        """A value with its names replaced. UnknownWordError."""

        def value(found: re.Match[str]) -> str:
            if found[1] not in self._values:
                raise UnknownWordError(found[1])
            return self._values[found[1]]

        return NAME.sub(value, text)

    def filled(self, elements: Mapping[str, str]) -> Document:
        """A message's elements, each filled in. UnknownWordError."""
        return {de: self.fill(value) for de, value in elements.items()}


def matches(wanted: Mapping[str, tuple[str, ...]], document: Document, words: Words) -> bool:
    """True where a message has one of the wanted values in each element. A name without a value matches nothing."""
    try:
        return all(document.get(de) in [words.fill(text) for text in texts] for de, texts in wanted.items())
    except UnknownWordError:
        return False
