"""`cmi-switch day`: the business day of a running switch, and its close."""

import json
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, of_switch

JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a sentence.")


@click.group("day")
def command() -> None:
    """Show or close the business day of a running switch.

    \b
    Examples:
      cmi-switch day show
      cmi-switch day close
      cmi-switch day close --date 2026-11-30       over a weekend
    """


@command.command("show")
@of_switch
@JSON
def show_command(state_dir: Path, as_json: bool) -> None:
    """Show the business day.

    \b
    Example:
      cmi-switch day show
    """
    _say(ask(state_dir, "day.show"), as_json)


@command.command("close")
@of_switch
@click.option("--date", default="", metavar="YYYY-MM-DD", help="The business day that begins. [default: the next one]")
@JSON
def close_command(state_dir: Path, date: str, as_json: bool) -> None:
    """Close the business day (cutover): the next one begins at once, and traffic goes on.

    Hosts and acquirers that are up are told (0800, DE70=201, the new day in DE15).

    \b
    Examples:
      cmi-switch day close
      cmi-switch day close --date 2026-11-30
    """
    _say(ask(state_dir, "day.close", date=date), as_json)


def _say(day: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(day))
        return
    told = f"; told: {', '.join(day['told'])}" if day["told"] else ""
    click.echo(f"The business day is {day['day']}{told}")
