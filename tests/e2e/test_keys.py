"""MACs and PINs between processes: every link proved, the keys in a process of their own, which is killed under load."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.simulators.cards import demo_cards
from tests.e2e.canaries import files_in, found_in, keys_of, secrets_of
from tests.e2e.load import await_load, books_agree, load
from tests.e2e.stage import QUICK, Stage
from tests.e2e.test_crash import everything_arrived

BANKS = ("atlas", "rif", "souss")


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """A key for MACs and one for PINs a bank."""
    place = tmp_path / "keys"
    place.mkdir()
    made = KeyRing(place / "keys.json", make_lmk(place / "lmk.key", os.urandom(32)), os.urandom)
    with made.audit.turn():
        for bank in BANKS:
            for kind in ("zak", "zpk"):
                made.generate(f"{bank}-{kind}", kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    return made


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    keys = r'mac_key = "{0}-zak"\npin_key = "{0}-zpk"\n'
    of_bank = r'(\[\[(?:member|host)\]\]\nname = "{0}"\n)'
    changes = {of_bank.format(bank): rf"\1{keys.format(bank)}" for bank in BANKS}
    changes[r'(role = "issuer"(?:(?!pass_pin)[^\[])*)pass_pin = true[^\n]*\n'] = r"\1"
    changes[r"\Z"] = f'\n[security]\nmodule = "{tmp_path}/security.sock"\n'
    one = Stage(tmp_path, {**QUICK, **changes})
    try:
        yield one
    finally:
        one.close()


@pytest.mark.skipif("CMI_SWEEP" not in os.environ, reason="takes a quarter of a minute; set CMI_SWEEP=1")
def test_keys_are_in_a_process_of_their_own_whose_end_costs_no_payment_its_truth(stage: Stage, ring: KeyRing) -> None:
    asked: tuple[str, ...] = ("security", "--keys", str(ring.path), "--lmk", str(ring.path.with_name("lmk.key")))
    asked += ("--socket", str(stage.directory / "security.sock"))
    module = stage.start(*asked)
    stage.issuers("--latency", "200", "--book", str(stage.directory / "issuers.json"))  # some are always on their way
    stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))
    switch = stage.serve()
    banks = load(stage, "banks", 60, 0, "--bank", "atlas", "--bank", "rif", "--patience", "4", "--port", "acquirers")
    await_load(stage)
    module.kill()
    stage.event("mac.not_made")
    stage.start(*asked)
    before = sum(line["mti"] in ("0110", "0210") for line in stage.events("hop.sent"))
    await_load(stage, before + 40)
    assert banks.stop(60) == 0
    assert everything_arrived(stage)
    assert books_agree(stage, switch, calm=False)
    assert not found_in(files_in(stage.directory), keys_of(ring) | secrets_of(demo_cards(stage.network)))
