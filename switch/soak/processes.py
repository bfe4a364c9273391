"""Who takes part in a soak: processes that are started, hit, and started again.

In: commands. Out: what happened to each. One rule: only processes that this one started are ever signalled, and none is left
stopped or running when it is over.
"""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import trio

from switch.readiness import Ready

SWITCH, WRITER, INDEX = "switch", "writer", "index"
GATEWAY, SHOP, DIRECTORY = "gateway", "shop", "directory"
_HELPERS: Final = {WRITER: b"switch.journal.writer", INDEX: b"switch.journal.indexer"}
"""of the switch: it starts them, and others when they have ended"""
_SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER"""
_AGAIN_S: Final = 0.5
"""after a process that would not start"""
_TRIES: Final = 20
_NO_ROOM: Final = ("No space left on device", "File too large")


class Recovery(NamedTuple):
    """A start of the switch after a kill, as it says when it is ready."""

    records: int
    ms: int


class Child(Protocol):
    """A `cmi-switch` command in a process of its own."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def running(self) -> bool:
        """True while it has not ended."""

    def text(self) -> str:
        """What it has printed."""

    def ready(self, seconds: float = 30.0) -> Ready:
        """Wait until others can connect to it. Raises an Exception that says why they never can."""

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM, and wait; killed after `seconds`."""

    def kill(self) -> int:
        """SIGKILL, and wait."""


Start = Callable[[str, list[str], Path], Child]
"""(name, arguments, output) -> a process"""


def adopt_orphans() -> None:
    """From now on processes whose parent was killed become this process's children, so that it can end them. Linux."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)


def children_of(pid: int) -> dict[int, bytes]:
    """Process id -> command line."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                if int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found[int(name)] = Path(f"/proc/{name}/cmdline").read_bytes()
    return found


def end_descendants(seconds: float = 5.0) -> None:
    """Kill whatever this process has started or adopted, stopped or not, and wait for it. Returns once none is left."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        children = children_of(os.getpid())
        if not children:
            return
        for pid in children:  # ours and not yet waited for, so that the number cannot be another's
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.kill(pid, signal.SIGCONT)
            with suppress(OSError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.01)


def _handle(pid: int, parent: int) -> int:
    """A handle of a child of `parent`, which is this process or one of its own: it is no other process's, even should the child
    end. -1: there is no such child."""
    try:
        handle = os.pidfd_open(pid) if pid else -1
    except OSError:
        return -1
    if handle >= 0 and pid not in children_of(parent):
        os.close(handle)
        return -1
    return handle


def _signal(pid: int, number: int, parent: int) -> bool:
    """Send a signal to a child of `parent`. False: there is none."""
    handle = _handle(pid, parent)
    if handle < 0:
        return False
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


class Service:
    """One process over its lives."""

    def __init__(self, name: str, arguments: list[str], directory: Path, start: Start) -> None:
        self.name = name
        self.lives = 0
        self.busy = False
        """something is being done to it: it is not to be hit again, nor missed"""
        self.child: Child | None = None
        self.arguments = arguments
        """of its next life"""
        self._directory, self._start = directory, start

    def begin(self) -> Child:
        """A new life."""
        self.lives += 1
        output = self._directory / f"{self.name}.{self.lives}.out"
        self.child = self._start(self.name, self.arguments, output)
        return self.child

    @property
    def pid(self) -> int:
        """Of this life; 0 before the first."""
        return self.child.pid if self.child else 0


class Services:
    """All of them. A fault names one of them; `WRITER` and `INDEX` are the switch's helpers."""

    def __init__(self, directory: Path, start: Start) -> None:
        self.by_name: dict[str, Service] = {}
        self.unexpected: list[str] = []
        """ends that nobody had asked for, as sentences: each is a defect"""
        self.refused_starts: list[str] = []
        """of the switch, as there was no room for its journal: no defect, it says so and is started again"""
        self.recoveries: list[Recovery] = []
        self._directory, self._start = directory, start
        self._stopped: set[int] = set()
        """pidfds"""

    def add(self, name: str, *arguments: str) -> Service:
        """One more, not yet started."""
        self.by_name[name] = Service(name, list(arguments), self._directory, self._start)
        return self.by_name[name]

    async def start(self, *names: str) -> None:
        """Start them, and wait until they are ready. Raises what `Child.ready` does."""
        for name in names:
            self.by_name[name].begin()
        for name in names:
            child = self.by_name[name].child
            assert child is not None
            await trio.to_thread.run_sync(child.ready, abandon_on_cancel=True)

    def is_free(self, name: str) -> bool:
        """True where nothing is being done to it. The switch's helpers go with the switch: a stopped writer holds the journal."""
        return not self.by_name[SWITCH if name in _HELPERS else name].busy

    @contextmanager
    def _busy(self, name: str) -> Iterator[Service]:
        service = self.by_name[SWITCH if name in _HELPERS else name]
        service.busy = True
        try:
            yield service
        finally:
            service.busy = False

    def helper(self, name: str) -> int:
        """Process id of the switch's `WRITER` or `INDEX`; 0 where there is none just now."""
        mark = _HELPERS[name]
        return next((pid for pid, line in children_of(self.by_name[SWITCH].pid).items() if mark in line), 0)

    # -- faults

    async def kill(self, name: str, for_s: float) -> bool:
        """Kill it; start it again after a while (the switch does that for its helpers). False: there was nobody to kill."""
        with self._busy(name) as service:
            if name in _HELPERS:
                return _signal(self.helper(name), signal.SIGKILL, service.pid)
            assert service.child is not None
            service.child.kill()
            self._reap_orphans()
            await trio.sleep(for_s)
            await self._start_until_ready(service)
            return True

    async def _start_until_ready(self, service: Service) -> None:
        """Start it until it is there, as whoever keeps services running does."""
        for _ in range(_TRIES):
            child = service.begin()
            try:
                ready = await trio.to_thread.run_sync(child.ready, abandon_on_cancel=True)
            except Exception as error:
                why = f"{service.name} did not start: {error}"
                full = service.name == SWITCH and any(reason in why for reason in _NO_ROOM)
                (self.refused_starts if full else self.unexpected).append(why)
                await trio.sleep(_AGAIN_S)
                continue
            if service.name == SWITCH and ready.recovered_records:
                self.recoveries.append(Recovery(ready.recovered_records, ready.recovery_ms))
            return
        raise RuntimeError(f"{service.name} does not start any more; it printed: {child.text()[-500:]}")

    async def stop(self, name: str, for_s: float) -> bool:
        """Stop it for a while. False: there was nobody to stop."""
        with self._busy(name) as service:
            helps = name in _HELPERS
            handle = _handle(self.helper(name) if helps else service.pid, service.pid if helps else os.getpid())
            if handle < 0:
                return False
            self._stopped.add(handle)
            try:
                signal.pidfd_send_signal(handle, signal.SIGSTOP)
                await trio.sleep(for_s)
            except ProcessLookupError:
                return False
            finally:
                self._resume(handle)
            return True

    def _resume(self, handle: int) -> None:
        if handle in self._stopped:
            self._stopped.discard(handle)
            with suppress(OSError):
                signal.pidfd_send_signal(handle, signal.SIGCONT)
            os.close(handle)

    def resume_all(self) -> None:
        """Nobody is left stopped."""
        for handle in list(self._stopped):
            self._resume(handle)

    def _reap_orphans(self) -> None:
        """What the killed have left and has ended since."""
        known = {p.pid for p in self.by_name.values()}
        for pid in children_of(os.getpid()):
            if pid not in known:
                with suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)

    # -- watching

    async def watch(self) -> None:
        """Note whoever ends unasked, and start it again. Runs until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(0.1)
                for service in self.by_name.values():
                    if service.child is not None and not service.busy and not service.child.running():
                        last = "; ".join(service.child.text().strip().splitlines()[-3:])
                        self.unexpected.append(f"{service.name} ended by itself: {last}")
                        nursery.start_soon(self._replace, service.name)

    async def _replace(self, name: str) -> None:
        with self._busy(name) as service:
            await self._start_until_ready(service)

    async def finish(self, name: str, seconds: float) -> int:
        """Tell it to finish, and wait. Its exit code."""
        child = self.by_name[name].child
        assert child is not None
        return await trio.to_thread.run_sync(child.stop, seconds, abandon_on_cancel=True)
