"""An attack on a running switch: what is tried, what becomes of it, and the row of docs/security.md that says so."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from tests.e2e.stage import Stage, wait_for

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
SceneT = TypeVar("SceneT")


class Attack(NamedTuple, Generic[SceneT]):
    what: str
    on: str
    reaction: str
    do: Callable[[SceneT], object]
    event: str
    said: str
    """in that event's line"""


@contextmanager
def reaction_to(stage: Stage, attack: Attack[SceneT]) -> Iterator[None]:
    """What is done meanwhile leads to a new line of the attack's event, which says what it should."""
    before = len(stage.events(attack.event))
    yield
    wait_for(lambda: any(attack.said in str(line) for line in stage.events(attack.event)[before:]))


def page_has(heading: str, attacks: Iterable[Attack[SceneT]]) -> None:
    """The page's table under that heading has a row of each attack, in order, and no other."""
    rows = [f"| {attack.what} | {attack.on} | {attack.reaction} | `{attack.event}` |" for attack in attacks]
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| .* \| `[a-z_.]+` \|$", section, re.MULTILINE) == rows
