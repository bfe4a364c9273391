"""Goodput and latency over offered load, as SVG: one below the other, all series in both. Pure text."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from switch.bench.load_step import Step
from switch.bench.plot import COLOURS

WIDTH: Final = 860
HEIGHT: Final = 620
LEFT, RIGHT, TOP, MIDDLE, BOTTOM = 80, 30, 50, 320, 70


def overload_svg(found: Mapping[str, Sequence[Step]]) -> str:
    """A whole SVG document: above goodput in capacities, below p50 and p99 of approvals. ValueError: there is no step."""
    steps = [step for series in found.values() for step in series]
    if not steps:
        raise ValueError("nothing to plot: no steps")
    most = max(step.of_capacity for step in steps)
    capacity = {name: series[0].offered / series[0].of_capacity for name, series in found.items() if series}
    ceiling = max(1.2, max(s.goodput / capacity[name] for name, series in found.items() for s in series) * 1.05)
    times = [max(us, 1) for step in steps for us in (step.p50_us, step.p99_us)]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times) + 1))

    def x(load: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * load / most

    def y_good(value: float) -> float:
        return MIDDLE - 30 - (MIDDLE - 30 - TOP) * value / ceiling

    def y_time(us: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - MIDDLE) * (math.log10(max(us, 1)) - low) / max(high - low, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">Goodput and latency against offered load</text>',
        f'<text x="{LEFT}" y="{TOP - 8}">approvals a second, of what can be served</text>',
        f'<text x="{LEFT}" y="{MIDDLE - 8}">latency of approvals: p99, and p50 dashed</text>',
    ]
    parts += _grid(x, y_good, y_time, most, ceiling, (low, high))
    for n, (name, series) in enumerate(found.items()):
        colour = COLOURS[n % len(COLOURS)]
        for points, dash in (
            ([(x(s.of_capacity), y_good(s.goodput / capacity[name])) for s in series], ""),
            ([(x(s.of_capacity), y_time(s.p99_us)) for s in series if s.goodput], ""),
            ([(x(s.of_capacity), y_time(s.p50_us)) for s in series if s.goodput], ' stroke-dasharray="5 4"'),
        ):
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        at = LEFT + (n % 4) * (WIDTH - LEFT - RIGHT) // 4
        parts.append(f'<rect x="{at}" y="{HEIGHT - 26}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{at + 20}" y="{HEIGHT - 18}">{escape(name)}: {capacity.get(name, 0):,.0f}/s</text>')
    return "\n".join([*parts, "</svg>", ""])


def _grid(
    x: Callable[[float], float], y_good: Callable[[float], float], y_time: Callable[[float], float], most: float,
    ceiling: float, decades: tuple[int, int],
) -> list[str]:  # fmt: skip
    parts = []
    for load in range(math.floor(most) + 1):
        for top, bottom in ((TOP, MIDDLE - 30), (MIDDLE, HEIGHT - BOTTOM)):
            parts.append(_line(x(load), top, x(load), bottom))
        parts.append(f'<text x="{x(load):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{load}×</text>')
    for tenth in range(0, math.floor(ceiling * 10) + 1, 2):
        at = y_good(tenth / 10)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tenth * 10} %</text>')
    for power in range(decades[0], decades[1] + 1):
        at = y_time(10**power)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
        text = f"{10**power // 1000:,} ms" if power >= 3 else f"{10**power} µs"
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    return parts


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#d8d8d8"/>'
