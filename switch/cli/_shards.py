"""What commands share about a network with shards: which are asked for, and running several at once."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from switch.cli._network import spell
from switch.exception_groups import first_of

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.readiness import Ready

ALL = "all"


class Asked(NamedTuple):
    """What `serve` is asked for."""

    network: str
    state: Path | None
    shard: str
    shards: str
    log_path: Path | None
    show: bool | None
    drain_s: float
    capture_path: Path | None
    clear: tuple[str, ...]
    standby: bool
    ready_path: Path | None


def check_asked(network: "Network", asked: Asked) -> None:
    """Raise a click error where `serve` is not told which shards of this network to run, or to run such as it has not; or to keep
    files where no UTF-8 leads."""
    from switch.config.mistakes import did_you_mean

    _check_paths(asked)
    known, shard, shards = [one.name for one in network.shards], asked.shard, asked.shards
    if shard and shards:
        raise click.UsageError("--shard runs one, --shards several: give one of them")
    if asked.standby and shards:
        raise click.UsageError("--standby waits for one journal: run each shard by itself, with --shard NAME --standby")
    if not known:
        if shard or shards:
            raise click.UsageError(f"{network.source} has no [[shard]]: leave --shard and --shards out")
        return
    if not shard and not shards:
        raise click.UsageError(
            f"{network.source} has shards {', '.join(known)}: `--shards all` runs them all, `--shard {known[0]}` one of them"
        )
    for name in names_of(network, shards) if shards else (shard,):
        if name not in known:
            raise click.UsageError(f'{network.source} has no shard "{name}"; {did_you_mean(name, known)}')
    _refuse_undivided(asked.state or Path(network.state_dir))


def _check_paths(asked: Asked) -> None:
    """Where its files are the switch says in its log, its ready file and to the program that it becomes: in UTF-8."""
    for option, path in (("--state", asked.state), ("--log", asked.log_path), ("--capture", asked.capture_path)):
        try:
            str(path).encode()
        except UnicodeEncodeError:
            said = os.fsencode(str(path)).decode(errors="backslashreplace")
            raise click.BadParameter(f"{said} is no UTF-8: give a path that is", param_hint=option) from None


def _refuse_undivided(directory: Path) -> None:
    """What the undivided network's journal still owes, no shard would send. Raises NotDone."""
    from switch.cli._not_done import NotDone
    from switch.core.operator.errors import ErrorCode
    from switch.journal.recovery import journal_directory

    if Path(journal_directory(directory)).is_dir():
        raise NotDone(
            f"{directory} has the journal of one switch, and shards have theirs below it: they would not know what that one owes",
            f"see that it owes nothing (`{spell('saf list')}`), stop it, and move its directory and vault key away: "
            "docs/scaling.md, from one switch to shards",
            code=ErrorCode.JOURNAL_UNUSABLE,
        )


def names_of(network: "Network", shards: str) -> tuple[str, ...]:
    """`all` or `a,b` as names; those that are no shards, too."""
    if shards == ALL:
        return tuple(shard.name for shard in network.shards)
    return tuple(dict.fromkeys(name.strip() for name in shards.split(",")))


def run_shards(network: "Network", asked: Asked) -> None:
    """Run these shards until told to stop. Raises NotDone: one does not come up."""
    import trio

    from switch.cli._not_done import NotDone
    from switch.cli._ready import prepare_ready
    from switch.config import ConfigErrors, load_network
    from switch.core.operator.command import Unable
    from switch.core.operator.errors import ErrorCode
    from switch.core.shards import PEER_LISTENER
    from switch.security.files import make_private_directory
    from switch.server.shards import ShardCommand, Shards

    if asked.log_path is not None:
        raise click.UsageError("--log: each shard has a hop log of its own, in its state directory")
    directory = asked.state or Path(network.state_dir)
    make_private_directory(directory)
    options = [*(("--state", str(asked.state)) if asked.state else ()), "--drain", f"{asked.drain_s:g}"]
    options += ["--capture", str(asked.capture_path)] if asked.capture_path else []
    options += [word for prefix in asked.clear for word in ("--capture-clear", prefix)]
    options += [] if asked.show is None else ["--show" if asked.show else "--no-show"]

    def commands_of(network: "Network") -> "list[ShardCommand]":
        return [
            ShardCommand(
                name=name,
                command=(sys.executable, "-m", "switch.cli.main", "serve", asked.network, "--shard", name, *options),
                ready_file=directory / name / "ready.json",
            )
            for name in names_of(network, asked.shards)
        ]

    def reread() -> "list[ShardCommand]":
        """Of the file as it is now; of shards that were named, those that it still has."""
        try:
            found = load_network(asked.network, files=True)
        except (ConfigErrors, OSError) as error:
            raise Unable(f"{network.source} cannot be read as it is now ({error})", code=ErrorCode.SYSTEM) from None
        there = {shard.name for shard in found.shards}
        return [command for command in commands_of(found) if command.name in there]

    def announce(ready: "dict[str, Ready]") -> str:
        doors = (
            (name, [f"{door} {at}" for door, at in ready[name].listeners.items() if door != PEER_LISTENER])
            for name in names_of(network, asked.shards)
        )
        parts = (f"shard {name}: {', '.join(opened)}" for name, opened in doors)
        own = f" --state {shlex.quote(str(asked.state))}" if asked.state else ""
        hint = f"next: `{spell('health')}{own}`"
        sentence = f"Ready: {network.name}: {'; '.join(parts)}; state in {directory}; {hint}"
        click.echo(sentence)
        sys.stdout.flush()
        return sentence

    def tell(sentence: str) -> None:
        click.echo(sentence, err=True)

    file = prepare_ready(asked.ready_path or directory / "ready.json")
    try:
        ended = trio.run(Shards(commands_of(network), file, announce, tell, asked.drain_s, reread).run)
    except BaseExceptionGroup as group:
        cause = first_of(group)
        if not isinstance(cause, Unable):
            raise
        raise NotDone(str(cause), cause.hint, code=cause.code) from None
    click.echo(f"Stopped: {ended}")


def named(network: "Network") -> str:
    """`morocco`, or `morocco, shard a`."""
    return f"{network.name}, shard {network.shard}" if network.shard else network.name
