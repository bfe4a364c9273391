"""`cmi-switch soak`: the real processes, killed and cut off every few seconds; afterwards all books must agree."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import DEFAULT
from switch.cli._numbers import Finite
from switch.counting import counted
from switch.exception_groups import first_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.soak.run import Outcome, Plan, Soak, Status
    from switch.soak.web import WebSide

STORIES_MAX = 5


@click.command()
@click.argument("network", default=DEFAULT)
@click.option(
    "--duration",
    type=Finite(0),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Faults for so long; 0: until --kills.",
)
@click.option(
    "--kills",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="No more faults after so many kills. [default: no bound]",
)
@click.option(
    "--every",
    type=Finite(0, min_open=True),
    default=3.0,
    show_default=True,
    metavar="S",
    help="Seconds from one fault to the next, in the mean.",
)
@click.option(
    "--rate", type=Finite(0, min_open=True), default=100.0, show_default=True, metavar="N", help="Payments a second."
)
@click.option(
    "--seed", default=1, show_default=True, help="Of faults and payments: the same seed draws the same faults."
)
@click.option("--disk/--no-disk", default=True, show_default=True, help="Fill the journal's disk, too.")
@click.option(
    "--web",
    is_flag=True,
    help="Web payment, too: gateway, shop and 3-D Secure's servers are killed, buyers go on. Needs the extra `web`.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where this run's files go, and stay. [default: a directory that goes when all is well]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def command(**options: Any) -> None:
    """Run the switch, issuers, networks and acquirers of NETWORK over loopback, and hit one of them every few seconds.

    A fault is a kill -9 (of the switch, its journal's writer or index, an issuer, a network), a SIGSTOP for seconds, a full
    disk under the journal, or a link that is cut, stalls or swallows what it is given. What was killed is started again. At the
    end everyone's books must agree, payment by payment, and the journal must be sound. Exit code 1 if not; then the way of the
    payments in question is printed, from all logs.

    \b
    Examples:
      tools/soak                                  a minute
      tools/soak --duration 0 --kills 200         until there have been 200 kills
      tools/soak --every 1 --rate 300 --keep var/soak
      tools/soak --web                            a payment page, a shop and its buyers among them
    """
    from switch.cli._network import load
    from switch.cli._processes import Child
    from switch.soak.run import Plan

    if not options["duration"] and not options["kills"]:
        raise click.UsageError("--duration 0 goes on until so many --kills: say how many")
    text = Path(load(options["network"]).source).read_text(encoding="utf-8")
    directory = _directory(options["keep"])
    plan = Plan(
        directory=directory, text=text, rate=options["rate"], duration_s=options["duration"], kills=options["kills"],
        every_s=options["every"], seed=options["seed"], disk=options["disk"],
    )  # fmt: skip
    outcome = _soaked(plan, Child, _shower(quiet=options["as_json"]), _web_side() if options["web"] else None)
    _report(plan, outcome, as_json=options["as_json"])
    if not outcome.sound:
        click.echo(f"everything of this run is in {directory}", err=True)
        sys.exit(1)
    if options["keep"] is None:
        shutil.rmtree(directory, ignore_errors=True)


def _directory(keep: Path | None) -> Path:
    """Where this run's files go: empty."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="cmi-soak-"))
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise click.ClickException(f"{keep} is not empty: a soak begins with empty books")
    except OSError as error:
        raise click.ClickException(f"{keep}: {error.strerror}") from None
    return keep.resolve()


def _web_side() -> type[WebSide]:
    from switch.cli.gateway import MISSING

    try:
        from switch.soak.web import WebSide
    except ImportError:
        raise click.ClickException(MISSING) from None
    return WebSide


def _soaked(
    plan: Plan, start: Callable[..., Any], show: Callable[[Status], None], web: type[WebSide] | None
) -> Outcome:
    """Run it; whatever happens, no process and no mount is left."""
    import signal

    import trio

    from switch.cli._network import Mistakes
    from switch.config import ConfigErrors
    from switch.soak.processes import adopt_orphans, end_descendants
    from switch.soak.run import Soak

    adopt_orphans()
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C, which Trio knows to take at the right moment
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    soak: Soak | None = None
    keep = True
    try:
        soak = Soak(plan, start, show, web)
        return trio.run(_unwrapped, soak, restrict_keyboard_interrupt_to_checkpoints=True)
    except ConfigErrors as errors:
        raise Mistakes(errors) from None
    except KeyboardInterrupt:
        keep = False
        click.echo("soak: stopped; its processes are ended", err=True)
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_descendants()
        if soak is not None:
            soak.release(keep=keep)
        if not keep:
            shutil.rmtree(plan.directory, ignore_errors=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)


async def _unwrapped(soak: Soak) -> Outcome:
    """A single reason as itself, not in a group of groups. ClickException: a process did not come up, or a disk refused."""
    try:
        return await soak.run()
    except BaseExceptionGroup as group:
        cause = first_of(group)
        if isinstance(cause, Exception):
            raise click.ClickException(str(cause)) from None
        raise cause from None


def _shower(*, quiet: bool) -> Callable[[Status], None]:
    """A live line where someone looks, else a line every ten seconds; nothing where `quiet`."""
    last = -10.0

    def show(status: Status) -> None:
        nonlocal last
        live = sys.stderr.isatty()
        if quiet or (not live and status.elapsed_s - last < 10):
            return
        last = status.elapsed_s
        faults = sum(status.faults.values())
        broken = f"  now: {', '.join(status.now)}" if status.now else ""
        text = (
            f"{status.elapsed_s:6.0f} s  {status.phase}  {status.rate:5.0f}/s  {status.answered:,} answered  "
            f"{status.in_flight:,} in flight  {counted(status.kills, 'kill')}, {counted(faults, 'fault')}{broken}"
        )
        width = shutil.get_terminal_size().columns
        click.echo(f"\r{text[: width - 1]:<{width - 1}}" if live else text, err=True, nl=not live)

    return show


def _report(plan: Plan, outcome: Outcome, *, as_json: bool) -> None:
    import msgspec

    verdict = outcome.verdict
    if as_json:
        fields = msgspec.to_builtins(outcome, str_keys=True) | {"sound": outcome.sound, "seed": plan.seed}
        click.echo(msgspec.json.encode(fields).decode())
    else:
        if sys.stderr.isatty():
            click.echo(err=True)
        click.echo(_summary(outcome))
    for sentence in outcome.unexpected:
        click.echo(click.style(sentence, fg="red"), err=True)
    for difference in verdict.differences[:50]:
        click.echo(click.style(difference.sentence, fg="red"), err=True)
    _stories(plan, outcome)
    if not as_json and outcome.sound:
        click.echo(
            click.style(f"All books agree: {verdict.payments:,} payments, to the centime.", fg="green", bold=True)
        )
    elif not as_json:
        found = (
            f"{counted(len(verdict.differences), 'difference')}, {counted(len(outcome.unexpected), 'unexpected end')}."
        )
        click.echo(click.style(found, fg="red", bold=True))


def _summary(outcome: Outcome) -> str:
    from switch.money.currency import format_amount

    verdict = outcome.verdict
    stands = ", ".join(format_amount(amount, currency) for currency, amount in sorted(verdict.standing.items()))
    slowest = max(outcome.recoveries, key=lambda r: r.ms, default=None)
    took = f"at most {slowest.ms} ms ({slowest.records:,} records)" if slowest else "–"
    refused = (
        f"; {counted(len(outcome.refused_starts), 'start')} refused as there was no room"
        if outcome.refused_starts
        else ""
    )
    web = (
        [f"web payment, as buyers saw it: {', '.join(f'{n} {how}' for how, n in outcome.web.items())}"]
        if outcome.web
        else []
    )
    faults = ", ".join(f"{n} {name}" for name, n in outcome.faults.items())
    return "\n".join([
        *web,
        f"{outcome.duration_s:,.0f} s, {counted(outcome.kills, 'kill')}: {faults}",
        f"{verdict.payments:,} payments: {verdict.approved:,} approved, {verdict.declined:,} declined, "
        f"{verdict.reversed:,} reversed; {stands} stand; {verdict.records:,} records in the journal, "
        f"{verdict.closes:,} closes of windows and days, {verdict.disputes:,} disputes",
        f"the switch recovered its journal {counted(len(outcome.recoveries), 'time')}, in {took}; "
        f"its disk: {outcome.disk}{refused}",
    ])  # fmt: skip


def _stories(plan: Plan, outcome: Outcome) -> None:
    """The way of the first payments that differ."""
    from switch.config.load import load_network
    from switch.soak.verdict import story

    keys = list(dict.fromkeys(d.key for d in outcome.verdict.differences if d.key))[:STORIES_MAX]
    network = load_network(str(plan.directory / "network.toml")) if keys else None
    for key in keys:
        assert network is not None
        click.echo("\n" + story(network, plan.state, plan.hosts, plan.log, key), err=True)
