"""Keys changed by message with hosts that go about it as other houses do, over real sockets, while payments with PINs go on.

One begins by itself, with bare keys in DE125, and never says which set it uses; one takes blocks in DE120, and its answers are
lost, late, doubled, or to another key; one speaks the 1993 edition, with a key's bytes in DE96, and its offers cross the
switch's.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from switch.cli._processes import Child
from switch.security.key_blocks import unwrap
from switch.security.key_sets import set_of
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.wire.dialect import DIRECTORY
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import purchase
from tests.e2e.other_keys import OtherHost, Telling, check_value, des, pin_block, word
from tests.e2e.stage import QUICK, Client, Stage, wait_for

pytestmark = pytest.mark.long
BANKS = ("atlas", "rif", "souss")
KINDS = {"M": "zak", "P": "zpk"}


class Restless(OtherHost):
    """It begins by itself, with a key as payShields write it, X before it and zeros behind, and filled check values of 16 digits.
    MAC keys count from 01 on, of PIN keys there are two numbers in turn. It uses a key from the 0810 on, and knows no 101."""

    def __init__(self, stage: Stage, name: str, keys: dict[str, bytes], zone_key: bytes) -> None:
        super().__init__(stage, name, keys, zone_key)
        self.numbers = {"M": (f"{n % 99 + 1:02d}" for n in cycle(range(99))), "P": cycle(("01", "00"))}
        self.offer: tuple[str, str, bytes] | None = None
        self.refused: list[str] = []

    def begins(self, purpose: str) -> None:
        with self.lock:
            self.offer = purpose, next(self.numbers[purpose]), os.urandom(16)
            self.says()

    def says(self) -> None:
        assert self.offer is not None
        purpose, number, key = self.offer
        self.sets[purpose][number] = key
        data = "X" + des(self.zone_key, key).hex().upper() + "0" * 16
        self.says_keys("161", {**word(purpose, number, check_value(key).ljust(16, "0")), "125": data})

    def told(self, answer: Document) -> None:
        if answer["39"] != "00" or self.offer is None:
            self.refused.append(answer["39"])
            return
        purpose, number, _ = self.offer
        self.offer = None
        self.use(purpose, number)

    def asked(self, request: Document, code: str) -> None:
        self.answers(request, "12")


class Slow(OtherHost):
    """It is offered keys, as blocks in DE120. `answering`: what its next answers are."""

    sets_in_53 = "0000MMPP"
    answering: list[str]

    def asked(self, request: Document, code: str) -> None:
        said = request["48"][4:]
        purpose, number, value = said[0], said[1:3], said[3:]
        if code == "101":
            key = self.sets[purpose].get(number)
            good = key is not None and check_value(key) == value
            if good:
                self.use(purpose, number)
            self.answers(request, "00" if good else "63")
            return
        key = unwrap(self.zone_key, request["120"]).key
        how = self.answering.pop(0) if self.answering else ""
        if how != "other":
            self.sets[purpose][number] = key
        answer = {**word(purpose, number, check_value(key, 4))}
        if how == "lost":
            return
        if how == "other":
            answer = word(purpose, number, "BADBAD")
        if how == "late":
            threading.Timer(0.5, self.answers, (request, "00", answer)).start()
            return
        for _ in range(2 if how == "doubled" else 1):
            self.answers(request, "00", answer)


class Crossing(OtherHost):
    """What it is offered it answers with an offer of its own first. `refuses`: and then refuses the other's, as that does its."""

    refuses = False

    def asked(self, request: Document, code: str) -> None:
        said = request["48"][4:]
        purpose, number = said[0], said[1:3]
        if code == "101":
            self.use(purpose, number)
            self.answers(request, "00")
            return
        own = os.urandom(16)
        self.says_keys("161", {**word(purpose, number, check_value(own)), "96": des(self.zone_key, own).hex().upper()})
        if self.refuses:
            self.answers(request, "09")
            return
        self.sets[purpose][number] = des(self.zone_key, bytes.fromhex(request["96"]), back=True)
        self.answers(request, "00")

    def told(self, answer: Document) -> None:
        if answer["39"] != "09":
            self.wrong.append(f"its crossing offer was answered {answer['39']}")


class Till(threading.Thread):
    """Payments to every bank in turn, each with a PIN; what was answered by DE37, and who has had no answer."""

    def __init__(self, stage: Stage, key: bytes) -> None:
        super().__init__(daemon=True)
        self.stage, self.key = stage, key
        self.answered: dict[str, str] = {}
        self.unknown: list[str] = []
        self.ended, self.down = threading.Event(), threading.Event()
        self.client = Client(stage)

    def run(self) -> None:
        cards = [f"95040{n}000000001" + luhn_digit(f"95040{n}000000001") for n in (1, 2, 3)]
        for number, card in enumerate(cycle(cards)):
            if self.ended.is_set():
                return
            stan = f"{number + 1:06d}"
            sent = purchase(stan, de2=card, de52=pin_block(self.key, card))
            try:
                self.answered[sent["37"]] = self.client.asks(sent)["39"]
            except (OSError, EOFError):
                self.unknown.append(sent["37"])
                self.down.set()
                wait_for(lambda: not self.down.is_set())
            time.sleep(0.01)

    def goes_on(self) -> None:
        self.client.close()
        self.client = Client(self.stage)
        self.down.clear()


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    place = tmp_path / "keys"
    place.mkdir()
    made = KeyRing(place / "keys.json", make_lmk(place / "lmk.key", os.urandom(32)), os.urandom)
    names = ["rif-bank-zpk", *(f"{bank}-{kind}" for bank in BANKS for kind in ("zak", "zpk", "zmk"))]
    with made.audit.turn():
        for name in names:
            made.generate(name, name[-3:], "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    return made


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    raw = json.loads((DIRECTORY / "cmi87.json").read_text())
    raw["dialect"] |= {"name": "theirs", "key_data": "120", "key_sets": "0000MMPP00000000"}
    raw["120"]["sensitive"] = True
    (tmp_path / "theirs.json").write_text(json.dumps(raw))
    changes = {r'(role = "issuer"(?:(?!pass_pin)[^\[])*)pass_pin = true[^\n]*\n': r"\1"}
    changes[r'(name = "rif"\n(?:(?!dialect)[^\[])*)dialect = "[^"]*"'] = rf'\1dialect = "{tmp_path}/theirs.json"'
    for bank, form in zip(BANKS, ("ecb", "block", "ecb"), strict=True):
        keys = f'mac_key = "{bank}-zak"\npin_key = "{bank}-zpk"\nzone_key = "{bank}-zmk"\nkey_form = "{form}"\n'
        changes[rf'\[\[host\]\]\nname = "{bank}"\n'] = f'[[host]]\nname = "{bank}"\nkey_keep_s = 1\n{keys}'
    changes[r'\[\[member\]\]\nname = "rif"\n'] = '[[member]]\nname = "rif"\npin_key = "rif-bank-zpk"\n'
    changes[r"\Z"] = f'\n[security]\nmodule = "{tmp_path}/security.sock"\nwait_ms = 2_000\n'
    one = Stage(tmp_path, {**QUICK, **changes})
    try:
        yield one
    finally:
        one.close()


def clear(ring: KeyRing, name: str) -> bytes:
    found = ring.find(name)
    assert found is not None
    return found.key


def pin_set(ring: KeyRing) -> str:
    """Of Atlas, in use; an issuer sends no PINs by which it would be seen to have changed."""
    ring.reload()
    found = ring.find("atlas-zpk")
    assert found is not None
    return set_of(found)


def begin(stage: Stage, name: str, purpose: str) -> Child:
    state = ("--network", str(stage.path), "--state", str(stage.state))
    return stage.start("keys", "exchange", name, "--purpose", purpose, *state, "--wait", "15", ready=False)


def exchange(stage: Stage, name: str, purpose: str) -> int:
    return begin(stage, name, purpose).wait(20)


class Restlessness(threading.Thread):
    """Has that host begin again and again."""

    def __init__(self, host: Restless) -> None:
        super().__init__(daemon=True)
        self.host, self.ended = host, threading.Event()

    def run(self) -> None:
        for purpose in cycle("MMMMMMMMMP"):
            if self.ended.wait(0.4):
                return
            wait_for(lambda: self.host.offer is None)
            self.host.begins(purpose)

    def rests(self) -> None:
        self.ended.set()
        self.join()
        wait_for(lambda: self.host.offer is None)


def crossing(stage: Stage, souss: Crossing) -> None:
    """The switch's offer stands; where both refuse, nothing changes, the operator is told, and the next one does."""
    souss.refuses = True
    assert exchange(stage, "souss", "mac") != 0
    souss.refuses = False
    assert exchange(stage, "souss", "mac") == 0
    assert exchange(stage, "souss", "pin") == 0


def answering(stage: Stage, rif: Slow) -> None:
    """To another key; twice; late."""
    rif.answering = ["other"]
    assert exchange(stage, "rif", "mac") != 0
    assert rif.sending["M"] == "00"
    for how, purpose, number in (("doubled", "M", "01"), ("late", "P", "02")):
        rif.answering = [how]
        assert exchange(stage, "rif", "mac" if purpose == "M" else "pin") == 0
        assert rif.sending[purpose] == number, how


def killed(stage: Stage, switch: Child, between: Telling, atlas: Restless, till: Till, ring: KeyRing) -> None:
    """The switch, between the key's being on the disk and its 0810; the host then sends the same key once more."""
    between.when = b"take-key", switch.kill
    atlas.begins("M")
    assert between.done.wait(10)
    ring.reload()
    received = ring.find("atlas-zak.received")
    assert received is not None
    assert atlas.offer is not None
    assert (set_of(received), received.key) == atlas.offer[1:], "it is durable, and nobody has heard so"
    wait_for(till.down.is_set)
    before = len(stage.events("link.up"))
    stage.serve()
    stage.count("link.up", before + len(BANKS))
    atlas.says()
    wait_for(lambda: atlas.offer is None)
    till.goes_on()
    said = len(till.answered)
    wait_for(lambda: len(till.answered) > said + 30)


def books_agree(ring: KeyRing, hosts: dict[str, OtherHost], till: Till) -> None:
    """Which key is in use, in the key file and at the other end, and by which steps; and which payments were approved."""
    ring.reload()
    acts = ring.audit.verify()
    for bank, host in hosts.items():
        for purpose, kind in KINDS.items():
            found, number = ring.find(f"{bank}-{kind}"), host.sending[purpose]
            assert found is not None
            assert (set_of(found), found.key) == (number, host.sets[purpose][number]), (bank, purpose)
            noted = [act.note.split()[1] for act in acts if (act.act, act.key) == ("use", f"{bank}-{kind}")]
            assert noted == [n for p, n in host.used if p == purpose], (bank, purpose)
    approved = [rrn for host in hosts.values() for rrn in host.approved]
    assert len(approved) == len(set(approved)), "each once"
    assert set(approved) ^ set(till.answered) <= set(till.unknown)


def test_hosts_of_other_houses_change_keys_without_a_decline(stage: Stage, ring: KeyRing) -> None:
    behind = str(stage.directory / "behind.sock")
    files = "--keys", str(ring.path), "--lmk", str(ring.path.with_name("lmk.key"))
    stage.start("security", *files, "--socket", behind)
    between = Telling(str(stage.directory / "security.sock"), behind)
    between.start()
    first = {bank: {p: clear(ring, f"{bank}-{kind}") for p, kind in KINDS.items()} for bank in BANKS}
    zones = {bank: clear(ring, f"{bank}-zmk") for bank in BANKS}
    atlas = Restless(stage, "atlas", first["atlas"], zones["atlas"])
    rif = Slow(stage, "rif", first["rif"], zones["rif"])
    souss = Crossing(stage, "souss", first["souss"], zones["souss"])
    hosts: dict[str, OtherHost] = {"atlas": atlas, "rif": rif, "souss": souss}
    for host in hosts.values():
        host.start()
    switch = stage.serve()
    for bank in BANKS:
        stage.event("link.up", host=bank)
    till, restless = Till(stage, clear(ring, "rif-bank-zpk")), Restlessness(atlas)
    till.start()
    restless.start()
    rif.answering = ["lost"]  # so that the same is said again, ten seconds later
    lost = begin(stage, "rif", "pin")
    crossing(stage, souss)
    assert lost.wait(20) == 0
    assert rif.sending["P"] == "01"
    answering(stage, rif)
    restless.rests()
    wait_for(lambda: pin_set(ring) == atlas.sending["P"])
    killed(stage, switch, between, atlas, till, ring)
    till.ended.set()
    till.join()
    till.client.close()
    stage.close()
    between.close()
    for host in hosts.values():
        host.close()
    assert set(till.answered.values()) == {"00"}, "no decline"
    assert len(till.unknown) == 1
    assert [host.wrong for host in hosts.values()] == [[], [], []]
    assert not atlas.refused
    assert len(atlas.used) > 15
    books_agree(ring, hosts, till)
    for event in ("mac.wrong", "mac.missing", "pin.not_translated", "keys.differ"):
        assert not stage.events(event)
    assert stage.events("keys.crossed")
