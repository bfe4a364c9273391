"""A driver's line to whatever makes records durable: what it acknowledges is heard, and a writer that is gone is brought back."""

import select
from contextlib import suppress
from typing import Any, Final, Protocol

import trio

from switch.core.party import Log
from switch.server.ports import Journal, trio_clock

FIRST_S: Final = 0.05
"""before a writer that cannot start is started again; then twice that …"""
LONGEST_S: Final = 0.5
"""… and no more than this: where a database decides, it is back at some moment within seconds"""


class JournalDriver(Protocol):
    """The driver, as seen from here."""

    @property
    def held_sends(self) -> int:
        """How many wait for the journal."""

    @property
    def durable(self) -> int:
        """What it has acknowledged so far, as the driver has it."""

    def acknowledged(self, position: int, now: int) -> None:
        """It holds every record up to `position`."""

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """It is down, or up again: the party is told."""

    def carry_out(self, now: int) -> None:
        """Do what the party asks for."""

    def tell(self, event: Log) -> None:
        """Log it."""


class JournalLine:
    """Pushes records to the writer, hears what is durable, and starts the writer again where it is gone."""

    def __init__(self, journal: Journal, epoll: select.epoll, owner: JournalDriver) -> None:
        self.journal = journal
        self.fd = -1
        """-1: its writer is gone"""
        self.down_ns = 0
        """when its writer was last found gone, monotonic; 0: never"""
        self._epoll, self._owner = epoll, owner
        self._down = trio.Event()

    def attach(self) -> None:
        """Watch its acknowledgements (again, after a restart)."""
        self.fd = self.journal.fileno()
        self._epoll.register(self.fd, select.EPOLLIN)

    def push(self) -> bool:
        """Hand it what waits for it, now. False: some of it must wait."""
        if self.fd < 0:
            return True
        try:
            return self.journal.push()
        except RuntimeError as error:
            self._gone(str(error), trio_clock())
            return True

    def read(self, now: int) -> None:
        """It has acknowledged something, or its writer is gone."""
        try:
            position = self.journal.acknowledged()
        except RuntimeError as error:
            self._gone(str(error), now)
            return
        self._owner.acknowledged(position, now)

    def _gone(self, reason: str, now: int) -> None:
        if self.fd < 0:
            return
        with suppress(OSError):  # the journal has closed it already, most likely; epoll forgets what is closed
            self._epoll.unregister(self.fd)
        self.fd = -1
        self._log(
            "error",
            "journal.down",
            reason=reason,
            held_sends=self._owner.held_sends,
            hint="payments are declined (DE39=96) until the journal writer is back; it is restarted now",
        )
        self._owner.journal_state(False, reason, now)
        self.down_ns = now
        self._down.set()

    async def keep(self) -> None:
        """Restart its writer whenever it is gone, with back-off. Runs until cancelled."""
        wait_s = FIRST_S
        while True:
            await self._down.wait()
            try:
                await trio.to_thread.run_sync(self.journal.restart)
                self.attach()
                self.read(trio_clock())
            except (OSError, RuntimeError) as error:
                self._log("error", "journal.restart_failed", reason=str(error), next_attempt_ms=int(wait_s * 1000))
            if self.fd >= 0:
                self._down = trio.Event()
                self._log("info", "journal.up", durable=self._owner.durable)
                self._owner.journal_state(True, "", trio_clock())
                self._owner.carry_out(trio_clock())
            await trio.sleep(wait_s)
            wait_s = FIRST_S if self.fd >= 0 else min(wait_s * 2, LONGEST_S)

    def close(self) -> None:
        """Hand over what waits, and stop its writer."""
        self.push()
        lost = self.journal.close()
        if lost:
            hint = "nobody was told what they promise: who asked and has no answer asks again, or reverses"
            self._log("error", "journal.ended_without", records=lost, durable=self._owner.durable, hint=hint)

    def _log(self, level: str, event: str, **fields: Any) -> None:
        self._owner.tell(Log(level, event, fields))
