"""How often something may happen: cards tried from one address, one card tried anywhere: stolen numbers are tried out."""

from collections import OrderedDict, deque


class Pace:
    """So many of a key in so long. Keys that were quiet longest are forgotten first, above `keys`."""

    def __init__(self, most: int, seconds: float, keys: int = 10_000) -> None:
        self._most, self._seconds, self._keys = most, seconds, keys
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, key: str, now: float) -> bool:
        """Count one. False: there were `most` in the last `seconds` already; this one does not count."""
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        if len(self._times) > self._keys:
            self._times.popitem(last=False)
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now)
        return True
