"""Counts of integers in log-linear buckets: latencies by the million in a few kilobytes.

Exact up to 511; above, each power of two is cut into 256 buckets, so that what is read back is at most 1/256 (0.4 %) above what
was recorded, and never below it: between an HDR histogram of two significant digits (1 %) and one of three (0.1 %).
Takes and gives plain integers (here µs); knows no clock.
"""

from collections.abc import Iterator

_BITS = 8
_LINEAR = 2 << _BITS
"""values below it have a bucket each"""

HIGHEST = (1 << 36) - 1
"""what is above is counted here (in µs: 19 hours)"""


def _bucket(value: int) -> int:
    if value < _LINEAR:
        return value
    shift = value.bit_length() - _BITS - 1
    return (shift << _BITS) + (value >> shift)


def _edge(bucket: int) -> int:
    """Highest value of a bucket."""
    if bucket < _LINEAR:
        return bucket
    shift = (bucket >> _BITS) - 1
    return (((bucket & ((1 << _BITS) - 1)) + (1 << _BITS) + 1) << shift) - 1


_BUCKETS = _bucket(HIGHEST) + 1


class Histogram:
    """Records in about 0.15 µs; a percentile takes one pass over the buckets in use."""

    __slots__ = ("_counts", "highest", "lowest", "total")

    def __init__(self) -> None:
        self._counts = [0] * _LINEAR
        self.total = 0
        """how many values were recorded"""
        self.lowest = HIGHEST
        """exact"""
        self.highest = 0
        """exact, unless above `HIGHEST`"""

    def record(self, value: int, count: int = 1) -> None:
        """Count `value`, `count` times. Below 0 counts as 0 (a clock that was set back), above `HIGHEST` as `HIGHEST`."""
        if value > self.highest:
            value = min(value, HIGHEST)
            self._reach(value)
        elif value < self.lowest:
            value = max(value, 0)
        self.lowest = min(self.lowest, value)
        self.total += count
        if value < _LINEAR:
            self._counts[value] += count
        else:
            shift = value.bit_length() - _BITS - 1
            self._counts[(shift << _BITS) + (value >> shift)] += count

    def _reach(self, value: int) -> None:
        self.highest = value
        missing = _bucket(value) + 1 - len(self._counts)
        if missing > 0:
            self._counts.extend([0] * missing)

    def merge(self, other: "Histogram") -> None:
        """Add what `other` has counted. The result is what recording both into one would have given."""
        if not other.total:
            return
        if other.highest > self.highest:
            self._reach(other.highest)
        self.lowest = min(self.lowest, other.lowest)
        self.total += other.total
        counts = self._counts
        for bucket, count in enumerate(other._counts):
            if count:
                counts[bucket] += count

    def percentile(self, percent: float) -> int:
        """The value that `percent` % of all are at or below, as the upper edge of its bucket; 0 where nothing is recorded."""
        if not self.total:
            return 0
        wanted = max(1, -(-self.total * percent // 100))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_edge(bucket), self.highest)
        return self.highest

    def mean(self) -> float:
        """Of all values, each as the upper edge of its bucket; 0 where nothing is recorded."""
        return sum(edge * count for edge, count in self) / self.total if self.total else 0.0

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(upper edge, count) of every bucket in use, in ascending order."""
        for bucket, count in enumerate(self._counts):
            if count:
                yield min(_edge(bucket), self.highest), count
