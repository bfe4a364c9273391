"""`cmi-switch traces`: transactions as OpenTelemetry traces, from the hop log."""

import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from switch.cli._control import of_switch
from switch.cli._files import hop_log_option
from switch.cli._numbers import Finite
from switch.observe import HOP_LOG

if TYPE_CHECKING:
    from switch.observe.otlp import Collector

POLL_S = 0.5


@click.command("traces")
@of_switch
@click.option(
    "--to",
    "url",
    envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
    default="http://127.0.0.1:4318",
    show_default=True,
    metavar="URL",
    help="The collector, OTLP over HTTP. [env: OTEL_EXPORTER_OTLP_ENDPOINT]",
)
@hop_log_option
@click.option(
    "--share",
    type=Finite(0, 1),
    default=1.0,
    show_default=True,
    help="Of transactions that are sent; of those that failed, all are.",
)
@click.option("--once", is_flag=True, help="Send what the log and those turned over from it hold, and end.")
def command(state_dir: Path, url: str, log: Path | None, share: float, once: bool) -> None:
    """Send each transaction as a trace to an OpenTelemetry collector, until Ctrl-C or SIGTERM.

    A process of its own, which reads the hop log: it costs the switch nothing. A transaction is a span, each request to a host
    one below it. Headers for the collector, such as a token, are in OTEL_EXPORTER_OTLP_HEADERS (name=value,…). No card's number
    is sent, masked or not.

    \b
    Examples:
      cmi-switch traces --to http://collector:4318
      cmi-switch traces --share 0.01
      cmi-switch traces --once --log var/morocco/hops.jsonl

    Exit code: 0 all was taken, 1 something was not.
    """
    from importlib.metadata import version

    from switch.observe.otlp import Collector

    path = log or state_dir / HOP_LOG
    if once and not path.exists():
        raise click.ClickException(f"{path}: no such file. The switch writes it; name another with --log FILE")
    over = Event()
    try:
        collector = Collector(url, state_dir.name, version("cmi-switch"), _headers(), wait=over.wait)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(f"Sending what is in {path} to {collector.url}", err=True)
    if not once:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
    for _ in _sending(collector, path, share, over, once=once):
        pass
    sent = collector.sent
    click.echo(f"{sent.spans:,} spans sent" + (f", {sent.dropped:,} let go: {sent.why}" if sent.dropped else ""))
    if sent.dropped:
        raise SystemExit(1)


def _sending(collector: "Collector", path: Path, share: float, over: Event, *, once: bool) -> Iterator[None]:
    """Read and send until it is over; a new reason for letting spans go is said as it comes."""
    from switch.observe.follow import Follower
    from switch.observe.lines import LineError, read_hop
    from switch.observe.traces import Span, Traces

    follower, traces, said = Follower(path, older=once), Traces(share), ""
    if not once:
        while follower.poll():
            pass  # what was before is not told
    while True:
        spans: list[Span] = []
        try:
            lines = follower.poll()
        except OSError as error:
            raise click.ClickException(f"{error.filename or path}: {error.strerror}") from None
        for line in lines:
            try:
                hop = read_hop(line)
            except LineError:
                continue
            if hop is not None:
                spans += traces.feed(hop)
        ended = over.is_set() or (once and not lines)
        collector.send(spans + traces.finish() if ended else spans)
        if collector.sent.why != said:
            said = collector.sent.why
            click.echo(f"let go: {said}", err=True)
        yield
        if ended:
            follower.close()
            return
        if not lines:
            over.wait(POLL_S)


def _headers() -> dict[str, str]:
    """Those of the environment, as OpenTelemetry's own exporters read them."""
    import os
    from urllib.parse import unquote

    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","))
    return {name.strip(): unquote(value.strip()) for name, equals, value in pairs if equals and name.strip()}
