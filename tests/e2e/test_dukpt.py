"""Terminals that derive a key a transaction, between processes: PINs and MACs of a payment at a till."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.core.records.devices import DeviceCounted
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk, read_lmk
from switch.simulators.cards import demo_cards
from tests.e2e.canaries import files_in, found_in, keys_of, secrets_of
from tests.e2e.stage import QUICK, Stage

pytestmark = pytest.mark.long


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    place = tmp_path / "keys"
    place.mkdir()
    ring = KeyRing(place / "keys.json", make_lmk(place / "lmk.key", os.urandom(32)), os.urandom)
    with ring.audit.turn():
        for name, kind in (("pos-bdk", "bdk"), ("atlas-zpk", "zpk"), ("atlas-pvk", "pvk")):
            ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    changes = {
        r'name = "pos"[^\n]*\n': r'name = "pos"\npin_key = "pos-bdk"\nmac_key = "pos-bdk"\nksn = "62"\n',
        r'\[\[host\]\]\nname = "atlas"\n': r'[[host]]\nname = "atlas"\npin_key = "atlas-zpk"\npvv_key = "atlas-pvk"\n',
        r'(pvv_key = "atlas-pvk"\n(?:(?!pass_pin)[^\[])*)pass_pin = true[^\n]*\n': r"\1",
        r"\Z": f'\n[security]\nkeys = "{place}/keys.json"\nlmk = "{place}/lmk.key"\n',
    }
    one = Stage(tmp_path, {**QUICK, **changes})
    try:
        yield one
    finally:
        one.close()


def test_a_pin_typed_at_a_till_is_verified_by_its_issuer(stage: Stage) -> None:
    stage.issuers()
    switch = stage.serve()
    pay = ("pay", "--network", str(stage.path), "--port", "pos", "--bank", "rif", "--card", "atlas-approved", "--quiet")
    for pin, code in (("card", 0), ("0000", 3), ("card", 0)):
        child = stage.start(*pay, "--amount", "80", "--pin", pin, ready=False)
        assert child.wait(30) == code, child.text()
    assert not stage.events("mac.wrong")
    assert switch.stop() == 0
    counted = [entry for entry in stage.entries() if isinstance(entry, DeviceCounted)]
    assert len({entry.device for entry in counted}) == 3, "each is a device of its own"
    place = stage.directory / "keys"
    ring = KeyRing(place / "keys.json", read_lmk(place / "lmk.key"), os.urandom)
    assert not found_in(files_in(stage.directory), keys_of(ring) | secrets_of(demo_cards(stage.network)))
