"""An attack on a running switch: what is tried, what becomes of it, and the row of docs/security.md that says so."""

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from switch.wire.vocabulary import Document
from tests.e2e.stage import Client, Stage, wait_for

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


def answered_again(client: Client, stage: Stage, document: Document) -> None:
    """A payment that is sent twice has the same answer twice, and was sent on once, whatever the answers say."""
    first, second = client.asks(document), client.asks(document)
    assert (first["39"], second["39"], first["38"] == second["38"]) == ("00", "00", True)
    wait_for(lambda: len(stage.events("hop.sent", rrn=document["37"], mti="0210")) == 2)
    assert len(stage.events("hop.received", rrn=document["37"], mti="0200")) == 2
    assert len(stage.events("hop.sent", rrn=document["37"], mti="0200")) == 1


def page_has(heading: str, attacks: Iterable[Attack[SceneT]]) -> None:
    """The page's table under that heading has a row of each attack, in order, and no other."""
    rows = [f"| {attack.what} | {attack.on} | {attack.reaction} | `{attack.event}` |" for attack in attacks]
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| .* \| `[a-z_.]+` \|$", section, re.MULTILINE) == rows


def hung_up(sock: socket.socket) -> None:
    """The other end says nothing, and closes: it does not only wait until this one does."""
    with suppress(ConnectionResetError):
        assert sock.recv(4_096) == b""
