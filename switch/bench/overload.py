"""Goodput against offered load: `python -m switch.bench.overload`, or `tools/bench overload`.

Open loop, from a quarter of what can be served to five times as much, in two ways of running out:

- `issuer`: the issuer answers so many a second, one after the other, and no more; the switch has time to spare.
- `cpu`: the issuer is fast, and what the switch serves on its core is measured first, in a closed loop.

Goodput is approvals a second; latencies are of approvals, each counted from when its request should have left. The naive
baseline is put to the same, on request: it declines nothing, and everybody waits.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.bench.compare import CompareError, cores, directory_for, running, subject_command
from switch.bench.compare import measure as measure_all
from switch.bench.load_step import Step, as_text, measure, network_of
from switch.bench.overload_plot import overload_svg
from switch.config import ConfigErrors, load_network
from switch.core.network import Network

STEPS: Final = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0)
ISSUER_PER_S: Final = 1_000
ISSUER_PENDING: Final = 100
"""`max_pending` of the host whose issuer is slow: what it answers in a tenth of a second"""
CLOSED: Final = 256
"""in flight, where capacity is measured"""


def run(subject: str, scenario: str, steps: Sequence[float], options: dict[str, Any], directory: Path) -> list[Step]:
    """All steps of one scenario, against one process; of the baseline those that it stands.

    CompareError: something did not start, nothing was approved, or the switch did not stand a step.
    """
    on, state = cores(), directory / "state"
    limited = scenario == "issuer"
    network: Network = load_network(str(network_of(directory, ISSUER_PENDING if limited else 0, options["turn_ms"])))
    issuer = [sys.executable, "-m", "switch.bench.echo_issuer", "--listen", str(network.hosts[0].connect)]
    issuer += ["--per-second", str(ISSUER_PER_S)] if limited else []
    shutil.rmtree(state, ignore_errors=True)
    found: list[Step] = []
    with (
        running(issuer, on.load, directory / "issuer.err"),
        running(subject_command(subject, network, state), on.subject, directory / f"{subject}.err") as (process, _),
    ):
        address = str(network.listeners[0].address)
        timed = ["--duration", str(options["duration"]), "--warmup", str(options["warmup"]), "--timeout", "20"]
        capacity = float(ISSUER_PER_S)
        if not limited:
            closed = ["--in-flight", str(CLOSED), "--connections", str(options["connections"]), *timed]
            capacity = float(measure_all(address, process.pid, on.load, closed)["throughput"])
        for step in steps:
            rate = capacity * step
            click.echo(f"{scenario}, {subject}: {step:g} of {capacity:,.0f}/s", err=True)
            arguments = ["--rate", f"{rate:.1f}", "--connections", str(options["connections"]), *timed]
            try:
                found.append(measure(address, process.pid, on.load, step, rate, arguments))
            except CompareError as error:
                if subject != "naive" or not found:
                    raise
                click.echo(
                    f"{scenario}, naive: ends before {step:g}×, as it does not stand that load: {error}", err=True
                )
                break
    return found


@click.command()
@click.option("--scenario", "scenarios", multiple=True, type=click.Choice(("issuer", "cpu")), default=("issuer", "cpu"))
@click.option(
    "--step", "steps", multiple=True, type=click.FloatRange(min=0.01), help="Of capacity. [default: 0.25 to 5]"
)
@click.option("--duration", type=click.FloatRange(min=0.1), default=4, show_default=True, help="Seconds a step.")
@click.option("--warmup", type=click.FloatRange(min=0), default=2, show_default=True, help="Seconds before each.")
@click.option("--connections", "-c", type=click.IntRange(1, 1_000), default=8, show_default=True)
@click.option(
    "--turn-ms", type=click.IntRange(1), default=30, show_default=True, help="The switch's limit of that name."
)
@click.option("--naive", is_flag=True, help="The naive baseline too.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write the figure.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(
    scenarios: tuple[str, ...], steps: tuple[float, ...], naive: bool, svg: Path | None, as_json: bool, **options: Any
) -> None:
    """Offer the switch more than it, or an issuer, can serve; show what is served, what is declined, and how fast."""
    found: dict[str, list[Step]] = {}
    try:
        with directory_for("overload") as directory:
            for scenario in scenarios:
                for subject in ("switch", "naive") if naive else ("switch",):
                    found[f"{scenario}, {subject}"] = run(subject, scenario, steps or STEPS, options, directory)
    except ConfigErrors as errors:
        raise click.ClickException(str(errors)) from None
    click.echo(msgspec.json.encode(found) if as_json else as_text(found))
    if svg is not None:
        try:
            svg.write_text(overload_svg(found), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{svg}: {error.strerror}") from None
        click.echo(f"wrote {svg}", err=True)


if __name__ == "__main__":
    main()
