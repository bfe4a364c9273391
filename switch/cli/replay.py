"""`cmi-switch replay`: one side of a capture against a live host, and what it does otherwise."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._address import asked_address
from switch.cli._numbers import Finite
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.counting import counted

if TYPE_CHECKING:
    from switch.capture.replay import Plan, Report
    from switch.capture.talks import Talk
    from switch.core.network import Address


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", required=True, metavar="HOST:PORT", help="The host to connect to; with --side server, where to listen."
)
@click.option(
    "--dialect", metavar="NAME", help="cmi87, cmi87b, visa … or a file's path. [default: as the capture says]"
)
@click.option(
    "--framing", metavar="NAME", help="What stands around each message. [default: as the capture or dialect says]"
)
@click.option("--port", type=click.IntRange(1, 65_535), help="Only conversations of the capture with this port.")
@click.option(
    "--side", type=click.Choice(["client", "server"]), default="client", show_default=True, help="Whom to play."
)
@click.option("--speed", default="max", show_default=True, metavar="original|2x|max",
              help="As captured, so many times faster, or as fast as the other side allows.")  # fmt: skip
@click.option("--ignore", default="", metavar="DE7,DE54,…", help="Elements not to compare.")
@click.option("--rule", "rules", multiple=True, metavar="DE54=RULE", help="Compare by exact, shape, present or ignore.")
@click.option("--fresh", is_flag=True, help="New DE7, DE11 (DE37, DE90 follow): a host takes repeats for repeats.")
@click.option(
    "--timeout", "timeout_s", type=Finite(min=0.01), default=5.0, show_default=True, help="Seconds an answer may take."
)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML for a CI system.")
@ready_option()
def command(**options: Any) -> None:
    """Play one side of a capture against a live host, and compare what it answers with what was captured.

    FILE is pcapng, pcap, JSON lines or a hex dump. Requests leave as they were captured, each after the answers it had waited
    for. Answers are compared element by element; what a host makes anew (DE7, 11, 12, 13, 15, 37, 38 …) by its shape, what it
    repeats of a request by the request. docs/captures.md has the table of rules.

    \b
    Examples:
      cmi-switch replay today.pcapng --port 8583 --to 127.0.0.1:8583
      cmi-switch replay theirs.pcap --dialect visa --to test-host:5000 --speed original --ignore DE62
      cmi-switch replay today.jsonl --to :9000 --side server            be the host; the client is live
      cmi-switch replay today.pcapng --to host:5000 --fresh --junit replay.xml

    Exit code: 0 all as captured, 1 something differs, 2 a wrong option.
    """
    from switch.capture.compare import RuleError, read_rules
    from switch.capture.junit import as_junit
    from switch.capture.refresh import new_requests
    from switch.capture.replay import NS, Plan
    from switch.cli._capture import talks_of

    file, junit = options["file"], options["junit"]
    address = asked_address(options["to"])
    try:
        rules = read_rules(options["ignore"], options["rules"])
    except RuleError as error:
        raise click.UsageError(str(error)) from None
    plan = Plan(
        client=options["side"] == "client",
        speed=_speed(options["speed"]),
        timeout_ns=round(options["timeout_s"] * NS),
        rules=rules,
        refresh=new_requests() if options["fresh"] else None,
    )
    talks = talks_of(file, options["dialect"], options["framing"], options["port"])
    report = _play(address, talks, plan, options["ready_path"])
    click.echo(str(report))
    if junit is not None:
        try:
            junit.write_text(as_junit(report, file.name), encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{junit}: {error.strerror}") from None
    if not report.same:
        raise SystemExit(1)


def _play(address: "Address", talks: "list[Talk]", plan: "Plan", ready_path: Path | None) -> "Report":
    import trio

    from switch.capture.live import replay_at, replay_to

    file = prepare_ready(ready_path)

    def ready(where: "Address") -> None:
        connections = f"{counted(len(talks), 'connection')}"
        say_ready(file, {"replay": where}, f"Ready: listening on {where}; waiting for {connections}")

    try:
        if plan.client:
            return trio.run(replay_to, address, talks, plan)
        return trio.run(replay_at, address, talks, plan, ready)
    except OSError as error:
        what = f"{address} cannot be reached" if plan.client else f"cannot listen on {address}"
        raise click.ClickException(f"{what}: {error.strerror or error}") from None
    except KeyboardInterrupt:
        raise click.ClickException("interrupted") from None


def _speed(text: str) -> float:
    """`original` -> 1, `2x` -> 2, `max` -> 0."""
    if text in ("original", "max"):
        return 1.0 if text == "original" else 0.0
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1e6:
        raise click.UsageError(f"--speed is original, max or a factor such as 2x, not {text!r}")
    return factor
