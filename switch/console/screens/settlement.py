"""Settlement, from a day down to the messages behind one party's net."""

from itertools import islice
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.http.forms import read_number
from switch.journal.ledgers import LedgerView, open_ledger
from switch.journal.shards import check_whole
from switch.ledger.entries import Entry, Window, is_inner
from switch.ledger.netting import Settlement, settle_by
from switch.ledger.windows import Closed

WINDOWS_SHOWN: Final = 60
MESSAGES_SHOWN: Final = 200


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One window of the list."""

    window: Window
    closed: Closed | None


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """A window as it is settled."""

    window: Window
    closed: Closed | None
    whole: bool
    settlement: Settlement
    held: list[tuple[str, str, str, int, int]]
    """acquirer, issuer, currency, number, amount of holds"""
    unpriced: list[tuple[str, int]]


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """What a net is made of."""

    drawn: Drawn
    party: str
    lines: list[tuple[Entry, str, str, str, int]]
    """entry, with whom, kind, currency, amount: above zero the party gets it"""
    sums: dict[tuple[str, str], int]
    """with a network ("": in the net) and currency -> all that the lines come to, those not shown too"""
    number: int


class SettlementScreen:
    """Answers the list of windows, one window, and one party's net in it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [
            Screen("/settlement", self.windows),
            Screen("/settlement/{day}/{number}", self.window),
            Screen("/settlement/{day}/{number}/{party}", self.party),
        ]

    async def windows(self, request: Request, session: Session) -> Response:
        """Days and their windows, newest first."""
        rows = await self._desk.read(self._windows)
        return self._desk.renderer.page("settlement.html", request, session, rows=rows)

    async def window(self, request: Request, session: Session) -> Response:
        """Each party's position, and what networks settle apart."""
        drawn = await self._desk.read(self._draw, _named(request))
        if drawn is None:
            return self._desk.renderer.page("nothing.html", request, session, status=404)
        return self._desk.renderer.page("window.html", request, session, w=drawn)

    async def party(self, request: Request, session: Session) -> Response:
        """The messages behind a party's nets."""
        behind = await self._desk.read(self._behind, _named(request), request.path_params["party"])
        if behind is None:
            return self._desk.renderer.page("nothing.html", request, session, status=404)
        return self._desk.renderer.page("party.html", request, session, b=behind, most=MESSAGES_SHOWN)

    # -- in a thread

    def _open(self) -> Any:
        """The ledger. JournalError: what there is of several shards is neither one of them nor all."""
        desk = self._desk
        if not desk.part:
            check_whole(desk.state_dir, desk.network)
        return open_ledger(desk.state_dir, desk.network.currency)

    def _windows(self) -> list[WindowRow]:
        with self._open() as ledger:
            rows = [WindowRow(window=one.window, closed=one) for one in ledger.closed]
            if ledger.now is not None and ledger.closed_as(ledger.now) is None:
                rows.append(WindowRow(window=ledger.now, closed=None))
            return list(islice(reversed(rows), WINDOWS_SHOWN))

    def _draw(self, window: Window | None) -> Drawn | None:
        with self._open() as ledger:
            return self._drawn(ledger, window)

    def _drawn(self, ledger: LedgerView, window: Window | None) -> Drawn | None:
        if window is None or (window != ledger.now and ledger.closed_as(window) is None):
            return None
        settlement = settle_by(self._desk.network, window, ledger.positions(window))
        held = [(*key, one.count, one.amount) for key, one in sorted(ledger.holds(window).items())]
        return Drawn(
            window=window,
            closed=ledger.closed_as(window),
            whole=ledger.whole(window),
            settlement=settlement,
            held=held,
            unpriced=[(one.why, one.payments) for one in ledger.unpriced(window)],
        )

    def _behind(self, window: Window | None, party: str) -> Behind | None:
        with self._open() as ledger:
            drawn = self._drawn(ledger, window)
            if drawn is None or window is None:
                return None
            pairs = [{p.party for p in netted.positions} for netted in drawn.settlement.bilateral]
            apart = {name for pair in pairs if party in pair for name in pair - {party}}
            lines: list[tuple[Entry, str, str, str, int]] = []
            sums: dict[tuple[str, str], int] = {}
            number = 0
            for entry in ledger.entries(window):
                for account, code, amount in entry.lines:
                    if account.owner != party or is_inner(account.counterpart):
                        continue
                    number += 1
                    other = account.counterpart if account.counterpart in apart else ""
                    sums[other, code] = sums.get((other, code), 0) + amount
                    if number <= MESSAGES_SHOWN:
                        lines.append((entry, account.counterpart, account.kind, code, amount))
            if not number:
                return None
            return Behind(drawn=drawn, party=party, lines=lines, sums=sums, number=number)


def _named(request: Request) -> Window | None:
    number = read_number(request.path_params["number"])
    return Window(request.path_params["day"], number) if number else None
