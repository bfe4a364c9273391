"""The trace of a day: a hash over every effect of every party, in order. Equal seeds have equal traces."""

from hashlib import blake2b
from typing import Any

import msgspec

_ENCODER = msgspec.msgpack.Encoder()


class HashTrace:
    """`digest()` stands for all that anyone did, when, in which order, to the byte."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self.effects = 0

    def effect(self, now: int, name: str, effect: Any) -> None:
        """See nodes.Trace."""
        self.effects += 1
        self._hash.update(_ENCODER.encode((now, name, type(effect).__name__, effect)))

    def digest(self) -> str:
        """32 hexadecimal digits."""
        return self._hash.hexdigest()
