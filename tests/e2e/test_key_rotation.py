"""Keys of links that change under load, between processes with key files of their own, MACs and PINs everywhere: no decline."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk, read_lmk
from switch.simulators.cards import demo_cards
from tests.e2e.canaries import files_in, found_in, keys_of, secrets_of
from tests.e2e.load import await_load, books_agree, declined_here
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.e2e.test_crash import everything_arrived

pytestmark = pytest.mark.long
BANKS = ("atlas", "rif", "souss")
PARTIES = (*BANKS, *(f"{bank}-bank" for bank in BANKS))
SOON_S = 90
"""what takes seconds, however busy the machine is"""
PLAIN = "purchase=8,cash=1,web=0,refund=0,balance=1,preauth=0,void=0,part=0,cashback=0,foreign=0,showcase=0,silent=0,increments=0"


def links(party: str, more: str = "") -> str:
    return rf'mac_key = "{party}-zak"\npin_key = "{party}-zpk"\nzone_key = "{party}-zmk"\nkey_keep_s = 5\n{more}'


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    changes = {r'(role = "issuer"(?:(?!pass_pin)[^\[])*)pass_pin = true[^\n]*\n': r"\1"}
    for bank in BANKS:
        host = links(bank, rf'pvv_key = "{bank}-pvk"\n')
        changes[rf'\[\[host\]\]\nname = "{bank}"\n'] = rf'[[host]]\nname = "{bank}"\n{host}'
        changes[rf'\[\[member\]\]\nname = "{bank}"\n'] = rf'[[member]]\nname = "{bank}"\n{links(f"{bank}-bank")}'
    changes[r"\Z"] = f'\n[security]\nmodule = "{tmp_path}/security.sock"\nwait_ms = 2_000\n'
    # Everyone waits long enough for a busy machine, the switch for its security module too, which writes keys to a disk: that no
    # answer is lost says then something of the keys.
    patient = {
        pattern: to.replace("timeout_ms = 1_500", "timeout_ms = 6_000").replace("retry_ms = 2_000", "retry_ms = 6_500")
        for pattern, to in QUICK.items()
    }
    one = Stage(tmp_path, {**patient, **changes})
    try:
        yield one
    finally:
        one.close()


def key_files(directory: Path, *names: str) -> None:
    """A key file for each end: the same keys to begin with, as people have brought them."""
    first = directory / names[0]
    first.mkdir()
    ring = KeyRing(first / "keys.json", make_lmk(first / "lmk.key", os.urandom(32)), os.urandom)
    with ring.audit.turn():
        for party in PARTIES:
            for kind in ("zak", "zpk", "zmk", *(["pvk"] if party in BANKS else [])):
                name = f"{party}-{kind}"
                ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    for name in names[1:]:
        shutil.copytree(first, directory / name)


def own(directory: Path, name: str) -> tuple[str, ...]:
    return "--keys", str(directory / name / "keys.json"), "--lmk", str(directory / name / "lmk.key")


def ring_of(directory: Path, name: str) -> KeyRing:
    return KeyRing(directory / name / "keys.json", read_lmk(directory / name / "lmk.key"), os.urandom)


def lost(stage: Stage) -> set[str]:
    """Payments that nobody answered, however long one waits, or that were declined for another reason than that they came late:
    a key that was changed too early or too late leaves one of these."""
    late = {line["txn"] for line in stage.events("answer.late")}
    return {line["txn"] for line in declined_here(stage)} - late


def changes_said(stage: Stage, event: str = "keys.in_use") -> int:
    return len(stage.events(event))


def test_keys_change_under_load_and_over_restarts_without_a_decline(stage: Stage) -> None:
    place = stage.directory
    ends = "switch", "issuers", "atlas", "rif"
    key_files(place, *ends)
    keys = keys_of(ring_of(place, "switch"))
    stage.start("security", *own(place, "switch"), "--socket", str(place / "security.sock"))
    book = ("--latency", "5", "--book", str(place / "issuers.json"))
    stage.issuers(*book, *own(place, "issuers"), "--change-keys", "4", "--key-fault", "lingers=1")
    stage.networks("--latency", "10", "--book", str(place / "networks.json"))
    switch = stage.serve()
    loads = []
    for bank, fault in (("atlas", "late=1"), ("rif", "lingers=1")):
        options = ("--bank", bank, "--port", "acquirers", "--pins", "--patience", "8", *own(place, bank))
        book_of = str(place / f"{bank}.terminals.json")
        asked = ("--network", str(stage.path), "--rate", "12", "--duration", "0", "--mix", PLAIN, "--book", book_of)
        loads.append(stage.start("terminal", *asked, *options, "--change-keys", "4", "--key-fault", fault))
    await_load(stage)
    state = ("--network", str(stage.path), "--state", str(stage.state))
    assert stage.start("keys", "exchange", "souss", *state, "--wait", f"{SOON_S}", ready=False).wait(SOON_S) == 0
    wait_for(lambda: changes_said(stage) >= 8, SOON_S)
    # a set's time, five seconds, is over: a machine on which all of the rest takes less shows none destroyed
    wait_for(lambda: '"act":"destroy"' in (place / "switch" / "keys.json.audit").read_text(), SOON_S)
    assert stage.start("restart", *state, ready=False).wait(SOON_S) == 0
    before = changes_said(stage)
    wait_for(lambda: changes_said(stage) >= before + 6, SOON_S)
    wait_for(lambda: not lost(stage), SOON_S)
    assert not stage.events("mac.wrong")
    assert not stage.events("pin.not_translated")
    for bank in BANKS:
        here, there = (ring_of(place, name).entries[f"{bank}-zak"] for name in ("switch", "issuers"))
        assert here.made != "2026-11-27T12:00:00Z", "it has changed"
        assert there.made != "2026-11-27T12:00:00Z"
    # killed in the middle: payments under way are undone, and keys go on where the files stand
    switch.kill()
    switch = stage.serve()
    before = changes_said(stage)
    wait_for(lambda: changes_said(stage) >= before + 4, SOON_S)
    assert [child.stop(60) for child in loads] == [0, 0]
    assert everything_arrived(stage)
    said = [line for line in stage.events("hop.sent") if line.get("de39") == "55"]
    assert not said, "no PIN was read under a wrong key"
    assert books_agree(stage, switch, calm=False)
    acts = ring_of(place, "switch").audit.verify()
    assert {"receive", "offer", "use", "destroy"} <= {act.act for act in acts}
    keys |= keys_of(*(ring_of(place, end) for end in ends)) | secrets_of(demo_cards(stage.network))
    assert not found_in(files_in(place), keys), "neither the first ones nor those that came"
