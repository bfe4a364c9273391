"""`cmi-switch saf` against a switch in this process: what it asks, and how it tells the answer."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from switch.cli import saf
from switch.sim.playbook import Playbook
from tests.cli.conftest import asking
from tests.core.saf.test_forwarder import advice, completion, network, pre_authorized, read_all
from tests.core.scripts import Scene, reversal

Command = Callable[..., Result]


@pytest.fixture
def scene() -> Scene:
    return Scene(Playbook(network(owed_tries_max=1)))


@pytest.fixture
def command(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(saf, "ask", asking(scene))

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(saf.command, [*arguments[:1], "--state", "x", *arguments[1:]])
        assert result.exit_code == code, result.output
        return result

    return run


def lines(result: Result) -> list[str]:
    return [line.strip() for line in result.output.splitlines() if line.strip()]


def test_a_list_says_who_what_why_how_often_and_what_next(scene: Scene, command: Command) -> None:
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    scene.book.passes(10)
    scene.rif.sends(advice("000001"))
    queue, head, _, dead, behind, flying = lines(command("list"))
    first, second, third = scene.book.switch.state.owed.values()
    assert queue == "atlas: 3 owed, 1 in flight, 1 dead"
    assert head.split() == ["host", "txn", "what", "why", "age", "tries", "next", "state"]
    assert dead.split("  ")[0] == "atlas"
    assert f"{first.txn:x}   0220 150.00 MAD {first.pan}   advice: acquirer of {first.original:x} " in dead
    assert " ".join(dead.split()[-10:]) == "10 s 1 - dead not acknowledged, tries: 1 (owed_tries_max)"
    assert f"{second.txn:x}   0420 150.00 MAD" in behind
    assert behind.endswith(f"behind      behind {first.txn:x}")
    assert f"{third.txn:x}   0220" in flying
    assert flying.endswith("in 10 s   in flight")
    assert lines(command("list", "--dead"))[3].split() == dead.split()
    assert (
        "… and 2 more: --limit shows up to 1,000; `cmi-switch journal list` shows all"
        in command("list", "--limit", "1").output
    )


def test_nothing_owed_is_said_so(scene: Scene, command: Command) -> None:
    assert command("list").output == "Nothing is owed.\n"
    scene.rif.sends(advice())
    assert lines(command("list", "--dead")) == ["atlas: 1 owed, 1 in flight", "No dead letters."]


def test_a_retry_tells_what_it_has_put_back_and_what_it_waits_for(scene: Scene, command: Command) -> None:
    scene.rif.sends(advice())
    scene.book.passes(10)
    (dead,) = json.loads(command("list", "--dead", "--json").output)["items"]
    scene.atlas.hangs_up()
    command("hold", "atlas")
    told = lines(command("retry", dead["txn"]))
    assert told == [
        "1 put back.",
        "atlas is held: nothing leaves for it until `cmi-switch saf release atlas --state x`.",
        "atlas is away: it gets everything when it is back.",
    ]
    assert lines(command("retry", "--all"))[0] == "Nothing to put back: it is neither dead nor backing off."
    assert json.loads(command("retry", "--host", "atlas", "--json").output)["retried"] == 0


def test_a_retry_of_many_goes_on_until_all_are_put_back(
    scene: Scene, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.core.operator.saf.RETRIES_MAX", 2)
    for n in range(5):
        scene.rif.sends(advice(f"{n:06d}"))
    scene.book.passes(10)
    read_all(scene.atlas)
    assert lines(command("retry", "--all")) == ["5 put back."]
    assert len(read_all(scene.atlas)) == 5


def test_a_host_is_held_and_released(scene: Scene, command: Command) -> None:
    assert command("hold", "atlas").output == (
        "atlas is held: 0 owed, and nothing leaves until `cmi-switch saf release atlas --state x`.\n"
    )
    assert command("hold", "atlas").output.startswith("atlas is already held")
    scene.rif.sends(advice())
    assert lines(command("list"))[0] == "atlas: 1 owed, HELD: `cmi-switch saf release atlas --state x` lets it go"
    assert command("release", "atlas").output == "atlas is released: 1 owed.\n"
    assert json.loads(command("release", "atlas", "--json").output) == {
        "host": "atlas", "held": False, "changed": False, "owed": 1,
    }  # fmt: skip
    assert scene.atlas.gets()["t"] == "0220"


def test_what_cannot_be_done_is_a_sentence(command: Command) -> None:
    assert "did you mean atlas?" in command("hold", "atlass", code=1).output
    assert "--host HOST or --all" in command("retry", code=2).output
    assert "--host HOST or --all" in command("retry", "abc", "--all", code=2).output
