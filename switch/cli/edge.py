"""`cmi-switch edge`: TLS in a process of its own."""

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._network import DEFAULT
from switch.cli._ready import prepare_ready, ready_option, say_ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.core.party import Log
    from switch.server.edge import Edge


@click.command
@click.argument("network", default=DEFAULT)
@ready_option()
@click.option("--verbose", is_flag=True, help="Show links as they come and go.")
def command(network: str, ready_path: Path | None, verbose: bool) -> None:
    """Have the TLS of the links of NETWORK that name an `edge`, until Ctrl-C or SIGTERM.

    It listens with TLS where the network file says, dials hosts with TLS, and passes plain bytes on to the switch over the
    Unix sockets that `edge` names. Restarting the switch loses none of its connections; stopping the edge ends them.
    SIGHUP reads the certificates anew. Start it before or after the switch.

    \b
    Examples:
      cmi-switch edge mine.toml
      kill -HUP $(pgrep -f 'cmi-switch edge')       renewed certificates
    """
    import trio

    from switch.cli._network import load, spell
    from switch.cli._private import keep_private
    from switch.cli._run_simulators import show_log
    from switch.core.party import Log
    from switch.security.certificates import CertificateError
    from switch.server.edge import Edge
    from switch.server.open_files import raise_soft_limit

    loaded = load(network, files=True)
    show = show_log(verbose=verbose)

    def tell(event: Log) -> None:
        show(event, round(datetime.now(UTC).timestamp() * 1e9))

    file = prepare_ready(ready_path)
    keep_private()
    raise_soft_limit()
    try:
        edge = Edge(loaded, tell)
        if not edge.links:
            raise click.UsageError(f"no [[listener]] or [[host]] of {loaded.source} has tls and `edge` (docs/tls.md)")

        async def run() -> None:
            async with trio.open_nursery() as nursery:
                with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
                    await nursery.start(edge.run)
                    where: dict[str, object] = dict(edge.addresses)
                    say_ready(file, where, f"Ready: TLS of {', '.join(edge.links)}; next: `{spell('serve', loaded)}`")
                    async for number in signals:
                        if number != signal.SIGHUP:
                            break
                        _renew(edge, network, tell)
                nursery.cancel_scope.cancel()

        trio.run(run)
    except (CertificateError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo("Stopped")


def _renew(edge: "Edge", network: str, tell: "Callable[[Log], None]") -> None:
    """Read certificates anew; what cannot be read leaves those before in use, and is told."""
    from switch.config import ConfigErrors, load_network
    from switch.core.party import Log
    from switch.security.certificates import CertificateError

    try:
        edge.follow(load_network(network, files=True))
    except (ConfigErrors, CertificateError, OSError) as error:
        tell(
            Log(
                "error",
                "network.reload_refused",
                {"reason": str(error), "hint": "the certificates before are shown on"},
            )
        )
    else:
        tell(Log("info", "network.reloaded", {"file": network}))
