"""A thread that changes keys, so that who asks a module for MACs does not wait for its disk.

In: batches of commands, each with whose it is; out: the replies, in the same order, and a descriptor that can be read once there
are some. Rules: a reply is given when what it says is durable, as by any module; one change goes on at a time; the thread has a
module of its own, with keys of its own, so that nothing it changes is seen half done by others: they read the file again.
"""

import os
import threading
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

from switch.security.commands import Command, Reply
from switch.security.module import SecurityModule

Caller = TypeVar("Caller")


class ChangeThread(Generic[Caller]):
    """One module, asked on a thread."""

    def __init__(self, module: SecurityModule) -> None:
        self.done_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._asked: SimpleQueue[tuple[Caller, Sequence[Command]] | None] = SimpleQueue()
        self._done: deque[tuple[Caller, list[Reply] | Exception]] = deque()
        # a daemon: a disk that never answers keeps no process from its end
        self._thread = threading.Thread(target=self._work, args=(module,), name="key changes", daemon=True)
        self._thread.start()

    def ask(self, caller: Caller, commands: Sequence[Command]) -> None:
        """Have the module asked, after all that was asked before."""
        self._asked.put((caller, commands))

    def done(self) -> list[tuple[Caller, list[Reply] | Exception]]:
        """What has been answered since this was called last; an exception where the module failed."""
        try:
            os.eventfd_read(self.done_fd)
        except BlockingIOError:
            return []
        return [self._done.popleft() for _ in range(len(self._done))]

    def close(self, seconds: float) -> None:
        """End once all that was asked is answered; after so long all the same."""
        self._asked.put(None)
        self._thread.join(seconds)
        if not self._thread.is_alive():
            os.close(self.done_fd)

    def _work(self, module: SecurityModule) -> None:
        while (job := self._asked.get()) is not None:
            caller, commands = job
            try:
                answered: list[Reply] | Exception = module.ask(commands)
            except Exception as error:  # goes to who asked, and the thread on to the next one
                answered = error
            self._done.append((caller, answered))
            os.eventfd_write(self.done_fd, 1)
