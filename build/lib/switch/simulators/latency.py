"""How long answers take, in classes 3 % wide."""

from collections.abc import Mapping


def latency_class(us: int) -> int:
    """The lower bound of a latency's class: five significant bits, 3 % wide."""
    shift = max(0, us.bit_length() - 5)
    return us >> shift << shift


def percentile_us(classes: Mapping[int, int], percent: float) -> int:
    """The latency (µs, lower bound of its class) below or at which `percent` of the answers came; 0 where there are none."""
    wanted = sum(classes.values()) * percent / 100
    for lower, count in sorted(classes.items()):
        wanted -= count
        if wanted <= 0:
            return lower
    return 0
