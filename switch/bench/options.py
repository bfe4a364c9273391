"""Options that several commands of `tools/bench` have: which network file, which dialects. A mistake in one is a click error."""

from typing import Final

import click

from switch.config import ConfigErrors, load_network
from switch.wire import Dialect, DialectError


def whole_network(ctx: click.Context, param: click.Parameter, called: str) -> str:
    """A network file by its name or path, without mistakes: as it was `called`, for another version of the switch may mean its
    own file by a name."""
    del ctx, param
    try:
        load_network(called)
    except ConfigErrors as error:
        raise click.BadParameter(str(error)) from None
    return called


def known_dialects(ctx: click.Context, param: click.Parameter, called: tuple[str, ...]) -> tuple[str, ...]:
    """Dialects by their names or paths."""
    del ctx, param
    try:
        for name in called:
            Dialect.load(name)
    except DialectError as error:
        raise click.BadParameter(str(error)) from None
    return called


network_option: Final = click.option(
    "--network",
    callback=whole_network,
    default="bench",
    show_default=True,
    help="One acquirers' listener, one issuer, both cmi87.",
)
dialects_option: Final = click.option(
    "--dialect",
    "chosen",
    callback=known_dialects,
    multiple=True,
    help="A dialect's name; may be given several times. [default: all]",
)
