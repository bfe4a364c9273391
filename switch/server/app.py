"""Starting a switch, whole, and running it until it is told to stop: what `cmi-switch serve` does, without a command line.

In: a checked network, where its state and its log are, and who prints that it is ready. Out: a sentence that says how it ended.
Whatever keeps it from starting is `Unable`, with a stable code.
"""

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import trio

from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.core.party import Log
from switch.exception_groups import first_of
from switch.journal.log import JournalError
from switch.observe.hoplog import HopLog
from switch.readiness import Ready, ReadyFile
from switch.security.certificates import CertificateError
from switch.security.vault import VaultError
from switch.server.beside import contained, keep_running
from switch.server.connections import ListenError
from switch.server.driver import Sinks
from switch.server.driving import keep_alive, until_told_to_stop
from switch.server.handover import Handover
from switch.server.ports import MonotonicClock
from switch.server.recording import Recording
from switch.server.reloading import Reloader
from switch.server.restarting import Restarter, unblock_signals
from switch.server.serving import Serving, serving, with_leaving
from switch.server.stopwatch import Timing

HOSTS_S = 1.0
"""so long the hosts have to sign on before the switch says that it is ready, which it is without them too"""


class App(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    network: Network
    reread: Callable[[], Network]
    """the network as its file now says, for a reload; raises ConfigErrors or OSError"""
    state_dir: Path
    log_file: Path
    ready_file: Path
    """there while it is ready, for programs"""
    showing: bool
    """events are printed to stderr too"""
    drain_s: float
    """to finish what is in flight when told to stop"""
    inherited: Handover | None
    """what the program before has left in this process"""
    tell_waiting: Callable[[str], None] | None = None
    """it is a standby: waits until it owns the journal, and tells this whom it waits for"""


class SwitchReady(Ready, frozen=True, kw_only=True):
    """What the ready file of a switch says."""

    network: str
    hosts_up: list[str]
    hosts_away: list[str]
    restarts: int
    log: str


def serve(app: App, announce: Callable[[Serving], str]) -> str:
    """Run the switch until Ctrl-C or SIGTERM. Returns how it ended. Raises Unable: it cannot start, or not go on.

    `announce` is called once, when acquirers can connect and signals are followed; it tells people, and returns the sentence.
    """
    try:
        return trio.run(_serve, app, announce, clock=MonotonicClock())
    except (OSError, JournalError, VaultError, CertificateError) as error:
        raise Unable(sentence_of(error), code=code_of(error)) from error
    except BaseExceptionGroup as group:
        fenced = group.subgroup(lambda error: isinstance(error, JournalError) and error.fenced)
        if fenced is None:
            raise
        raise Unable(
            f"{first_of(fenced)}: this process has ended, and approved nothing since", code=ErrorCode.JOURNAL_UNUSABLE
        ) from group


def sentence_of(error: OSError | JournalError | VaultError | CertificateError) -> str:
    """What kept a program from starting: the file and why it cannot be had, where it is the system that says so."""
    if isinstance(error, OSError) and error.filename is not None and not isinstance(error, ListenError):
        return f"{error.filename}: cannot be opened: {error.strerror}; move it away, or name another place (--state, --log)"
    return str(error)


def code_of(error: OSError | JournalError | VaultError | CertificateError) -> ErrorCode:
    """The stable code of what kept a program from starting."""
    if isinstance(error, JournalError):
        return ErrorCode.JOURNAL_UNUSABLE
    if isinstance(error, VaultError):
        return ErrorCode.VAULT_KEY
    if isinstance(error, CertificateError):
        return ErrorCode.CERTIFICATE_FILE
    return ErrorCode.ADDRESS_UNAVAILABLE if isinstance(error, ListenError) else ErrorCode.SYSTEM


async def _serve(app: App, announce: Callable[[Serving], str]) -> str:
    network = with_leaving(app.network, app.inherited)
    outputs = Outputs(network, app.log_file, showing=app.showing)
    async with serving(network, app.state_dir, outputs.open, app.inherited, app.tell_waiting) as running:
        recording = outputs.recording
        assert recording is not None
        recording.attach(running.driver)
        ready_file = ReadyFile(app.ready_file)
        running.followers += [recording.follow, outputs.follow]
        reloader = Reloader(running, app.reread)
        restarter = Restarter(running, app.drain_s)
        restarter.parting += [recording.end, outputs.flush]
        for name, task in (
            ("reload", reloader.command), ("restart", restarter.command), ("status", restarter.status),
            ("timing", Timing(running.driver).command),
        ):  # fmt: skip
            running.control.add(name, task)

        async def tell() -> None:
            unblock_signals()
            with trio.move_on_after(HOSTS_S):
                while running.hosts_up()[1]:  # noqa: ASYNC110 - the switch is pure: it has no event to wait for
                    await trio.sleep(0.02)
            ready_file.write(_ready(running, app.log_file, announce(running)))

        async with trio.open_nursery() as nursery:
            await nursery.start(_follow_signals, outputs, recording, reloader, restarter, running.driver.tell)
            nursery.start_soon(keep_running, reloader.keep_looking, "looking at hosts that leave", running.driver.tell)
            nursery.start_soon(keep_alive)
            ended = await until_told_to_stop(running.driver, app.drain_s, tell)
            nursery.cancel_scope.cancel()
        recording.end()
        ready_file.withdraw()
    outputs.close()
    return ended


def _ready(running: Serving, log_file: Path, sentence: str) -> SwitchReady:
    up, away = running.hosts_up()
    return SwitchReady(
        sentence=sentence,
        listeners={name: str(address) for name, address in running.driver.addresses.items()},
        recovered_records=running.recovered_records,
        recovery_ms=running.recovery_ms,
        network=running.network.name,
        hosts_up=up,
        hosts_away=away,
        restarts=running.restarts,
        log=str(log_file),
    )


class Outputs:
    """Where events go: the hop log, the screen, and the capture."""

    def __init__(self, network: Network, log_file: Path, *, showing: bool) -> None:
        self.recording: Recording | None = None
        self._network = network
        self._log_file = log_file
        self._showing = showing
        self._opened: list[HopLog] = []

    def open(self) -> Sinks:
        """Open them. Raises OSError, and Unable where the capture cannot be."""
        kept = self._network.hop_log
        hops = HopLog(
            self._log_file,
            file_bytes_max=kept.file_bytes,
            files_max=kept.files,
            days_max=kept.days,
            compress=kept.compress,
        )
        self._opened.append(hops)
        self.recording = Recording(self._network, hops.log)
        if not self._showing:
            return Sinks(hops.log, hops.hop, hops.flush)
        screen = HopLog(sys.stderr, pretty=True)
        self._opened.append(screen)

        def log(event: Log, wall_ns: int) -> None:
            hops.log(event, wall_ns)
            if event.level != "debug":
                screen.log(event, wall_ns)

        return Sinks(log, hops.hop, self.flush)

    def follow(self, network: Network) -> str:
        """Another network file holds: keep as much as it says."""
        kept = network.hop_log
        for log in self._opened:
            log.retain(kept.file_bytes, kept.files, kept.days, compress=kept.compress)
        return ""

    def reopen(self) -> None:
        """Someone has renamed the log's file, and says so."""
        for log in self._opened:
            log.reopen()

    def flush(self) -> None:
        """Write what waits."""
        for log in self._opened:
            log.flush()

    def close(self) -> None:
        """Close the logs."""
        for log in self._opened:
            log.close()


async def _follow_signals(
    outputs: Outputs,
    recording: Recording,
    reloader: Reloader,
    restarter: Restarter,
    tell: Callable[[Log], None],
    task_status: Any,
) -> None:
    """SIGUSR1 ends the capture, the next begins another, and so on; SIGHUP opens the hop log's file anew and reads the network
    file again; SIGUSR2 restarts."""
    with trio.open_signal_receiver(signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR2) as signals:
        task_status.started()
        async for number in signals:
            with contained("following a signal", tell):
                if number == signal.SIGUSR1:
                    recording.turn()
                elif number == signal.SIGHUP:
                    outputs.reopen()
                    await reloader.on_signal()
                else:
                    await restarter.on_signal()
