"""The live view: a hop log's sums on a terminal, two to four times a second, in a process of its own.

`view`, `summary` and `plain_line` make pictures of a `Model` and know no clock; `run_live` follows a file and shows them.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from switch.money.currency import format_amount
from switch.observe.follow import Follower
from switch.observe.model import LinkSums, Model, Notable, RouteSums, route_order
from switch.wire.printable import printable
from switch.wire.vocabulary import ANSWER_NAMES, APPROVALS

BARS: Final = "▁▂▃▄▅▆▇█"
SPARK_SECONDS: Final = 60
WIDE_COLUMNS: Final = 100
NOTABLE_SHOWN: Final = 5
CODES_SHOWN: Final = 8
LINKS_SHOWN: Final = 12

_STATE_STYLE: Final = {"signed on": "green", "connected": "yellow", "signed off": "yellow"}
_LEVEL_STYLE: Final = {"warning": "yellow", "error": "bold red", "critical": "bold red"}


def sparkline(rates: list[int]) -> str:
    """One bar a number, the highest of them a full one; 0 is a blank, and nothing above 0 is."""
    top = max(rates, default=0)
    return "".join(BARS[-(-rate * len(BARS) // top) - 1] if rate else " " for rate in rates)


def milliseconds(us: int) -> str:
    """`1234` -> `1.23`; three digits that say something."""
    ms = us / 1000
    return f"{ms:.2f}" if ms < 100 else f"{ms:.0f}"


def percent(part: int, whole: int) -> str:
    """`98.2`, or `–` of nothing."""
    return f"{100 * part / whole:.1f}" if whole else "–"


def routes_table(model: Model, currency: str, *, title: str = "", narrow: bool = False) -> Table:
    """Every route a row: what it carried, how long it took, what it cost; with more than one, the sum below."""
    table = Table(
        title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold", show_edge=False
    )
    for n, (heading, dispensable) in enumerate(_COLUMNS):
        if not (narrow and dispensable):
            table.add_column(heading, justify="right" if n else "left", no_wrap=True)
    for name in route_order(model.routes):
        table.add_row(*_route_row(name, model.routes[name], currency, narrow))
    if len(model.routes) > 1:
        table.add_row(*_route_row("all", model.total, currency, narrow), style="bold")
    return table


_COLUMNS: Final = (
    ("route", False), ("payments", False), ("ok %", False), ("declined", False), ("reversed", False), ("p50 ms", False),
    ("p90 ms", True), ("p99 ms", False), ("max ms", True), ("cost", False), ("a payment", True),
)  # fmt: skip
"""heading, left out where there is little room"""


def _route_row(name: str, sums: RouteSums, currency: str, narrow: bool) -> list[str]:
    latency = sums.latency
    p50, p90, p99 = (milliseconds(latency.percentile(p)) if latency.total else "–" for p in (50, 90, 99))
    shown = printable(name)
    cells = (
        shown, f"{sums.total:,}", percent(sums.approved, sums.total), f"{sums.declined:,}", f"{sums.reversed:,}", p50, p90, p99,
        milliseconds(latency.highest) if latency.total else "–", format_amount(sums.cost, currency) if sums.cost else "–",
        format_amount(round(sums.cost / sums.total), currency) if sums.total and sums.cost else "–",
    )  # fmt: skip
    return [cell for cell, (_, dispensable) in zip(cells, _COLUMNS, strict=True) if not (narrow and dispensable)]


def links_table(model: Model) -> Table:
    """Every name of the network file that had a connection, with its state."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("link", no_wrap=True)
    table.add_column("state")
    table.add_column("signed on", justify="right", no_wrap=True)
    for name in sorted(model.links)[:LINKS_SHOWN]:
        link = model.links[name]
        table.add_row(
            printable(name), Text(printable(link.state), style=_STATE_STYLE.get(link.state, "red")), _of_all(link)
        )
    if len(model.links) > LINKS_SHOWN:
        table.add_row("…", f"{len(model.links) - LINKS_SHOWN} more", "")
    return table


def _of_all(link: LinkSums) -> str:
    return f"{link.signed_on:,} of {len(link.connections):,}" if link.connections else "–"


def codes_table(model: Model) -> Table:
    """DE39 by frequency."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("DE39", no_wrap=True, min_width=4)
    table.add_column("meaning", no_wrap=True)
    table.add_column("count", justify="right", no_wrap=True)
    for code, count in model.codes.most_common(CODES_SHOWN):
        style = "green" if code in APPROVALS else ""
        table.add_row(Text(printable(code) or "(none)", style=style), ANSWER_NAMES.get(code, "?"), f"{count:,}")
    return table


def notable_lines(model: Model) -> RenderableType:
    """The newest warnings and errors, newest last; a line each."""
    if not model.notable:
        return Text("nothing to report", style="dim")
    text = Text(no_wrap=True, overflow="ellipsis")
    for n, notable in enumerate(list(model.notable)[-NOTABLE_SHOWN:]):
        text.append("\n" if n else "").append_text(_notable_line(notable))
    return text


def _notable_line(notable: Notable) -> Text:
    times = f" ×{notable.count}" if notable.count > 1 else ""
    return Text.assemble(
        (printable(notable.at[11:19]), "dim"),
        " ",
        (f"{printable(notable.event)}{times}", _LEVEL_STYLE.get(notable.level, "")),
        " ",
        notable.text,
    )


def view(model: Model, until: int, currency: str, title: str, width: int = 120) -> RenderableType:
    """The whole picture, of payments up to second `until` (exclusive: a second is shown once it is over), in `width` columns."""
    narrow = width < WIDE_COLUMNS
    rates = model.rates(until, 30 if narrow else SPARK_SECONDS)
    total = model.total
    head = Text.assemble(
        (f"{rates[-1]:>7,}", "bold"), "/s  ", (sparkline(rates), "cyan"), f"  highest {max(rates):,}/s in {len(rates)} s\n",
        f"{total.total:>7,} payments, ", (f"{percent(total.approved, total.total)} %", "green"), " approved, ",
        f"{total.reversed:,} reversed, {model.hops:,} hops",
        (f", {model.unreadable:,} unreadable lines" if model.unreadable else "", "red"),
        ("".join(f"\nNot well: {sentence}" for sentence in model.unwell), "red"),
    )  # fmt: skip
    beside = Table.grid(padding=(0, 2 if narrow else 4))
    beside.add_row(links_table(model), codes_table(model))
    return Group(
        Panel(head, title=title, title_align="left", border_style="dim"),
        Panel(routes_table(model, currency, narrow=narrow), title="routes", title_align="left", border_style="dim"),
        Panel(beside, title="links, answers", title_align="left", border_style="dim"),
        Panel(notable_lines(model), title="worth a look", title_align="left", border_style="dim"),
    )


def summary(model: Model, currency: str = "MAD", width: int = 120) -> RenderableType:
    """What is left to say when it is over: the routes, the answers, and what was worth a look, by event."""
    if model.warnings:
        counts = ", ".join(f"{printable(name)} {count:,}" for name, count in sorted(model.warnings.items()))
        said = Text(f"Warnings and errors: {counts}")
    else:
        said = Text("No warnings.", style="dim")
    routes = routes_table(model, currency, title="Payments by route", narrow=width < WIDE_COLUMNS)
    return Group(routes, Text(), codes_table(model), Text(), said)


def plain_line(model: Model, until: int, seconds: int) -> str:
    """One line for a log or a pipe: the rate over the last `seconds` seconds, sums and latencies by route."""
    total = model.total
    rate = sum(model.rates(until, seconds)) / seconds
    parts = [f"{model.last_at[11:19] or '--:--:--'} {rate:,.0f}/s", f"{total.total:,} payments"]
    parts.append(
        f"{percent(total.approved, total.total)} % approved, {total.declined:,} declined, {total.reversed:,} reversed"
    )
    for name in route_order(model.routes):
        latency = model.routes[name].latency
        if latency.total:
            times = "/".join(milliseconds(latency.percentile(p)) for p in (50, 99))
            parts.append(f"{printable(name)} {latency.total:,} {times} ms")
    if model.links:
        up = sum(1 for link in model.links.values() if link.signed_on)
        parts.append(f"links {up} of {len(model.links)} up")
    if model.unwell:
        parts.append(f"not well: {'; '.join(model.unwell)}")
    if model.notable:
        parts.append(f"last: {printable(model.notable[-1].event)}")
    return " | ".join(parts)


class _Watched:
    """Hop logs as they grow, each with what it adds up to."""

    def __init__(self, paths: Sequence[Path]) -> None:
        several = len(paths) > 1
        self._of = [(path.parent.name, Follower(path), Model(of_shard=several)) for path in paths]

    def feed(self) -> bool:
        """Take in what is new; False: nothing is."""
        fed = False
        for _, follower, model in self._of:
            lines = follower.poll()
            model.feed_all(lines)
            fed = fed or bool(lines)
        return fed

    def forget_payments(self) -> None:
        """See `Model.forget_payments`."""
        for _, _, model in self._of:
            model.forget_payments()

    @property
    def model(self) -> Model:
        """What all of them add up to."""
        if len(self._of) == 1:
            return self._of[0][2]
        together = Model()
        for name, _, model in self._of:
            together.add(name, model)
        return together

    def close(self) -> None:
        """Let them go."""
        for _, follower, _ in self._of:
            follower.close()


def run_live(
    paths: Sequence[Path],
    stop: Callable[[], bool],
    *,
    console: Console | None = None,
    plain: bool = False,
    interval_s: float = 0.0,
    currency: str = "MAD",
    title: str = "",
    history: Literal["all", "links"] = "all",
    screen: bool = False,
) -> Model:
    """Follow the hop log, or those of a network's shards, until `stop()`; returns the model, to make a `summary` of.

    Draws on `console` (stdout) every `interval_s` seconds (0: a third of one), or with `plain`, or where that is no
    terminal, prints a line every `interval_s` (0: 1). `history`: of what the log already holds, count everything or keep only
    the state of the links. `screen`: use the terminal's other screen, and leave this one as it was. Files need not exist
    yet. KeyboardInterrupt passes through.
    """
    console = console or Console(file=sys.stdout)
    watched = _Watched(paths)
    if history == "links":
        _catch_up(watched)
        watched.forget_payments()
    try:
        if plain or not console.is_terminal:
            _plain(watched, stop, console, interval_s or 1.0)
        else:
            live = Live(console=console, auto_refresh=False, screen=screen, transient=not screen)
            name = title or ", ".join(map(str, paths))
            _draw(
                watched, stop, live, interval_s or 1 / 3, lambda: view(watched.model, int(time.time()), currency, name)
            )
        _catch_up(watched)
    finally:
        watched.close()
    return watched.model


def _catch_up(watched: _Watched) -> None:
    while watched.feed():
        pass


def _rest(watched: _Watched, until_s: float, stop: Callable[[], bool]) -> bool:
    """Feed what comes until `until_s` of the monotonic clock. True when it is time to stop."""
    while not stop():
        fed = watched.feed()
        left = until_s - time.monotonic()
        if left <= 0:
            return False
        if not fed:
            time.sleep(min(left, 0.1))
    return True


def _plain(watched: _Watched, stop: Callable[[], bool], console: Console, interval_s: float) -> None:
    due, over = time.monotonic(), False
    while not over:
        due += interval_s
        over = _rest(watched, due, stop)
        model = watched.model
        if model.hops or not over:
            console.print(
                plain_line(model, int(time.time()), max(1, round(interval_s))), highlight=False, soft_wrap=True
            )


def _draw(
    watched: _Watched,
    stop: Callable[[], bool],
    live: Live,
    interval_s: float,
    picture: Callable[[], RenderableType],
) -> None:
    with live:
        over = False
        while not over:
            over = _rest(watched, time.monotonic() + interval_s, stop)
            live.update(picture(), refresh=True)
