"""How commands ask a running switch, or each shard of a network, and tell people what it refused.

The one rule of shards: a command that looks, or that names what each of them may have, asks all (`of_each_switch`): each answers
under its name, one that does not know what is named is passed over where another does, and whatever else one refuses is said and
ends the command with exit code 1. What is of one shard alone is asked of that one (`of_switch`).
"""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from switch.cli._network import network_option, spell, spell_here
from switch.cli._not_done import NotDone
from switch.core.operator.errors import ErrorCode

_SHARD: Final = "switch.cli.shard"
_NEW: Final = "switch.cli.shard.new"
"""in the context of a command under way: which shard is asked; that this has not been said yet"""
_UNKNOWN: Final = (
    ErrorCode.NAME_UNKNOWN,
    ErrorCode.TXN_NOT_OWED,
    ErrorCode.EXCEPTION_UNKNOWN,
    ErrorCode.DISPUTE_UNKNOWN,
)
"""another shard may know it"""


def ask(state_dir: Path, command: str, timeout_s: float = 15.0, **arguments: Any) -> dict[str, Any]:
    """What the switch that runs in `state_dir` answers to `command`. Raises NotDone."""
    from switch.server.asking import NotAnsweredError, ask_switch

    try:
        said = ask_switch(state_dir, command, arguments, timeout_s=timeout_s)
    except NotAnsweredError as error:
        raise NotDone(str(error), error.hint or _start(error.code, state_dir), code=error.code) from None
    shard = _introduce()
    of = f"shard {shard}: " if shard else ""
    _say_below([f"Not well: {of}{sentence} (`{spell_here('health')}`)" for sentence in said.pop("unwell", ())])
    return said


def say_json(value: dict[str, Any]) -> None:
    """One JSON object, which says whose it is where several shards are asked."""
    shard = click.get_current_context().meta.get(_SHARD, "")
    click.echo(json.dumps({"shard": shard, **value} if shard else value))


def _introduce() -> str:
    """Which of several shards is asked, "" where there is one switch; said once above what it answers."""
    context = click.get_current_context(silent=True)
    if context is None or _SHARD not in context.meta:
        return ""
    shard: str = context.meta[_SHARD]
    if context.meta.pop(_NEW, False) and not context.params.get("as_json"):
        click.echo(f"shard {shard}:")
    return shard


def _start(code: str, state_dir: Path) -> str:
    """What to do where no switch runs."""
    if code != ErrorCode.SWITCH_ABSENT:
        return ""
    context = click.get_current_context(silent=True)
    if context is not None and _SHARD in context.meta:
        return (
            f"`serve --shards` starts it again by itself, and on SIGHUP one that is new in the network file; else start it with "
            f"`{spell_here('serve')} --shard {state_dir.name}`"
        )
    if context is not None and context.params.get("state"):
        return f"start it with `{spell_here('serve')}`, or name another directory"
    return f"start it with `{spell('serve')}`, or name its directory with --state DIR"


def _say_below(lines: list[str]) -> None:
    """To stderr, once the command has printed what was asked for."""
    context = click.get_current_context(silent=True)
    if context is not None and lines:
        context.call_on_close(functools.partial(click.echo, "\n".join(lines), err=True))


reason_option = click.option(
    "--reason", default="", metavar="TEXT", help="Why; it stands in the audit log and the hop log."
)


def why(reason: str) -> dict[str, Any]:
    """An argument of a command, where a reason is given."""
    return {"reason": reason} if reason else {}


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")


def of_switch(function: Callable[..., None]) -> Callable[..., None]:
    """Options that name a running switch; the command gets its state directory as `state_dir`."""

    @_options
    @functools.wraps(function)
    def wrapped(*args: Any, network: str, state: Path | None, **kwargs: Any) -> None:
        states = _states(network, state)
        if len(states) > 1:
            names = ", ".join(one.name for one in states)
            raise click.UsageError(
                f"{states[0].parent} has the shards {names}, and this is asked of one: --state {states[0]}"
            )
        function(*args, state_dir=states[0], **kwargs)

    return wrapped


def of_each_switch(function: Callable[..., None]) -> Callable[..., None]:
    """The same, of a network with shards each of them in turn, by name."""

    @of_switches
    @functools.wraps(function)
    def wrapped(*args: Any, states: tuple[Path, ...], **kwargs: Any) -> None:
        ask_each(states, lambda one: function(*args, state_dir=one, **kwargs))

    return wrapped


def of_switches(function: Callable[..., None]) -> Callable[..., None]:
    """The same; the command gets the state directory of each as `states`."""

    @_options
    @functools.wraps(function)
    def wrapped(*args: Any, network: str, state: Path | None, **kwargs: Any) -> None:
        function(*args, states=_states(network, state), **kwargs)

    return wrapped


def ask_each(states: tuple[Path, ...], act: Callable[[Path], None]) -> None:
    """`act` on the switch of each directory; of several, one that refuses does not keep the others from it.

    Raises Exit where one ended so or refused; what only another knows is no refusal.
    """
    if len(states) == 1:
        act(states[0])
        return
    ends, refused = [], []
    for one in states:
        with asking(one):
            try:
                act(one)
                ends.append(0)
            except click.exceptions.Exit as end:
                ends.append(end.exit_code)
            except click.ClickException as error:
                refused.append((one.name, error))
    told = [(name, why) for name, why in refused if not (ends and getattr(why, "code", "") in _UNKNOWN)]
    for name, why in told:
        click.echo(f"shard {name}: {why.format_message()}", err=True)
    worst = max([*ends, *(why.exit_code for _, why in told)])
    if worst:
        raise click.exceptions.Exit(worst)


@contextmanager
def asking(state_dir: Path) -> Iterator[None]:
    """What is asked and said meanwhile is of the shard in this directory."""
    meta = click.get_current_context().meta
    meta[_SHARD], meta[_NEW] = state_dir.name, True
    try:
        yield
    finally:
        del meta[_SHARD]


_state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="The running switch's state directory, or that of the network's shards. [default: as the network file says, var/NAME]",
)


def _options(function: Callable[..., None]) -> Callable[..., None]:
    return network_option(_state_option(function))


def _states(name: str, state: Path | None) -> tuple[Path, ...]:
    """The state directories of the switches that are meant: one, or those of a network's shards, as the network file has them."""
    from switch.cli._network import load
    from switch.journal.shards import journals_of

    if state is not None:
        return journals_of(state)
    network = load(name)
    own = Path(network.state_dir)
    return tuple(own / shard.name for shard in network.shards) or (own,)
