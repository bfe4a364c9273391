"""How commands ask a running switch, and tell people what it refused."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from switch.cli._network import spell
from switch.cli._not_done import NotDone
from switch.core.operator.errors import ErrorCode


def ask(state_dir: Path, command: str, timeout_s: float = 15.0, **arguments: Any) -> dict[str, Any]:
    """What the switch that runs in `state_dir` answers to `command`. Raises NotDone."""
    from switch.server.asking import NotAnsweredError, ask_switch

    try:
        said = ask_switch(state_dir, command, arguments, timeout_s=timeout_s)
    except NotAnsweredError as error:
        raise NotDone(str(error), error.hint or _start(error.code), code=error.code) from None
    _say_below([f"Not well: {sentence} (`cmi-switch health`)" for sentence in said.pop("unwell", ())])
    return said


def _start(code: str) -> str:
    """What to do where no switch runs."""
    if code != ErrorCode.SWITCH_ABSENT:
        return ""
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

    @click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
    @click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        help="The running switch's state directory. [default: as the network file says, var/NAME]",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, network: str, state: Path | None, **kwargs: Any) -> None:
        from switch.cli._network import load

        function(*args, state_dir=state or Path(load(network).state_dir), **kwargs)

    return wrapped
