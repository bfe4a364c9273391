"""Operators who cheat, each over the real socket of a real process: what they try, and what becomes of it.

The people are names that a console speaks for, and the console is this process: who logs in as whom is asked elsewhere.
"""

import getpass
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.core.records.records import Resolved
from switch.server.asking import NotAnsweredError, ask_switch
from tests.core.scripts import reversal
from tests.e2e.stage import Client, Stage, wait_for
from tests.e2e.test_attacks import CARD, payment

pytestmark = pytest.mark.long  # four starts of a switch

RIF = "504102"
PEOPLE = {"amina": "supervisor", "brahim": "supervisor", "chama": "operator", "driss": "viewer"}


class Desk:
    """A switch with an open exception, and its operators."""

    def __init__(self, directory: Path) -> None:
        self.stage = Stage(directory)
        rows = "".join(f'\n[[operator]]\nuser = "{user}"\nrole = "{role}"\n' for user, role in PEOPLE.items())
        path = self.stage.path
        path.write_text(f'console_user = "{getpass.getuser()}"\n{path.read_text()}{rows}')
        self.log = self.stage.state / "audit.log"
        self.txn = ""

    def begin(self) -> None:
        self.stage.issuers("atlas")
        self.serve()
        self.stage.event("link.up", link="atlas#1")
        with closing(Client(self.stage, "acquirers", RIF)) as client:
            self.txn = self.open_one(client)

    def serve(self) -> None:
        self.switch = self.stage.serve()

    def kill(self) -> None:
        os.kill(self.switch.pid, signal.SIGKILL)
        self.switch.wait(5)

    def open_one(self, client: Client) -> str:
        """A reversal that may mean either of two payments: a person must say which."""
        first = payment(910, RIF)
        minute = first["7"][:-2]
        for second in ("05", "10"):
            assert client.asks(first | {"7": minute + second})["39"] == "00"
        either = reversal(first, "000912", de7=minute + "40", de90=f"0200{first['11']}" + "0" * 32)
        assert client.asks(either)["39"] == "21"
        (row,) = self.ask("driss", "exceptions.list")["items"]
        assert row["pan"].startswith(CARD.pan[:6])
        return str(row["txn"])

    def ask(self, user: str, command: str, **arguments: Any) -> dict[str, Any]:
        return ask_switch(self.stage.state, command, arguments, behalf=user)

    def refused(self, user: str, command: str, **arguments: Any) -> str:
        """Its code."""
        with pytest.raises(NotAnsweredError) as caught:
            self.ask(user, command, **arguments)
        return str(caught.value.code)

    def waits(self, user: str, command: str, **arguments: Any) -> int:
        """What takes two: the number that the second person is to name."""
        assert self.refused(user, command, **arguments) == "operator.waits"
        return int(self.ask("driss", "approvals.list")["waiting"][-1]["number"])

    def resolve(self, user: str, **arguments: Any) -> int:
        return self.waits(
            user, "exceptions.resolve", **{"txn": self.txn, "reason": "paid by hand", "by": user, **arguments}
        )

    def open(self) -> list[str]:
        return [row["txn"] for row in self.ask("driss", "exceptions.list")["items"]]

    def verify(self) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["audit", "verify", "--state", str(self.stage.state)])
        return done.exit_code, done.output


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("cheats"))
    try:
        made.begin()
        yield made
    finally:
        made.stage.close()


def test_nobody_decides_alone_or_under_anothers_name(desk: Desk) -> None:
    number = desk.resolve("amina", by="brahim")
    assert desk.refused("amina", "approve", number=number) == "operator.second"
    assert desk.refused("chama", "approve", number=number) == "operator.forbidden"
    assert desk.refused("chama", "exceptions.resolve", txn=desk.txn, reason="x", by="amina") == "operator.forbidden"
    money = {"txn": desk.txn, "acquirer": "rif", "rrn": "1", "reason": "4837", "by": "amina"}
    assert desk.refused("chama", "disputes.open", **money) == "operator.forbidden"
    assert desk.refused("chama", "disputes.step", dispute="1", step="closed", by="amina") == "operator.forbidden"
    assert desk.open() == [desk.txn]


@pytest.mark.parametrize(
    ("cheat", "code"),
    [
        ({"reason": " \t"}, "exception.reason"),
        ({"amount": 1_000_000}, "command.arguments"),
        ({"txn": "ffff"}, "exception.unknown"),
    ],
    ids=["without a reason", "with an amount of one's own", "of another payment"],
)
def test_what_two_have_agreed_to_is_still_held_against_the_rules(desk: Desk, cheat: dict[str, Any], code: str) -> None:
    number = desk.resolve("amina", **cheat)
    assert desk.refused("brahim", "approve", number=number) == code
    assert desk.refused("brahim", "approve", number=number) == "operator.second", "an approval is for once"
    assert desk.open() == [desk.txn]


def test_a_number_that_was_told_before_a_restart_names_nothing_else_after_it(desk: Desk) -> None:
    """`Please approve 7`, says amina, and has the switch restarted; the next request would be 7 again, and another one."""
    told = desk.resolve("amina")
    desk.kill()
    desk.serve()
    assert desk.waits("amina", "exceptions.resolve", txn="ffff", reason="x", by="amina") == told + 1
    assert desk.refused("brahim", "approve", number=told) == "operator.second"


def cut(log: Path) -> None:
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))


def edit(log: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)
    lines[-1] = lines[-1].replace('"by":"', '"by":"x')
    log.write_text("".join(lines))


CHEATS: dict[str, Callable[[Path], object]] = {
    "the last act cut off": cut,
    "the last act edited": edit,
    "the log deleted": Path.unlink,
    "the log emptied": lambda log: log.write_text(""),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_who_touches_the_log_of_what_was_done_stops_what_can_be_done(desk: Desk, cheat: str) -> None:
    assert desk.ask("chama", "links.drain", name="souss")["states"] is not None
    kept = desk.log.read_bytes()
    CHEATS[cheat](desk.log)
    try:
        assert desk.refused("chama", "links.resume", name="souss") == "audit.log"
        assert desk.refused("amina", "exceptions.resolve", txn=desk.txn, reason="x", by="amina") == "audit.log"
        assert desk.verify()[0] == 1
        assert desk.open() == [desk.txn], "looking goes on"
    finally:
        desk.log.write_bytes(kept)
    assert desk.ask("chama", "links.resume", name="souss")
    assert desk.verify()[0] == 0


def _remove(state: Path) -> None:
    """Beside the helpers of a killed switch, which end a moment after it and clear away files of theirs."""

    def gone() -> bool:
        shutil.rmtree(state, ignore_errors=True)
        return not state.exists()

    wait_for(gone)


def test_an_older_copy_of_everything_undoes_nothing_unseen(desk: Desk) -> None:
    """What two have decided is undone by a backup of the whole state directory, which only its own user could bring back."""
    older = desk.stage.directory / "older"
    desk.kill()
    shutil.copytree(desk.stage.state, older, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    desk.serve()
    number = desk.resolve("amina", by="brahim")
    assert desk.ask("brahim", "approve", number=number)["txn"] == desk.txn
    (resolved,) = [entry for entry in desk.stage.entries() if isinstance(entry, Resolved)]
    assert resolved.by.startswith("amina (console of "), "not whom she said"
    assert ", approved by brahim (console of " in resolved.by
    assert desk.refused("brahim", "approve", number=number) == "operator.second"
    again = desk.resolve("amina")
    assert desk.refused("brahim", "approve", number=again) == "exception.unknown", "twice"
    desk.kill()
    _remove(desk.stage.state)
    shutil.move(older, desk.stage.state)
    desk.serve()
    said = wait_for(lambda: [line for line in desk.stage.log_text().splitlines() if '"audit.broken"' in line])
    assert "an older copy put in its place" in said[0]
    assert desk.open() == [desk.txn]
    assert desk.refused("amina", "exceptions.resolve", txn=desk.txn, reason="x", by="amina") == "audit.log"
    code, found = desk.verify()
    assert (code, "audit.head says" in found) == (1, True)
