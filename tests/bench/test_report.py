"""What a run comes to: percentiles, thresholds, plots, and what a process has used."""

import subprocess
import sys
import xml.etree.ElementTree
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.bench import process
from switch.bench.compare import medians, table
from switch.bench.generator import Counts
from switch.bench.plot import page, percentile_svg
from switch.bench.report import (
    Cpu,
    Inside,
    Latency,
    Report,
    ThresholdError,
    as_data,
    as_text,
    broken,
    parse_threshold,
    report,
)


def made(**changes: Any) -> Report:
    cpu, inside = changes.pop("cpu", None), changes.pop("inside", None)
    counts = Counts(
        sent=1000, answered=1000, latencies=Counter({100: 500, 1_000: 400, 5_000: 90, 20_000: 10}), seconds=2.0,
        codes=Counter({b"00": 990, b"51": 10}),
    )  # fmt: skip
    for name, value in changes.items():
        setattr(counts, name, value)
    return report(
        counts, mode="closed, 8 in flight", host="127.0.0.1:1", dialect="cmi87", connections=1, decode_code=bytes.decode, cpu=cpu,
        inside=inside,
    )  # fmt: skip


def test_where_some_are_declined_the_approvals_have_latencies_of_their_own() -> None:
    assert made(approved=Counter({100: 1_000})).approved_latency_us is None
    found = made(approved=Counter({100: 500, 1_000: 400}))
    assert found.approved_latency_us is not None
    assert found.approved_latency_us.max < found.latency_us.max
    assert "approved" in as_text(found).splitlines()[3]


CPU = Cpu(us_per_transaction=42.5, cores=0.85, rss_bytes=120_000_000, rss_grown_bytes=1_000_000, processes=2)


def test_percentiles_are_the_histogram_s() -> None:
    us = made().latency_us
    assert (us.p50, us.p90, us.p99) == pytest.approx((100, 1_000, 5_000), rel=0.004)
    assert (us.p99_9, us.max) == pytest.approx((20_000, 20_000), rel=0.004)
    assert made().throughput == 500.0


@given(st.lists(st.integers(0, 10_000_000), min_size=1, max_size=300))
def test_percentiles_agree_with_a_sorted_list(values: list[int]) -> None:
    us = made(latencies=Counter(values), answered=len(values)).latency_us
    ranked = sorted(values)
    assert us.p50 == pytest.approx(max(1, ranked[max(0, -(-len(ranked) // 2) - 1)]), rel=0.004)
    assert us.max == pytest.approx(max(1, ranked[-1]), rel=0.004)


def test_a_run_without_answers_has_a_report_too() -> None:
    empty = made(latencies=Counter(), answered=0, codes=Counter(), unanswered=8, first_trouble="no answer within 1 s")
    assert empty.latency_us.max == 0
    assert empty.approved_percent == 0.0
    assert "errors: unanswered 8\n  the first: no answer within 1 s" in as_text(empty)


def test_the_text_says_what_was_done_and_what_came_back() -> None:
    assert as_text(made(cpu=CPU)) == (
        """\
127.0.0.1:1 (cmi87): closed, 8 in flight, 1 connection, 2 s
           500/s   1,000 answered of 1,000 sent, 99.0 % approved
       latency     p50 100 µs  p90 1,001 µs  p99 5,007 µs  p99.9 20.0 ms  max 20.0 ms
           990     DE39=00 approved
            10     DE39=51 not sufficient funds
          42.5 µs  of CPU a transaction (0.85 cores, 2 processes), 120 MB resident (+1.0 MB)"""
    )


def test_what_a_switch_has_timed_stands_below_and_can_fail_the_run() -> None:
    def us(value: int) -> Latency:
        return Latency(p50=value, p90=value, p99=value, p99_9=value, max=value, mean=value)

    inside = Inside(payments=1_000, inside_us=us(900), own_us=us(300), durable_us=us(600))
    found = made(inside=inside)
    assert [line.split()[:3] for line in as_text(found).splitlines()[3:6]] == [
        ["inside", "p50", "900"],
        ["its", "own", "p50"],
        ["the", "journal's", "p50"],
    ]
    assert as_data(found)["inside"]["own_us"]["p99"] == 300
    assert broken([parse_threshold("inside>0.8ms")], found) == ["inside>0.8ms: inside is 900.0µs"]
    assert broken([parse_threshold("inside>0.8ms")], made()) == [
        "inside>0.8ms: inside was not measured; it needs --state"
    ]


def test_1993_action_codes_count_as_approvals() -> None:
    assert made(codes=Counter({b"000": 900, b"116": 100})).approved_percent == 90.0


def test_json_has_all_of_it() -> None:
    data = as_data(made(cpu=CPU, timeouts=1))
    assert data["latency_us"]["p99_9"] == pytest.approx(20_000, rel=0.004)
    assert (data["error_count"], data["errors"]["timeouts"], data["approved_percent"]) == (1, 1, 99.0)
    assert data["cpu"]["us_per_transaction"] == 42.5


# -- thresholds


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("p99>5.1ms", False), ("p99>4ms", True), ("p99 > 4000", True), ("p99>4000us", True), ("p99>0.004s", True),
        ("p99.9>19ms", True),
        ("max>=20ms", True), ("mean<1ms", False), ("throughput<500", False), ("throughput<501/s", True), ("errors>0", False),
        ("approved<99%", False), ("approved<99.5%", True), ("cpu>40us", True), ("rss>0.2GB", False), ("rss>100MB", True),
    ],
)  # fmt: skip
def test_a_threshold_fails_a_run_or_not(text: str, fails: bool) -> None:
    assert bool(broken([parse_threshold(text)], made(cpu=CPU))) is fails


def test_a_broken_threshold_says_by_how_much() -> None:
    assert broken([parse_threshold("cpu>40us"), parse_threshold("errors>0")], made(cpu=CPU)) == [
        "cpu>40us: cpu is 42.5µs"
    ]


def test_what_was_not_measured_fails_too() -> None:
    assert broken([parse_threshold("cpu>40us")], made()) == ["cpu>40us: cpu was not measured; it needs --pid"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("p98>5ms", "no measure 'p98'; there are p50"), ("p99=5ms", "is no threshold"),
        ("p99>5parsec", "has no unit 'parsec'"),
        ("errors>1ms", "errors has no unit 'ms'; expected none"), ("p99>fast", "is no threshold"),
    ],
)  # fmt: skip
def test_what_is_no_threshold_is_told(text: str, says: str) -> None:
    with pytest.raises(ThresholdError, match=says):
        parse_threshold(text)


# -- plots


def test_a_plot_is_svg_with_a_curve_each_and_nothing_outside() -> None:
    curves = [("ours & theirs", made().curve_us), ("again", [(0.0, 5), (50.0, 60), (99.0, 1_700_000)])]
    root = xml.etree.ElementTree.fromstring(percentile_svg("a <title>", curves))
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    for line in lines:
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 860
            assert 40 <= y <= 350
    texts = [t.text for t in root.findall("{http://www.w3.org/2000/svg}text")]
    assert {"a <title>", "ours & theirs", "99 %", "1 ms"} <= set(texts)


def test_higher_latency_is_drawn_higher_and_deeper_percentiles_further_right() -> None:
    root = xml.etree.ElementTree.fromstring(percentile_svg("t", [("c", [(0.0, 10), (90.0, 100), (99.0, 1_000)])]))
    (line,) = root.findall("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, p.split(","))) for p in line.attrib["points"].split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)
    assert points[2][0] - points[1][0] == pytest.approx(points[1][0] - points[0][0], abs=0.2)


def test_nothing_to_plot_is_an_error() -> None:
    with pytest.raises(ValueError, match="no answers"):
        percentile_svg("t", [("c", [])])


def test_a_page_escapes_what_it_shows() -> None:
    assert "<pre>a &lt; b</pre>" in page("t", "a < b", "<svg/>")


# -- processes


def test_a_process_tree_is_measured_with_its_children() -> None:
    code = (
        "import subprocess,sys; subprocess.run([sys.executable,'-c','print(sum(range(10**7)), flush=True); input()'])"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        used = process.usage(child.pid)
        assert used.processes == 2
        assert used.cpu_ns > 20_000_000
        assert used.rss_bytes > 5_000_000
    finally:
        child.communicate("\n", timeout=10)


def test_no_such_process() -> None:
    with pytest.raises(ProcessLookupError, match="no process 4194999"):
        process.usage(4_194_999)


# -- comparisons


def a_run(throughput: float) -> dict[str, Any]:
    return as_data(made(cpu=CPU)) | {"throughput": throughput}


def test_rounds_are_compared_by_their_medians() -> None:
    found = medians([a_run(100.0), a_run(900.0), a_run(300.0)])
    assert found["throughput"] == 300.0
    assert found["rounds"] == [100.0, 900.0, 300.0]
    assert (found["cpu_us"], found["rss_mb"], found["p50_us"]) == (42.5, 120.0, 100.0)


def test_the_table_has_a_row_for_each() -> None:
    rows = table(
        {"switch": {"8 in flight": medians([a_run(15_000.0)])}, "naive": {"8 in flight": medians([a_run(2_500.0)])}}
    )
    assert [row.split()[:4] for row in rows.splitlines()[1:]] == [
        ["switch", "8", "in", "flight"],
        ["naive", "8", "in", "flight"],
    ]
    assert "15,000" in rows
