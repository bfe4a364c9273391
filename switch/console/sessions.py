"""Who is logged in. In memory: a console that is started again asks everybody anew.

In: names that have proved themselves, tokens of cookies, the time. Out: sessions. The one rule: a session ends 15 minutes
after its last request (PCI DSS 4.0, 8.2.8), and eight hours after its first, whatever goes on; what is pushed to a page is no
request.
"""

import secrets
from typing import Final

import msgspec

from switch.http.sessions import lasts

SESSIONS_MAX: Final = 200


class Session(msgspec.Struct, kw_only=True):
    """One person in one browser."""

    user: str
    token: str
    """of the cookie"""
    csrf: str
    """stands in each form that changes something"""
    began: float
    seen: float
    proof: bytes = b""
    """what they proved themselves by; b"": the key that the console printed"""
    said: list[tuple[str, str]] = []
    """what the next page tells: `good`, `bad` or `waits`, and a sentence"""
    ended: bool = False


class Sessions:
    """Tokens of browsers that are logged in, and when each was last used; bounded."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}

    def begin(self, user: str, now: float, proof: bytes = b"") -> Session:
        """A fresh one; above `SESSIONS_MAX` the one that was quiet longest ends. `proof`: see `Session`."""
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        session = Session(user=user, token=token, csrf=csrf, began=now, seen=now, proof=proof)
        for old in [one for one in self._open.values() if not lasts(one.began, one.seen, now)]:
            self.end(old)
        if len(self._open) >= SESSIONS_MAX:
            self.end(min(self._open.values(), key=lambda one: one.seen))
        self._open[token] = session
        return session

    def find(self, token: str, now: float, *, touch: bool = True) -> Session | None:
        """None: there is none, or it is over. `touch`: a person has done something."""
        session = self._open.get(token)
        if session is None:
            return None
        if not lasts(session.began, session.seen, now):
            self.end(session)
            return None
        if touch:
            session.seen = now
        return session

    def end(self, session: Session) -> None:
        """Log out."""
        session.ended = True
        self._open.pop(session.token, None)

    def open_ones(self) -> list[Session]:
        """All, by name."""
        return sorted(self._open.values(), key=lambda one: (one.user, one.began))
