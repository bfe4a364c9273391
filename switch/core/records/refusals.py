"""Refusals that the journal does not have: in memory only, by the message's key, so that a repeat does not fare otherwise.

Under overload tens of thousands come a second, and hardly one is ever looked for. What most of them share (all of a key but DE11
and DE41) is kept once, and of each one a single string in a set: a quarter of the memory that must be made, and is cold when it
is let go. Rule: the newest `at_most` are known; what is older leaves with all that share as much.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from switch.core.records.records import ACQUIRER as SOURCE
from switch.core.records.records import INSTITUTION, MTI_CLASS, STAN, TERMINAL, TRANSMISSION_TIME, Key
from switch.wire.vocabulary import Answer

Shared: TypeAlias = tuple[str, str, str, str]
"""Of a key: acquirer, MTI class, DE7, DE32."""
BETWEEN: Final = "\0"
"""stands in no DE11"""
USUAL: Final = Answer.MALFUNCTION
"""DE39 of nearly all of them"""


class Alike:
    """Refusals of messages that share so much."""

    __slots__ = ("at_us", "names", "older", "others")

    def __init__(self) -> None:
        self.at_us = 0
        """wall-clock microseconds of the newest"""
        self.names: set[str] = set()
        """`name_of` each"""
        self.older: set[str] = set()
        """those before, where there are very many"""
        self.others: dict[str, str] = {}
        """DE39 of names that have another one than `USUAL`"""

    def __len__(self) -> int:
        return len(self.names) + len(self.older)


class Refusals:
    """Those of one switch, the newest `at_most` of them, and what shares as much with the oldest."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._alike: OrderedDict[Shared, Alike] = OrderedDict()
        """that of the newest is the last one"""
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._alike)

    def __len__(self) -> int:
        return sum(1 for _ in self.items())

    def __contains__(self, key: Key) -> bool:
        return self.find(key) is not None

    def find(self, key: Key) -> tuple[int, str] | None:
        """When (wall-clock µs) and with which DE39 this message was refused; None: it was not, or so long ago that it is not
        known any more."""
        alike = self._alike.get(shared_of(key))
        if alike is None:
            return None
        name = name_of(key)
        if name not in alike.names and name not in alike.older:
            return None
        return alike.at_us, alike.others.get(name, USUAL)

    def add(self, key: Key, at_us: int, de39: str) -> None:
        """Remember one more."""
        alike, name = self.open(shared_of(key), at_us), name_of(key)
        alike.others.pop(name, None)
        if de39 != USUAL:
            alike.others[name] = de39
        before = len(alike.names)
        alike.names.add(name)
        self.grew(len(alike.names) - before)

    def open(self, shared: Shared, at_us: int) -> Alike:
        """Where names of such messages are put that are refused now with `USUAL`; say with `grew` how many there were."""
        alike = self._alike.get(shared)
        if alike is None:
            alike = self._alike[shared] = Alike()
        else:
            self._alike.move_to_end(shared)
        alike.at_us = at_us
        if len(alike.names) >= self._at_most:
            self._count -= len(alike.older)
            alike.names, alike.older = set(), alike.names
            alike.others = {name: de39 for name, de39 in alike.others.items() if name in alike.older}
        return alike

    def grew(self, by: int) -> None:
        """So many names have been put to what `open` gave."""
        self._count += by
        while self._count > self._at_most or len(self._alike) > self._at_most:
            oldest = self._alike[next(iter(self._alike))]
            if self._count - len(oldest) < self._at_most and len(self._alike) <= self._at_most:
                return
            self._alike.popitem(last=False)
            self._count -= len(oldest)

    def items(self) -> Iterator[tuple[Key, tuple[int, str]]]:
        """Each key, and what `find` says of it; the oldest first."""
        for (source, mti_class, sent_at, institution), alike in self._alike.items():
            for name in (*alike.older, *alike.names):
                stan, _, terminal = name.partition(BETWEEN)
                key = source, mti_class, stan, sent_at, institution, terminal
                yield key, (alike.at_us, alike.others.get(name, USUAL))


def shared_of(key: Key) -> Shared:
    """What most messages of a second share."""
    return key[SOURCE], key[MTI_CLASS], key[TRANSMISSION_TIME], key[INSTITUTION]


def name_of(key: Key) -> str:
    """What tells one of them from the others."""
    return key[STAN] + BETWEEN + key[TERMINAL]
