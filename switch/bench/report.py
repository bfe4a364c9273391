"""What a run came to: percentiles, throughput, answers, errors, the host's CPU; thresholds on them; as text and as plain data."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from switch.bench.generator import Counts
from switch.counting import counted
from switch.observe.histogram import Histogram
from switch.wire.vocabulary import ANSWER_NAMES, APPROVALS, RESPONSE_CODES

ERRORS: Final = ("timeouts", "unanswered", "unmatched", "unreadable", "lost_connections")
PERCENTS: Final = (50.0, 90.0, 99.0, 99.9)
CURVE: Final = tuple(100 * (1 - 10 ** (-n / 10)) for n in range(51))
"""percentiles of the plot: as many between 90 and 99 as between 99 and 99.9"""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """µs, each at most 0.4 % above what was measured (`Histogram`)."""

    p50: int
    p90: int
    p99: int
    p99_9: int
    max: int
    mean: float


class Cpu(msgspec.Struct, frozen=True):
    """What the measured process tree used over the measured seconds."""

    us_per_transaction: float
    cores: float
    rss_bytes: int
    """at the end"""
    rss_grown_bytes: int
    processes: int


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """What a switch says of payments that it was asked to time (`server.stopwatch`)."""

    payments: int
    inside_us: Latency
    """from when a payment was read to when its answer was written, without its issuer's time"""
    own_us: Latency
    """of it, the switch's own doing"""
    durable_us: Latency
    """of it, the wait for the journal"""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    mode: str
    """`closed, 128 in flight` or `open, 1000/s`"""
    host: str
    dialect: str
    connections: int
    seconds: float
    sent: int
    answered: int
    throughput: float
    """answers a second"""
    latency_us: Latency
    approved_latency_us: Latency | None
    """of approvals alone; None where there is none, or no other answer"""
    lateness_us: Latency | None
    """open loop: the generator's own share, from when a request should have left to when it did"""
    codes: dict[str, int]
    """DE39 -> answers"""
    errors: dict[str, int]
    """timeouts, unanswered, unmatched, unreadable, lost_connections"""
    first_trouble: str
    cpu: Cpu | None
    inside: Inside | None
    curve_us: list[tuple[float, int]]
    """(percentile, µs)"""

    @property
    def error_count(self) -> int:
        """All errors together."""
        return sum(self.errors.values())

    @property
    def approved_percent(self) -> float:
        """Of all answers; 0 of none."""
        approved = sum(n for code, n in self.codes.items() if RESPONSE_CODES.get(code, code) in APPROVALS)
        return 100 * approved / self.answered if self.answered else 0.0


def histogram(counts: Counter[int]) -> Histogram:
    """µs -> how often, as a histogram; below 1 µs counts as 1."""
    made = Histogram()
    for value, count in counts.items():
        made.record(max(value, 1), count)
    return made


def latency(made: Histogram) -> Latency:
    """The usual percentiles of a histogram; zeros of an empty one."""
    if not made.total:
        return Latency(p50=0, p90=0, p99=0, p99_9=0, max=0, mean=0.0)
    p50, p90, p99, p999 = (made.percentile(p) for p in PERCENTS)
    return Latency(p50=p50, p90=p90, p99=p99, p99_9=p999, max=made.highest, mean=round(made.mean(), 1))


def report(
    counts: Counts, *, mode: str, host: str, dialect: str, connections: int, decode_code: Callable[[bytes], str],
    cpu: Cpu | None, inside: Inside | None = None,
) -> Report:  # fmt: skip
    """Sum up a run. `decode_code`: DE39's bytes to text in the dialect."""
    made = histogram(counts.latencies)
    return Report(
        mode=mode, host=host, dialect=dialect, connections=connections, seconds=round(counts.seconds, 3), sent=counts.sent,
        answered=counts.answered, throughput=round(counts.answered / counts.seconds, 1) if counts.seconds else 0.0,
        latency_us=latency(made),
        approved_latency_us=latency(histogram(counts.approved)) if 0 < counts.approved.total() < counts.answered else None,
        lateness_us=latency(histogram(counts.lateness)) if counts.lateness else None,
        codes={decode_code(code): n for code, n in counts.codes.most_common()},
        errors={name: getattr(counts, name) for name in ERRORS},
        first_trouble=counts.first_trouble, cpu=cpu, inside=inside,
        curve_us=[(round(p, 4), made.percentile(p)) for p in CURVE] if counts.answered else [],
    )  # fmt: skip


def as_text(made: Report) -> str:
    """For people."""
    lines = [
        f"{made.host} ({made.dialect}): {made.mode}, {counted(made.connections, 'connection')}, {made.seconds:g} s",
        f"  {made.throughput:>12,.0f}/s   {made.answered:,} answered of {made.sent:,} sent, "
        f"{made.approved_percent:.1f} % approved",
        _latency_line("latency", made.latency_us),
    ]
    if made.approved_latency_us is not None:
        lines.append(_latency_line("approved", made.approved_latency_us))
    if made.lateness_us is not None:
        lines.append(_latency_line("of it ours", made.lateness_us))
    if made.inside is not None:
        lines.append(_latency_line("inside", made.inside.inside_us))
        lines.append(_latency_line("its own", made.inside.own_us))
        lines.append(_latency_line("the journal's", made.inside.durable_us))
    for code, count in made.codes.items():
        lines.append(f"  {count:>12,}     DE39={code} {ANSWER_NAMES.get(RESPONSE_CODES.get(code, code), '')}".rstrip())
    if made.cpu is not None:
        cpu = made.cpu
        lines.append(
            f"  {cpu.us_per_transaction:>12,.1f} µs  of CPU a transaction ({cpu.cores:.2f} cores, "
            f"{counted(cpu.processes, 'process', 'processes')}), {cpu.rss_bytes / 1e6:,.0f} MB resident "
            f"({cpu.rss_grown_bytes / 1e6:+,.1f} MB)"
        )
    if made.error_count:
        lines.append(
            "  errors: " + ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in made.errors.items() if n)
        )
        lines.append(f"  the first: {made.first_trouble}")
    return "\n".join(lines)


def _latency_line(name: str, us: Latency) -> str:
    values = (("p50", us.p50), ("p90", us.p90), ("p99", us.p99), ("p99.9", us.p99_9), ("max", us.max))
    return f"  {name:>12}     " + "  ".join(f"{label} {_time(value)}" for label, value in values)


def _time(us: int) -> str:
    return f"{us:,} µs" if us < 10_000 else f"{us / 1000:,.1f} ms"


# -- thresholds

_METRICS: Final[dict[str, tuple[Callable[[Report], float | None], dict[str, float], str]]] = {
    **{
        name: (operator.attrgetter(f"latency_us.{field}"), {"": 1.0, "us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6}, "µs")
        for name, field in (("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p99_9"), ("max", "max"), ("mean", "mean"))
    },
    "inside": (lambda r: r.inside.inside_us.p99 if r.inside else None, {"": 1.0, "us": 1.0, "µs": 1.0, "ms": 1e3}, "µs"),
    "throughput": (operator.attrgetter("throughput"), {"": 1.0, "/s": 1.0}, "/s"),
    "errors": (operator.attrgetter("error_count"), {"": 1.0}, ""),
    "approved": (operator.attrgetter("approved_percent"), {"": 1.0, "%": 1.0}, " %"),
    "cpu": (lambda r: r.cpu.us_per_transaction if r.cpu else None, {"": 1.0, "us": 1.0, "µs": 1.0}, "µs"),
    "rss": (lambda r: r.cpu.rss_bytes / 1e6 if r.cpu else None, {"": 1.0, "MB": 1.0, "GB": 1e3}, " MB"),
}  # fmt: skip
"""name -> (value, units and what they multiply by, unit of the value)"""

_THRESHOLD: Final = re.compile(r"([a-z][a-z0-9.]*)\s*(>=|<=|>|<)\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*(\S*)")
_COMPARE: Final = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}


class ThresholdError(ValueError):
    """A threshold that cannot be read. The message says what one looks like."""


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """`p99>5ms`: a run that meets it has failed."""

    text: str
    metric: str
    op: str
    bound: float
    """in the metric's own unit"""

    def broken_by(self, made: Report) -> str:
        """Why the run fails by it, or "". A metric that was not measured (`cpu` without --pid) fails too."""
        value_of, _, unit = _METRICS[self.metric]
        value = value_of(made)
        if value is None:
            needs = "--state" if self.metric == "inside" else "--pid"
            return f"{self.text}: {self.metric} was not measured; it needs {needs}"
        return f"{self.text}: {self.metric} is {value:,.1f}{unit}" if _COMPARE[self.op](value, self.bound) else ""


def parse_threshold(text: str) -> Threshold:
    """`p99>5ms`, `throughput<15000`, `errors>0`, `approved<99%`, `cpu>60us`, `rss>200MB`. ThresholdError: it is none."""
    match = _THRESHOLD.fullmatch(text.strip())
    if match is None:
        raise ThresholdError(f"{text!r} is no threshold: a measure, < or >, a number with its unit, such as p99>5ms")
    metric, op, number, unit = match.groups()
    if metric not in _METRICS:
        raise ThresholdError(f"{text!r}: no measure {metric!r}; there are {', '.join(_METRICS)}")
    units = _METRICS[metric][1]
    if unit not in units:
        raise ThresholdError(
            f"{text!r}: {metric} has no unit {unit!r}; expected {' or '.join(u for u in units if u) or 'none'}"
        )
    return Threshold(text=text, metric=metric, op=op, bound=float(number) * units[unit])


def broken(thresholds: Iterable[Threshold], made: Report) -> list[str]:
    """A sentence for each threshold that the run fails by."""
    return [why for threshold in thresholds if (why := threshold.broken_by(made))]


def as_data(made: Report) -> dict[str, Any]:
    """For `--json`."""
    data: dict[str, Any] = msgspec.to_builtins(made)
    return data | {"approved_percent": round(made.approved_percent, 2), "error_count": made.error_count}
