"""How a link speaks, as options name it: a dialect, a framing."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.wire import Dialect


def asked_dialect(name: str) -> "Dialect":
    """A shipped dialect by its name, or that of a file. UsageError: there is none, or it has mistakes."""
    from switch.wire import Dialect, DialectError

    try:
        return Dialect.load(name)
    except DialectError as error:
        raise click.UsageError(str(error)) from None


def check_framing(name: str | None) -> None:
    """UsageError: no framing is called so. None and "": nothing was asked for."""
    from switch.wire.framing import FRAMINGS

    if name and name not in FRAMINGS:
        raise click.UsageError(f"no framing is called {name!r}; there are {', '.join(FRAMINGS)}")
