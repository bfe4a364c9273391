"""`cmi-switch saf`: what a running switch owes its hosts, and what an operator does about it."""

from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, json_option, of_each_switch, reason_option, say_json, why
from switch.cli._network import spell_here


@click.group("saf")
def command() -> None:
    """Look at store-and-forward: reversals and advices that a running switch owes its hosts; send them again, or hold them.

    It speaks to the switch's control socket (control.sock in its state directory). Nothing owed is ever dropped: what its host
    never acknowledges becomes a dead letter, and stays until it is retried.

    \b
    Examples:
      cmi-switch saf list --dead
      cmi-switch saf retry 6610f4c2d0994
      cmi-switch saf hold atlas
    """


@command.command("list")
@of_each_switch
@click.option("--host", default="", metavar="HOST", help="Only what is owed to this host.")
@click.option("--dead", is_flag=True, help="Only dead letters.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many.")
@json_option
def list_command(state_dir: Path, host: str, dead: bool, limit: int, as_json: bool) -> None:
    """List what is owed, oldest first: to whom, what, since when, how often it was tried, and when it is sent again.

    \b
    Examples:
      cmi-switch saf list
      cmi-switch saf list --host atlas --limit 200
      cmi-switch saf list --dead --json | jq -r '.items[].txn'
    """
    owing = ask(state_dir, "saf.list", host=host, dead=dead, limit=limit)
    if as_json:
        say_json(owing)
        return
    for queue in owing["hosts"]:
        if queue["owed"] or queue["held"] or host:
            click.echo(_queue(queue))
    if owing["items"]:
        _table(owing["items"])
    elif not any(queue["owed"] for queue in owing["hosts"]):
        click.echo("Nothing is owed.")
    else:
        click.echo("No dead letters.")
    if owing["left_out"]:
        click.echo(f"… and {owing['left_out']:,} more: --limit shows up to 1,000; `cmi-switch journal list` shows all")


def _queue(queue: dict[str, Any]) -> str:
    counted = (name for name in ("in_flight", "backing_off", "dead") if queue[name])
    parts = [f"{queue['owed']:,} owed", *(f"{queue[name]:,} {name.replace('_', ' ')}" for name in counted)]
    if queue["held"]:
        parts.append(f"HELD: `{spell_here('saf release ' + queue['host'])}` lets it go")
    if not queue["up"]:
        parts.append("the host is away")
    return f"{queue['host']}: {', '.join(parts)}"


_COLOURS = {"dead": "red", "held": "yellow", "backing off": "yellow", "behind": "yellow", "in flight": "green"}


def _table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 240)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("host", "txn", "what", "why", "age", "tries", "next", "state", ""):
        wraps = console.is_terminal and name in ("what", "why", "")
        side: Any = "right" if name in ("age", "tries", "next") else "left"
        width = max(len(row["txn"]) for row in rows) if name == "txn" else None
        table.add_column(name, justify=side, no_wrap=not wraps, overflow="fold", min_width=width)
    for row in rows:
        note = f"behind {row['behind']}" if row["state"] == "behind" else row["note"]
        table.add_row(
            row["host"], row["txn"], _what(row), _why(row), _span(row["age_s"]), str(row["tries"]), _next(row["next_ms"]),
            Text(row["state"], _COLOURS.get(row["state"], "")), note,
        )  # fmt: skip
    console.print(table)


def _what(row: dict[str, Any]) -> str:
    from switch.money.currency import format_amount

    return f"{row['mti']} {format_amount(row['amount'], row['currency'])} {row['pan']}"


def _why(row: dict[str, Any]) -> str:
    of = f" of {row['original']}" if row["original"] else ""
    return f"{row['kind']}: {row['reason']}{of}"


def _span(seconds: int) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _next(next_ms: int | None) -> str:
    if next_ms is None:
        return "-"
    return "now" if next_ms < 1_000 else f"in {_span(next_ms // 1_000)}"


@command.command("retry")
@of_each_switch
@click.argument("txns", metavar="[TXN]...", nargs=-1)
@click.option("--host", default="", metavar="HOST", help="All of this host's that are dead or back off.")
@click.option("--all", "all_hosts", is_flag=True, help="The same, of every host.")
@json_option
def retry_command(state_dir: Path, txns: tuple[str, ...], host: str, all_hosts: bool, as_json: bool) -> None:
    """Send again now: dead letters are put back, for good; what backs off need not wait.

    Their tries are counted from the beginning. Messages of the same transaction stay in order.

    \b
    Examples:
      cmi-switch saf retry 6610f4c2d0994
      cmi-switch saf retry --host atlas
      cmi-switch saf retry --all
    """
    if bool(txns) + bool(host) + all_hosts != 1:
        raise click.UsageError(
            f"say what: transactions (as `{spell_here('saf list')}` shows them), --host HOST or --all"
        )
    done = ask(state_dir, "saf.retry", txns=txns, host=host, all=all_hosts)
    retried, asked_for = done["retried"], done["retried"] + done["left"]
    while done["left"] and done["retried"] and retried < asked_for:
        done = ask(state_dir, "saf.retry", txns=txns, host=host, all=all_hosts)
        retried += done["retried"]
    done["retried"] = retried
    if as_json:
        say_json(done)
        return
    click.echo(f"{retried:,} put back." if retried else "Nothing to put back: it is neither dead nor backing off.")
    for name in done["held"]:
        click.echo(f"{name} is held: nothing leaves for it until `{spell_here(f'saf release {name}')}`.")
    for name in done["away"]:
        click.echo(f"{name} is away: it gets everything when it is back.")


@command.command("hold")
@of_each_switch
@click.argument("host")
@reason_option
@json_option
def hold_command(state_dir: Path, host: str, reason: str, as_json: bool) -> None:
    """Send HOST nothing of what it is owed, until it is released; over restarts too. Payments go on.

    What is owed to it waits, and counts in `owed_per_host`: above that, new payments to it are declined.

    \b
    Examples:
      cmi-switch saf hold atlas
      cmi-switch saf release atlas
    """
    _hold(state_dir, "saf.hold", host, reason, as_json)


@command.command("release")
@of_each_switch
@click.argument("host")
@reason_option
@json_option
def release_command(state_dir: Path, host: str, reason: str, as_json: bool) -> None:
    """Let HOST have again what it is owed, at its pace (`owed_per_second`).

    \b
    Examples:
      cmi-switch saf release atlas
    """
    _hold(state_dir, "saf.release", host, reason, as_json)


def _hold(state_dir: Path, name: str, host: str, reason: str, as_json: bool) -> None:
    done = ask(state_dir, name, name=host, **why(reason))
    if as_json:
        say_json(done)
        return
    already = "" if done["changed"] else "already "
    if done["held"]:
        click.echo(
            f"{host} is {already}held: {done['owed']:,} owed, and nothing leaves until `{spell_here(f'saf release {host}')}`."
        )
    else:
        click.echo(f"{host} is {already}released: {done['owed']:,} owed.")
