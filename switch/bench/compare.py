"""The switch beside the baseline: `python -m switch.bench.compare`, or `tools/bench`.

Both are run in turn, round after round, on one core, with everything the switch has on (journal, hop log, all checks); the load
generator and the issuer have another. Medians over the rounds are compared: a machine's mood then falls on both.
"""

import contextlib
import operator
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.bench.options import network_option
from switch.children import start
from switch.config import load_network
from switch.config.load import SHIPPED
from switch.core.network import Network
from switch.loopback import on_free_ports
from switch.readiness import NotReadyError, Ready, wait_ready

READY_S: Final = 30
SUBJECTS: Final = ("switch", "naive")
PERCENTILES: Final = ("p50", "p90", "p99", "p99_9", "max")
STATE: Final = "state"
"""where a measured switch keeps its journal, in the directory of the comparison"""
INSIDE: Final = {"inside": "inside, as it times them", "own": "of it its own", "durable": "of it the journal's"}
CLI: Final = (sys.executable, "-c", "from switch.cli.main import main; main()")


class CompareError(Exception):
    """Something did not start, or a run failed. The message has what it printed."""


class Cores(msgspec.Struct, frozen=True):
    """Who runs where. Equal sets on a machine of one core, where nothing can be kept apart."""

    subject: frozenset[int]
    load: frozenset[int]


def text_on_free_ports() -> str:
    """The network file of measurements, where it disturbs nobody else's."""
    return on_free_ports((SHIPPED / "bench.toml").read_text(encoding="utf-8"))


def cores() -> Cores:
    """The first core this process may use for what is measured, the second for what measures."""
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(frozenset(allowed[:1]), frozenset(allowed[1:2] or allowed))


@contextlib.contextmanager
def pinned(on: frozenset[int]) -> Iterator[None]:
    """What is started within runs on these cores: a child inherits them."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, on)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def running(command: Sequence[str], on: frozenset[int], errors: Path) -> Iterator[tuple[subprocess.Popen[str], Ready]]:
    """Start `command`, which has a `--ready`, on these cores; wait until it is ready; stop it afterwards.

    Raises CompareError: it does not become ready.
    """
    ready_file = errors.with_suffix(".ready.json")
    with errors.open("w") as log:
        with pinned(on):
            process = start([*command, "--ready", str(ready_file)], stdout=subprocess.DEVNULL, stderr=log, text=True)
        try:
            yield process, wait_ready(ready_file, process, READY_S)
        except NotReadyError as error:
            raise CompareError(f"{' '.join(command[-6:])} {error}: {errors.read_text().strip()}") from None
        finally:
            process.terminate()
            try:
                process.wait(READY_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def measure(address: str, pid: int, on: frozenset[int], arguments: Sequence[str]) -> dict[str, Any]:
    """One `cmi-switch bench` run as its JSON. CompareError: it failed."""
    command = [*CLI, "bench", address, "--json", "--pid", str(pid), "--bin", "950401", *arguments]
    with pinned(on):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CompareError(f"bench {address} {' '.join(arguments)}: {done.stderr.strip()}")
    made: dict[str, Any] = msgspec.json.decode(done.stdout)
    if made["approved_percent"] < 100 or made["error_count"]:
        raise CompareError(
            f"{address}: {made['approved_percent']:g} % approved, codes {made['codes']}, errors {made['errors']}: "
            f"{made['first_trouble'] or 'no comparison is made of payments that fail'}"
        )
    return made


def subject_command(subject: str, network: Network, state: Path) -> list[str]:
    """How the switch, or the baseline, is started on the network's addresses."""
    if subject == "switch":
        return [*CLI, "serve", network.source, "--state", str(state), "--no-show"]
    issuer = network.hosts[0].connect
    return [
        sys.executable,
        "-m",
        "switch.bench.naive",
        "--listen",
        str(network.listeners[0].address),
        "--issuer",
        str(issuer),
    ]


def one_round(
    network: Network,
    command: Sequence[str],
    runs: dict[str, Sequence[str]],
    directory: Path,
    beside: contextlib.AbstractContextManager[Any] | None = None,
) -> dict[str, dict[str, Any]]:
    """Start the issuer and what `command` starts, measure each of `runs`, stop both. `beside`: what is there meanwhile, once
    these are ready."""
    on = cores()
    issuer = [sys.executable, "-m", "switch.bench.echo_issuer", "--listen", str(network.hosts[0].connect)]
    shutil.rmtree(directory / STATE, ignore_errors=True)
    with (
        running(issuer, on.load, directory / "issuer.err"),
        running(command, on.subject, directory / "subject.err") as (process, _),
        beside or contextlib.nullcontext(),
    ):
        address = str(network.listeners[0].address)
        return {name: measure(address, process.pid, on.load, arguments) for name, arguments in runs.items()}


def medians(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What is compared, each the median of the rounds."""

    def middle(*path: str) -> float:
        values: list[float] = [reduce(operator.getitem, path, made) for made in rounds]  # type: ignore[misc]  # JSON
        return round(statistics.median(values), 2)

    timed = all(made["inside"] for made in rounds)
    return {
        "throughput": middle("throughput"),
        "cpu_us": middle("cpu", "us_per_transaction"),
        "rss_mb": round(middle("cpu", "rss_bytes") / 1e6, 1),
        **{f"{name}_us": middle("latency_us", name) for name in PERCENTILES},
        "rounds": [made["throughput"] for made in rounds],
        "inside": {
            what: {f"{name}_us": middle("inside", f"{what}_us", name) for name in PERCENTILES}
            for what in (("inside", "own", "durable") if timed else ())
        },
    }


def table(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """`subject -> run -> medians` as text."""
    rows = [
        f"{'':<8} {'':<22} {'/s':>9} {'CPU µs':>8} {'RSS MB':>7} {'p50':>9} {'p90':>9} {'p99':>9} {'p99.9':>9} {'max':>9}  µs"
    ]
    for subject, runs in found.items():
        for name, m in runs.items():
            figures = f"{m['throughput']:>9,.0f} {m['cpu_us']:>8.1f} {m['rss_mb']:>7.0f}"
            rows.append(f"{subject:<8} {name:<22} {figures} {_percentiles(m)}")
            rows += [f"{'':<8} {INSIDE[what]:<49} {_percentiles(us)}" for what, us in m["inside"].items()]
    return "\n".join(rows)


def _percentiles(us: dict[str, Any]) -> str:
    return " ".join(f"{us[f'{name}_us']:>9,.0f}" for name in PERCENTILES)


@contextlib.contextmanager
def directory_for(what: str) -> Iterator[Path]:
    """A directory of `var` for as long as the body takes. A CompareError of it becomes a click error."""
    Path("var").mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{what}-", dir="var")).absolute()
    try:
        yield directory
    except CompareError as error:
        raise click.ClickException(str(error)) from None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@click.command()
@click.option(
    "--rounds", type=click.IntRange(1), default=3, show_default=True, help="Of both, in turn; medians are compared."
)
@click.option("--duration", type=click.FloatRange(min=0.1), default=5, show_default=True, help="Seconds a measurement.")
@click.option(
    "--warmup", type=click.FloatRange(min=0), default=1, show_default=True, help="Seconds before each, not counted."
)
@click.option(
    "--in-flight", multiple=True, type=click.IntRange(1), default=(128,), show_default=True, help="Closed loops."
)
@click.option("--rate", type=click.FloatRange(min=1), default=1_000, show_default=True, help="Open loop, a second.")
@network_option
@click.option("--only", type=click.Choice(SUBJECTS), help="Measure one of them only; there is no ratio then.")
@click.option(
    "--ratio-min", type=float, help="Exit with 1 where the switch's throughput is less than so many baselines'."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object: ratio, and all medians.")
def main(
    rounds: int, duration: float, warmup: float, in_flight: tuple[int, ...], rate: float, network: str, only: str | None,
    ratio_min: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure the switch, everything on, beside the naive baseline: throughput, CPU a transaction, latency."""
    common = ["--duration", str(duration), "--warmup", str(warmup)]
    runs: dict[str, Sequence[str]] = {f"{n} in flight": ["--in-flight", str(n), *common] for n in in_flight}
    paced = f"at {rate:g}/s"
    runs[paced] = ["--rate", str(rate), *common]
    subjects = [only] if only else list(SUBJECTS)
    if len(os.sched_getaffinity(0)) < 2:
        click.echo("one core only: load, issuer and what is measured share it, and the figures say little", err=True)
    made: dict[str, list[dict[str, dict[str, Any]]]] = {subject: [] for subject in subjects}
    with directory_for("bench") as directory:
        loaded = load_network(network)
        for number in range(rounds):
            for subject in subjects if number % 2 == 0 else subjects[::-1]:
                click.echo(f"round {number + 1} of {rounds}: {subject}", err=True)
                command = subject_command(subject, loaded, directory / STATE)
                timed = {paced: [*runs[paced], "--state", str(directory / STATE)]} if subject == "switch" else {}
                made[subject].append(one_round(loaded, command, runs | timed, directory))
    found = {s: {name: medians([r[name] for r in made[s]]) for name in runs} for s in subjects}
    first = next(iter(runs))
    ratio = None if only else round(found["switch"][first]["throughput"] / found["naive"][first]["throughput"], 2)
    if as_json:
        click.echo(msgspec.json.encode({"ratio": ratio, "at": first, **found}))
    else:
        click.echo(table(found))
        if ratio is not None:
            click.echo(f"\nratio {ratio:g}: the switch's throughput, everything on, over the baseline's, {first}")
    if ratio_min is not None and ratio is not None and ratio < ratio_min:
        raise click.ClickException(f"ratio {ratio:g} is below {ratio_min:g}")


if __name__ == "__main__":
    main()
