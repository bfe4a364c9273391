"""How long a payment is inside the switch: from when it is read to when its answer is written, without its issuer's time.

A watcher (`server.tap_port`), started and ended over the control socket (`timing`): nothing is timed where nobody asks. Times are
a monotonic clock's. A turn reads what has arrived and writes what comes of it, so that a payment counts from the beginning of the
turn that read it to the end of the one that wrote it, with whatever else that turn had to do. Its way has three pieces:

    read .. forwarded     (issuer)     answer read .. record handed to the journal     (durable)     acknowledged .. answered

`own` is the sum of the pieces, `durable` the wait for the journal, `inside` both.
"""

from collections.abc import Callable
from typing import Any, Final

from switch.core.network import Address
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.core.party import Hop, LinkId
from switch.observe.histogram import Histogram
from switch.server.driver import Driver, trio_clock

UNFINISHED_MAX: Final = 65_536
"""payments under way that are timed; beyond it the oldest is given up, and counted"""
PERCENTS: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9}


class _Way:
    """One payment, so far."""

    __slots__ = ("durable_ns", "inside_ns", "link", "mark_ns", "sent_to", "waits")

    def __init__(self, link: LinkId, now: int) -> None:
        self.link = link
        self.mark_ns = now
        """up to when it has been counted"""
        self.inside_ns = self.durable_ns = 0
        self.sent_to = ""
        """the link that its last message left on; "" while the last one was read"""
        self.waits = False
        """something has been read, and nothing sent in the same turn"""


class Stopwatch:
    """Times payments that begin while it watches, in µs."""

    def __init__(self, clock: Callable[[], int] = trio_clock) -> None:
        self.inside, self.own, self.durable = Histogram(), Histogram(), Histogram()
        self.given_up = 0
        self._clock = clock
        self._ways: dict[int, _Way] = {}
        self._turn: list[int] = []
        """transactions that something of was read or sent in this turn"""

    def opened(self, link: LinkId, own: Address, peer: Address, dialed: bool, wall_ns: int) -> None:
        """See Watcher."""

    def received(self, link: LinkId, data: bytes, wall_ns: int) -> None:
        """See Watcher."""

    def closed(self, link: LinkId, wall_ns: int) -> None:
        """See Watcher."""

    def flush(self) -> None:
        """See Watcher."""

    def understood(self, hop: Hop) -> None:
        """A payment begins, or its issuer has answered."""
        way = self._ways.get(hop.txn)
        if way is None:
            if hop.at_ns != hop.first_ns:
                return  # it was under way before
            way = self._ways[hop.txn] = _Way(hop.link, hop.at_ns)
            if len(self._ways) > UNFINISHED_MAX:
                del self._ways[next(iter(self._ways))]
                self.given_up += 1
        way.mark_ns, way.sent_to = hop.at_ns, ""
        self._turn.append(hop.txn)

    def sent(self, link: LinkId, data: bytes, hop: Hop | None, wall_ns: int) -> None:
        """It goes to its issuer, or its answer to who asked."""
        del data, wall_ns
        way = self._ways.get(hop.txn) if hop is not None else None
        if way is None or hop is None:
            return
        if way.waits:
            now = self._clock()
            way.durable_ns += now - way.mark_ns
            way.inside_ns += now - way.mark_ns
            way.mark_ns, way.waits = now, False
        way.sent_to = link
        self._turn.append(hop.txn)

    def written(self) -> None:
        """All that was to leave in this turn has left."""
        if not self._turn:
            return
        now = self._clock()
        for txn in self._turn:
            way = self._ways.get(txn)
            if way is None:
                continue
            way.inside_ns += now - way.mark_ns
            way.mark_ns, way.waits = now, not way.sent_to
            if way.sent_to == way.link:
                del self._ways[txn]
                self.inside.record(way.inside_ns // 1000)
                self.own.record((way.inside_ns - way.durable_ns) // 1000)
                self.durable.record(way.durable_ns // 1000)
        self._turn.clear()

    def found(self) -> dict[str, Any]:
        """Percentiles of what was timed, in µs, and of how many payments."""
        return {
            "payments": self.inside.total,
            "given_up": self.given_up,
            "inside_us": _percentiles(self.inside),
            "own_us": _percentiles(self.own),
            "durable_us": _percentiles(self.durable),
        }


def _percentiles(made: Histogram) -> dict[str, float]:
    return {
        **{name: made.percentile(percent) for name, percent in PERCENTS.items()},
        "max": made.highest,
        "mean": round(made.mean(), 1),
    }


class Timing:
    """The control socket's `timing`: `on` begins, or begins anew; without it, it ends and says what was timed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._stopwatch: Stopwatch | None = None

    async def command(self, arguments: dict[str, Any], by: str) -> dict[str, Any]:
        """Raises Unable: nothing is being timed, or a capture is being made, and one looks on at a time."""
        del by
        if arguments not in ({"on": True}, {"on": False}):
            raise Unable("timing takes `on`, true or false", code=ErrorCode.COMMAND_ARGUMENTS)
        looking_on = self._driver.watcher
        if arguments["on"]:
            if looking_on is not None and looking_on is not self._stopwatch:
                raise Unable("a capture is being made", "end it first", code=ErrorCode.COMMAND_ARGUMENTS)
            self._stopwatch = Stopwatch()
            self._driver.show_to(self._stopwatch)
            return {}
        if self._stopwatch is None or looking_on is not self._stopwatch:
            raise Unable("nothing is being timed", 'begin with "on": true', code=ErrorCode.COMMAND_ARGUMENTS)
        self._driver.show_to(None)
        return self._stopwatch.found()
