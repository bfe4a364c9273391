"""Why a link does not come up: what the link doctor makes of a connection's first bytes, said once a connection.

Rule: nothing here is on the way of a healthy link. A connection's first bytes are remembered until its first good message; they
are looked at when nothing could be made of them. Looking takes some tens of milliseconds of everybody's time, and so happens at
most `LOOKS` times in `LOOKS_NS`, and once in `AGAIN_NS` for connections of the same listener or host.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from switch.core.links.session import Session
from switch.doctor.diagnosis import Configured, Findings, Verdict
from switch.doctor.survey import Doctor
from switch.wire import Dialect

FIRST_BYTES: Final = 2_048
"""remembered of a connection"""
LOOKS: Final = 4
LOOKS_NS: Final = 4_000_000_000
AGAIN_NS: Final = 10_000_000_000

Candidates: TypeAlias = Callable[[], Sequence[Dialect]]
"""The dialects a peer may speak, beside its own link's; asked for once, when the first link needs explaining."""


class LinkAdvice:
    """Explains links that do not come up. Without candidates it never says anything."""

    def __init__(self, log: Callable[..., None], candidates: Candidates | None) -> None:
        """`log`: as `Kernel.log`."""
        self._log = log
        self._candidates = candidates
        self._doctor: Doctor | None = None
        self._looks: deque[int] = deque(maxlen=LOOKS)
        """when the last were"""
        self._of_name: dict[str, int] = {}

    def remember(self, session: Session, data: bytes) -> None:
        """Bytes of a connection from which no good message has come yet."""
        if self._candidates is not None and len(session.first) < FIRST_BYTES:
            session.first += data[: FIRST_BYTES - len(session.first)]

    def link(self, session: Session, now: int) -> None:
        """A connection has failed, or ends, and no good message came: say why, if its first bytes tell."""
        if session.first and not session.good and self._may(session, now):
            self._say(session, lambda doctor, configured: doctor.examine(session.first, configured))

    def message(self, session: Session, frame: bytes, now: int) -> None:
        """A message could not be read on a link from which others could."""
        if self._may(session, now):
            whole = ((0, len(frame)),)
            self._say(session, lambda doctor, configured: doctor.survey(frame, whole).against(
                Configured("", configured.dialect)))  # fmt: skip

    def _may(self, session: Session, now: int) -> bool:
        """Once a connection, and not too often; counts as said if so."""
        if self._candidates is None or session.explained:
            return False
        last = self._of_name.get(session.name)
        if last is not None and now - last < AGAIN_NS:
            return False
        if len(self._looks) == LOOKS and now - self._looks[0] < LOOKS_NS:
            return False
        session.explained = True
        self._of_name[session.name] = now
        self._looks.append(now)
        return True

    def _say(self, session: Session, examine: Callable[[Doctor, Configured], Findings]) -> None:
        if self._doctor is None:
            assert self._candidates is not None
            self._doctor = Doctor(self._candidates())
        findings = examine(self._doctor, Configured(session.framing_name, session.dialect))
        if findings.verdict is not Verdict.ADVICE:
            return
        first = findings.diagnoses[0]
        fields: dict[str, Any] = {
            "link": session.link, "cause": first.cause.value, "hint": first.sentence, "change": first.change,
            "confidence": first.confidence, "framing": session.framing_name, "dialect": session.dialect.name,
        }  # fmt: skip
        if len(findings.diagnoses) > 1:
            fields["or_else"] = findings.diagnoses[1].sentence
        self._log("warning", "link.diagnosis", **fields)
