"""What a running switch asks the doctor: one explanation of a link, or of one message, fit for a line of its log.

In: the first bytes of a connection, or one message, and what its link is set to. Out: the likeliest cause, or None where the
bytes do not tell. The dialects a peer may speak are loaded when the first link needs explaining.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec

from switch.doctor.diagnosis import Configured, Findings, Verdict
from switch.doctor.survey import Doctor
from switch.wire import Dialect


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The likeliest cause, in words."""

    cause: str
    """what kind of thing disagrees (`Cause`)"""
    sentence: str
    """what the peer sends, what is configured"""
    change: str
    confidence: float
    """0 to 1"""
    alternative: str
    """the next likeliest cause; "" where there is none"""


class Explainer:
    """A doctor with the dialects that a peer may speak, beside its own link's."""

    def __init__(self, candidates: Callable[[], Sequence[Dialect]]) -> None:
        """`candidates`: called once, when it is first needed."""
        self._candidates = candidates

    @cached_property
    def _doctor(self) -> Doctor:
        return Doctor(self._candidates())

    def explain_connection(self, first: bytes, framing: str, dialect: Dialect) -> Explanation | None:
        """Why nothing could be made of what came first on a connection."""
        return _explanation(self._doctor.examine(first, Configured(framing, dialect)))

    def explain_message(self, message: bytes, dialect: Dialect) -> Explanation | None:
        """Why one message, without its frame, could not be read."""
        whole = ((0, len(message)),)
        return _explanation(self._doctor.survey(message, whole).against(Configured("", dialect)))


def _explanation(findings: Findings) -> Explanation | None:
    if findings.verdict is not Verdict.ADVICE:
        return None
    first, *others = findings.diagnoses
    return Explanation(
        cause=first.cause.value,
        sentence=first.sentence,
        change=first.change,
        confidence=first.confidence,
        alternative=others[0].sentence if others else "",
    )
