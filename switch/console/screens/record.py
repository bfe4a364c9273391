"""What changed, who may do what, and what each did."""

from typing import Final

import trio
from starlette.requests import Request
from starlette.responses import Response

from switch.console.board import KINDS, Mark
from switch.console.desk import Desk
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.journal.keys import open_vault, vault_key_path
from switch.security.audit import Act, AuditError
from switch.security.vault import VaultError
from switch.server.operators import audit_of

DAYS: Final = {"1": "a day", "7": "a week"}
SHOWN: Final = 300


class RecordScreen:
    """Answers what changed, who may do what, and the audit log."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/changes", self.changes), Screen("/operators", self.operators), Screen("/audit", self.audit)]

    async def changes(self, request: Request, session: Session) -> Response:
        """Reloads, restarts, cutovers, links, keys, operators: newest first."""
        kind, asked = request.query_params.get("kind", ""), request.query_params.get("days", "1")
        days = asked if asked in DAYS else "1"
        now = self._desk.now()
        begin = now - int(days) * 86_400
        kept = {(m.at, m.event, m.text): m for m in self._desk.history.marks(begin, now + 60, SHOWN)}
        kept.update({(m.at, m.event, m.text): m for m in self._desk.board.fresh})
        marks: list[Mark] = sorted((m for m in kept.values() if kind in ("", m.kind)), key=lambda m: m.at, reverse=True)
        return self._desk.renderer.page(
            "changes.html", request, session, marks=marks[:SHOWN], kinds=KINDS, kind=kind, days=days, spans=DAYS
        )

    async def operators(self, request: Request, session: Session) -> Response:
        """Who may do what, who has a password, who is logged in."""
        desk, now = self._desk, trio.current_time()
        here = [(one.user, now - one.began, now - one.seen) for one in desk.sessions.open_ones()]
        accounts = desk.accounts
        return desk.renderer.page(
            "operators.html", request, session, here=here, passwords=accounts.names, guarded=accounts.guarded
        )

    async def audit(self, request: Request, session: Session) -> Response:
        """What operators did, newest first, its chain checked."""
        user = request.query_params.get("by", "").strip()[:64]
        acts, why = await self._desk.read(self._acts)
        shown = [act for act in reversed(acts) if not user or act.by.startswith(f"{user} (")][:SHOWN]
        return self._desk.renderer.page(
            "audit.html", request, session, acts=shown, number=len(acts), why=why, user=user
        )

    def _acts(self) -> tuple[list[Act], str]:
        """All, or why there are none that can be believed."""
        state = self._desk.state_dir
        if not vault_key_path(state).exists():
            return [], f"{vault_key_path(state)} is missing, and the audit log is chained with it: bring it back"
        try:
            return audit_of(state, open_vault(state).audit_secret).verify(), ""
        except (AuditError, VaultError) as error:
            return [], str(error)
