"""`cmi-switch serve`: the switch alone."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.cli._capture import Recording
    from switch.core.network import Network
    from switch.observe.hoplog import HopLog
    from switch.server.driver import Sinks
    from switch.server.handover import Estate
    from switch.server.reloading import Reloader
    from switch.server.restarting import Restarter
    from switch.server.serving import Serving


@click.command()
@click.argument("network", default="morocco")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where journal, key and hop log live. [default: as the network file says, var/NAME]",
)
@click.option(
    "--log",
    "log_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The hop log's file. [default: hops.jsonl in the state directory]",
)
@click.option(
    "--show/--no-show",
    default=None,
    help="Print events (not hops) to stderr as they happen. [default: only on a terminal]",
)
@click.option(
    "--drain", "drain_s", default=15.0, show_default=True, help="Seconds to finish what is in flight when told to stop."
)
@click.option(
    "--capture",
    "capture_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record what passes on the links in this pcapng file, secrets masked. [default: as [capture] in the network file]",
)
@click.option(
    "--capture-clear",
    "clear",
    multiple=True,
    metavar="PREFIX",
    help="Keep the messages of test cards that begin so (6 digits or more) as they came. Said in the log.",
)
def command(
    network: str,
    state: Path | None,
    log_path: Path | None,
    show: bool | None,
    drain_s: float,
    capture_path: Path | None,
    clear: tuple[str, ...],
) -> None:
    """Run the switch of NETWORK (a shipped name, or a .toml file) until Ctrl-C or SIGTERM.

    It listens for acquirers and terminals, connects to the issuers' and networks' hosts of the file, and prints one Ready:
    line. Every hop goes to the hop log, every fact to the journal; kill -9 loses nothing that was approved.

    \b
    Examples:
      cmi-switch serve                        the shipped Moroccan network
      cmi-switch serve mine.toml --state /srv/switch
      cmi-switch serve --capture today.pcapng       for Wireshark, `capture show` and `replay`
      cmi-switch check mine.toml              only look the file over
    """
    from functools import partial

    import trio

    from switch.cli._network import load
    from switch.config import load_network
    from switch.journal.log import JournalError
    from switch.security.files import PRIVATE_UMASK
    from switch.security.vault import VaultError
    from switch.server.handover import ASK, ENVIRONMENT, inherit
    from switch.server.ports import MonotonicClock
    from switch.server.restarting import ability_of
    from switch.server.serving import dialects_of

    inherited = inherit(os.environ, os.getpid())
    asked = os.environ.pop(ENVIRONMENT, "") == ASK

    def reread() -> "Network":
        return _as_asked(load_network(network), state, capture_path, clear)

    loaded = _as_asked(load(network), state, capture_path, clear)
    if asked:
        dialects_of(loaded)
        click.echo(ability_of(loaded))
        return
    state_dir = Path(loaded.state_dir)
    log_file = log_path or state_dir / "hops.jsonl"
    showing = sys.stderr.isatty() if show is None else show
    os.umask(PRIVATE_UMASK)
    try:
        serve = partial(
            _serve, loaded, reread, state_dir, log_file, showing=showing, drain_s=drain_s, inherited=inherited
        )
        trio.run(serve, clock=MonotonicClock())
    except (OSError, JournalError, VaultError) as error:
        raise click.ClickException(str(error)) from None


def _as_asked(network: "Network", state: Path | None, path: Path | None, clear: tuple[str, ...]) -> "Network":
    """The network with what the command line says about its state directory and recording."""
    import msgspec

    from switch.cli._capture import clear_prefixes
    from switch.core.network import Capture

    asked = network.capture
    if path is not None:
        kept = asked or Capture(file="", file_bytes=64 << 20, files=8, clear_cards=(), from_start=True)
        asked = msgspec.structs.replace(kept, file=str(path), from_start=True)
    if clear and asked is None:
        raise click.UsageError("--capture-clear says what a capture keeps: give --capture FILE with it")
    if clear and asked is not None:
        asked = msgspec.structs.replace(asked, clear_cards=(*asked.clear_cards, *clear_prefixes(clear)))
    return msgspec.structs.replace(network, capture=asked, state_dir=str(state) if state else network.state_dir)


async def _serve(
    network: "Network",
    reread: "Callable[[], Network]",
    state_dir: Path,
    log_file: Path,
    *,
    showing: bool,
    drain_s: float,
    inherited: "Estate | None",
) -> None:
    import trio

    from switch.server.driving import until_told_to_stop
    from switch.server.reloading import Reloader
    from switch.server.restarting import Restarter, heed_signals
    from switch.server.serving import serving

    outputs = _Outputs(network, log_file, showing=showing)
    async with serving(network, state_dir, outputs.open, inherited) as running:
        recording = outputs.recording
        assert recording is not None
        recording.shows(running.driver)
        running.told += [recording.follow, outputs.follow]
        reloader = Reloader(running, reread)
        restarter = Restarter(running, drain_s)
        restarter.parting += [recording.end, outputs.flush]
        for name, task in (
            ("reload", reloader.command), ("restart", restarter.command), ("status", restarter.status),
        ):  # fmt: skip
            running.control.add(name, task)

        async def ready() -> None:
            heed_signals()
            with trio.move_on_after(1.0):
                while running.hosts_up()[1]:  # noqa: ASYNC110 - the switch is pure: it has no event to wait for
                    await trio.sleep(0.02)
            click.echo(_ready(running.network, running, log_file))
            sys.stdout.flush()

        async with trio.open_nursery() as nursery:
            await nursery.start(_heed, outputs, recording, reloader, restarter)
            ended = await until_told_to_stop(running.driver, drain_s, ready)
            nursery.cancel_scope.cancel()
        recording.end()
    outputs.close()
    click.echo(f"Stopped: {ended}")


class _Outputs:
    """Where events go: the hop log, the screen, and the capture."""

    def __init__(self, network: "Network", log_file: Path, *, showing: bool) -> None:
        self.recording: Recording | None = None
        self._network = network
        self._log_file = log_file
        self._showing = showing
        self._opened: list[HopLog] = []

    def open(self) -> "Sinks":
        """Open them."""
        from switch.cli._capture import Recording
        from switch.core.party import Log
        from switch.observe.hoplog import HopLog
        from switch.server.driver import Sinks

        kept = self._network.hop_log
        hops = HopLog(self._log_file, file_bytes_max=kept.file_bytes, files_max=kept.files, days_max=kept.days)
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

    def follow(self, network: "Network") -> None:
        """Another network file holds: keep as much as it says."""
        kept = network.hop_log
        for log in self._opened:
            log.retain(kept.file_bytes, kept.files, kept.days)

    def reopen(self) -> None:
        """Someone has renamed the log's file, and says so."""
        for log in self._opened:
            log.reopen()

    def flush(self) -> None:
        """Write what waits."""
        for log in self._opened:
            log.flush()

    def close(self) -> None:
        """The end."""
        for log in self._opened:
            log.close()


async def _heed(
    outputs: _Outputs, recording: "Recording", reloader: "Reloader", restarter: "Restarter", task_status: Any
) -> None:
    """SIGUSR1 ends the capture, the next begins another, and so on; SIGHUP opens the hop log's file anew and reads the network
    file again; SIGUSR2 restarts."""
    import trio

    with trio.open_signal_receiver(signal.SIGUSR1, signal.SIGHUP, signal.SIGUSR2) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGUSR1:
                recording.turn()
            elif number == signal.SIGHUP:
                outputs.reopen()
                await reloader.on_signal()
            else:
                await restarter.on_signal()


def _ready(network: "Network", running: "Serving", log_file: Path) -> str:
    ports = ", ".join(
        f"{listener.name} {running.driver.addresses[listener.name]} ({listener.dialect})"
        for listener in network.listeners
    )
    up, down = running.hosts_up()
    hosts = f"up: {', '.join(up)}" if up else "no host is up"
    if down:
        issuers = [h.name for h in network.hosts if h.name in down and h.role == "issuer"]
        networks = [h.scheme for h in network.hosts if h.name in down and h.role == "network"]
        commands = [
            *(["cmi-switch issuer"] if issuers else []),
            *(f"cmi-switch network {scheme}" for scheme in networks),
        ]
        hosts += f"; not yet: {', '.join(down)}"
        hint = f"start them with `{'`, `'.join(commands)}`"
    else:
        hint = "next: `cmi-switch pay` or `cmi-switch hops --follow`"
    recovered = (
        f"; {running.recovered_records:,} records recovered in {running.recovery_ms} ms"
        if running.recovered_records
        else ""
    )
    return f"Ready: {network.name}: {ports}; {hosts}{recovered}; hop log {log_file}; {hint}"
