"""How often something may happen: cards tried from one address, one card tried anywhere: stolen numbers are tried out.

In: what is tried, by whom, the time. Out: whether it may be. The one rule: what is counted under is bounded in number.
"""

import ipaddress
from collections import OrderedDict, deque

import msgspec


class Pace:
    """So many of a key in so long. Keys that were quiet longest are forgotten first, above `keys`."""

    def __init__(self, most: int, seconds: float, keys: int = 10_000) -> None:
        self._most, self._seconds, self._keys = most, seconds, keys
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def is_full(self, key: str, now: float) -> bool:
        """Were there `most` already? Nothing is counted."""
        times = self._times.get(key, ())
        return sum(at > now - self._seconds for at in times) >= self._most

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


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How often, in ten minutes."""

    cards_per_client: int = 30
    """submitted from one address"""
    cards_per_card: int = 10
    """one card, anywhere"""
    cards_per_merchant: int = 6_000
    """submitted for orders of one merchant"""
    wrong_forms_per_client: int = 100
    """that open no order, from one address"""
    api_per_client: int = 1_200
    """API requests from one address"""
    logins_per_client: int = 20
    """passwords that are not right, of the API and the merchants' pages, from one address"""


WINDOW_S = 600.0


class Paces:
    """What one gateway counts."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._paces = {name: Pace(getattr(limits, name), WINDOW_S) for name in limits.__struct_fields__}

    def take(self, name: str, key: str, now: float) -> bool:
        """Count one of the limit `name`. False: there were as many already."""
        return self._paces[name].take(key, now)

    def is_full(self, name: str, key: str, now: float) -> bool:
        """Were there as many already? Nothing is counted."""
        return self._paces[name].is_full(key, now)


def counted_as(client: str) -> str:
    """What an address is counted as: an IPv6 network of 64 bits is one household's, or one attacker's."""
    try:
        found = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return client
