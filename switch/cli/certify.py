"""`cmi-switch certify`: a peer certified by a plan in a file."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._address import asked_address
from switch.cli._dialects import check_framing
from switch.cli._network import Mistakes, paint
from switch.cli._numbers import Finite
from switch.cli._ready import ready_option
from switch.cli._tls import end_of, tls_option
from switch.counting import counted

if TYPE_CHECKING:
    from switch.certify.examiner import Examiner
    from switch.certify.findings import Outcome, Report
    from switch.certify.plan import Plan
    from switch.certify.wire import Manner
    from switch.core.links.sealing import Sealing
    from switch.core.network import Address
    from switch.server.driver import Driver
    from switch.server.stations import Station
    from switch.wire import Dialect

_LINK = "peer"
_UNREACHED = 3
_REACH_S = 3.0


@click.command("certify")
@click.argument("plan")
@click.argument("host", metavar="HOST:PORT", required=False)
@click.option("--dialect", metavar="NAME", help="Instead of the plan's; its usual framing comes with it.")
@click.option(
    "--framing", metavar="NAME", help="What stands around each message. [default: the plan's, or the dialect's]"
)
@click.option(
    "--set", "values", multiple=True, metavar="NAME=VALUE", help="A value of the plan: card=9504010000090010."
)
@click.option("--only", default="", metavar="ID,…", help="Only these tests; an essential one before them runs, too.")
@click.option(
    "--connect", "side", flag_value="connect", help="Connect to HOST. [default: where the plan plays an acquirer]"
)
@click.option("--listen", "side", flag_value="listen", help="Listen on HOST. [default: where it plays an issuer]")
@click.option("--forever", is_flag=True, help="As an issuer: go on, each test as often as it is asked for.")
@click.option(
    "--wait",
    "wait_s",
    type=Finite(min=0.1),
    default=300.0,
    show_default=True,
    metavar="S",
    help="As an issuer: over after so long without a message.",
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as a page, with all bytes."
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Write it for programs.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML for a CI system.")
@click.option("--network", metavar="FILE", help="A network file that has the link's MAC key; with --keys-of.")
@click.option("--keys-of", metavar="NAME", help="Its member (or port of terminals) or, as an issuer, its host.")
@click.option("--list", "listing", is_flag=True, help="Only say what the plan tests, and its values.")
@click.option(
    "--as", "tls_name", default="certify", show_default=True, metavar="NAME", help="Whose certificate, of --tls."
)
@tls_option
@ready_option()
def command(**options: Any) -> None:
    """Certify a peer by PLAN: a shipped one (acquirer-basic, issuer-basic, pos) or a file of your own, ending .toml.

    A plan has tests: messages that are sent or expected, and points that are looked at in each message that comes. Where it
    plays an acquirer, this connects to HOST and goes through the tests; where it plays an issuer, it listens on HOST, and each
    test is picked by the message that comes. docs/certification.md explains plans and reports.

    \b
    Examples:
      cmi-switch certify acquirer-basic 127.0.0.1:8583
      cmi-switch certify acquirer-basic host:5000 --dialect visa --set institution=40123 --html report.html
      cmi-switch certify pos 127.0.0.1:8584 --only P02,P04 --junit pos.xml
      cmi-switch certify issuer-basic :8591 --forever --html report.html
      cmi-switch certify acquirer-basic host:5000 --network mine.toml --keys-of rif       with MACs
      cmi-switch certify my-plan.toml --list

    Exit code: 0 every test passed, 1 a test failed or was not run, 2 a wrong option or plan, 3 HOST cannot be reached.
    """
    plan = _plan(options)
    if options["listing"]:
        click.echo("\n".join(_listed(plan)))
        return
    if not options["host"]:
        raise click.UsageError("HOST:PORT is missing: whom to connect to, or where to listen")
    _Certification(plan, options).run()


class _Certification:
    """One run of the command."""

    def __init__(self, plan: "Plan", options: dict[str, Any]) -> None:
        from switch.certify.plan import ACQUIRER

        self._plan = plan
        self._options = options
        self._address: Address = asked_address(options["host"])
        self._dials = options["side"] == "connect" or (options["side"] is None and plan.plays == ACQUIRER)
        self._goes_on = options["forever"]
        if self._goes_on and plan.plays == ACQUIRER:
            raise click.UsageError("--forever is for plans that play an issuer: this one asks, and is over")
        self._manner = _manner(plan, options)
        _check_reports(options)
        self._show: Callable[[str], None] = click.echo
        self._advance: Callable[[], None] = lambda: None
        self._begin_bar: Callable[[], None] = lambda: None
        self._began = ""

    def run(self) -> None:
        """Go through the plan; write the reports; exit with what came of it."""
        import time
        from datetime import UTC, datetime

        from switch.certify.connections import first_stan
        from switch.cli._run_simulators import start
        from switch.server.ports import trio_clock

        self._began = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        examiner = self._examiner(first_stan=first_stan(time.time_ns()))
        began = time.monotonic()

        listens_since = 0

        def finished() -> bool:
            nonlocal listens_since
            if self._dials and not examiner.heard_at and time.monotonic() - began > _REACH_S:
                return True
            self._begin_bar()
            listens_since = listens_since or trio_clock()
            idle_ns = trio_clock() - max(examiner.heard_at, listens_since)
            if not self._dials and not self._goes_on and idle_ns > self._options["wait_s"] * 1e9:
                examiner.stop(f"no message for {self._options['wait_s']:g} s")
            return examiner.over

        with self._progress():
            self._drive(examiner, finished, start)
            if self._dials and not examiner.heard_at:
                raise _Unreached(
                    f"{self._address} cannot be reached: does it listen there, and may this machine connect?"
                )
            examiner.stop("it was stopped before")
        self._conclude(examiner)

    def _examiner(self, first_stan: int) -> "Examiner":
        from switch.certify.examiner import Examiner
        from switch.doctor.explain import Explainer
        from switch.wire import Dialect
        from switch.wire.dialect import names

        spoken = Dialect.load("cmi87") if self._manner.internal else self._manner.dialect
        explainer = Explainer(lambda: [Dialect.load(name) for name in names()])
        return Examiner(
            self._plan, self._manner, spoken, explainer, first_stan=first_stan, goes_on=self._goes_on, ended=self._ended
        )

    def _drive(self, examiner: "Examiner", finished: Callable[[], bool], start: Callable[..., str]) -> None:
        def ready(drivers: "list[Driver]") -> str:
            where = drivers[0].addresses.get(_LINK)
            does = f"listening on {where}" if where else f"connecting to {self._address}"
            tests = f"{counted(len(self._plan.tests), 'test')}"
            return f"Ready: {self._plan.name}, {tests}, {does} ({self._manner.dialect.name}, {self._manner.framing})"

        start(
            [self._station(examiner)],
            ready,
            what="cmi-switch certify",
            ready_path=self._options["ready_path"],
            finished=finished,
            drain_s=0.5,
        )

    def _station(self, examiner: "Examiner") -> "Station":
        from switch.server.driver import Dial
        from switch.server.stations import Station

        ends = None
        if self._options["tls_dir"] is not None:
            asks_for = self._address.host if self._dials else ""
            name = self._options["tls_name"]
            ends = {_LINK: end_of(self._options["tls_dir"], name, "--tls", server=not self._dials, asks_for=asks_for)}
        if self._dials:
            return Station(examiner, dial=[Dial(_LINK, self._address, 200, 2_000)], ends=ends)
        return Station(examiner, listen=[(_LINK, self._address)], ends=ends)

    # -- what is shown

    @contextmanager
    def _progress(self) -> Iterator[None]:
        """A bar where someone looks; each test's lines above it."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.text import Text

        console = Console(soft_wrap=True)
        if not console.is_terminal:
            yield
            return
        columns = (TextColumn(self._plan.name), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        shown = Progress(*columns, console=console, transient=True)
        task = shown.add_task("", total=None if self._goes_on else len(self._plan.tests))
        self._show = lambda line: shown.console.print(Text.from_ansi(line))
        self._advance = lambda: shown.advance(task)
        self._begin_bar = shown.start  # once it is ready: what is said before that has its line
        try:
            yield
        finally:
            shown.stop()
            self._show = click.echo

    def _ended(self, outcome: "Outcome") -> None:
        from switch.certify.reports import lines_of

        for line in lines_of(outcome, paint):
            self._show(line)
        sys.stdout.flush()
        self._advance()

    def _conclude(self, examiner: "Examiner") -> None:
        from switch.certify.findings import Report
        from switch.certify.page import page
        from switch.certify.reports import as_json, as_junit, summary

        manner = self._manner
        report = Report(
            plan=self._plan.name,
            title=self._plan.title,
            plays=self._plan.plays,
            certifies=self._plan.certifies,
            peer=str(self._address) if self._dials else f"who connected to {self._address}",
            dialect=manner.dialect.name,
            framing=manner.framing,
            began=self._began,
            outcomes=examiner.outcomes,
            notes=examiner.notes,
        )
        for note in report.notes:
            click.echo(paint("hint", f"beside the tests: {note}"))
        click.echo(summary(report))
        writers = (("html", page), ("json_path", as_json), ("junit", as_junit))
        unwritten = [said for key, write in writers if (said := _write(self._options[key], write, report))]
        if unwritten:
            raise click.ClickException("; ".join(unwritten))
        if not report.passed:
            raise SystemExit(1)


class _Unreached(click.ClickException):
    """Nobody to certify."""

    exit_code = _UNREACHED


def _check_reports(options: dict[str, Any]) -> None:
    """Can the reports be where they are wanted? Asked before minutes of tests. Raises a click error."""
    for key, name in (("html", "--html"), ("json_path", "--json"), ("junit", "--junit")):
        path: Path | None = options[key]
        if path is not None and not path.parent.is_dir():
            raise click.UsageError(f"{name} {path}: there is no directory {path.parent}")
        if path is not None and not os.access(path if path.exists() else path.parent, os.W_OK):
            raise click.UsageError(f"{name} {path}: may not be written")


def _write(path: Path | None, write: "Callable[[Report], str]", report: "Report") -> str:
    """Why it could not be written; "": it was, or is not wanted."""
    if path is None:
        return ""
    try:
        path.write_text(write(report), encoding="utf-8")
    except OSError as error:
        return f"{path}: {error.strerror}"
    click.echo(f"Report: {path}")
    return ""


def _plan(options: dict[str, Any]) -> "Plan":
    """The plan, with its values and tests as the options say. Raises click errors."""
    import msgspec

    from switch.certify.plan_file import load_plan
    from switch.config import ConfigErrors

    try:
        plan = load_plan(options["plan"])
    except ConfigErrors as errors:
        raise _PlanMistakes(errors) from None
    values = dict(plan.values)
    for item in options["values"]:
        name, equals, value = item.partition("=")
        if not equals or name not in values:
            raise click.UsageError(f"--set {name}: {plan.name} has the values {', '.join(values)}; write NAME=VALUE")
        values[name] = value
    only = [ident.strip() for ident in options["only"].split(",") if ident.strip()]
    unknown = [ident for ident in only if ident not in [test.ident for test in plan.tests]]
    if unknown:
        raise click.UsageError(f"--only {unknown[0]}: {plan.name} has {', '.join(test.ident for test in plan.tests)}")
    tests = tuple(test for test in plan.tests if not only or test.essential or test.ident in only)
    return msgspec.structs.replace(plan, values=values, tests=tests)


class _PlanMistakes(Mistakes):
    """The mistakes of a plan: exit code 2."""

    exit_code = 2


def _manner(plan: "Plan", options: dict[str, Any]) -> "Manner":
    """How to speak. Raises click errors."""
    from switch.certify.plan import INTERNAL
    from switch.certify.wire import Manner
    from switch.certify.words import Words
    from switch.core.messages.translator import translator_for
    from switch.wire import Dialect, DialectError

    try:
        dialect = Dialect.load(options["dialect"] or plan.dialect)
        if plan.format == INTERNAL:
            translator_for(dialect, "", "")
    except (DialectError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    framing = options["framing"] or (plan.framing if not options["dialect"] else "") or dialect.framing
    check_framing(framing)
    own = Words(plan.values).fill(plan.own)
    return Manner(dialect, framing, own, plan.format == INTERNAL, _sealing(plan, options, dialect))


def _sealing(plan: "Plan", options: dict[str, Any], dialect: "Dialect") -> "Sealing | None":
    """What proves the messages, where --keys-of says whose keys they are. Raises click errors."""
    from switch.certify.plan import ACQUIRER
    from switch.cli._network import load, module_of
    from switch.core.links.sealing import Sealings
    from switch.wire.mac_place import NoMacPlaceError

    name, file = options["keys_of"], options["network"]
    if bool(name) != bool(file):
        raise click.UsageError("--network and --keys-of go together: a file, and whose keys of it")
    if not name:
        return None
    network = load(file)
    parties = {host.name: host.keys for host in network.hosts}
    if plan.plays == ACQUIRER:
        parties = {port.name: port.keys for port in network.listeners if port.role == "terminal"}
        parties |= {member.name: member.keys for member in network.members}
    if name not in parties or not parties[name].mac_key:
        there = ", ".join(key for key, keys in parties.items() if keys.mac_key) or "nobody"
        raise click.UsageError(f"--keys-of {name}: in {file} {there} has a `mac_key`")
    try:
        return Sealings(network, module_of(network)).of(parties[name], dialect)
    except NoMacPlaceError as error:
        raise click.UsageError(str(error)) from None


def _listed(plan: "Plan") -> list[str]:
    """What a plan tests, and what may be set."""
    lines = [plan.title, f"plays the {plan.plays}; certifies {plan.certifies}; {plan.dialect}", ""]
    for test in plan.tests:
        lines.append(f"{test.ident}  {test.title}")
        lines += [f"     {text}" for text in (test.about, f"do: {test.do}" if test.do else "") if text]
    if plan.values:
        lines += ["", "values (--set NAME=VALUE):", *(f"  {name} = {value}" for name, value in plan.values.items())]
    return lines
