"""The numbers that a switch gives: of transactions, and DE11 of what it sends. Of a shard, they say which one gave them.

In: the number before, and the shard's own, 1 to `SHARDS_MAX`; 0 is a switch that is no shard. Out: the next one. The one rule: no
two shards of a network ever give the same, whatever their clocks say and whenever they start.
"""

from typing import Final, TypeAlias

SHARDS_MAX: Final = 9
"""as many as there are first digits of a DE11 beside 0"""
_STEP: Final = 16
"""µs: a shard's transactions are so far apart, and what is left of their number is the shard"""

Span: TypeAlias = tuple[int, int]
"""first and last"""


def stans_of(shard: int) -> Span:
    """DE11 that this shard gives; 000001 to 999999 where there are none.

    >>> stans_of(0), stans_of(3)
    ((1, 999999), (300000, 399999))
    """
    return (shard * 100_000, shard * 100_000 + 99_999) if shard else (1, 999_999)


def following(number: int, span: Span) -> int:
    """The number after this one, and round again; the first where it is not of the span.

    >>> following(0, (1, 999_999)), following(399_999, (300_000, 399_999)), following(17, (300_000, 399_999))
    (1, 300000, 300000)
    """
    first, last = span
    return number + 1 if first <= number < last else first


def txn_of(shard: int, wall_us: int, before: int) -> int:
    """The number of a transaction of this shard that comes now (wall clock), after `before`: the time, its last four bits the
    shard.

    >>> txn_of(3, 1_600, 0), txn_of(3, 1_600, 1_603), txn_of(3, 1_600, 1_700)
    (1603, 1619, 1715)
    """
    txn = wall_us - wall_us % _STEP + shard
    return txn if txn > before else before - before % _STEP + _STEP + shard


def shard_of(txn: int) -> int:
    """Which shard gave a transaction its number, in a network that has them.

    >>> shard_of(1_619)
    3
    """
    return txn % _STEP
