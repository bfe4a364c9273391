"""`cmi-switch exceptions`: what no repeating ends, and what a person does about it."""

import getpass
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, json_option, of_each_switch, say_json
from switch.cli._network import spell_here


@click.group("exceptions")
def command() -> None:
    """Look at exceptions: reversals and advices that no host takes, reversals of payments that nobody can tell; end them.

    Each is money that may stand at one bank and not at the other, or fees that nobody was charged. It stays until you say, with a
    reason, what became of it.

    \b
    Kinds:
      undelivered           sent often enough and never acknowledged; `cmi-switch saf retry` sends it again
      refused               the host says no to a reversal or an advice of what it approved
      unmatched-reversal    an acquirer reversed what nobody here knows, and its issuer did not accept it
      late-approval         a host approved what had long been given up, and reversed
      ambiguous-reversal    an acquirer reversed what could be one of several payments
      batch-only-terminal   a classic terminal settled a payment that does not stand here
      batch-only-switch     … did not settle one that stands here
      unpriced              approved, and no [[fee]] or no rate was there: settled without fees

    \b
    Examples:
      cmi-switch exceptions list
      cmi-switch exceptions show 6610f4c2d0994
      cmi-switch exceptions resolve 6610f4c2d0994 --reason "credited by hand at Atlas, ticket 4711"
    """


@command.command("list")
@of_each_switch
@click.option("--kind", default="", metavar="KIND", help="Only of this kind.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1_000), help="At most so many.")
@json_option
def list_command(state_dir: Path, kind: str, limit: int, as_json: bool) -> None:
    """List what is open, oldest first."""
    found = ask(state_dir, "exceptions.list", kind=kind, limit=limit)
    if as_json:
        say_json(found)
        return
    if not found["items"]:
        click.echo("No exceptions are open.")
        return
    _table(found["items"])
    if found["left_out"]:
        click.echo(f"… and {found['left_out']:,} more: --limit shows up to 1,000")


@command.command("show")
@of_each_switch
@click.argument("txn")
@json_option
def show_command(state_dir: Path, txn: str, as_json: bool) -> None:
    """Show one: what it is about, whose, and what may be done."""
    row = ask(state_dir, "exceptions.show", txn=txn)
    if as_json:
        say_json(row)
        return
    for name, value in _facts(row):
        click.echo(f"{name + ':':<10} {value}")
    click.echo()
    click.echo("next: " + _next(row))


@command.command("resolve")
@of_each_switch
@click.argument("txn")
@click.option("--reason", required=True, help="What was done about it; it is kept in the journal.")
@click.option("--by", default="", metavar="NAME", help="Who says so (default: the user who runs this).")
@json_option
def resolve_command(state_dir: Path, txn: str, reason: str, by: str, as_json: bool) -> None:
    """End one. What was owed by it is owed no more, and what waits behind it goes on."""
    row = ask(state_dir, "exceptions.resolve", txn=txn, reason=reason, by=by or getpass.getuser())
    if as_json:
        say_json(row)
        return
    click.echo(f"Resolved: {row['kind']} {row['txn']}, {_what(row)}.")


def _what(row: dict[str, Any]) -> str:
    from switch.money.currency import format_amount

    amount = format_amount(row["amount"], row["currency"]) if row["currency"] else ""
    return " ".join(part for part in (row["mti"], amount, row["pan"]) if part)


def _facts(row: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("kind", row["kind"]), ("about", _what(row)), ("why", row["reason"]), ("host", row["host"]), ("asked by", row["link"]),
        ("of", row["original"]), ("DE37", row["rrn"]), ("age", f"{row['age_s']:,} s"),
    ]  # fmt: skip
    return [(name, value) for name, value in facts if value]


def _next(row: dict[str, Any]) -> str:
    resolve = f'`{spell_here("exceptions resolve " + row["txn"])} --reason "…"`'
    if row["kind"] == "unpriced":
        return (
            f"a [[fee]] or rate in the network file prices payments to come (`{spell_here('reload')}`), not this one: charge its "
            f"fees by hand, then {resolve}"
        )
    once = f"{resolve} once the banks' books agree"
    if not row["mti"]:
        return once
    return f"`{spell_here('saf retry ' + row['txn'])}` sends it to {row['host']} again; {once}"


def _table(rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 240)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("txn", "kind", "host", "what", "DE37", "age", "why"):
        table.add_column(name, overflow="fold", no_wrap=name in ("txn", "kind", "host", "DE37", "age"))
    for row in rows:
        table.add_row(
            row["txn"],
            row["kind"],
            row["host"] or "-",
            _what(row),
            row["rrn"] or "-",
            f"{row['age_s']:,} s",
            row["reason"],
        )
    console.print(table)
