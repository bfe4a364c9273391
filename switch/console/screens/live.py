"""The live board: what is paid now, how fast and how well, beside the same time yesterday."""

from collections import Counter
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from switch.console.board import ALL, HOST, LISTENER, ROUTE, Mark, Sums
from switch.console.charts import Chart, Series, draw
from switch.console.desk import Desk
from switch.console.sessions import Session
from switch.console.stream import Stream
from switch.console.web import Screen
from switch.observe.lines import second_of
from switch.observe.model import route_order

RANGES: Final = {"5m": "5 minutes", "1h": "1 hour", "24h": "24 hours"}
SHORT_S, SHORT_SPANS = 5, 60
"""of the chart of five minutes"""
SETTLE_SPANS: Final = 2
"""the newest, of which the log may still be read"""
LATELY_MIN: Final = 5
"""minutes that the figures at the top are of"""
DAY_MIN: Final = 1_440
TOP_CODES: Final = 8
NEWEST_MARKS: Final = 8


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One route or link."""

    name: str
    state: str
    """of a host; "" elsewhere"""
    sums: Sums
    past: Sums
    span_s: int

    @property
    def rate(self) -> float:
        """Payments a second."""
        return self.sums.total / self.span_s


class LiveScreen:
    """Answers `/`, the board, and the stream that keeps it fresh."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._short: dict[int, tuple[int, int, int, int] | None] = {}
        """short spans that are over, by the second they begin with"""
        self._made: dict[str, tuple[int, dict[str, str]]] = {}

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/", self.show), Screen("/stream/live", self.stream)]

    async def show(self, request: Request, session: Session) -> Response:
        """The whole page."""
        chosen = _range(request)
        values = self._values(chosen)
        return self._desk.renderer.page("live.html", request, session, chosen=chosen, ranges=RANGES, **values)

    async def stream(self, request: Request, session: Session) -> Any:
        """Its parts, as they change."""
        chosen = _range(request)

        async def parts() -> dict[str, str]:
            return self._parts(chosen)

        return Stream(parts, self._desk.goes_on(session))

    def _parts(self, chosen: str) -> dict[str, str]:
        """By element id; made once a second, however many look."""
        self._desk.want()
        now = self._desk.now()
        made = self._made.get(chosen)
        if made is None or made[0] != now:
            values = self._values(chosen)
            render = self._desk.renderer.text
            parts = {name: render(f"live_{name}.html", **values) for name in ("tiles", "charts", "tables")}
            made = self._made[chosen] = (now, {**parts, "health": render("health.html")})
        return made[1]

    def _values(self, chosen: str) -> dict[str, Any]:
        desk, now = self._desk, self._desk.now()
        lately = desk.board.lately(ALL, LATELY_MIN - 1, now)
        past = self._past(ALL, now)
        rate, latency = self._charts(chosen, now)
        keys = sorted({*desk.board.keys, *desk.history.keys(now // 60 - 60, now // 60)})
        codes = lately.codes.most_common(TOP_CODES)
        marks = sorted(desk.board.marks, key=lambda mark: mark.at, reverse=True)[:NEWEST_MARKS]
        return {
            "lately": lately,
            "past": past,
            "per_second": self._per_second(now),
            "span_s": _span_s(now),
            "rate_chart": rate,
            "latency_chart": latency,
            "routes": self._rows(route_order(k.removeprefix(ROUTE) for k in keys if k.startswith(ROUTE)), ROUTE, now),
            "hosts": self._rows(self._hosts(keys), HOST, now),
            "listeners": self._rows([k.removeprefix(LISTENER) for k in keys if k.startswith(LISTENER)], LISTENER, now),
            "codes": codes,
            "most": max((number for _, number in codes), default=1),
            "past_codes": past.codes,
            "marks": marks,
        }

    def _hosts(self, keys: list[str]) -> list[str]:
        """Of the network file, and others that have answered."""
        named = [host.name for host in self._desk.network.hosts]
        return [*named, *(n for k in keys if k.startswith(HOST) and (n := k.removeprefix(HOST)) not in named)]

    def _rows(self, names: list[str], kind: str, now: int) -> list[Row]:
        states = self._states() if kind == HOST else {}
        return [
            Row(
                name=name,
                state=states.get(name, ""),
                sums=self._desk.board.lately(kind + name, LATELY_MIN - 1, now),
                past=self._past(kind + name, now),
                span_s=_span_s(now),
            )
            for name in names
        ]

    def _states(self) -> dict[str, str]:
        health = self._desk.health or {}
        kinds = ("up", "away", "in_maintenance", "leaving")
        return {name: kind.replace("_", " ") for kind in kinds for name in health.get(f"hosts_{kind}", ())}

    def _past(self, key: str, now: int) -> Sums:
        minute = now // 60 - DAY_MIN
        return self._desk.history.sums(key, minute - LATELY_MIN + 1, minute + 1)

    def _per_second(self, now: int) -> float:
        """Over the last five whole seconds."""
        return sum(sums.total for sums in self._desk.board.recent_seconds(now, 5)) / 5

    # -- charts

    def _charts(self, chosen: str, now: int) -> tuple[Chart, Chart]:
        """Payments a second and their time."""
        begin, step, spans = self._spans(chosen, now)
        past = self._yesterday(begin, step, len(spans))
        rate: list[Series] = [
            Series(name="yesterday", look="past", values=past),
            Series(name="approved", look="good", values=[s[0] / step if s else 0.0 for s in spans], area=True),
            Series(name="declined", look="bad", values=[s[1] / step if s else 0.0 for s in spans], area=True),
        ]
        latency = [
            Series(name="p99", look="second", values=[s[3] / 1000 if s and s[0] + s[1] else None for s in spans]),
            Series(name="p50", look="first", values=[s[2] / 1000 if s and s[0] + s[1] else None for s in spans]),
        ]
        marks = [
            (second_of(m.at), f"{m.kind} {m.level}", f"{m.at[11:19]} {m.event} {m.text[:80]}")
            for m in self._marks(begin, now)
        ]
        return (
            draw("Payments a second", "a second", begin, step, rate, marks),
            draw("Time to answer", "ms", begin, step, latency, marks, bottom=1.0),
        )

    def _spans(self, chosen: str, now: int) -> tuple[int, int, list[tuple[int, int, int, int] | None]]:
        """Begin, step, and of each span approved, declined, p50, p99."""
        board = self._desk.board
        if chosen == "5m":
            end = now // SHORT_S * SHORT_S
            begins = range(end - SHORT_SPANS * SHORT_S, end, SHORT_S)
            short = {begin: self._short.get(begin) or self._short_span(begin) for begin in begins}
            self._short = {begin: short[begin] for begin in begins[:-SETTLE_SPANS]}
            return begins.start, SHORT_S, list(short.values())
        count, step_min = (60, 1) if chosen == "1h" else (288, 5)
        end = now // 60
        begin = end - count * step_min
        rows = {row.minute: row for row in self._desk.history.minutes(ALL, begin, end)}
        spans: list[tuple[int, int, int, int] | None] = []
        for first in range(begin, end, step_min):
            held = [rows[m] for m in range(first, first + step_min) if m in rows]
            fresh = [
                _figures(s)
                for m in range(first, first + step_min)
                if m not in rows and (s := board.minutes.get(m, {}).get(ALL)) is not None
            ]
            parts = [(r.approved, r.declined, r.p50, r.p99) for r in held] + fresh
            spans.append(_together(parts) if parts else None)
        return begin * 60, step_min * 60, spans

    def _short_span(self, begin: int) -> tuple[int, int, int, int] | None:
        """Of five seconds; None: nothing was paid in them."""
        whole = Sums()
        for sums in self._desk.board.recent_seconds(begin + SHORT_S, SHORT_S):
            whole.add(sums)
        return _figures(whole) if whole.total else None

    def _yesterday(self, begin: int, step: int, count: int) -> list[float | None]:
        first = begin // 60 - DAY_MIN
        rows = {r.minute: r.total for r in self._desk.history.minutes(ALL, first, first + count * step // 60 + 2)}
        if step < 60:
            return [rows[m] / 60 if (m := (begin + n * step) // 60 - DAY_MIN) in rows else None for n in range(count)]
        wide = step // 60
        sums: list[float | None] = []
        for n in range(count):
            held = [rows[m] for m in range(first + n * wide, first + (n + 1) * wide) if m in rows]
            sums.append(sum(held) / (60 * len(held)) if held else None)
        return sums

    def _marks(self, begin: int, end: int) -> list[Mark]:
        kept = {(m.at, m.event, m.text): m for m in self._desk.history.marks(begin, end + 1, 120)}
        kept.update({(m.at, m.event, m.text): m for m in self._desk.board.fresh})
        return [m for m in kept.values() if m.kind != "health"]


def _range(request: Request) -> str:
    asked = request.query_params.get("range", "5m")
    return asked if asked in RANGES else "5m"


def _span_s(now: int) -> int:
    """Seconds that the figures at the top are of: whole minutes, and what has been of this one."""
    return (LATELY_MIN - 1) * 60 + now % 60 + 1


def _figures(sums: Sums) -> tuple[int, int, int, int]:
    return sums.approved, sums.declined, sums.latency.percentile(50), sums.latency.percentile(99)


def _together(parts: list[tuple[int, int, int, int]]) -> tuple[int, int, int, int]:
    """Of several minutes: sums; of medians the weighted mean, of p99 the highest minute's."""
    total: Counter[str] = Counter()
    for approved, declined, p50, _ in parts:
        total["approved"] += approved
        total["declined"] += declined
        total["weighed"] += p50 * (approved + declined)
    whole = total["approved"] + total["declined"]
    return total["approved"], total["declined"], total["weighed"] // max(1, whole), max(part[3] for part in parts)
