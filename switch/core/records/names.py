"""What payments may be called by beside their whole key: (acquirer, DE11) and (acquirer, DE37), each looked up in constant time;
and which are of one terminal.

In: the keys of payments that memory holds, with their DE37. Out: keys that share a name, oldest first. Hosts in the field name an
original without DE41, with DE7 in another form, or by DE37 alone; which payment they mean is `core.transactions.originals`'s to
say. Knows no message and no state.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from switch.core.records.records import Key

_Named: TypeAlias = dict[str, Key | dict[Key, None]]
"""by name: one key where a name has one, which is the rule; else an ordered set"""


class _OfAcquirer(msgspec.Struct):
    """What the payments of one acquirer are called."""

    stans: _Named = {}
    rrns: _Named = {}
    terminals: dict[str, dict[Key, None]] = {}
    """by DE41, oldest first"""


_NOBODYS: Final = _OfAcquirer()


class Names(msgspec.Struct):
    """The elements by which reversals and advices name payments, each with the payments it names."""

    acquirers: dict[str, _OfAcquirer] = {}

    def add(self, key: Key, rrn: str) -> None:
        """A payment begins, or is remembered again."""
        acquirer, _, stan, _, _, terminal = key
        of = self.acquirers.get(acquirer)
        if of is None:
            of = self.acquirers[acquirer] = _OfAcquirer()
        if of.stans.setdefault(stan, key) is not key:
            _share(of.stans, stan, key)
        if rrn:
            rrn = rrn.strip()
            if of.rrns.setdefault(rrn, key) is not key:
                _share(of.rrns, rrn, key)
        there = of.terminals.get(terminal)
        if there is None:
            of.terminals[terminal] = {key: None}
        else:
            there[key] = None

    def discard(self, key: Key, rrn: str) -> None:
        """Memory lets go of a payment."""
        acquirer, _, stan, _, _, terminal = key
        of = self.acquirers.get(acquirer)
        if of is None:
            return
        there = of.stans.pop(stan, None)
        if there is not key and there is not None:
            _leave(of.stans, stan, there, key)
        if rrn:
            rrn = rrn.strip()
            there = of.rrns.pop(rrn, None)
            if there is not key and there is not None:
                _leave(of.rrns, rrn, there, key)
        of_terminal = of.terminals.get(terminal)
        if of_terminal is not None:
            of_terminal.pop(key, None)
            if not of_terminal:
                del of.terminals[terminal]
        if not of.stans:
            del self.acquirers[acquirer]

    def with_stan(self, acquirer: str, stan: str) -> Sequence[Key]:
        """Of this acquirer's payments, those with this DE11."""
        there = self.acquirers.get(acquirer, _NOBODYS).stans.get(stan)
        return _found(there) if there is not None else ()

    def with_rrn(self, acquirer: str, rrn: str) -> Sequence[Key]:
        """Of this acquirer's payments, those with this DE37."""
        there = self.acquirers.get(acquirer, _NOBODYS).rrns.get(rrn)
        return _found(there) if there is not None else ()

    def of_terminal(self, acquirer: str, terminal: str) -> Iterable[Key]:
        """This acquirer's payments at this terminal, newest first."""
        return reversed(self.acquirers.get(acquirer, _NOBODYS).terminals.get(terminal, {}))

    def clear(self) -> None:
        """Forget all."""
        self.acquirers.clear()


def _share(named: _Named, name: str, key: Key) -> None:
    """`name` is another payment's, too, or this one's already."""
    there = named[name]
    if isinstance(there, dict):
        there[key] = None
    elif there != key:
        named[name] = {there: None, key: None}


def _leave(named: _Named, name: str, there: Key | dict[Key, None], key: Key) -> None:
    """`there` was what `name` named: without `key`, it still does."""
    if isinstance(there, dict):
        there.pop(key, None)
        named[name] = next(iter(there)) if len(there) == 1 else there
    elif there != key:
        named[name] = there


def _found(there: Key | dict[Key, None]) -> Sequence[Key]:
    return tuple(there) if isinstance(there, dict) else (there,)
