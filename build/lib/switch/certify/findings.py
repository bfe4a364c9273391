"""What came of a certification: each message that passed, each point that was looked at. Fit to be kept: secrets are masked."""

from typing import Final

import msgspec

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
OURS: Final = "sent"
THEIRS: Final = "came"


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """One message, as it may be shown."""

    way: str
    """`sent` or `came`"""
    at_ms: float
    """since the certification began"""
    mti: str
    stan: str
    bytes: str
    """hex, without framing, sensitive elements overwritten; "" where it could not be made fit to be kept"""
    fields: str
    """a line an element (`wire.describe`)"""
    wrong: str = ""
    """why it does not decode"""
    step: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One point of one step."""

    step: str
    point: str
    """`DE39`, `DE11 echoed`, `MTI`, `in time` …"""
    good: bool
    expected: str
    found: str
    look_at: str = ""
    """what to look at, where it is not good"""


class Outcome(msgspec.Struct, kw_only=True):
    """What came of one test; grows while it runs."""

    ident: str
    title: str
    about: str = ""
    verdict: str = NOT_RUN
    why: str = ""
    """of a test that was not run, or ended early"""
    took_ms: float = 0.0
    findings: list[Finding] = []
    passages: list[Passage] = []
    notes: list[str] = []
    """what was seen beside, and is no point of it"""

    @property
    def failed(self) -> list[Finding]:
        """The points that were not as they should be."""
        return [finding for finding in self.findings if not finding.good]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole certification."""

    plan: str
    title: str
    plays: str
    certifies: str
    peer: str
    dialect: str
    framing: str
    began: str
    """UTC, to the second"""
    outcomes: list[Outcome]
    notes: list[str] = []
    """of no test: what came and nobody had asked for"""

    def count(self, verdict: str) -> int:
        """How many tests ended so."""
        return sum(outcome.verdict == verdict for outcome in self.outcomes)

    @property
    def passed(self) -> bool:
        """True where every test was run and every point was good."""
        return bool(self.outcomes) and self.count(PASSED) == len(self.outcomes)
