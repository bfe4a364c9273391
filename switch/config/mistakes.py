"""Mistakes in a network file, all of them at once, each with its place, its line and a caret under what is wrong.

Rule: what is secret in a line is in no mistake (`switch.config.hiding`)."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Final, TypeAlias

import msgspec

from switch.config.hiding import hide, secrets_in
from switch.wire.printable import printable

Paint: TypeAlias = Callable[[str, str], str]
"""(style, text) -> text as a terminal shows it; styles: `place`, `error`, `caret`, `hint`, `source`."""


TAB: Final = "\t"
"""stays in a source line: carets below it are moved by as much"""


def plain(style: str, text: str) -> str:
    """No paint: the text as it is."""
    del style
    return text


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake. `line` and `column` count from 1, in characters; line 0: the file as a whole."""

    file: str
    line: int
    column: int
    width: int
    """characters under the caret, at least 1"""
    message: str
    hint: str = ""
    """what to do about it, or "did you mean"; may be empty"""
    snippet: str = ""
    """the source line"""
    shown: int = 0
    """where `snippet` is only a part of the line: the mistake's column in it; 0: it is the whole line"""

    def render(self, paint: Paint = plain) -> str:
        """`file:line:column: message`, the source line, and carets with the hint behind them."""
        known = secrets_in(self.snippet)
        message, advice, file = (printable(hide(text, known)) for text in (self.message, self.hint, self.file))
        if not self.line:
            hint = f"\n  {paint('hint', advice)}" if advice else ""
            return f"{paint('place', file)}: {paint('error', message)}{hint}"
        place = f"{file}:{self.line}:{self.column}"
        margin = " " * len(str(self.line))
        snippet = hide(self.snippet)
        before = printable(snippet[: (self.shown or self.column) - 1], keep=TAB)
        indent = "".join(c if c == "\t" else " " for c in before)
        hint = f" {paint('hint', advice)}" if advice else ""
        return (
            f"{paint('place', place)}: {paint('error', message)}\n"
            f"  {self.line} | {paint('source', printable(snippet, keep=TAB))}\n"
            f"  {margin} | {indent}{paint('caret', '^' * self.width)}{hint}"
        )


class ConfigErrors(Exception):  # noqa: N818 - it is a collection of them
    """All mistakes of one network file, in the order of their lines."""

    def __init__(self, mistakes: Iterable[Mistake], *, more: bool = False) -> None:
        """At least one mistake. `more`: there are so many that the file was not read to its end."""
        self.more = more
        self.mistakes = sorted(mistakes, key=lambda m: (m.line, m.column))
        super().__init__(self.render())

    def render(self, paint: Paint = plain) -> str:
        """Every mistake, an empty line between two, and how many there are if there is more than one."""
        count = len(self.mistakes)
        blocks = [m.render(paint) for m in self.mistakes]
        end = f"{count} mistakes" + (", and the rest of the file has not been looked at" if self.more else "")
        return "\n\n".join(blocks if count == 1 else [*blocks, end])


def nearest(word: str, known: Iterable[str]) -> str:
    """The word that `word` was probably meant to be, or "". Letters swapped are the commonest slip, so they come first."""
    names = sorted(known)
    swapped = [name for name in names if sorted(name) == sorted(word)]
    return next(iter(swapped or get_close_matches(word, names, n=1, cutoff=0.6)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "address"?`, or what there is to choose from, or "" where there is nothing."""
    names = sorted(known)
    close = nearest(word, names)
    if close:
        return f'did you mean "{close}"?'
    return f"known: {', '.join(names)}" if names else ""
