"""Percentile plots as SVG: latency over percentile, the tail drawn out (90, 99, 99.9 … equally far apart). Pure text."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

Curve = tuple[str, Sequence[tuple[float, int]]]
"""name, [(percentile, µs)]"""

WIDTH: Final = 860
HEIGHT: Final = 420
LEFT, RIGHT, TOP, BOTTOM = 70, 36, 40, 70
COLOURS: Final = ("#1f6f8b", "#c8553d", "#588157", "#8d6a9f", "#b08900", "#444444")
TICKS: Final = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)


def percentile_svg(title: str, curves: Sequence[Curve]) -> str:
    """A whole SVG document of one or more curves, latency on a logarithmic scale. ValueError: no curve has a point."""
    drawn = [(name, [(p, max(us, 1)) for p, us in points if p < 100]) for name, points in curves if points]
    values = [us for _, points in drawn for _, us in points]
    if not values:
        raise ValueError("nothing to plot: no answers")
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values) + 1))
    high = max(high, low + 1)
    decades = max(_depth(p) for _, points in drawn for p, _ in points)

    def x(percent: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * _depth(percent) / decades

    def y(us: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(us) - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" font-size="15" font-weight="bold">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        parts.append(_line(LEFT, y(10**power), WIDTH - RIGHT, y(10**power), "#d0d0d0"))
        parts.append(f'<text x="{LEFT - 8}" y="{y(10**power) + 4:.1f}" text-anchor="end">{_time(10**power)}</text>')
        if power < high:
            parts += [_line(LEFT, y(n * 10**power), WIDTH - RIGHT, y(n * 10**power), "#f0f0f0") for n in range(2, 10)]
    for tick in TICKS:
        if _depth(tick) <= decades + 1e-9:
            parts.append(_line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, "#d0d0d0"))
            parts.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick:g} %</text>')
    for n, (name, points) in enumerate(drawn):
        colour = COLOURS[n % len(COLOURS)]
        path = " ".join(f"{x(p):.1f},{y(us):.1f}" for p, us in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = LEFT + 12 + (n % 3) * (WIDTH - LEFT - RIGHT) // 3
        row = HEIGHT - BOTTOM + 40 + (n // 3) * 18
        parts.append(f'<rect x="{at}" y="{row - 9}" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{at + 20}" y="{row}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def page(title: str, text: str, svg: str) -> str:
    """An HTML page of its own: the plot, and the figures as they were printed."""
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f"<body style='font-family:sans-serif;margin:2em'>\n<h1>{escape(title)}</h1>\n"
        f"{svg}\n<pre>{escape(text)}</pre>\n</body></html>\n"
    )


def _depth(percent: float) -> float:
    """How deep in the tail: 0 % is 0, 90 % 1, 99 % 2 …"""
    return -math.log10(1 - min(percent, 99.9999999) / 100)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _time(us: int) -> str:
    if us < 1_000:
        return f"{us} µs"
    return f"{us // 1_000} ms" if us < 1_000_000 else f"{us // 1_000_000:,} s"
