"""The sums of a hop log that grows, kept by a thread of its own and read by others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from switch.observe.follow import Follower
from switch.observe.model import Model

POLL_S: Final = 0.25


class Following:
    """One log. What it held before is counted for the state of links only, so that counters begin at nothing."""

    def __init__(self, path: Path) -> None:
        """The file need not exist yet. Raises OSError: it is there, and cannot be read."""
        self._follower = Follower(path)
        self._model = Model()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.trouble = ""
        """why the log cannot be read; "": it can, as far as is known"""
        self._take()
        self._model.forget_payments()

    def run(self) -> None:
        """Follow until `stop`."""
        while not self._over.wait(POLL_S):
            try:
                self._take()
                self.trouble = ""
            except OSError as error:
                self.trouble = f"{error.filename or 'the hop log'}: {error.strerror}"

    def stop(self) -> None:
        """End `run` soon."""
        self._over.set()

    def close(self) -> None:
        """Let the file go."""
        self._follower.close()

    @contextmanager
    def sums(self) -> Iterator[Model]:
        """The sums as they are; they stand still meanwhile."""
        with self._lock:
            yield self._model

    def _take(self) -> None:
        while lines := self._follower.poll():
            with self._lock:
                self._model.feed_all(lines)
