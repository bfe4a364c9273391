"""What runs beside payments: looking after links, index, health, files. An error nobody foresaw there costs no payment.

In: a task of the process. Out: the event `switch.defect`, where it fails; then it is begun again. Errors of what deals with
messages are the core's to contain (`core.transactions.containment`); those of the driver's own loops end the process, which
starts again from the journal (docs/decisions/contained-errors.md).
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

from switch.core.defects import fields_of
from switch.core.party import Log

REST_MIN_S: Final = 1.0
REST_MAX_S: Final = 60.0
STEADY_S: Final = 60.0
"""what has run for so long begins anew with the shortest rest"""


@contextmanager
def contained(doing: str, tell: Callable[[Log], None]) -> Iterator[None]:
    """End an error of the body here, and `tell` of it. Cancellation passes."""
    try:
        yield
    except Exception as error:
        tell(Log("error", "switch.defect", fields_of(error, doing)))


async def keep_running(work: Callable[[], Awaitable[None]], doing: str, tell: Callable[[Log], None]) -> None:
    """Run `work` until it returns; where it fails instead, `tell` of it and, after a rest, begin it again."""
    rest_s = REST_MIN_S
    while True:
        began = trio.current_time()
        with contained(doing, tell):
            await work()
            return
        if trio.current_time() - began > STEADY_S:
            rest_s = REST_MIN_S
        await trio.sleep(rest_s)
        rest_s = min(rest_s * 2, REST_MAX_S)
