"""The figure of goodput against offered load: its files, its table, its picture; the issuer that is slow on purpose."""

import itertools
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from switch.bench.echo_issuer import Counter
from switch.bench.load_step import Step, as_text, network_of
from switch.bench.overload import main
from switch.bench.overload_plot import overload_svg
from switch.config import load_network


def step(of_capacity: float, goodput: float, declined: float = 0.0) -> Step:
    return Step(
        of_capacity=of_capacity, offered=1_000 * of_capacity, sent=1_000 * of_capacity, goodput=goodput, declined=declined,
        unanswered=0, p50_us=2_000, p99_us=9_000, declined_p50_us=1_000, late_p99_us=100,
    )  # fmt: skip


FOUND = {"issuer, switch": [step(0.5, 500), step(5, 990, 4_010)], "issuer, <naive>": [step(0.5, 500), step(5, 0)]}


@pytest.mark.parametrize("pending", [0, 100])
def test_the_network_file_has_the_bounds_that_are_measured(tmp_path: Path, pending: int) -> None:
    network = load_network(str(network_of(tmp_path, pending, 12)))
    assert network.limits.turn_ms == 12
    assert network.hosts[0].max_pending == (pending or 4_000)


def test_the_table_has_a_line_a_step_and_a_bar_of_the_goodput() -> None:
    lines = as_text(FOUND).splitlines()
    assert len(lines) == 7
    assert "█" * 24 in lines[2]
    assert lines[2].split()[:6] == ["5×", "5,000", "5,000", "990", "4,010", "0"]


def test_the_picture_is_xml_with_three_lines_a_series_fewer_where_nothing_was_approved() -> None:
    svg = ElementTree.fromstring(overload_svg(FOUND))  # our own text
    lines = svg.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 6
    assert len(lines[-1].attrib["points"].split()) == 1
    with pytest.raises(ValueError, match="nothing to plot"):
        overload_svg({})


def test_a_clerk_hands_out_one_answer_after_the_other() -> None:
    counter = Counter(per_second=10.0)
    assert counter.wait_s() == -1
    counter.take(None, [b"a", b"b", b"c"])  # type: ignore[arg-type]
    ready = [at for at, _, _ in counter.line]
    assert [round(b - a, 6) for a, b in itertools.pairwise(ready)] == [0.1, 0.1]
    assert 0 < counter.wait_s() <= 0.1
    assert ready[0] > time.monotonic() - 1


def test_a_step_that_is_none_is_refused() -> None:
    done = CliRunner().invoke(main, ["--step", "0"])
    assert done.exit_code == 2
    assert "0.01" in done.output
