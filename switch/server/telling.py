"""Events of which an address could cause hundreds: the first are logged, the rest is counted (`core.links.strangers`)."""

from collections.abc import Callable

from switch.core.links.strangers import Strangers
from switch.core.party import Effect, Log


class Telling:
    """Logs the first events of an address, and counts the others under one event."""

    def __init__(self, counted: str, tell: Callable[[Log], None]) -> None:
        """`counted`: the event that says how many more there were."""
        self._strangers = Strangers(counted)
        self._tell = tell

    def say(self, event: Log, address: str, now: int) -> None:
        """Log it, or count it."""
        told: list[Effect] = [event]
        self._strangers.sift(told, 0, address, now)
        self._pass_on(told)
        self.count(now)

    def count(self, now: int) -> None:
        """Say what was counted, where that is due."""
        self._pass_on(list(self._strangers.counted(now)))

    @property
    def waits(self) -> bool:
        """Something is counted and not said yet."""
        return self._strangers.deadline() is not None

    def _pass_on(self, events: list[Effect]) -> None:
        for event in events:
            assert isinstance(event, Log)
            self._tell(event)
