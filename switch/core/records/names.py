"""What payments may be called by beside their whole key: (acquirer, DE11) and (acquirer, DE37), each looked up in constant time;
and which are of one terminal.

In: the keys of payments that memory holds, with their DE37. Out: keys that share a name, oldest first. Hosts in the field name an
original without DE41, with DE7 in another form, or by DE37 alone; which payment they mean is `core.transactions.originals`'s to
say. Knows no message and no state.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from switch.core.records.records import ACQUIRER, STAN, TERMINAL, Key

_Named: TypeAlias = dict[tuple[str, str], Key | dict[Key, None]]
"""by (acquirer, name): one key where a name has one, which is the rule; else an ordered set"""


class Names(msgspec.Struct):
    """The elements by which reversals and advices name payments, each with the payments it names."""

    stans: _Named = {}
    rrns: _Named = {}
    terminals: dict[tuple[str, str], dict[Key, None]] = {}
    """by (acquirer, DE41), oldest first"""

    def add(self, key: Key, rrn: str) -> None:
        """A payment begins, or is remembered again."""
        acquirer = key[ACQUIRER]
        name = acquirer, key[STAN]
        if self.stans.setdefault(name, key) is not key:
            _share(self.stans, name, key)
        if rrn:
            name = acquirer, rrn.strip()
            if self.rrns.setdefault(name, key) is not key:
                _share(self.rrns, name, key)
        name = acquirer, key[TERMINAL]
        there = self.terminals.get(name)
        if there is None:
            self.terminals[name] = {key: None}
        else:
            there[key] = None

    def discard(self, key: Key, rrn: str) -> None:
        """Memory lets go of a payment."""
        acquirer = key[ACQUIRER]
        name = acquirer, key[STAN]
        there = self.stans.pop(name, None)
        if there is not key and there is not None:
            _leave(self.stans, name, there, key)
        if rrn:
            name = acquirer, rrn.strip()
            there = self.rrns.pop(name, None)
            if there is not key and there is not None:
                _leave(self.rrns, name, there, key)
        name = acquirer, key[TERMINAL]
        of_terminal = self.terminals.get(name)
        if of_terminal is not None:
            of_terminal.pop(key, None)
            if not of_terminal:
                del self.terminals[name]

    def with_stan(self, acquirer: str, stan: str) -> Sequence[Key]:
        """Of this acquirer's payments, those with this DE11."""
        return _found(self.stans.get((acquirer, stan)))

    def with_rrn(self, acquirer: str, rrn: str) -> Sequence[Key]:
        """Of this acquirer's payments, those with this DE37."""
        return _found(self.rrns.get((acquirer, rrn)))

    def of_terminal(self, acquirer: str, terminal: str) -> Iterable[Key]:
        """This acquirer's payments at this terminal, newest first."""
        return reversed(self.terminals.get((acquirer, terminal), {}))

    def clear(self) -> None:
        """Forget all."""
        self.terminals.clear()
        self.stans.clear()
        self.rrns.clear()


def _share(named: _Named, name: tuple[str, str], key: Key) -> None:
    """`name` is another payment's, too, or this one's already."""
    there = named[name]
    if isinstance(there, dict):
        there[key] = None
    elif there != key:
        named[name] = {there: None, key: None}


def _leave(named: _Named, name: tuple[str, str], there: Key | dict[Key, None], key: Key) -> None:
    """`there` was what `name` named: without `key`, it still does."""
    if isinstance(there, dict):
        there.pop(key, None)
        named[name] = next(iter(there)) if len(there) == 1 else there
    elif there != key:
        named[name] = there


def _found(there: Key | dict[Key, None] | None) -> Sequence[Key]:
    return () if there is None else tuple(there) if isinstance(there, dict) else (there,)
