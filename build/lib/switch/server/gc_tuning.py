"""The garbage collector, told what a switch is like: almost everything it makes dies young and without cycles.

Full collections walk every kept object, and a switch keeps tens of thousands of outcomes for repeats: at the usual thresholds
they cost a pause of tens of milliseconds now and then. What exists at the start is frozen, and full collections become rare.
Once memory holds as many outcomes as it may, nothing more is kept, and nothing is collected; until then a collection of the
young walks what has been kept since the last one, 0.2 µs each, and stops everybody meanwhile: they are to be few.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 10_000
MIDDLE = 100
OLD = 100


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect rarely while the body runs; the process's own thresholds come back after it."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
