"""Lines over time as SVG that the server draws, and the numbers behind them for whoever points at it. Pure.

In: series of values, a step in seconds, marks. Out: what the template `chart.html` sets. The picture has no text: labels are HTML
beside it, so that they stay readable at any width; where nothing is known a line is broken, never zero.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

WIDTH, HEIGHT = 1_000, 200
_STEPS: Final = (1, 2, 5)


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    name: str
    look: str
    """a class of the style: `good`, `bad`, `first`, `second`, `past`"""
    values: Sequence[float | None]
    """None: nothing is known"""
    area: bool = False


class Tick(msgspec.Struct, frozen=True, kw_only=True):
    """A mark's line."""

    x: float
    kind: str
    """classes of the style: what kind of change, and how grave"""
    text: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One picture."""

    title: str
    unit: str
    begin: int
    """second since 1970 of the first value"""
    step: int
    """seconds between two values"""
    series: tuple[Series, ...]
    top: float
    """what the upper edge stands for"""
    bottom: float = 0.0
    """what the lower edge does; above 0 the scale is logarithmic"""
    ticks: tuple[Tick, ...] = ()
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def points(self) -> int:
        """Values of a series."""
        return max((len(one.values) for one in self.series), default=0)

    @property
    def labels(self) -> list[str]:
        """From the upper edge to the lower one, at equal distances."""
        if not self.bottom:
            return [self._label(self.top * part) for part in (1, 0.5, 0)]
        decades = round(math.log10(self.top / self.bottom))
        return [self._label(self.bottom * 10**n) for n in range(decades, -1, -1)]

    @property
    def grid(self) -> str:
        """A line at each label, as SVG has it."""
        steps = len(self.labels) - 1
        return " ".join(f"M0,{HEIGHT * n / steps:.1f} H{WIDTH}" for n in range(steps + 1))

    def _label(self, value: float) -> str:
        if self.unit != "ms":
            return _said(value)
        return f"{_said(value / 1_000)} s" if value >= 1_000 else f"{_said(value)} ms"

    def _height(self, value: float) -> float:
        """Of a value, from the upper edge down."""
        value = min(max(value, self.bottom), self.top)
        part = math.log(value / self.bottom) / math.log(self.top / self.bottom) if self.bottom else value / self.top
        return HEIGHT * (1 - part)

    @property
    def times(self) -> list[int]:
        """Seconds since 1970 along the lower edge."""
        last = self.begin + self.step * max(1, self.points - 1)
        return [self.begin + (last - self.begin) * part // 4 for part in range(5)]

    def path(self, series: Series) -> str:
        """The line of a series, as SVG has it."""
        return " ".join(
            "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in run) + (" h0.01" if len(run) == 1 else "")
            for run in self._runs(series)
        )

    def area(self, series: Series) -> str:
        """What lies below it."""
        return " ".join(
            f"M{run[0][0]:.1f},{HEIGHT} L"
            + " L".join(f"{x:.1f},{y:.1f}" for x, y in run)
            + f" L{run[-1][0]:.1f},{HEIGHT} Z"
            for run in self._runs(series)
        )

    @property
    def data(self) -> str:
        """For the script, which shows the values at the pointer."""
        told = {
            "begin": self.begin,
            "step": self.step,
            "unit": self.unit,
            "series": [
                {"name": s.name, "look": s.look, "values": [_rounded(v) for v in s.values]} for s in self.series
            ],
        }
        return msgspec.json.encode(told).decode()

    @property
    def summary(self) -> str:
        """In words, for who does not see it."""
        parts = []
        for one in self.series:
            known = [value for value in one.values if value is not None]
            if known:
                parts.append(f"{one.name}: now {_said(known[-1])}, at most {_said(max(known))}")
        return f"{self.title}, {self.unit}. {'; '.join(parts) or 'nothing yet'}"

    def _runs(self, series: Series) -> list[list[tuple[float, float]]]:
        wide = max(1, self.points - 1)
        runs: list[list[tuple[float, float]]] = []
        gap = True
        for n, value in enumerate(series.values):
            if value is None:
                gap = True
                continue
            if gap:
                runs.append([])
            gap = False
            runs[-1].append((WIDTH * n / wide, self._height(value)))
        return runs


def draw(
    title: str,
    unit: str,
    begin: int,
    step: int,
    series: Sequence[Series],
    marks: Iterable[tuple[int, str, str]] = (),
    *,
    bottom: float = 0.0,
) -> Chart:
    """`marks`: second, kind, text; those outside are left out. `bottom`: see `Chart`."""
    highest = max((v for one in series for v in one.values if v is not None), default=0.0)
    points = max((len(one.values) for one in series), default=1)
    wide = max(1, points - 1) * step
    ticks = [
        Tick(x=WIDTH * (second - begin) / wide, kind=kind, text=text)
        for second, kind, text in marks
        if begin <= second <= begin + wide
    ]
    top = bottom * 10 ** max(2, math.ceil(math.log10(max(highest, bottom) / bottom))) if bottom else _round_up(highest)
    return Chart(
        title=title, unit=unit, begin=begin, step=step, series=tuple(series), top=top, bottom=bottom, ticks=tuple(ticks)
    )


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros."""
    if value <= 0:
        return 1.0
    size = 1.0
    while size * 10 < value:
        size *= 10
    while size >= value:
        size /= 10
    return next(size * step for step in (*_STEPS, 10) if size * step >= value)


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
