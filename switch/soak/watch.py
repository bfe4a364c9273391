"""How many payments pass in a soak: counted in the hop log as it grows.

In: the log's lines. Out: what was answered, what is in flight, the rate. The one rule: it counts what acquirers see, not what
goes on behind the switch.
"""

from collections.abc import Iterator
from pathlib import Path

from switch.observe.follow import Follower
from switch.observe.lines import HopLine, LineError, read_hop, towards_issuer
from switch.wire.vocabulary import is_response


class Watch:
    """Counts payments in the hop log as it grows."""

    def __init__(self, log: Path) -> None:
        self.answered = 0
        self._open: set[str] = set()
        self._lately: list[int] = [0]
        self._follower = Follower(log)

    @property
    def in_flight(self) -> int:
        """Requests that came and have no answer yet."""
        return len(self._open)

    def forget(self) -> None:
        """The switch has been killed: what was under way has no answer from it."""
        self._open.clear()

    def rate(self) -> float:
        """Payments answered a second, over the last ten seconds."""
        return (self._lately[-1] - self._lately[0]) / max(1, len(self._lately) - 1)

    def look(self) -> None:
        """Read what is new; to be called once a second."""
        while lines := self._follower.poll():
            for hop in _hops(lines):
                self._count(hop)
        self._lately = [*self._lately[-9:], self.answered]

    def _count(self, hop: HopLine) -> None:
        if hop.mti[1:2] not in ("1", "2") or towards_issuer(hop):
            return
        if is_response(hop.mti):
            self.answered += hop.txn in self._open
            self._open.discard(hop.txn)
        else:
            self._open.add(hop.txn)


def _hops(lines: list[bytes]) -> Iterator[HopLine]:
    for line in lines:
        try:
            hop = read_hop(line)
        except LineError:
            continue
        if hop is not None:
            yield hop
