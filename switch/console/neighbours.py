"""Shards of a network, as a console sees them that is one's or that of all: how each is, what it has, where its console is.

In: a network, a state directory. Out: a neighbour for each. A shard on another machine is named, and no more: its files are not
here. Reads and asks only; what is done in a shard is done at its own console, or by `cmi-switch`, which asks all.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from switch.console.finding import find
from switch.core.network import Network
from switch.journal.log import JournalError
from switch.journal.recovery import journal_directory
from switch.journal.shards import journals_of
from switch.server.asking import NotAnsweredError, ask_switch
from switch.server.health import Health

HOME: Final = "console"
"""what a console keeps, in the state directory"""
ANSWER_S: Final = 1.0
_ADDRESS: Final = "address"
_GRADES: Final = ("good", "warning", "critical")
Place = tuple[str, Path]
"""a shard's name, and its state directory"""


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Another shard."""

    name: str
    health: dict[str, Any] | None = None
    """as it said just now; None: it did not"""
    silence: str = ""
    """why it did not"""
    console: str = ""
    """where its console was started; "": it has none that is known here"""

    @property
    def grade(self) -> str:
        """`good`, `warning` or `critical`; "": it cannot be asked from here."""
        if self.health is not None:
            return str(self.health["grade"])
        return "critical" if self.silence else ""


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What another shard has that goes by some words."""

    name: str
    payments: int
    console: str = ""


def others(network: Network, state_dir: Path) -> list[Place]:
    """Of a shard's console the other shards, of one of all each; none where the network has none."""
    shards = [shard.name for shard in network.shards]
    if journals_of(state_dir) != (state_dir,):
        return [(name, state_dir / name) for name in shards]
    if state_dir.name not in shards:
        return []
    return [(name, state_dir.parent / name) for name in shards if name != state_dir.name]


async def ask_each(places: Sequence[Place]) -> list[Neighbour]:
    """How each is, asked at once: one that stands still holds up none."""
    found: dict[str, Neighbour] = {}

    async def ask(name: str, state: Path) -> None:
        found[name] = await trio.to_thread.run_sync(_ask, name, state)

    async with trio.open_nursery() as nursery:
        for name, state in places:
            nursery.start_soon(ask, name, state)
    return [found[name] for name, _ in places]


def come_to(shards: Sequence[Neighbour]) -> dict[str, Any]:
    """Their health as one's: the worst grade, all problems, sums of what is counted, and all of what is listed."""
    whole: dict[str, Any] = msgspec.to_builtins(Health())
    problems = [
        {**problem, "part": f"shard {one.name}: {problem['part']}"}
        for one in shards
        for problem in (one.health or {}).get("problems", ())
    ]
    problems += [
        {"part": f"shard {one.name}", "grade": "critical", "sentence": one.silence, "hint": ""}
        for one in shards
        if one.silence
    ]
    for one in shards:
        for name, value in (one.health or {}).items():
            if name.startswith("hosts_"):
                whole[name] = sorted({*whole.get(name, ()), *value})
            elif name in ("owed", "exceptions", "unpriced"):
                whole[name] = whole.get(name, 0) + value
            elif name == "oldest_owed_s":
                whole[name] = max(whole.get(name, 0), value)
    grade = max((one.grade or "good" for one in shards), key=_GRADES.index, default="good")
    return {**whole, "grade": grade, "problems": problems}


def _ask(name: str, state: Path) -> Neighbour:
    if not Path(journal_directory(state)).is_dir():
        return Neighbour(name=name)
    console = console_of(state)
    try:
        return Neighbour(name=name, health=ask_switch(state, "health", {}, timeout_s=ANSWER_S), console=console)
    except NotAnsweredError as error:
        return Neighbour(name=name, silence=f"{error}. {error.hint}" if error.hint else str(error), console=console)


def elsewhere(places: Sequence[Place], text: str) -> list[Elsewhere]:
    """Shards of this machine that have a payment by these words. A journal that cannot be read is passed over: its own console
    says so."""
    there = []
    for name, state in places:
        if not Path(journal_directory(state)).is_dir():
            continue
        try:
            count = len(find(state, text).rows)
        except JournalError:
            continue
        if count:
            there.append(Elsewhere(name=name, payments=count, console=console_of(state)))
    return there


def console_of(state: Path) -> str:
    """Where the console of this state directory was started last, and has not ended; "": nobody said."""
    try:
        return (state / HOME / _ADDRESS).read_text().strip()
    except OSError:
        return ""


class Announced:
    """Where a console is, said in its state directory while it runs, for those of other shards."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / HOME / _ADDRESS

    def say(self, address: str) -> None:
        """`address`: as a browser takes it."""
        self._path.write_text(f"{address}\n")

    def end(self) -> None:
        """It is there no more."""
        self._path.unlink(missing_ok=True)
