"""Why a link does not come up: what the link doctor makes of a connection's first bytes, said once a connection.

Rule: nothing here is on the way of a healthy link. A connection's first bytes are remembered until its first good message; they
are looked at when nothing could be made of them. Looking takes some tens of milliseconds of everybody's time, and so happens at
most `LOOKS` times in `LOOKS_NS`, and once in `AGAIN_NS` for connections of the same listener or host.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from switch.core.links.session import Session
from switch.wire import Dialect

FIRST_BYTES: Final = 2_048
"""remembered of a connection"""
LOOKS: Final = 4
LOOKS_NS: Final = 4_000_000_000
"""so many looks in so long"""
AGAIN_NS: Final = 10_000_000_000
"""between two for connections of the same listener or host"""


class Explanation(Protocol):
    """The likeliest cause of what is wrong with a link, in words fit for a log."""

    @property
    def cause(self) -> str:
        """What kind of thing disagrees: `framing`, `dialect` …"""

    @property
    def sentence(self) -> str:
        """What the peer sends, what is configured."""

    @property
    def change(self) -> str:
        """What to change, as it stands in the file it stands in."""

    @property
    def confidence(self) -> float:
        """0 to 1."""

    @property
    def alternative(self) -> str:
        """The next likeliest cause, in a sentence; "" where there is none."""


class LinkDoctor(Protocol):
    """Whoever explains bytes; handed in, as looking at them is no business of a switch."""

    def explain_connection(self, first: bytes, framing: str, dialect: Dialect) -> Explanation | None:
        """Why nothing could be made of what came first on a connection; None: the bytes do not tell."""

    def explain_message(self, message: bytes, dialect: Dialect) -> Explanation | None:
        """Why one message (without its frame) could not be read; None: the bytes do not tell."""


class LinkDiagnosis:
    """Says why a link does not come up. Without a doctor it never says anything."""

    def __init__(self, log: Callable[..., None], doctor: LinkDoctor | None) -> None:
        """`log`: as `Kernel.log`."""
        self._log = log
        self._doctor = doctor
        self._looks: deque[int] = deque(maxlen=LOOKS)
        """when the last were"""
        self._of_name: dict[str, int] = {}

    def remember(self, session: Session, data: bytes) -> None:
        """Keep bytes of a connection from which no good message has come yet."""
        if self._doctor is not None and len(session.first) < FIRST_BYTES:
            session.first += data[: FIRST_BYTES - len(session.first)]

    def explain_link(self, session: Session, now: int) -> None:
        """A connection has failed, or ends, and no good message came: say why, if its first bytes tell."""
        if session.first and not session.good and (doctor := self._allowed(session, now)) is not None:
            self._say(session, doctor.explain_connection(session.first, session.framing_name, session.dialect))

    def explain_message(self, session: Session, frame: bytes, now: int) -> None:
        """A message could not be read on a link from which others could."""
        doctor = self._allowed(session, now)
        if doctor is not None:
            self._say(session, doctor.explain_message(frame, session.dialect))

    def _allowed(self, session: Session, now: int) -> LinkDoctor | None:
        """The doctor, once a connection and not too often; None: not now. Counts as said."""
        if self._doctor is None or session.explained:
            return None
        last = self._of_name.get(session.name)
        if last is not None and now - last < AGAIN_NS:
            return None
        if len(self._looks) == LOOKS and now - self._looks[0] < LOOKS_NS:
            return None
        session.explained = True
        self._of_name[session.name] = now
        self._looks.append(now)
        return self._doctor

    def _say(self, session: Session, found: Explanation | None) -> None:
        if found is None:
            return
        fields: dict[str, Any] = {
            "link": session.link, "cause": found.cause, "hint": found.sentence, "change": found.change,
            "confidence": found.confidence, "framing": session.framing_name, "dialect": session.dialect.name,
        }  # fmt: skip
        if found.alternative:
            fields["or_else"] = found.alternative
        self._log("warning", "link.diagnosis", **fields)
