"""What is owed to hosts, and exceptions: retry, hold, release, resolve; what waits for a second person."""

from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.gateway_store import ask_gateway
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.gateway.orders.refunds import WAITS_US, Refund, RefundState
from switch.http.forms import Form, read_number

SHOWN = 200


class WorkScreen:
    """Answers what is owed, exceptions and approvals, and the forms on them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [
            Screen("/owed", self.owed, self.act_owed),
            Screen("/exceptions", self.exceptions, self.act_exception),
            Screen("/approvals", self.approvals, self.approve),
        ]

    async def owed(self, request: Request, session: Session) -> Response:
        """Store-and-forward, oldest first."""
        host, dead = request.query_params.get("host", ""), request.query_params.get("dead") == "1"
        known = host if any(one.name == host for one in self._desk.network.hosts) else ""
        said = await self._desk.ask("saf.list", session, host=known, dead=dead, limit=SHOWN)
        return self._desk.renderer.page("owed.html", request, session, found=said, host=known, dead=dead)

    async def act_owed(self, _: Request, session: Session, form: Form) -> Response:
        """Retry, hold, release."""
        what, target, reason = form.get("what", ""), form.get("target", ""), form.get("reason", "").strip()
        if what not in ("retry", "hold", "release") or not target or not reason:
            session.said.append(("bad", "Say what, and why: the reason stands in the audit log."))
        elif what == "retry":
            named = {"host": target} if form.get("all") else {"txns": [target]}
            await self._desk.do(
                session, "saf.retry", f"{target} is put back, and sent again now.", reason=reason, **named
            )
        else:
            done = "is sent nothing of what it is owed" if what == "hold" else "gets again what it is owed"
            await self._desk.do(session, f"saf.{what}", f"{target} {done}.", name=target, reason=reason)
        return see_other("/owed")

    async def exceptions(self, request: Request, session: Session) -> Response:
        """Open ones, oldest first."""
        said = await self._desk.ask("exceptions.list", session, limit=SHOWN)
        return self._desk.renderer.page("exceptions.html", request, session, found=said)

    async def act_exception(self, _: Request, session: Session, form: Form) -> Response:
        """Resolve, or send again."""
        txn, reason, what = form.get("txn", ""), form.get("reason", "").strip(), form.get("what", "resolve")
        if not txn or not reason:
            session.said.append(("bad", "Say what was done about it: it is kept in the journal."))
        elif what == "retry":
            await self._desk.do(
                session, "saf.retry", f"{txn} is put back, and sent again now.", txns=[txn], reason=reason
            )
        else:
            done = f"{txn} is resolved."
            await self._desk.do(session, "exceptions.resolve", done, txn=txn, reason=reason, by=session.user)
        return see_other("/exceptions")

    async def approvals(self, request: Request, session: Session) -> Response:
        """What waits for a second person."""
        said = await self._desk.ask("approvals.list", session)
        now_us = int(self._desk.wall() * 1_000_000)
        asked: list[Refund] = await ask_gateway(self._desk, lambda store: store.refunds_in(RefundState.ASKED)) or []
        refunds = [one for one in asked if one.waits(now_us)]
        return self._desk.renderer.page(
            "approvals.html",
            request,
            session,
            waiting=said["waiting"],
            refunds=refunds,
            now_us=now_us,
            lasts_us=WAITS_US,
        )

    async def approve(self, _: Request, session: Session, form: Form) -> Response:
        """The second person."""
        number = read_number(form.get("number", ""))
        if number:
            await self._desk.do(session, "approve", f"Number {number} is approved and done.", number=number)
        return see_other("/approvals")
