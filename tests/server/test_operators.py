"""Operators: who may do what, what takes two, and a log of it that nobody changes unnoticed."""

import json
import os
import pwd
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from click.testing import CliRunner

from switch.cli.main import main
from switch.core.credentials import OperatorAccount
from switch.core.operator.command import Arguments, Command, Named, Unable
from switch.core.operator.operator import Operator
from switch.core.operator.roles import WAITING_MAX, WAITS_NS, Roles
from switch.journal.keys import open_vault
from switch.server import control, operators
from switch.server.asking import ask_switch
from switch.server.control import controlling
from switch.server.driving import driving
from switch.server.operators import Operators, Who, audit_of, who_is
from tests.core.scripts import morocco
from tests.server.parties import Notes, Scripted
from tests.server.test_control import Desk, Greeting, client

ACCOUNTS = (
    OperatorAccount(user="amina", role="supervisor"),
    OperatorAccount(user="brahim", role="supervisor"),
    OperatorAccount(user="chama", role="operator"),
    OperatorAccount(user="driss", role="viewer"),
)


@pytest.mark.parametrize(
    ("user", "command", "looks", "refusal"),
    [
        ("driss", "links.list", True, ""),
        ("driss", "links.signoff", False, "links.signoff takes the role operator, and driss has viewer"),
        ("chama", "links.signoff", False, ""),
        ("chama", "restart", False, "restart takes the role supervisor, and chama has operator"),
        ("amina", "restart", False, ""),
        ("eve", "links.list", True, "eve is no operator of this switch"),
        ("", "links.list", True, "an unknown user is no operator"),
    ],
)
def test_who_may_do_what(user: str, command: str, looks: bool, refusal: str) -> None:
    roles = Roles(ACCOUNTS)
    if not refusal:
        roles.check(command, user, looks=looks)
        return
    with pytest.raises(Unable, match=refusal) as caught:
        roles.check(command, user, looks=looks)
    assert caught.value.code == "operator.forbidden"
    Roles(()).check(command, user, looks=looks)


def test_what_takes_two_waits_for_another_and_not_for_ever() -> None:
    roles = Roles(ACCOUNTS)
    waiting = roles.ask_another("saf.retry", {"txn": "1"}, Who("amina", "amina (uid 1)"), 0)
    assert waiting is not None
    with pytest.raises(Unable, match="was asked for by amina: it takes another person"):
        roles.approve(waiting.number, Who("amina", ""), 1)
    assert roles.approve(waiting.number, Who("brahim", ""), 1) == waiting
    with pytest.raises(Unable, match="nothing waits under number 1"):
        roles.approve(waiting.number, Who("brahim", ""), 1)
    late = roles.ask_another("saf.retry", {}, Who("amina", ""), 0)
    assert late is not None
    with pytest.raises(Unable, match="nothing waits"):
        roles.approve(late.number, Who("brahim", ""), WAITS_NS)
    assert roles.ask_another("links.drain", {}, Who("amina", ""), 0) is None
    for _ in range(WAITING_MAX):
        roles.ask_another("saf.retry", {}, Who("amina", ""), 0)
    with pytest.raises(Unable, match="wait for a second person already"):
        roles.ask_another("saf.retry", {}, Who("amina", ""), 0)


def test_two_names_of_one_person_are_not_two_people() -> None:
    """Two accounts with one number; another account by sudo or su, out of the same login; a shared one at a console."""
    roles = Roles(ACCOUNTS)
    amina = Who("amina", "amina (uid 7, pid 1)", frozenset({"uid 7"}))
    for other in (
        Who("brahim", "brahim (uid 7, pid 2)", frozenset({"uid 7"})),
        Who("brahim", "brahim (uid 8, pid 2, logged in as amina)", frozenset({"uid 8", "uid 7"})),
        Who("amina", "amina (console of screens (uid 9, pid 3))", frozenset({"amina"})),
    ):
        waiting = roles.ask_another("saf.retry", {}, amina, 0)
        assert waiting is not None
        with pytest.raises(Unable, match=r"was asked for by amina.*: it takes another person"):
            roles.approve(waiting.number, other, 1)
        waiting = roles.ask_another("saf.retry", {}, other, 0)
        assert waiting is not None
        with pytest.raises(Unable, match="it takes another person"):
            roles.approve(waiting.number, amina, 1)
    assert roles.approve(1, Who("brahim", "", frozenset({"uid 8"})), 1).number == 1


async def test_the_kernel_says_as_whom_a_session_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that somebody has become by sudo is their own and the other's."""
    own = pwd.getpwuid(os.getuid()).pw_name
    for login, said in ((4_000_000_000, ", logged in as uid 4000000000"), (os.getuid(), ""), (None, "")):
        monkeypatch.setattr(operators, "_login_of", lambda pid, login=login: login)
        ours, theirs = trio.socket.socketpair()
        with ours, theirs:
            found = who_is(trio.SocketStream(ours))
        assert found.by == f"{own} (uid {os.getuid()}, pid {os.getpid()}{said})"
        assert found.marks == {f"uid {number}" for number in (os.getuid(), login) if number is not None}
    assert operators.marks_of(own) == {own, f"uid {os.getuid()}"}
    assert operators.marks_of("nobody of this name") == {"nobody of this name"}


def test_a_process_that_nobody_logged_in_for_has_no_login() -> None:
    assert operators._login_of(2**22 + 1) is None
    assert operators._login_of(os.getpid()) != 2**32 - 1


def table(done: list[str]) -> dict[str, Command]:
    def retry(given: Named, now: int) -> Greeting:
        done.append(given.name)
        return Greeting(f"{given.name} is sent again")

    def look(_: Arguments, now: int) -> Greeting:
        return Greeting("all of them")

    return {
        "saf.retry": Command(Named, retry, private=("name",)),
        "links.signoff": Command(Named, retry),
        "links.list": Command(Arguments, look, False),
    }


class Desks:
    """One control socket, and whoever sits before it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.user = ""
        self.done: list[str] = []

    def who(self, _: trio.SocketStream) -> Who:
        return Who(self.user, f"{self.user} (uid 7, pid 1)")

    async def ask(self, user: str, command: str, **arguments: Any) -> dict[str, Any]:
        self.user = user
        async with await client(self.state_dir) as stream:
            await stream.send_all(json.dumps({"command": command, **arguments}).encode() + b"\n")
            said: dict[str, Any] = json.loads(await stream.receive_some(65_536))
            return said


@pytest.fixture
async def desks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desks]:
    made = Desks(tmp_path / "state")
    made.state_dir.mkdir()
    monkeypatch.setattr(control, "who_is", made.who)
    party, notes = Scripted(), Notes()
    desk = Desk(party)
    desk.durable_position = 1_000
    operator = Operator(desk, table(made.done))  # type: ignore[arg-type]
    network = msgspec.structs.replace(morocco(), operators=ACCOUNTS)
    operators = Operators(network, audit_of(made.state_dir, open_vault(made.state_dir).audit_secret))
    async with (
        driving(party, sinks=notes.sinks()) as driver,
        controlling(driver, operator, made.state_dir, operators),
    ):
        yield made


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(part) for part in arguments])
    return done.exit_code, done.output


async def test_what_is_not_for_a_log_is_no_defect_when_it_is_no_text(desks: Desks) -> None:
    for private in (5, None, True, 1.5):
        assert (await desks.ask("amina", "saf.retry", name=private))["code"] == "operator.waits"


async def test_what_each_did_is_in_the_log_and_what_takes_two_is_done_once_by_two(desks: Desks) -> None:
    assert (await desks.ask("driss", "links.list"))["ok"]
    assert (await desks.ask("driss", "links.signoff", name="atlas"))["code"] == "operator.forbidden"
    assert (await desks.ask("chama", "links.signoff", name="atlas"))["ok"]
    assert desks.done == ["atlas"]
    waits = await desks.ask("amina", "saf.retry", name="6610f4c2d0994")
    assert (waits["code"], desks.done) == ("operator.waits", ["atlas"])
    (shown,) = (await desks.ask("driss", "approvals.list"))["waiting"]
    assert (shown["number"], shown["arguments"], shown["by"]) == (1, {"name": "not shown"}, "amina (uid 7, pid 1)")
    for who, why in (("amina", "operator.second"), ("chama", "operator.forbidden"), ("eve", "operator.forbidden")):
        assert (await desks.ask(who, "approve", number=1))["code"] == why
    assert (await desks.ask("brahim", "approve", number=1))["text"] == "6610f4c2d0994 is sent again"
    assert (await desks.ask("brahim", "approve", number=1))["code"] == "operator.second"
    assert desks.done == ["atlas", "6610f4c2d0994"]
    code, said = await trio.to_thread.run_sync(run, "audit", "list", "--state", desks.state_dir)
    assert code == 0
    lines = said.splitlines()
    assert "driss (uid 7, pid 1): links.signoff" in lines[0]
    assert "refused: links.signoff takes the role operator" in lines[0]
    assert lines[1].endswith('chama (uid 7, pid 1): links.signoff  {"name":"atlas"}')
    assert lines[2].endswith('amina (uid 7, pid 1): saf.retry  {"name":"13 given"}  asked for, waits as 1')
    assert "amina (uid 7, pid 1), approved by brahim (uid 7, pid 1): saf.retry" in lines[6]
    assert "links.list" not in said, "who only looks is not in it"


async def test_a_cards_number_that_somebody_has_typed_is_masked_in_the_log(desks: Desks) -> None:
    await desks.ask("chama", "links.signoff", name="4761739001010119")
    await desks.ask("driss", "links.signoff", name="4761739001010119")
    log = (desks.state_dir / "audit.log").read_text()
    assert (log.count("4761730000500119"), "4761739001010119" in log) == (2, False)


@pytest.mark.parametrize("change", ["altered", "taken out", "put in"])
async def test_a_log_that_was_changed_is_found_and_nothing_more_is_done(desks: Desks, change: str) -> None:
    for name in ("atlas", "rif", "souss"):
        assert (await desks.ask("chama", "links.signoff", name=name))["ok"]
    path = desks.state_dir / "audit.log"
    lines = path.read_text().splitlines()
    sound = f"{path}: 3 acts: all hold; chain {json.loads(lines[-1])['chain']}\n"
    code, said = await trio.to_thread.run_sync(run, "audit", "verify", "--state", desks.state_dir)
    assert (code, said) == (0, sound)
    if change == "altered":
        lines[1] = lines[1].replace("rif", "cih")
    elif change == "taken out":
        del lines[1]
    else:
        lines.insert(1, lines[1])
    path.write_text("\n".join(lines) + "\n")
    code, said = await trio.to_thread.run_sync(run, "audit", "verify", "--state", desks.state_dir)
    assert (code, "does not follow" in said) == (1, True)
    refused = await desks.ask("chama", "links.signoff", name="visa")
    assert (refused["code"], desks.done) == ("audit.log", ["atlas", "rif", "souss"])


async def test_the_kernel_says_who_asks(tmp_path: Path) -> None:
    ours, theirs = trio.socket.socketpair()
    with ours, theirs:
        found = who_is(trio.SocketStream(ours))
    assert found.user == pwd.getpwuid(os.getuid()).pw_name
    assert found.by.startswith(f"{found.user} (uid {os.getuid()}, pid {os.getpid()}")


async def test_a_console_speaks_for_who_has_logged_in_there_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Desks(tmp_path / "state")
    made.state_dir.mkdir()
    monkeypatch.setattr(control, "who_is", made.who)
    network = msgspec.structs.replace(morocco(), operators=ACCOUNTS, console_user="screens")
    party = Scripted()
    desk = Desk(party)
    desk.durable_position = 1_000
    operator = Operator(desk, table(made.done))  # type: ignore[arg-type]
    audit = audit_of(made.state_dir, open_vault(made.state_dir).audit_secret)
    async with (
        driving(party, sinks=Notes().sinks()) as driver,
        controlling(driver, operator, made.state_dir, Operators(network, audit)),
    ):
        assert (await made.ask("screens", "links.list"))["ok"], "it looks as itself"
        assert (await made.ask("screens", "links.signoff", name="rif"))["code"] == "operator.forbidden"
        assert (await made.ask("screens", "links.signoff", name="rif", behalf="chama"))["ok"]
        refused = await made.ask("screens", "links.signoff", name="rif", behalf="driss")
        assert "driss has viewer" in refused["error"]
        assert (await made.ask("screens", "links.list", behalf="eve"))["code"] == "operator.forbidden"
        stolen = await made.ask("amina", "links.signoff", name="rif", behalf="chama")
        assert "amina asks for chama, and may speak for nobody else" in stolen["error"]
        waits = await made.ask("screens", "saf.retry", name="66", behalf="amina")
        assert waits["code"] == "operator.waits"
        assert (await made.ask("screens", "approve", number=1, behalf="amina"))["code"] == "operator.second"
        assert (await made.ask("screens", "approve", number=1, behalf="brahim"))["ok"]

        def as_a_console_asks() -> dict[str, Any]:
            return ask_switch(made.state_dir, "links.signoff", {"name": "visa"}, behalf="chama")

        assert (await trio.to_thread.run_sync(as_a_console_asks))["text"] == "visa is sent again"
    by = [act.by for act in audit.verify()]
    assert by[-1] == "chama (console of screens (uid 7, pid 1))"
    assert by[-2].startswith("amina (console of screens (uid 7, pid 1)), approved by brahim (console")


@pytest.mark.parametrize(
    ("users", "console", "locked_out"),
    [
        ((), "", []),
        (("nobody-1", "nobody-2"), "", ["nobody-1", "nobody-2"]),
        (("nobody-1", "root"), "", []),
        (("nobody-1",), "root", []),
        (("nobody-1",), "nobody-3", ["nobody-1"]),
    ],
)
def test_a_file_whose_operators_are_all_of_elsewhere_would_lock_everybody_out(
    users: tuple[str, ...], console: str, locked_out: list[str]
) -> None:
    accounts = tuple(OperatorAccount(user=user, role="supervisor") for user in users)
    network = msgspec.structs.replace(morocco(), operators=accounts, console_user=console)
    assert operators.nobody_of(network) == locked_out
    assert operators.strangers(network) == [user for user in users if user != "root"]
