"""Keys and clear PINs are in the memory of the security module's process, and nowhere else: in nobody's memory, file or stream.

The search is one that finds: the keys where they are, and in the switch itself what is put there in the end on purpose.
"""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from switch.cli._processes import Child
from switch.security.pin_blocks import clear_block, pin_field
from tests.e2e.canaries import files_in, forms, found_in, secrets_of
from tests.e2e.memory import POWERLESS, children_of, dumps_core, found_in_memory, others_may_read
from tests.e2e.sealed import Scene, Sealed, flip, told
from tests.e2e.secure import with_tls
from tests.e2e.stage import Stage, wait_for
from tests.e2e.web import free_address

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="the memory of these processes is root's alone to read"),
]
CARDS = ("atlas-approved", "atlas-cmi-02")
PIN = "730915628437"
"""so long that nothing has it by chance"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path, apart=True)
    try:
        yield made
    finally:
        made.close()


def planted(scene: Scene) -> dict[str, bytes]:
    """Keys, and the PIN as it might be written."""
    pins = {"PIN": PIN.encode(), "PIN field": pin_field(0, PIN, "")}
    pins |= {f"clear PIN block of {card}": clear_block(0, PIN, scene.cards[card].pan) for card in CARDS}
    return scene.keys | pins


def planted_forms(scene: Scene) -> dict[bytes, str]:
    """What each is, by every form that it might be in."""
    return {form: what for what, secret in planted(scene).items() for form in forms(secret)}


def go_through(scene: Scene, card: str) -> None:
    """PINs and MACs as they should be, and as they should not."""
    typed = scene.pin(scene.cards[card], PIN)
    with closing(Sealed(scene)) as client:
        message = scene.chip(card=card, de52=typed)
        assert [client.asks(message)["39"] for _ in range(2)] == ["55", "55"], "a repeat is answered as it was"
        client.spoil = lambda framed: framed[:-40] + framed[-20:]
        client.sends(scene.chip(card=card, de52=typed))
        with suppress(OSError, EOFError):
            client.sock.settimeout(0.5)
            client.gets()
    told(scene, scene.chip(card=card), "00")
    told(scene, scene.chip(card=card, de52=scene.pin(scene.cards[card], PIN, key="atlas-zpk")), "96")
    told(scene, scene.chip(card=card, de52=typed), "96", flip)
    told(scene, scene.payment("souss-approved", de52=typed), "96")
    scene.pays()


def lose_the_module(scene: Scene) -> None:
    """It is away, and then back."""
    assert scene.keeper is not None
    with closing(Sealed(scene)) as client:
        scene.keeper.kill()
        with suppress(OSError, EOFError):
            client.sends(scene.chip(de52=scene.pin(scene.cards[CARDS[0]], PIN)))
            client.sock.settimeout(0.5)
            client.gets()
    scene.keeper = scene.keep_keys()
    wait_for(lambda: scene.stage.events("mac.not_made") or scene.stage.events("mac.wrong"))


def assert_clean(scene: Scene, whole: list[Child]) -> None:
    """None of the secrets is in the memory of these and of what they have started."""
    secrets = planted_forms(scene)
    for child in whole:
        for pid, name in {child.pid: child.name, **children_of(child.pid)}.items():
            assert {secrets[form] for form in found_in_memory(pid, secrets)} == set(), name


def test_no_clear_pin_or_key_is_in_the_switch_while_the_module_is_a_process_of_its_own(scene: Scene) -> None:
    go_through(scene, CARDS[0])
    assert scene.keeper is not None
    secrets = planted_forms(scene)
    kept = {secrets[form] for form in found_in_memory(scene.keeper.pid, secrets)}
    opened_by = {"opens key blocks", "proves key blocks"}  # of the master key, which nobody needs any more
    assert kept >= {"rif-zak", "rif-zpk", "atlas-zak", "atlas-zpk", "atlas-pvk", *opened_by}, "a search that finds"
    issuers = next(child for child in scene.stage.children if child.name == "issuer")
    lose_the_module(scene)
    assert_clean(scene, [scene.switch, issuers])
    scene.switch.kill()
    recorded = ("--capture", str(scene.stage.directory / "all.pcapng"))
    scene.switch = scene.stage.start("serve", str(scene.stage.path), "--state", str(scene.stage.state), *recorded)
    scene.sign_on_again()
    wait_for(lambda: len(scene.stage.events("link.up", host="atlas")) == 2)
    go_through(scene, CARDS[1])
    with closing(Sealed(scene)) as client:
        os.kill(issuers.pid, signal.SIGSTOP)
        waiting = scene.chip(de52=scene.pin(scene.cards[CARDS[0]], PIN))
        client.sends(waiting)
        scene.stage.hops(waiting["37"], least=2)
        assert_clean(scene, [scene.switch])
        os.kill(issuers.pid, signal.SIGCONT)
        client.sock.sendall(client.framing.frame(b" ".join(secrets) + b" end")[:-1])  # its last byte does not come
        wait_for(lambda: found_in_memory(scene.switch.pid, secrets) == set(secrets))
    assert scene.switch.stop() == 0
    looked = files_in(scene.stage.directory)
    assert {".jsonl", ".out", ".log", ".sqlite", ".pcapng", ".audit"} <= {path.suffix for path in looked}
    sought = planted(scene) | secrets_of(scene.cards[card] for card in CARDS)
    assert found_in(looked, sought) == {
        ("lmk.key", "master key"),
        *(("control", f"track of {card}'s chip") for card in CARDS),
    }, "where they are looked for and are, and nowhere else"


def test_no_other_process_reads_theirs_and_no_core_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    powerful = Child._command
    monkeypatch.setattr(Child, "_command", lambda child, words: [*POWERLESS, *powerful(child, words)])
    scene, edged = Scene(tmp_path, apart=True), Stage(tmp_path / "edged")
    try:
        with_tls(edged, ["acquirers"])
        edge = edged.start("edge", str(edged.path))
        at = ("--listen", free_address(), "--no-threeds")
        gateway = scene.stage.start("gateway", str(scene.stage.path), *at)
        kept = ("--network", str(scene.stage.path), "--state", str(scene.stage.state))
        directory, acs = (scene.stage.start("threeds", *which, *kept) for which in (["directory"], ["acs", "atlas"]))
        console = scene.stage.start("console", str(scene.stage.path), "--listen", free_address())
        (writer,) = (pid for pid, line in children_of(scene.switch.pid).items() if "switch.journal.writer" in line)
        assert scene.keeper is not None
        for pid in (
            scene.switch.pid,
            writer,
            scene.keeper.pid,
            gateway.pid,
            edge.pid,
            directory.pid,
            acs.pid,
            console.pid,
        ):
            assert not dumps_core(pid)
            assert not others_may_read(pid)
        issuers = next(child for child in scene.stage.children if child.name == "issuer")
        assert dumps_core(issuers.pid) or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0
        assert others_may_read(issuers.pid), "a question that can be answered otherwise"
    finally:
        edged.close()
        scene.close()
