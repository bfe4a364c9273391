"""What payments may be called by beside their whole key: (acquirer, DE11) and (acquirer, DE37), each looked up in constant time.

In: the keys of payments that memory holds, with their DE37. Out: keys that share a name, oldest first. Hosts in the field name an
original without DE41, with DE7 in another form, or by DE37 alone; which payment they mean is `core.transactions.originals`'s to
say. Knows no message and no state.
"""

import msgspec

from switch.core.records.records import ACQUIRER, STAN, Key

_BY_STAN, _BY_RRN = "11", "37"


class Names(msgspec.Struct):
    """Of the payments of all acquirers."""

    keys: dict[tuple[str, str, str], Key | dict[Key, None]] = {}
    """one key where a name has one, which is the rule; else an ordered set"""

    def add(self, key: Key, rrn: str) -> None:
        """A payment begins, or is remembered again."""
        self._add((_BY_STAN, key[ACQUIRER], key[STAN]), key)
        if rrn:
            self._add((_BY_RRN, key[ACQUIRER], rrn.strip()), key)

    def discard(self, key: Key, rrn: str) -> None:
        """Memory lets go of a payment."""
        self._discard((_BY_STAN, key[ACQUIRER], key[STAN]), key)
        if rrn:
            self._discard((_BY_RRN, key[ACQUIRER], rrn.strip()), key)

    def with_stan(self, acquirer: str, stan: str) -> list[Key]:
        """Of this acquirer's payments, those with this DE11."""
        return self._found((_BY_STAN, acquirer, stan))

    def with_rrn(self, acquirer: str, rrn: str) -> list[Key]:
        """Of this acquirer's payments, those with this DE37."""
        return self._found((_BY_RRN, acquirer, rrn))

    def clear(self) -> None:
        """Forget all."""
        self.keys.clear()

    def _add(self, name: tuple[str, str, str], key: Key) -> None:
        there = self.keys.get(name)
        if there is None:
            self.keys[name] = key
        elif isinstance(there, dict):
            there[key] = None
        elif there != key:
            self.keys[name] = {there: None, key: None}

    def _discard(self, name: tuple[str, str, str], key: Key) -> None:
        there = self.keys.get(name)
        if isinstance(there, dict):
            there.pop(key, None)
            if len(there) == 1:
                self.keys[name] = next(iter(there))
        elif there == key:
            del self.keys[name]

    def _found(self, name: tuple[str, str, str]) -> list[Key]:
        there = self.keys.get(name)
        return [] if there is None else list(there) if isinstance(there, dict) else [there]
