"""The switch's program replaced by itself (or a newer release of itself) in the same process, without a connection lost.

Theory of operation. The new program is asked first, in a process of its own, whether it could take over: it reads the network
file, loads what it needs and says which memory it can read. Then the switch stands still: it reads nothing and accepts nobody, so
that what comes waits in the kernel. As soon as the journal holds everything, connections with TLS are ended, as their keys are
nowhere but in this program's memory, and sockets and memory are left to the next program (`server.handover`), which `execve`
puts in the place of this one: same process, same parent, same descriptors. It folds the
journal's last snapshot, takes the memory over (`core.handover.succession`), and goes on reading.

Nobody without TLS signs on again or is declined; who asked something meanwhile waits as long as the new program takes to start.
Should it not come up, that is a crash, which loses nothing that was approved (docs/journal.md).
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import trio

from switch.core.handover.changes import Obstacle, obstacles
from switch.core.handover.leaving import reasons_to_stay
from switch.core.handover.memory import MEMORY_VERSION, Memory
from switch.core.handover.succession import hand_over
from switch.core.network import Network
from switch.core.operator.command import Arguments, Unable
from switch.core.operator.errors import ErrorCode
from switch.core.party import Log
from switch.server.handover import ASK, ENVIRONMENT, Handover, keep_over_exec, leave
from switch.server.ports import trio_clock
from switch.server.reloading import raise_obstacles
from switch.server.serving import Serving

ASK_S: Final = 60.0
"""the new program must have answered by then"""
SETTLE_S: Final = 5.0
"""the journal must hold everything by then"""
ANSWERED_S: Final = 0.05
"""so long the operator's connection has to take the answer"""
BLOCKED_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""signals that wait until the new program follows them"""


class Ability(msgspec.Struct, frozen=True):
    """What a program that is asked says of itself."""

    memory: int
    """the version of the memory it reads"""
    network: Network


def ability_of(network: Network) -> bytes:
    """The answer to being asked, as one line of JSON."""
    return msgspec.json.encode(Ability(MEMORY_VERSION, network))


def own_command() -> list[str]:
    """What this program was started with."""
    return [sys.executable, *sys.orig_argv[1:]]


def unblock_signals() -> None:
    """The signals that came while one program gave way to the other arrive now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED_SIGNALS)


class Restarter:
    """Has the process become its program anew, and says how that went."""

    def __init__(self, running: Serving, drain_s: float, command: Sequence[str] | None = None) -> None:
        """`drain_s`: to finish what is under way where the new program cannot take it over. `command`: of the new program."""
        self._running = running
        self._drain_s = drain_s
        self._command = list(command or own_command())
        self._failed = ""
        self.parting: list[Callable[[], None]] = []
        """what is to be done just before: files closed, for one"""

    # -- the control socket

    async def command(self, arguments: dict[str, Any], by: str) -> dict[str, Any]:
        """What `restart` of the control socket does: returns once it is certain to be tried. Raises Unable."""
        _no_arguments("restart", arguments)
        memory = await self._ask(by)
        self._failed = ""
        self._running.nursery.start_soon(self._after_a_moment, memory, by)
        return {"pid": os.getpid(), "restarts": self._running.restarts, "keeps_connections": memory == MEMORY_VERSION}

    async def status(self, arguments: dict[str, Any], by: str) -> dict[str, Any]:
        """What `status` of the control socket says."""
        del by
        _no_arguments("status", arguments)
        running = self._running
        return {
            "pid": os.getpid(), "network": running.network.name, "restarts": running.restarts, "restart_failed": self._failed,
            "gap_ms": running.gap_ms, "connections": running.driver.open_connections, "in_flight": len(running.switch.pending),
        }  # fmt: skip

    async def on_signal(self) -> None:
        """What SIGUSR2 does: the outcome is in the log."""
        try:
            memory = await self._ask("SIGUSR2")
        except Unable:
            return
        await self._hand_over(memory, "SIGUSR2")

    async def _after_a_moment(self, memory: int, by: str) -> None:
        await trio.sleep(ANSWERED_S)
        await self._hand_over(memory, by)

    # -- asking the new program

    async def _ask(self, by: str) -> int:
        """The memory the new program reads. Raises Unable with its own words where it could not take over."""
        try:
            ability = await self._ability()
            self._check(ability.network, keeps=ability.memory == MEMORY_VERSION)
        except Unable as error:
            self._refused(by, error)
            raise
        return ability.memory

    async def _ability(self) -> Ability:
        with trio.move_on_after(ASK_S):
            asked = await trio.run_process(
                self._command,
                env={**os.environ, ENVIRONMENT: ASK},
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
            if asked.returncode:
                words = asked.stderr.decode("utf-8", "replace").strip() or f"it ended with status {asked.returncode}"
                raise Unable(
                    f"the new program cannot take over: {words}",
                    "nothing was changed: this one goes on",
                    code=ErrorCode.PROGRAM_UNABLE,
                )
            try:
                return msgspec.json.decode(asked.stdout, type=Ability)
            except msgspec.MsgspecError as error:
                raise Unable(
                    f"the new program does not say what it can take over: {error}",
                    "is it a release that knows restarts? Stop and start the switch instead",
                    code=ErrorCode.PROGRAM_UNABLE,
                ) from None
        raise Unable(
            f"the new program did not answer within {ASK_S:g} s",
            "nothing was changed: this one goes on",
            code=ErrorCode.PROGRAM_SILENT,
        )

    def _check(self, network: Network, *, keeps: bool) -> None:
        """Raise Unable where a hand-over cannot be. `keeps`: the new program goes on with this one's memory; else it knows of
        no host that is leaving."""
        running = self._running
        switch = running.switch
        if switch.draining:
            raise Unable("the switch is shutting down", code=ErrorCode.SWITCH_DRAINING)
        if switch.journal_down:
            raise Unable(
                f"the journal is down: {switch.journal_down}", "wait until it is up again", code=ErrorCode.JOURNAL_DOWN
            )
        staying = reasons_to_stay(switch, network, trio_clock())
        found = obstacles(running.network, network, staying)
        if not keeps:
            hint = "the new release cannot take over what this one knows of it: put it back into the file until that is past"
            found += [
                Obstacle(sentence=f"host {name} left the network file with {why}", hint=hint)
                for name, why in staying.items()
            ]
        raise_obstacles(found)

    def _refused(self, by: str, error: Unable) -> None:
        self._failed = str(error)
        self._running.driver.tell(Log("error", "restart.refused", {"by": by, "reason": str(error), "hint": error.hint}))

    # -- handing over

    async def _hand_over(self, memory: int, by: str) -> None:
        """Becomes the new program, or goes on as before and says why."""
        running, driver = self._running, self._running.driver
        async with running.changing:
            driver.tell(Log("info", "restart.begun", {"by": by, "connections": driver.open_connections}))
            dialled = driver.listeners.kept_dials()
            await running.stop_index()
            driver.listeners.dial([], running.nursery)
            try:
                if memory != MEMORY_VERSION:
                    await self._finish(memory)
                stopped_ns = trio_clock()
                driver.stand_still()
                await self._settle()
                if driver.end_sealed(
                    lambda _: "the switch restarts in place, and nobody can go on with TLS", trio_clock()
                ):
                    await self._settle()  # whoever lost an answer with it is owed what that takes
                self._become(dialled, stopped_ns, by, keeps=memory == MEMORY_VERSION)
            except (Unable, OSError) as error:
                self._refused(by, error if isinstance(error, Unable) else Unable(str(error), code=ErrorCode.SYSTEM))
                driver.go_on()
                running.resume(dialled)
                if running.switch.draining:  # it has said goodbye already: whoever watches over it starts it again
                    os.kill(os.getpid(), signal.SIGTERM)

    async def _finish(self, memory: int) -> None:
        """The new program cannot read what goes on: end it in order. New connections wait in the kernel."""
        driver = self._running.driver
        hint = "the new release cannot take over connections: they end, and come again"
        fields = {"memory": MEMORY_VERSION, "reads": memory, "hint": hint}
        driver.tell(Log("warning", "restart.drains", fields))
        await driver.finish(self._drain_s)

    async def _settle(self) -> None:
        """Until the journal holds everything, a snapshot last. Raises Unable: it does not."""
        running = self._running
        switch, driver = running.switch, running.driver
        now = trio_clock()
        driver.carry_out(now)
        switch.snapshot(now)
        driver.carry_out(now)
        driver.push()
        with trio.move_on_after(SETTLE_S):
            while not driver.settled(switch.position):  # noqa: ASYNC110 - the driver is its own poller: there is no event
                await trio.sleep(0.0005)
            return
        raise Unable(
            f"the journal did not take everything within {SETTLE_S:g} s",
            "look at its disk; nothing was changed",
            code=ErrorCode.JOURNAL_LATE,
        )

    def _become(self, dialled: tuple[Any, ...], stopped_ns: int, by: str, *, keeps: bool) -> None:
        """Without a pause. Returns only by raising OSError: the program could not be executed."""
        running, driver = self._running, self._running.driver
        left: Memory | None = hand_over(running.switch, whole=True) if keeps else None
        handover = Handover(
            version=MEMORY_VERSION if keeps else 0,
            memory=msgspec.Raw(msgspec.msgpack.encode(left)),
            listeners=driver.listeners.kept(),
            connections=driver.kept(),
            dialled=dialled,
            counts=driver.listeners.counts,
            children=(running.feed.pid,),
            restarts=running.restarts + 1,
            stopped_ns=stopped_ns,
            by=by,
        )
        for part in self.parting:
            part()
        fd = leave(handover)
        sys.stdout.flush()
        sys.stderr.flush()
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED_SIGNALS)
        try:
            os.execve(self._command[0], self._command, {**os.environ, ENVIRONMENT: f"{os.getpid()}:{fd}"})  # noqa: S606
        finally:
            unblock_signals()
            keep_over_exec(handover, keep=False)
            os.close(fd)


def _no_arguments(name: str, arguments: dict[str, Any]) -> None:
    try:
        msgspec.convert(arguments, Arguments)
    except msgspec.ValidationError as error:
        raise Unable(f"{name}: {error}", "it takes nothing", code=ErrorCode.COMMAND_ARGUMENTS) from None
