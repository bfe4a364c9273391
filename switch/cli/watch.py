"""`cmi-switch watch`: a running switch, live."""

from pathlib import Path

import click

from switch.cli._numbers import Finite
from switch.cli.hops import DEFAULT_LOG, logs_of


@click.command()
@click.option(
    "--log",
    "log",
    default=DEFAULT_LOG,
    show_default=True,
    help="The hop log to watch; it need not exist yet. A directory: the logs of a network's shards.",
)
@click.option("--plain", is_flag=True, help="One line an interval instead of a picture; so it is in a pipe, too.")
@click.option("--interval", type=Finite(min=0.05), help="Seconds between two pictures (0.33) or lines (1).")
@click.option("--all", "everything", is_flag=True, help="Count what the log already holds, too.")
@click.option("--currency", default="MAD", show_default=True, help="What costs are in.")
def command(log: str, plain: bool, interval: float | None, everything: bool, currency: str) -> None:
    """Payments a second, answers, latency and cost by route, links, and what is worth a look, live from the hop log.

    Runs in a process of its own and only reads: the switch does not notice. Ctrl-C ends it with a summary.

    \b
    Examples:
      cmi-switch watch
      cmi-switch watch --plain --interval 10 >> rates.txt
      cmi-switch watch --all --log var/morocco/hops.jsonl
      cmi-switch watch --log var/mine                      all shards
    """
    import signal
    import threading

    from rich.console import Console

    from switch.observe.live import run_live, summary

    paths = logs_of(Path(log))
    for path in (path for path in paths if not path.exists()):
        click.echo(f"{path} is not there yet; waiting. The switch writes it: `cmi-switch serve`", err=True)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    console = Console()
    try:
        model = run_live(
            paths, over.is_set, console=console, plain=plain, interval_s=interval or 0.0, currency=currency, screen=True,
            history="all" if everything else "links",
        )  # fmt: skip
    except OSError as error:
        raise click.ClickException(f"{error.filename or log}: {error.strerror}") from None
    if not plain:
        console.print(summary(model, currency, console.width))
