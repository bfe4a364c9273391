"""`cmi-switch metrics`: figures and health of a running switch, for monitoring."""

import signal
import threading
from pathlib import Path
from typing import Final

import click

from switch.cli._address import asked_address
from switch.cli._control import ask, of_switch
from switch.cli._files import hop_log_option
from switch.cli._not_done import NotDone
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.observe import HOP_LOG

LOOK_S: Final = 1.0
"""a switch that does not answer within that is not well"""


@click.command("metrics")
@of_switch
@click.option(
    "--listen",
    default="127.0.0.1:9583",
    show_default=True,
    metavar="HOST:PORT",
    help="Where monitoring asks; port 0: any.",
)
@hop_log_option
@ready_option()
def command(state_dir: Path, listen: str, log: Path | None, ready_path: Path | None) -> None:
    """Serve /metrics (Prometheus, OpenMetrics), /healthz and /readyz for a running switch.

    A process of its own: it follows the hop log and asks the control socket, so that monitoring costs the switch nothing.
    Counters begin when it does. /healthz is 503 where the switch does not answer within a second, /readyz where payments are
    declined; both say why. It needs the extra: pip install cmi-switch[metrics].

    \b
    Examples:
      cmi-switch metrics
      cmi-switch metrics --listen 10.0.0.5:9583 --state /var/lib/cmi-switch
      curl -s localhost:9583/readyz
    """
    try:
        from prometheus_client import CollectorRegistry
    except ImportError:
        raise click.ClickException(
            "the metrics extra is not installed: pip install 'cmi-switch[metrics]' (it brings prometheus-client)"
        ) from None
    from switch.metrics.collector import HealthAnswer, SwitchCollector
    from switch.metrics.following import Following
    from switch.metrics.pages import Pages
    from switch.metrics.serving import MetricsServer

    def look() -> HealthAnswer:
        try:
            return HealthAnswer(health=ask(state_dir, "health", LOOK_S))
        except NotDone as error:
            return HealthAnswer(health=None, silence=error.message.replace("\n", "; "))

    at, file = asked_address(listen), prepare_ready(ready_path)
    try:
        following = Following(log or state_dir / HOP_LOG)
        registry = CollectorRegistry()
        registry.register(SwitchCollector(following.sums, look))
        server = MetricsServer(at.host, at.port, Pages(registry, look))
    except OSError as error:
        raise click.ClickException(f"{error.filename or listen}: {error.strerror}") from None
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    threads = [threading.Thread(target=work, daemon=True) for work in (following.run, server.serve_forever)]
    for thread in threads:
        thread.start()
    where = f"{at.host}:{server.port}"
    say_ready(
        file, {"metrics": where}, f"Ready: http://{where}/metrics, /healthz and /readyz of the switch in {state_dir}"
    )
    over.wait()
    server.shutdown()
    following.stop()
    for thread in threads:
        thread.join()
    server.server_close()
    following.close()
