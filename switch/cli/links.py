"""`cmi-switch links`: the links of a running switch, and what an operator does with them."""

import json
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, of_switch


@click.group("links")
def command() -> None:
    """Look at the links of a running switch.

    It speaks to the switch's control socket (control.sock in its state directory).

    \b
    Examples:
      cmi-switch links list
      cmi-switch links list --json | jq '.hosts[] | select(.up == 0)'
    """


@command.command("list")
@of_switch
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of tables.")
def list_command(state_dir: Path, as_json: bool) -> None:
    """List every host and every connection: who, in what state, with how much in flight and owed.

    \b
    Examples:
      cmi-switch links list
      cmi-switch links list --state /srv/switch
    """
    links = ask(state_dir, "links.list")
    if as_json:
        click.echo(json.dumps(links))
        return
    _tables(links)


def _tables(links: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(_hosts(links["hosts"]))
    console.print(_sessions(links["sessions"]) if links["sessions"] else "No connection is open.")


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name.rstrip(">"), justify="right" if name.endswith(">") else "left", no_wrap=True)
    return table


_COLOURS = {"up": "green", "away": "red", "closing": "red"}


def _painted(state: str) -> Any:
    from rich.text import Text

    return Text(state, _COLOURS.get(state, "yellow"))


def _hosts(rows: list[dict[str, Any]]) -> Any:
    table = _table("host", "route", "dialect", "address", "state", "up>", "in flight>", "owed>")
    for row in rows:
        table.add_row(
            row["host"], row["route"], row["dialect"], row["address"] or "connects in", _painted(row["state"]),
            str(row["up"]), f"{row['in_flight']:,}", f"{row['owed']:,}",
        )  # fmt: skip
    return table


def _sessions(rows: list[dict[str, Any]]) -> Any:
    table = _table("link", "role", "peer", "dialect", "state", "in flight>", "heard>", "good>", "bad>")
    for row in rows:
        table.add_row(
            row["link"], row["role"], row["peer"] or "-", row["dialect"], _painted(row["state"]), f"{row['in_flight']:,}",
            f"{row['heard_ms'] / 1000:,.1f} s ago", f"{row['good']:,}", f"{row['bad']:,}",
        )  # fmt: skip
    return table
