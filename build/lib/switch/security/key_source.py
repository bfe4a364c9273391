"""What a security module stands on: where its keys are found, where its random bytes come from, how it says no."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from switch.security.commands import Reply
from switch.security.key_blocks import KeyBlock

Random: TypeAlias = Callable[[int], bytes]
"""as many random bytes as it is asked for"""


class KeySource(Protocol):
    """Where a module finds its keys."""

    def find(self, name: str) -> KeyBlock | None:
        """The key called so, unwrapped; None: there is none. `name` may be a key block."""


class RefusedError(Exception):
    """One command that is not done: the reply says why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.reply = Reply(False, b"", code, reason)
