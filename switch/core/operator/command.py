"""What a command of an operator is: its arguments' form, whether it changes anything, and what it does.

Commands are rows of a table (`switch.core.operator.operator`), so that a new one is a row and a function.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from switch.core.operator.errors import ErrorCode

OPERATOR: Final = "operator"
"""who did something, in records, where no link did"""
ROWS_MAX: Final = 1_000
"""shown by one command"""


def rows_shown(limit: int) -> int:
    """How many rows a command shows that is asked for `limit` of them; 0 asks for as many as one command may show."""
    return min(limit or ROWS_MAX, ROWS_MAX)


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a command is given; itself: nothing."""


class Named(Arguments, frozen=True):
    """The name of a listener, host or member of the network file, or of one connection (`atlas#3`)."""

    name: str


class Command(msgspec.Struct, frozen=True):
    """One row: `run` gets an `arguments` struct and the time, and returns what is now so."""

    arguments: type[Arguments]
    run: Callable[[Any, int], msgspec.Struct]
    changes: bool = True
    """False: it only looks, and is not logged"""
    private: tuple[str, ...] = ()
    """arguments whose values are not for the log: their number stands there instead"""


class Unable(Exception):  # noqa: N818 - an operator's word for it
    """A command that cannot be done: a sentence and what to do about it for people, a code for programs."""

    def __init__(self, sentence: str, hint: str = "", *, code: ErrorCode) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.code = code


def unknown(what: str, name: str, known: Iterable[str], code: ErrorCode = ErrorCode.NAME_UNKNOWN) -> Unable:
    """`Unable`, for a name that nothing has: with the nearest one, or all there are."""
    names = sorted(known)
    near = get_close_matches(name, names, 1)
    return Unable(
        f'there is no {what} "{name}"',
        f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}",
        code=code,
    )
