"""Steady load, and what must be true of it when a switch was changed under it."""

import re
from typing import Any

from switch.cli._processes import Child
from switch.simulators.reconciliation import Books, journal_rows, reconcile
from tests.e2e.stage import Stage, wait_for

CALM = "purchase=6,web=1,cash=1,refund=1,balance=1,preauth=0,void=0,foreign=20,showcase=0,silent=0"
"""no payment that anybody declines or takes back on purpose"""


def hosts_with_books(stage: Stage) -> None:
    """Issuers and networks, whose books are written when they are stopped."""
    stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"))
    stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))


def load(stage: Stage, name: str, rate: int, seconds: float = 0, *options: str, mix: str = CALM) -> Child:
    """Terminals that pay; 0 s: until they are stopped."""
    return stage.start(
        "terminal", "--network", str(stage.path), "--rate", str(rate), "--duration", str(seconds), "--mix", mix,
        "--book", str(stage.directory / f"{name}.terminals.json"), *options,
    )  # fmt: skip


def await_load(stage: Stage, answers: int = 120) -> None:
    """Wait until so many requests have been answered: terminals take their own time to start."""
    wait_for(lambda: sum(line["mti"] in ("0110", "0210") for line in stage.events("hop.sent")) >= answers, 60)


def declined_here(stage: Stage) -> list[dict[str, Any]]:
    """What the switch itself refused, or gave up."""
    log = stage.log()
    here = [line for line in log if line["event"] == "hop.sent" and line.get("de39") in ("91", "96")]
    return here + [line for line in log if line["event"] in ("answer.missing", "answer.undeliverable")]


def books_agree(stage: Stage, switch: Child, *others: str, calm: bool = True) -> int:
    """Stop all; acquirers, journal and issuers must say the same. Returns how many payments there were.

    `others`: institutions whose payments are in no terminals' book. `calm`: nobody took anything back.
    """
    stop_hosts(stage)
    assert switch.stop() == 0
    return parties_agree(stage, *others, calm=calm)


def stop_hosts(stage: Stage) -> None:
    """Issuers and networks: they write their books then."""
    assert [child.stop() for child in stage.children if child.name in ("issuer", "network")] == [0, 0]


GIVEN_UP = r"was declined with \d\d, the journal has declined 91$"
UNKNOWN = r"as declined \(\w+\), the journal does not know it$"
"""A decline leaves before it is durable: what took its record took nothing that anybody owes."""


def parties_agree(stage: Stage, *others: str, calm: bool, lost: bool = False) -> int:
    """See books_agree; everybody has stopped. `lost`: declines may be gone with the machine that gave them."""
    books = Books.from_json(
        *(path.read_bytes() for path in stage.directory.glob("*.json") if path.name != "restarts.json")
    )
    sent = sum(book.sent for book in books.terminals)
    assert sent > 100, "there was no load to speak of"
    assert not calm or not [book.reversed for book in books.terminals if book.reversed]
    assert not [book.open for book in books.terminals if book.open]
    found = reconcile(books.terminals, books.networks, books.issuers, journal_rows(stage.entries()))
    strange = [difference for difference in found if not difference.key.startswith(tuple(f"{o}/" for o in others))]
    if lost:
        strange = [difference for difference in strange if not re.search(f"{GIVEN_UP}|{UNKNOWN}", difference.sentence)]
    assert not strange, strange
    return sent
