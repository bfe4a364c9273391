"""`cmi-switch hops`: read a hop log back, as the waterfall of one transaction or as a filtered stream."""

from __future__ import annotations

import shlex
import time
from heapq import merge
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import DEFAULT_STATE
from switch.cli._numbers import asked_txn
from switch.observe import HOP_LOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from switch.observe.follow import Follower
    from switch.observe.where import Condition

DEFAULT_LOG = f"{DEFAULT_STATE}/{HOP_LOG}"
POLL_S = 0.2
_STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True},
    "arrow": {"fg": "cyan"},
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "note": {"dim": True},
}


@click.command()
@click.option(
    "--log",
    "log",
    default=DEFAULT_LOG,
    show_default=True,
    help="The hop log; files turned over from it are read too. A directory: the logs of a network's shards, by time.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--txn", metavar="ID", help="One transaction, as a waterfall of its hops.")
@click.option(
    "--where", "-w", multiple=True, metavar="CONDITION", help="Only events that meet it; may be given several times."
)
@click.option("--limit", "-n", type=click.IntRange(0, 1_000_000_000), default=0, help="Only the last so many; 0: all.")
@click.option("--currency", default="MAD", show_default=True, help="What costs are in.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they stand in the log.")
def command(
    log: str, follow: bool, txn: str | None, where: tuple[str, ...], limit: int, currency: str, as_json: bool
) -> None:
    """What the switch did, hop by hop, read from its hop log.

    A transaction has an id (hexadecimal) that stands on each of its hops. A condition is key=value, key!=value,
    key>number, key<number or key~pattern, on any key of a line (docs/hop-log.md lists them).

    \b
    Examples:
      cmi-switch hops -n 20
      cmi-switch hops --follow --where de39=51
      cmi-switch hops --where route=visa --where 'elapsed_us>100000' --where direction=sent
      cmi-switch hops --where 'event~^link' --json
      cmi-switch hops --txn 64a1f3b2c3d4e
      cmi-switch hops --log var/mine -n 20             of all shards
    """
    from switch.observe.where import WhereError, parse_condition

    paths = logs_of(Path(log))
    if not any(path.exists() for path in paths) and not follow:
        raise click.ClickException(_no_log(paths[0]))
    try:
        conditions = [parse_condition(text) for text in where]
        if txn is not None:
            conditions.append(parse_condition(f"txn={asked_txn(txn):x}"))
    except WhereError as error:
        raise click.UsageError(str(error)) from None
    try:
        if txn is not None and not as_json and not follow:
            _waterfall(log, paths, f"{asked_txn(txn):x}", currency)
        else:
            _stream(paths, conditions, follow=follow, limit=limit, as_json=as_json)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(f"{error.filename or log}: {error.strerror}") from None


def logs_of(named: Path) -> list[Path]:
    """The log of this name; of a directory its own, or those of the shards that have theirs below it."""
    if not named.is_dir():
        return [named]
    own = named / HOP_LOG
    return [own] if own.exists() else sorted(named.glob(f"*/{HOP_LOG}")) or [own]


def _no_log(path: Path) -> str:
    return f"{path}: no such file. The switch writes it: start it with `cmi-switch serve`, or name another log with --log FILE"


def _paint(style: str, text: str) -> str:
    return click.style(text, **_STYLES[style]) if text else text


def _at(line: bytes) -> bytes:
    """When its event was: each line begins with `{"at":"` and the time."""
    return line[7:33]


def _written(followers: Sequence[Follower]) -> Iterator[bytes]:
    """What the logs hold from where their readers stand, by time."""
    return merge(*(chain.from_iterable(iter(follower.poll, [])) for follower in followers), key=_at)


def _new(followers: Sequence[Follower]) -> Iterator[bytes]:
    """What is written from now on, for ever."""
    while True:
        lines = sorted(chain.from_iterable(follower.poll() for follower in followers), key=_at)
        yield from lines
        if not lines:
            time.sleep(POLL_S)


def _tell_damaged(error: OSError) -> None:
    """An older file is left out: what others have is shown all the same."""
    click.echo(f"{error.filename} {str(error.strerror).partition(';')[0]}: its lines are left out", err=True)


def _newest(log: str) -> str:
    return "cmi-switch hops -n 20" + ("" if log == DEFAULT_LOG else f" --log {shlex.quote(log)}")


def _waterfall(log: str, paths: Sequence[Path], txn: str, currency: str) -> None:
    """Print the hops of a transaction, of whichever of these logs has it. `log`: as it was named. ClickException: none has."""
    from switch.observe.transaction import read_transaction
    from switch.observe.waterfall import waterfall

    for path in paths:
        hops, events = read_transaction(path, txn, _tell_damaged)
        if hops:
            click.echo(waterfall(hops, events, currency, _paint))
            return
    raise click.ClickException(
        f"{log}: no hop of transaction {txn}. `{_newest(log)}` shows the newest; older files may have been let go"
    )


def _stream(paths: Sequence[Path], conditions: Sequence[Condition], *, follow: bool, limit: int, as_json: bool) -> None:
    from switch.observe.follow import Follower

    keys: set[str] = set()
    met = 0
    followers = [Follower(path, older=not limit, damaged=_tell_damaged) for path in paths]
    try:
        if limit:  # from the end backwards: the log may be large, and what is asked for is mostly near
            backwards = merge(*(follower.newest_first() for follower in followers), key=_at, reverse=True)
            met_by = (_render_line(line, conditions, keys, as_json=as_json) for line in backwards)
            newest = list(islice((shown for shown in met_by if shown is not None), limit))
            met = len(newest)
            for shown in reversed(newest):
                click.echo(shown)
        forwards = () if limit else _written(followers)
        for line in chain(forwards, _new(followers) if follow else ()):
            text = _render_line(line, conditions, keys, as_json=as_json)
            if text is not None:
                met += 1
                click.echo(text)
    finally:
        for follower in followers:
            follower.close()
    unknown = [condition.key for condition in conditions if condition.key not in keys]
    if not met and unknown and keys:
        from switch.wire.printable import printable

        click.echo(printable(f"No line has the key {unknown[0]}. Keys: {', '.join(sorted(keys))}"), err=True)


def _render_line(line: bytes, conditions: Sequence[Condition], keys: set[str], *, as_json: bool) -> str | None:
    """The line as it is shown; None where it does not meet the conditions or is no event."""
    from switch.observe.lines import LineError, read_event, read_hop
    from switch.observe.waterfall import event_line, hop_line
    from switch.observe.where import meets_all
    from switch.wire.printable import printable_json

    try:
        if conditions:
            event = read_event(line)
            keys.update(event)
            if not meets_all(conditions, event):
                return None
        if as_json:
            return printable_json(line.decode(errors="replace"))
        hop = read_hop(line)
        return event_line(read_event(line), _paint) if hop is None else hop_line(hop, _paint)
    except LineError:
        return None
