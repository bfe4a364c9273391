"""`cmi-switch day`: the business day of a running switch, its windows, and their close."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, of_switch

HOUR_S = 3_600
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a sentence.")


@click.group("day")
def command() -> None:
    """Show or close the business day of a running switch, or a window of it.

    \b
    Examples:
      cmi-switch day show
      cmi-switch day close
      cmi-switch day close --date 2026-11-30       over a weekend
      cmi-switch day close --again                 although it was closed a moment ago
      cmi-switch day close --ends 2026-11-27       that one: the same however often it is said
      cmi-switch day close --window                a window; the day goes on
    """


@command.command("show")
@of_switch
@JSON
def show_command(state_dir: Path, as_json: bool) -> None:
    """Show the business day, and its window.

    \b
    Example:
      cmi-switch day show
    """
    _say(ask(state_dir, "day.show"), as_json)


@command.command("close")
@of_switch
@click.option("--date", default="", metavar="YYYY-MM-DD", help="The business day that begins. [default: the next one]")
@click.option("--ends", default="", metavar="NAME", help="What ends: a day, or with --window 2026-11-27/1.")
@click.option("--window", is_flag=True, help="Close the window alone: the next one is of the same day.")
@click.option("--again", is_flag=True, help="Close it although it was closed a moment ago; a terminal is asked.")
@JSON
def close_command(state_dir: Path, date: str, ends: str, window: bool, again: bool, as_json: bool) -> None:
    """Close the business day (cutover): the next one begins at once, and traffic goes on.

    Hosts and acquirers that are up are told (0800, DE70=201, the new day in DE15). A day that was closed within the hour, or a
    window within the minute, is closed again only if you say that you mean it. A script says what ends (--ends): if that has
    ended, nothing is done, and it succeeds.

    \b
    Examples:
      cmi-switch day close
      cmi-switch day close --date 2026-11-30
      cmi-switch day close --window --ends 2026-11-27/1
    """
    if window:
        if date:
            raise click.UsageError("--date names the day that begins, and with --window none does: leave one out")
        _say(ask(state_dir, "day.close_window", ends=ends, again=again), as_json)
        return
    again = again or bool(ends) or _confirm_again(state_dir)
    _say(ask(state_dir, "day.close", date=date, ends=ends, again=again), as_json)


def _confirm_again(state_dir: Path) -> bool:
    """True if a person at a terminal confirms that a day closed within the hour is to be closed again."""
    if not sys.stdin.isatty():
        return False
    day = ask(state_dir, "day.show")
    ago_s = time.time() - day["since_us"] / 1_000_000
    if ago_s >= HOUR_S:
        return False
    click.confirm(f"The business day was closed {ago_s / 60:.0f} minutes ago, and is {day['day']}. Again?", abort=True)
    return True


def _say(day: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(day))
        return
    told = f"; told: {', '.join(day['told'])}" if day["told"] else ""
    window = f", window {day['window']}" if day["window"] > 1 else ""
    known = "; that was closed before, and nothing is done" if day["known"] else ""
    click.echo(f"The business day is {day['day']}{window}{known}{told}")
