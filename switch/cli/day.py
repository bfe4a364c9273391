"""`cmi-switch day`: the business day of a running switch, its windows, and their close."""

import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, ask_each, of_each_switch, of_switches, say_json
from switch.cli._not_done import NotDone

HOUR_S = 3_600
SHOW_S = 3.0
"""for a shard that hangs the others do not wait longer"""
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
@of_each_switch
@JSON
def show_command(state_dir: Path, as_json: bool) -> None:
    """Show the business day, and its window.

    \b
    Example:
      cmi-switch day show
    """
    _say(ask(state_dir, "day.show"), as_json)


@command.command("close")
@of_switches
@click.option("--date", default="", metavar="YYYY-MM-DD", help="The business day that begins. [default: the next one]")
@click.option("--ends", default="", metavar="NAME", help="What ends: a day, or with --window 2026-11-27/1.")
@click.option("--window", is_flag=True, help="Close the window alone: the next one is of the same day.")
@click.option("--again", is_flag=True, help="Close it although it was closed a moment ago; a terminal is asked.")
@JSON
def close_command(states: tuple[Path, ...], date: str, ends: str, window: bool, again: bool, as_json: bool) -> None:
    """Close the business day (cutover): the next one begins at once, and traffic goes on.

    Hosts and acquirers that are up are told (0800, DE70=201, the new day in DE15). A day that was closed within the hour, or a
    window within the minute, is closed again only if you say that you mean it. A script says what ends (--ends): if that has
    ended, nothing is done, and it succeeds. Of a network with shards it ends in each of them what is the oldest among them.

    \b
    Examples:
      cmi-switch day close
      cmi-switch day close --date 2026-11-30
      cmi-switch day close --window --ends 2026-11-27/1
    """
    if window and date:
        raise click.UsageError("--date names the day that begins, and with --window none does: leave one out")
    command = "day.close_window" if window else "day.close"
    asked: dict[str, Any] = {"ends": ends} if window else {"date": date, "ends": ends}
    if len(states) > 1 and not ends:
        _close_oldest(states, command, asked, again, as_json)
        return

    def close(state_dir: Path) -> None:
        sure = again or (not window and (bool(ends) or _confirm_again(state_dir)))
        _say(ask(state_dir, command, **asked, again=sure), as_json)

    ask_each(states, close)


def _close_oldest(states: tuple[Path, ...], command: str, asked: dict[str, Any], again: bool, as_json: bool) -> None:
    """End what is the oldest among shards in each: one that is further on has done so, perhaps as another told it.

    The first one says whether it may be closed again so soon; the others are told what ends, so that none closes twice.
    """
    days: dict[Path, tuple[str, int]] = {}
    silent: dict[Path, NotDone] = {}
    for one in states:
        try:
            day = ask(one, "day.show", SHOW_S)
        except NotDone as error:
            silent[one] = error
        else:
            days[one] = day["day"], day["window"]
    first = min(days, key=lambda one: days[one], default=states[0])
    date, number = days.get(first, ("", 0))
    ends = date if command == "day.close" else f"{date}/{number}"
    closed: list[Path] = []

    def close(state_dir: Path) -> None:
        if state_dir in silent:
            what = "--ends" if command == "day.close" else "--window --ends"
            later = f"cmi-switch day close {what} {ends} --state {shlex.quote(str(state_dir))}"
            hint = f"\nwhen it is back: {later}" if closed else ""
            raise click.ClickException(silent[state_dir].format_message() + hint)
        if state_dir == first:
            sure = again or (command == "day.close" and _confirm_again(first))
            _say(ask(first, command, **asked, again=sure), as_json)
            closed.append(first)
        elif closed:
            _say(ask(state_dir, command, **asked | {"ends": ends}), as_json)
        else:
            raise click.ClickException(f"is left as it is, as {first.name} is")

    ask_each((first, *(one for one in states if one != first)), close)


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
        say_json(day)
        return
    told = f"; told: {', '.join(day['told'])}" if day["told"] else ""
    window = f", window {day['window']}" if day["window"] > 1 else ""
    known = "; that was closed before, and nothing is done" if day["known"] else ""
    click.echo(f"The business day is {day['day']}{window}{known}{told}")
