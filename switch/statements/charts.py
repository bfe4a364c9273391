"""Small charts as SVG inside a page: no script, nothing loaded from elsewhere, legible in black and white. Pure text."""

from collections.abc import Sequence
from html import escape
from typing import Final

INK: Final = "#1d2a33"
UP: Final = "#1f6f8b"
DOWN: Final = "#c8553d"
PARTS: Final = ("#1f6f8b", "#e0a458", "#8a9aa5", "#c8553d", "#588157")
BARS: Final = "bars"
"""class of charts that have room for larger words, where a page is narrow"""
_OPEN: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" viewBox="0 0 {w} {h}" role="img" aria-label="{label}" '
    'font-size="11" fill="{ink}">'
)


def columns(label: str, values: Sequence[tuple[str, int, str]], width: int = 640, height: int = 150) -> str:
    """Upright bars from zero. `values`: name below, value, and in words. Below zero they hang down."""
    top, bottom = 18, 20
    high, low = max([0, *(v for _, v, _ in values)]), min([0, *(v for _, v, _ in values)])
    scale = (height - top - bottom) / ((high - low) or 1)
    zero = top + high * scale
    step = width / max(len(values), 1)
    wide = min(step * 0.66, 34)
    parts = [_OPEN.format(kind=BARS, w=width, h=height, label=escape(label), ink=INK)]
    largest = max((v for _, v, _ in values), default=0)
    for n, (name, value, said) in enumerate(values):
        x, tall = step * (n + 0.5), abs(value) * scale
        y = zero - tall if value >= 0 else zero
        parts.append(
            f'<rect x="{x - wide / 2:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
            f'fill="{UP if value >= 0 else DOWN}"><title>{escape(name)}: {escape(said)}</title></rect>'
        )
        if value == largest and value > 0 and (not n or all(v != largest for _, v, _ in values[:n])):
            anchor = "start" if x < 60 else "end" if x > width - 60 else "middle"
            parts.append(f'<text x="{x:.1f}" y="{y - 5:.1f}" text-anchor="{anchor}">{escape(said)}</text>')
        if len(values) <= 12 or n % 2 == 0:
            parts.append(
                f'<text x="{x:.1f}" y="{height - 5}" text-anchor="middle" fill="#5b6b75">{escape(name)}</text>'
            )
    parts.append(f'<line x1="0" x2="{width}" y1="{zero:.1f}" y2="{zero:.1f}" stroke="{INK}" stroke-width="0.8"/></svg>')
    return "".join(parts)


def balance(label: str, values: Sequence[tuple[str, int, str]], width: int = 640) -> str:
    """Lying bars to both sides of zero: who gets, and who pays. `values`: name, value, and in words."""
    row, names, told = 24, 110, 120
    height = row * len(values) + 6
    most = max((abs(value) for _, value, _ in values), default=0) or 1
    half = (width - names - 2 * told) / 2
    zero = names + told + half
    parts = [_OPEN.format(kind=BARS, w=width, h=height, label=escape(label), ink=INK)]
    for n, (name, value, said) in enumerate(values):
        y, long = n * row + 4, abs(value) / most * half
        x = zero if value >= 0 else zero - long
        at, anchor = (zero + long + 6, "start") if value >= 0 else (zero - long - 6, "end")
        parts.append(f'<text x="0" y="{y + 13}">{escape(name)}</text>')
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{long:.1f}" height="{row - 7}" fill="{UP if value >= 0 else DOWN}"/>'
            f'<text x="{at:.1f}" y="{y + 13}" text-anchor="{anchor}">{escape(said)}</text>'
        )
    parts.append(f'<line x1="{zero}" x2="{zero}" y1="0" y2="{height}" stroke="{INK}" stroke-width="0.8"/></svg>')
    return "".join(parts)


def shares(label: str, values: Sequence[tuple[str, int, str]], width: int = 640) -> str:
    """One bar in parts, all above zero, with a legend below it. `values`: name, value, and in words."""
    whole = sum(value for _, value, _ in values) or 1
    parts, x, legend = [_OPEN.format(kind="shares", w=width, h=62, label=escape(label), ink=INK)], 0.0, 0
    for n, (name, value, said) in enumerate(values):
        wide = value / whole * width
        colour = PARTS[n % len(PARTS)]
        parts.append(
            f'<rect x="{x:.1f}" y="4" width="{max(wide - 1.5, 0.8):.1f}" height="22" fill="{colour}">'
            f"<title>{escape(name)}: {escape(said)}</title></rect>"
        )
        parts.append(f'<rect x="{legend}" y="42" width="10" height="10" fill="{colour}"/>')
        parts.append(
            f'<text x="{legend + 16}" y="51">{escape(name)} <tspan font-weight="600">{escape(said)}</tspan></text>'
        )
        x += wide
        legend += width // max(len(values), 1)
    return "".join([*parts, "</svg>"])
