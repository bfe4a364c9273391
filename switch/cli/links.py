"""`cmi-switch links`: the links of a running switch, and what an operator does with them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, of_each_switch, reason_option, say_json, why
from switch.cli._network import spell_here
from switch.cli._numbers import Finite


@click.group("links")
def command() -> None:
    """Look at the links of a running switch, take them out of use, and put them back.

    It speaks to the switch's control socket (control.sock in its state directory). What an operator has put into
    maintenance stays there over reconnects and restarts of the switch, until `resume`.

    \b
    Examples:
      cmi-switch links list
      cmi-switch links list --json | jq '.hosts[] | select(.up == 0)'
      cmi-switch links drain atlas --wait 30 --reason "change 4711"
      cmi-switch links resume atlas
    """


@command.command("list")
@of_each_switch
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
        say_json(links)
        return
    _tables(links)


WHICH = click.argument("name")
ACQUIRER = click.option("--acquirer", is_flag=True, help="NAME is a bank as acquirer, though a host has the same name.")


@command.command("signoff")
@of_each_switch
@WHICH
@ACQUIRER
@reason_option
def signoff_command(state_dir: Path, name: str, acquirer: bool, reason: str) -> None:
    """Put NAME into maintenance, at once.

    NAME is a host, a listener, a member (as acquirer), or one connection of `links list` (atlas#3). A host is told (0800,
    DE70=002) and payments to it are declined with DE39=91; what it is asked already it may still answer. An acquirer's
    requests are refused with DE39=91. Connections stay open. It lasts until `links resume NAME`, over reconnects and
    restarts; of one connection, until that connection ends.

    \b
    Examples:
      cmi-switch links signoff atlas
      cmi-switch links signoff rif --acquirer       the bank's terminals and acquiring host, not its issuer host
      cmi-switch links signoff visa#2               one connection; others of that host go on
    """
    _say(ask(state_dir, "links.signoff", name=name, acquirer=acquirer, **why(reason)))


@command.command("drain")
@of_each_switch
@WHICH
@ACQUIRER
@reason_option
@click.option(
    "--wait",
    "wait_s",
    type=Finite(0),
    default=0.0,
    metavar="SECONDS",
    help="Wait so long for what is in flight to end.",
)
def drain_command(state_dir: Path, name: str, acquirer: bool, reason: str, wait_s: float) -> None:
    """Put NAME into maintenance once what is in flight has ended.

    New payments are refused from now on; answers, reversals and advices pass until nothing is in flight. Then as `signoff`.

    \b
    Examples:
      cmi-switch links drain atlas
      cmi-switch links drain atlas --wait 30        exit code 1 if something is still in flight by then
    """
    import time

    door = ask(state_dir, "links.drain", name=name, acquirer=acquirer, **why(reason))
    until = time.monotonic() + wait_s
    while "draining" in door["states"].values() and time.monotonic() < until:
        time.sleep(0.05)
        door = ask(state_dir, "links.show", name=name, acquirer=acquirer)
    _say(door)
    if wait_s and "draining" in door["states"].values():
        raise click.ClickException(f"{door['in_flight']} payments are still in flight after {wait_s:g} s")


@command.command("resume")
@of_each_switch
@WHICH
@ACQUIRER
@reason_option
def resume_command(state_dir: Path, name: str, acquirer: bool, reason: str) -> None:
    """End the maintenance of NAME: a host is signed on to, an acquirer's requests are taken again.

    \b
    Example:
      cmi-switch links resume atlas
    """
    _say(ask(state_dir, "links.resume", name=name, acquirer=acquirer, **why(reason)))


def _say(door: dict[str, Any]) -> None:
    kind, _, name = door["target"].rpartition(":")
    states = ", ".join(f"{link} {state}" for link, state in door["states"].items()) or "no connection is open"
    flying = f"; {door['in_flight']:,} in flight" if door["in_flight"] else ""
    click.echo(f"{kind or 'connection'} {name}: {states}{flying}")


def _tables(links: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 160)
    console.print(_hosts(links["hosts"]))
    console.print()
    console.print(_sessions(links["sessions"]) if links["sessions"] else "No connection is open.")
    for row in links["hosts"]:
        if row["leaving_since_us"]:
            stays = (
                f"it stays for {row['stays_for']}" if row["stays_for"] else "nothing can come back to it: it goes now"
            )
            since = _spell(row["leaving_since_us"])
            console.print(f"\nLeaving since {since} UTC, no longer in the network file: host {row['host']}; {stays}")
    if links["keys"]:
        console.print()
        console.print(_keys(links["keys"]))
    for target, since_us in links["maintenance"].items():
        kind, _, name = target.partition(":")
        since = _spell(since_us)
        resume = spell_here(f"links resume {name}" + (" --acquirer" if kind == "acquirer" else ""))
        console.print(f"\nMaintenance since {since} UTC: {kind} {name}; `{resume}` ends it")


def _spell(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
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
            f"{row['up']} of {row['connections']}", f"{row['in_flight']:,}", f"{row['owed']:,}",
        )  # fmt: skip
    return table


def _keys(rows: list[dict[str, Any]]) -> Any:
    table = _table("keys of", "key", "for", "set", "check value", "since", "coming", "previous", "last change")
    for row in rows:
        of = f"{row['party']} (acquirer)" if row["acquirer"] else row["party"]
        last = row["failed"] or ("under way" if row["changing"] else "")
        since = _spell(row["since_us"]) if row["since_us"] else "-"
        sets = row["coming"] or "-", row["previous"] or "-"
        table.add_row(of, row["key"], row["purpose"], row["set"] or "?", row["check_value"], since, *sets, last or "-")
    return table


def _sessions(rows: list[dict[str, Any]]) -> Any:
    secured = any(row["certificate"] for row in rows)
    shown = ("certificate", "until") if secured else ()
    table = _table("link", "role", "peer", "dialect", "state", "in flight>", "heard>", "good>", "bad>", *shown)
    for row in rows:
        cells = [
            row["link"], row["role"], row["peer"] or "-", row["dialect"], _painted(row["state"]), f"{row['in_flight']:,}",
            f"{row['heard_ms'] / 1000:,.1f} s ago", f"{row['good']:,}", f"{row['bad']:,}",
        ]  # fmt: skip
        if secured:
            ends_us = row["certificate_ends_us"]
            cells += [row["certificate"] or "none: plain", _spell(ends_us)[:10] if ends_us else "-"]
        table.add_row(*cells)
    return table
