"""Declines in words, and where a payment would go."""

from collections import Counter
from contextlib import closing
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from switch.config.route import RouteError, explain_route
from switch.console.advice import advice
from switch.console.board import ALL, Sums
from switch.console.desk import Desk
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.core.records.lifecycle import Status
from switch.http.forms import Form
from switch.journal.projections.transactions import Row
from switch.journal.reports import Reports
from switch.simulators.cards import demo_cards

SPANS: Final = {"5": "5 minutes", "60": "1 hour", "1440": "24 hours"}
LOOKED_AT: Final = 500
"""declines that are looked at one by one"""
EXAMPLES: Final = 20
CAUSES_MAX: Final = 12


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Declines alike: by one who declined, for one reason."""

    who: str
    reason: str
    number: int
    todo: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The declines of one DE39, by cause."""

    de39: str
    number: int
    causes: list[Cause]


class ExplainScreen:
    """Answers `/declines` and `/route`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/declines", self.declines), Screen("/route", self.route, self.try_route)]

    async def declines(self, request: Request, session: Session) -> Response:
        """By code, with who declined, why and what to do; and examples."""
        desk, asked = self._desk, request.query_params.get("minutes", "60")
        minutes, code = asked if asked in SPANS else "60", request.query_params.get("de39", "")[:3]
        sums = self._sums(int(minutes))
        rows = await desk.read(self._rows, int(minutes), code)
        return desk.renderer.page(
            "declines.html",
            request,
            session,
            minutes=minutes,
            spans=SPANS,
            code=code,
            sums=sums,
            groups=_groups(rows),
            looked_at=len(rows),
            examples=rows[:EXAMPLES],
        )

    def _sums(self, minutes: int) -> Sums:
        desk, now = self._desk, self._desk.now()
        if minutes <= 60:
            return desk.board.lately(ALL, minutes - 1, now)
        total = desk.history.sums(ALL, now // 60 - minutes, now // 60 - 60)
        total.add(desk.board.lately(ALL, 59, now))
        return total

    def _rows(self, minutes: int, code: str) -> list[Row]:
        since = (self._desk.now() - minutes * 60) * 1_000_000
        with closing(Reports(self._desk.state_dir)) as reports:
            return reports.declined(since, code, LOOKED_AT)

    async def route(self, request: Request, session: Session) -> Response:
        """The form."""
        return self._route_page(request, session, {})

    async def try_route(self, request: Request, session: Session, form: Form) -> Response:
        """What the router says to a card; the number goes nowhere else, and comes back masked."""
        desk, card = self._desk, form.get("card", "").strip()
        named = next((c for c in demo_cards(desk.network) if c.name == card), None) if desk.network.test else None
        pan = named.pan if named is not None else card.replace(" ", "").replace("-", "")
        try:
            found = explain_route(
                desk.network, pan, form.get("amount") or "100.00", form.get("from", ""), form.get("country", "")
            )
        except RouteError as error:
            return self._route_page(request, session, form, problem=str(error), status=422)
        return self._route_page(request, session, form, found=found)

    def _route_page(
        self,
        request: Request,
        session: Session,
        form: Form,
        *,
        found: object = None,
        problem: str = "",
        status: int = 200,
    ) -> Response:
        network = self._desk.network
        senders = [m.name for m in network.members] + [h.name for h in network.card_networks]
        kept = {name: form.get(name, "") for name in ("amount", "from", "country")}
        return self._desk.renderer.page(
            "route.html", request, session, status=status, found=found, problem=problem, senders=senders, kept=kept
        )


def _groups(rows: list[Row]) -> list[Group]:
    """By code, the most first; within it by who declined and why."""
    codes: dict[str, Counter[tuple[str, str]]] = {}
    for row in rows:
        who = "" if row.status == Status.REFUSED else row.host
        codes.setdefault(row.de39, Counter())[who, row.reason] += 1
    groups = [
        Group(
            de39=de39,
            number=counted.total(),
            causes=[
                Cause(who=who or "the switch", reason=reason, number=n, todo=advice(de39, here=not who or bool(reason)))
                for (who, reason), n in counted.most_common(CAUSES_MAX)
            ],
        )
        for de39, counted in codes.items()
    ]
    return sorted(groups, key=lambda group: -group.number)
