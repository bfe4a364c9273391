"""A module of its own whose disk is slow: keys that change are durable before the answer, and nobody else waits for that."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.security.commands import UNREACHABLE, CheckMac, Command, MakeMac, Reply
from switch.security.key_changes import ChangeThread
from switch.security.key_commands import KEY_CHANGES, OfferKey, ShowKeys, UseKey
from switch.security.key_sets import decode_offer, decode_sets
from switch.security.keyring import KeyRing
from switch.security.lmk import clear_lmk
from switch.security.module import NO_MODULE, SoftwareModule
from switch.security.remote import ModuleServer, RemoteModule

AT, NOW_US = "2026-11-28T00:00:00Z", 1_795_824_000_000_000
WAIT_S = 0.2


class Disk:
    """One whose `fsync` ends when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.turns = threading.Event()
        self.turns.set()
        self.stands = threading.Event()
        synced = os.fsync

        def fsync(handle: int) -> None:
            if not self.turns.is_set():
                self.stands.set()
                self.turns.wait(10)
            synced(handle)

        monkeypatch.setattr(os, "fsync", fsync)

    def stop(self) -> None:
        """What is written from now on is not durable before `turns` is set."""
        self.stands.clear()
        self.turns.clear()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = KeyRing(tmp_path / "keys.json", clear_lmk(bytes(range(32))), os.urandom)
    with made.audit.turn():
        for name in ("zmk", "zak"):
            made.generate(name, name, "tdes2", exportable=False, at=AT, by="test")
    return made


@pytest.fixture
def path(ring: KeyRing, disk: Disk, tmp_path: Path) -> Iterator[Path]:
    """Where `cmi-switch security` would listen."""
    module, ended = SoftwareModule(ring, os.urandom), threading.Event()

    def follow() -> None:
        if ring.follow():
            module.forget()

    changes = SoftwareModule(ring.beside(), os.urandom)
    server = ModuleServer(module, tmp_path / "s", lambda said: None, follow, changes)
    thread = threading.Thread(target=server.serve, args=(ended.is_set,))
    thread.start()
    yield tmp_path / "s"
    disk.turns.set()
    ended.set()
    thread.join()
    server.close()


def one(module: RemoteModule, command: Command) -> tuple[Reply, float]:
    began = time.monotonic()
    (reply,) = module.ask([command])
    return reply, time.monotonic() - began


def offered(module: RemoteModule) -> str:
    """The number of a new set of the MAC key."""
    return decode_offer(one(module, OfferKey("zak", "zmk", "block", NOW_US))[0].value).set_id


def test_macs_are_made_while_keys_wait_for_their_disk_and_no_change_is_answered_before(path: Path, disk: Disk) -> None:
    """The switch that changes its keys, and another caller of the same module, an issuer say."""
    switch, other = RemoteModule(path, WAIT_S), RemoteModule(path, WAIT_S)
    number = offered(switch)
    disk.stop()
    reply, took = one(switch, UseKey("zak", number, NOW_US))
    assert disk.stands.is_set()
    assert (reply.code, "its disk" in reply.reason) == (UNREACHABLE, True)
    assert took >= WAIT_S, "it is waited for once"
    for module in (switch, other):
        for name in ("zak", f"zak#{number}"):
            made, took = one(module, MakeMac(name, b"x"))
            assert made.ok, made.reason
            assert took < WAIT_S / 2
            assert one(module, CheckMac((name,), b"x", made.value))[0].ok
    reply, took = one(switch, UseKey("zak", number, NOW_US))
    assert (reply.code, took < WAIT_S / 2) == (UNREACHABLE, True), "the next ones are refused at once"
    disk.turns.set()
    while not (reply := one(switch, UseKey("zak", number, NOW_US))[0]).ok:
        time.sleep(0.005)
    (sets,) = decode_sets(one(other, ShowKeys(("zak",)))[0].value)
    assert sets.in_use is not None
    assert sets.in_use.set_id == number, "and every caller sees it"
    switch.close()
    other.close()


def test_what_a_caller_asks_behind_a_change_is_answered_behind_it(path: Path, disk: Disk) -> None:
    """Two batches on one connection, a change among the first: as of a program that is not ours, which waits for neither."""
    module = RemoteModule(path, 5.0)
    number = offered(module)
    disk.stop()
    answers: list[list[Reply]] = []
    batch: list[Command] = [UseKey("zak", number, NOW_US), MakeMac("zak", b"x")]
    asking = threading.Thread(target=lambda: answers.append(module.ask(batch)))
    asking.start()
    assert disk.stands.wait(5)
    assert not answers
    disk.turns.set()
    asking.join()
    ((used, mac),) = answers
    assert used.ok
    assert mac.value == one(module, MakeMac(f"zak#{number}", b"x"))[0].value, (
        "under the set that came into use before it"
    )
    module.close()


def test_a_module_that_breaks_over_a_change_costs_its_caller_the_connection_and_no_other_change(tmp_path: Path) -> None:
    class Breaks(SoftwareModule):
        def ask(self, commands: object) -> list[Reply]:
            raise KeyError("unforeseen")

    ring = KeyRing(tmp_path / "keys.json", clear_lmk(bytes(32)), os.urandom)
    said: list[str] = []
    server = ModuleServer(NO_MODULE, tmp_path / "s", said.append, changes=Breaks(ring, os.urandom))
    ended = threading.Event()
    thread = threading.Thread(target=server.serve, args=(ended.is_set,))
    thread.start()
    module = RemoteModule(tmp_path / "s", 5.0)
    for _ in range(2):
        reply, _took = one(module, UseKey("zak", "01", NOW_US))
        assert (reply.code, "closed the connection" in reply.reason) == (UNREACHABLE, True)
    module.close()
    ended.set()
    thread.join()
    server.close()
    assert [line.startswith("a caller is let go: KeyError at test_slow_disk.py:") for line in said] == [True, True]


def test_changes_are_made_one_after_the_other_and_all_before_the_thread_ends() -> None:
    asked: list[int] = []

    class Slow(SoftwareModule):
        def __init__(self) -> None:
            """No keys."""

        def ask(self, commands: object) -> list[Reply]:
            time.sleep(0.005)
            asked.append(len(asked))
            return [Reply(True)]

    changes: ChangeThread[int] = ChangeThread(Slow())
    for number in range(5):
        changes.ask(number, [])
    changes.close(5.0)
    assert asked == list(range(5))
    assert {UseKey, OfferKey} < KEY_CHANGES
