"""The trace of a day: a hash over every effect of every party, in order. Equal seeds have equal traces."""

from hashlib import blake2b
from typing import Any

import msgspec

from switch.core.party import Send

_ENCODER = msgspec.msgpack.Encoder()


class HashTrace:
    """`digest()` stands for all that anyone did, when, in which order, to the byte."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self.effects = 0

    def effect(self, now: int, name: str, effect: Any) -> None:
        """See nodes.Trace."""
        self.effects += 1
        self._hash.update(_ENCODER.encode((now, name, type(effect).__name__, _told(effect))))

    def digest(self) -> str:
        """32 hexadecimal digits."""
        return self._hash.hexdigest()


def _told(effect: Any) -> Any:
    """An effect as it is hashed: a send without a module to ask, and with what its MAC is to cover where it has one."""
    if not isinstance(effect, Send):
        return effect
    told = {field: getattr(effect, field) for field in effect.__struct_fields__ if field != "seal"}
    return told if effect.seal is None else {**told, "seal": effect.seal.command}
