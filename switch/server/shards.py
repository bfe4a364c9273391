"""All shards of a network on one machine: each a process, started, watched, started again where it ends, ended with this one.

In: the shards' commands, and whom to tell. Out: a sentence that says how it ended. What is told apart: a shard that does not come
up at all is a mistake (an address in use), and ends the others; one that was ready and ends is started again, a little later each
time until it has run for a while. One that the network file has got since is started at SIGHUP, and one that it has lost is not
started again when it ends. Nothing of a payment passes here: a shard knows neither this process nor the others' journals.
"""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from switch.children import start
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.counting import counted
from switch.readiness import Ready, ReadyFile, notify, read_ready
from switch.server.driving import keep_alive

FIRST_S: Final = 0.5
"""before a shard that has ended is started again; then twice that …"""
LONGEST_S: Final = 30.0
"""… and never more than this"""
STEADY_S: Final = 60.0
"""one that has run for so long begins with `FIRST_S` again"""
_LOOK_S: Final = 0.05
_MARGIN_S: Final = 10.0
"""after its own time to drain, a shard that is there still is killed"""
_MANAGERS: Final = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""what a service manager has said to this process, and to none below it"""


class ShardCommand(msgspec.Struct, frozen=True, kw_only=True):
    """How one shard is started."""

    name: str
    command: tuple[str, ...]
    ready_file: Path
    """which it writes"""


class Shards:
    """The processes."""

    def __init__(
        self,
        commands: Sequence[ShardCommand],
        ready_file: ReadyFile,
        announce: Callable[[dict[str, Ready]], str],
        tell: Callable[[str], None],
        drain_s: float,
        reread: Callable[[], Sequence[ShardCommand]] | None = None,
    ) -> None:
        """`announce`: called once, when all are ready; tells people, and returns the sentence. `tell`: of what happens later.

        `reread`: what is to run by the network file as it is now; raises Unable: it has mistakes, or is not there.
        """
        self._commands = {command.name: command for command in commands}
        self._file, self._announce, self._tell = ready_file, announce, tell
        self._drain_s, self._reread = drain_s, reread or self._commands.values
        self._processes: dict[str, subprocess.Popen[Any]] = {}
        self._ready: dict[str, Ready] = {}
        self._seen: set[str] = set()
        """those that were ready at some time"""
        self._sentence = ""
        self._stopping = trio.Event()

    async def run(self) -> str:
        """Until Ctrl-C or SIGTERM; SIGHUP, SIGUSR1 and SIGUSR2 are passed on. Raises Unable: one does not come up."""
        followed = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
        try:
            with trio.open_signal_receiver(*followed) as signals:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(
                        keep_alive
                    )  # that shards are watched: whether payments go on, `health` says of each
                    async with trio.open_nursery() as shards:
                        nursery.start_soon(self._follow, signals, shards)
                        for command in self._commands.values():
                            shards.start_soon(self._keep, command)
                    nursery.cancel_scope.cancel()
        finally:
            for process in self._processes.values():
                process.kill()
                process.wait()
            self._file.withdraw()
        return counted(len(self._commands), "shard")

    async def _follow(self, signals: AsyncIterator[int], shards: trio.Nursery) -> None:
        """Pass on what this process is told. The first word to stop is remembered, a second one is passed on too: they hurry."""
        async for number in signals:
            stops = number in (signal.SIGINT, signal.SIGTERM)
            if stops and not self._stopping.is_set():
                notify("STOPPING=1")
                self._stopping.set()
            for process in self._processes.values():
                process.send_signal(signal.SIGTERM if stops else number)
            if number == signal.SIGHUP and not self._stopping.is_set():
                self._add_new(shards)

    def _add_new(self, shards: trio.Nursery) -> None:
        """Start what the network file has got."""
        try:
            wanted = self._reread()
        except Unable as error:
            self._tell(f"no shard is added: {error}")
            return
        for command in wanted:
            if command.name not in self._commands:
                self._tell(f"shard {command.name} is new: started")
                self._commands[command.name] = command
                shards.start_soon(self._keep, command)

    def _is_wanted(self, name: str) -> bool:
        """False: the network file has lost it. One with mistakes says nothing."""
        try:
            return any(command.name == name for command in self._reread())
        except Unable:
            return True

    async def _keep(self, command: ShardCommand) -> None:
        """One shard, as long as it is wanted."""
        wait_s = FIRST_S
        while not self._stopping.is_set():
            began = trio.current_time()
            code = await self._run(command)
            if self._stopping.is_set():
                return
            if not self._sentence and command.name not in self._ready:
                raise Unable(
                    f"shard {command.name} ended before it was ready (exit code {code}): what it said stands above",
                    "mend that; the other shards are ended with it",
                    code=ErrorCode.SYSTEM,
                )
            self._ready.pop(command.name, None)
            if not self._is_wanted(command.name):
                del self._commands[command.name]
                self._tell(
                    f"shard {command.name} has ended (exit code {code}), and the network file has no such shard any more: what "
                    "it owes is in its journal, and sent once it is back in the file"
                )
                return
            self._file.withdraw()
            wait_s = FIRST_S if trio.current_time() - began >= STEADY_S else wait_s
            self._tell(f"shard {command.name} has ended (exit code {code}): started again in {wait_s:g} s")
            with trio.move_on_after(wait_s):
                await self._stopping.wait()
            wait_s = min(2 * wait_s, LONGEST_S)

    async def _run(self, command: ShardCommand) -> int:
        """Start it, and wait for its end. Returns its exit code."""
        around = {name: value for name, value in os.environ.items() if name not in _MANAGERS}
        process = start(command.command, stdout=subprocess.DEVNULL, start_new_session=True, env=around)
        self._processes[command.name] = process
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._await_ready, command, process)
                nursery.start_soon(self._insist, process)
                await _end_of(process)
                nursery.cancel_scope.cancel()
            return process.wait()
        finally:
            if process.poll() is not None:
                del self._processes[command.name]

    async def _await_ready(self, command: ShardCommand, process: subprocess.Popen[Any]) -> None:
        """Once it is ready, it counts; once all are, so is this."""
        while (ready := read_ready(command.ready_file)) is None or ready.pid != process.pid:  # noqa: ASYNC110 - a file
            await trio.sleep(_LOOK_S)
        self._ready[command.name] = ready
        if self._sentence:
            again = " again" if command.name in self._seen else ""
            self._tell(f"shard {command.name} is ready{again}: {counted(ready.recovered_records, 'record')} recovered")
        self._seen.add(command.name)
        if len(self._ready) == len(self._commands):
            self._sentence = self._sentence or self._announce(self._ready)
            listeners = {name: at for one in self._ready.values() for name, at in one.listeners.items()}
            self._file.write(Ready(sentence=self._sentence, listeners=listeners))

    async def _insist(self, process: subprocess.Popen[Any]) -> None:
        """Once this is to stop: a shard that has not drained in its time, and some more, is killed; nothing approved is lost."""
        await self._stopping.wait()
        await trio.sleep(self._drain_s + _MARGIN_S)
        process.kill()


async def _end_of(process: subprocess.Popen[Any]) -> None:
    handle = os.pidfd_open(process.pid)
    try:
        await trio.lowlevel.wait_readable(handle)
    finally:
        os.close(handle)
