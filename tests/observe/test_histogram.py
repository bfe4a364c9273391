"""Histograms against sorted lists."""

from hypothesis import given
from hypothesis import strategies as st

from switch.observe.histogram import HIGHEST, Histogram

VALUES = st.lists(
    st.one_of(
        st.integers(0, 2_000),
        st.integers(0, HIGHEST),
        st.builds(lambda n, d: max(0, (1 << n) + d), st.integers(0, 35), st.integers(-1, 1)),
    ),
    min_size=1,
    max_size=200,
)
PERCENTS = st.sampled_from([0, 1, 25, 50, 90, 99, 99.9, 100])


def filled(values: list[int] | range) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


def exact(values: list[int], percent: float) -> int:
    """The smallest value that `percent` % of all are at or below."""
    ranked = sorted(values)
    return ranked[max(1, int(-(-len(ranked) * percent // 100))) - 1]


@given(VALUES, PERCENTS)
def test_a_percentile_is_at_most_one_256th_above_the_true_one_and_never_below(
    values: list[int], percent: float
) -> None:
    true, read = exact(values, percent), filled(values).percentile(percent)
    assert true <= read <= true + true / 256


@given(VALUES)
def test_lowest_highest_and_total_are_exact(values: list[int]) -> None:
    histogram = filled(values)
    assert (histogram.lowest, histogram.highest, histogram.total) == (min(values), max(values), len(values))
    assert sum(count for _, count in histogram) == len(values)


@given(VALUES, VALUES)
def test_merging_is_recording_both(left: list[int], right: list[int]) -> None:
    merged = filled(left)
    merged.merge(filled(right))
    both = filled(left + right)
    assert list(merged) == list(both)
    assert (merged.lowest, merged.highest, merged.total) == (both.lowest, both.highest, both.total)


@given(st.integers(0, HIGHEST), st.integers(1, 1000))
def test_recording_a_count_is_recording_it_so_often(value: int, count: int) -> None:
    histogram = Histogram()
    histogram.record(value, count)
    assert histogram.total == count
    assert histogram.percentile(50) == value


def test_small_values_are_exact() -> None:
    histogram = filled(range(512))
    assert [histogram.percentile(100 * (n + 1) / 512) for n in range(512)] == list(range(512))


def test_below_zero_counts_as_zero_and_above_the_highest_as_the_highest() -> None:
    assert filled([-5]).percentile(50) == 0
    assert filled([HIGHEST + 10]).percentile(50) == HIGHEST
    assert filled([HIGHEST + 10]).highest == HIGHEST


def test_nothing_recorded_reads_as_zero() -> None:
    empty = Histogram()
    empty.merge(Histogram())
    assert (empty.percentile(99), empty.total, list(empty)) == (0, 0, [])
