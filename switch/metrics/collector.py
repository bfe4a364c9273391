"""A switch's figures as Prometheus takes them.

In: the sums of a hop log (`observe.Model`) and what the switch says of its health, both as they are when they are asked for. Out:
metric families. Integers are read when Prometheus asks; nothing is counted a second time here.

Names are OpenMetrics': base units (seconds, bytes), `_total` for what only grows. Money is minor units, as everywhere here, since
a sum of currencies in major units would be a lie.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from switch.observe.histogram import Histogram
from switch.observe.model import Model
from switch.wire.vocabulary import ANSWER_NAMES

BUCKETS_US: Final = (
    500,
    1_000,
    2_000,
    4_000,
    8_000,
    16_000,
    32_000,
    64_000,
    125_000,
    250_000,
    500_000,
    1_000_000,
    2_000_000,
    4_000_000,
    8_000_000,
    16_000_000,
    32_000_000,
)
"""upper bounds: from a local circuit's half a millisecond to past every time-out"""
GRADES: Final = {"good": 0, "warning": 1, "critical": 2}


class HealthAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch has said of its health, or why it has said nothing."""

    health: dict[str, Any] | None
    silence: str = ""
    """why there is none; "": there is"""

    @property
    def live(self) -> bool:
        """True where the switch answers."""
        return self.health is not None

    @property
    def ready(self) -> bool:
        """True where payments are taken: it answers, and nothing of it is critical."""
        return self.health is not None and self.health["grade"] != "critical"

    def lines(self) -> Iterator[str]:
        """What is so, for people: a verdict, then each thing that is not well and what to do."""
        if self.health is None:
            yield f"no answer: {self.silence}"
            return
        yield str(self.health["grade"])
        for problem in self.health["problems"]:
            yield f"{problem['grade']}: {problem['part']}: {problem['sentence']}; {problem['hint']}"


class SwitchCollector(Collector):
    """The metric families of one running switch, made as they are asked for."""

    def __init__(self, sums: Callable[[], AbstractContextManager[Model]], look: Callable[[], HealthAnswer]) -> None:
        """`sums`: of the hop log, which stand still meanwhile. `look`: asks the switch."""
        self._sums = sums
        self._look = look

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: which there are is seen when they are collected."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All families."""
        yield from _of_health(self._look())
        with self._sums() as model:
            families = [*_of_payments(model), *_of_links(model)]
        yield from families


def _family(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    says: str,
    labels: tuple[str, ...],
    rows: Iterable[tuple[tuple[str, ...], float]],
) -> Metric:
    family = kind(f"cmi_switch_{name}", says, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


_counter: Final = partial(_family, CounterMetricFamily)
_gauge: Final = partial(_family, GaugeMetricFamily)


# -- payments, from the hop log


def _of_payments(model: Model) -> Iterator[Metric]:
    routes = sorted(model.routes.items())
    yield _counter(
        "payments",
        "Payments answered towards their acquirers.",
        ("route", "outcome"),
        [((n, o), c) for n, r in routes for o, c in (("approved", r.approved), ("declined", r.declined))],
    )
    yield _counter(
        "answers",
        "Payments by DE39 of their answer (1987 form).",
        ("de39", "meaning"),
        [((code, ANSWER_NAMES.get(code, "")), count) for code, count in sorted(model.codes.items())],
    )
    yield _counter(
        "reversals", "Reversals sent to issuers, each once.", ("route",), [((n,), r.reversed) for n, r in routes]
    )
    yield _counter(
        "approved_amount_minor_units",
        "Approved amounts, minor units of the currency (ISO 4217 numeric).",
        ("route", "currency"),
        [((n, c), a) for n, r in routes for c, a in sorted(r.amounts.items())],
    )
    yield _counter(
        "network_cost_minor_units",
        "What payments cost at card networks, minor units of the home currency.",
        ("route",),
        [((n,), r.cost) for n, r in routes],
    )
    latency = HistogramMetricFamily(
        "cmi_switch_payment_duration_seconds",
        "From a request's first byte read to its answer's leaving.",
        labels=("route",),
    )
    for name, sums in routes:
        latency.add_metric((name,), *_cumulated(sums.latency))
    yield latency
    yield _counter(
        "warnings",
        "Events of level warning or worse, by name: docs/hop-log.md says what each means.",
        ("event",),
        [((name,), count) for name, count in sorted(model.warnings.items())],
    )
    yield _counter("hop_log_unreadable_lines", "Lines of the hop log that are no events.", (), [((), model.unreadable)])


def _cumulated(latency: Histogram) -> tuple[list[tuple[str, float]], float]:
    """Counts at or below each bound, and the sum of all, seconds."""
    buckets: list[tuple[str, float]] = []
    counted, at, pairs = 0, 0, list(latency)
    for bound in BUCKETS_US:
        while at < len(pairs) and pairs[at][0] <= bound:
            counted += pairs[at][1]
            at += 1
        buckets.append((repr(bound / 1e6), counted))
    return [*buckets, ("+Inf", latency.total)], sum(edge * count for edge, count in pairs) / 1e6


def _of_links(model: Model) -> Iterator[Metric]:
    rows = []
    for name, sums in sorted(model.links.items()):
        up = sums.signed_on
        rows += [((name, "signed on"), up), ((name, "other"), len(sums.connections) - up)]
    yield _gauge("link_connections", "Connections of a host or listener.", ("link", "state"), rows)


# -- health, from the switch


_FIGURES: Final = (
    ("owed", "owed", "Reversals and advices that hosts have not acknowledged."),
    ("oldest_owed_s", "oldest_owed_seconds", "Age of the oldest of them."),
    ("exceptions", "exceptions_open", "Open exceptions: money that a person must look at."),
    ("unacknowledged_records", "journal_unacknowledged_records", "Records that are not durable yet."),
    ("journal_waits_s", "journal_waits_seconds", "So long records have waited and none became durable."),
    ("index_behind_records", "index_behind_records", "Durable records that the journal's index has not reached."),
    ("disk_free_bytes", "disk_free_bytes", "Left on the journal's disk."),
    ("connections", "connections", "Open connections."),
    ("connections_max", "connections_max", "As many as limits and open files allow."),
)


def _of_health(said: HealthAnswer) -> Iterator[Metric]:
    yield _gauge("up", "1 where the switch answers on its control socket within a second.", (), [((), int(said.live))])
    yield _gauge("ready", "1 where it takes payments.", (), [((), int(said.ready))])
    health = said.health
    if health is None:
        return
    yield _gauge(
        "health_grade", "0 good, 1 warning, 2 critical, as cmi-switch health.", (), [((), GRADES[health["grade"]])]
    )
    worst: dict[str, int] = {}
    for problem in health["problems"]:
        worst[problem["part"]] = max(worst.get(problem["part"], 0), GRADES[problem["grade"]])
    yield _gauge(
        "problem", "What is not well: 1 warning, 2 critical.", ("part",), [((p,), g) for p, g in worst.items()]
    )
    states = ("up", "away", "in_maintenance", "leaving")
    hosts = [((name, state), 1) for state in states for name in health[f"hosts_{state}"]]
    yield _gauge("host_state", "1 for the state that a host is in.", ("host", "state"), hosts)
    for key, name, says in _FIGURES:
        yield _gauge(name, says, (), [((), health[key])])
    labels = ("party", "role", "key")
    keys = [((k["party"], "acquirer" if k["acquirer"] else "host", k["key"]), k) for k in health["keys"]]
    yield _gauge(
        "key_set", "Number of the set of a key that is in use.", labels, [(n, int(k["set"] or -1)) for n, k in keys]
    )
    yield _gauge(
        "key_age_seconds", "Age of that set; -1 where it is not known.", labels, [(n, k["age_s"]) for n, k in keys]
    )
    yield _gauge(
        "certificates_ending", "Certificates that end within thirty days.", (), [((), len(health["certificates"]))]
    )
