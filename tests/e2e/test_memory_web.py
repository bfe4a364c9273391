"""Keys and clear PINs are in the memory of the security module's process alone, in web payments, in what the switch checks on an
issuer's behalf, and while it stands in: not in that of the gateway, of 3-D Secure's servers, of the switch or its helpers.

The search is one that finds: keys where they are, and in each of the others what it does have.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.memory import found_in_memory
from tests.e2e.sealed import Scene, told
from tests.e2e.stage import wait_for
from tests.e2e.test_memory import CARDS, PIN, assert_clean, planted_forms
from tests.e2e.web import WebPayment

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="the memory of these processes is root's alone to read"),
]
CHANGES = {
    r'(\[\[host\]\]\nname = "atlas")\n': r'\1\non_behalf = ["chip", "stripe", "cvv2", "web"]\nstandin_total = "50000.00 MAD"\n',
    r"(\n\[\[host\]\]\nname = \"rif\")": r"""
[[host.standin]]
product = "debit"
floor = "500.00 MAD"
per_card_count = 9
per_card_amount = "4000.00 MAD"
unverified_pin = true
ecommerce = true
\1""",
    r'(\[\[acs\]\]\nname = "atlas")': r'\1\ncavv_key = "atlas-cvk"',
}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with closing(Scene(tmp_path, apart=True, changes=CHANGES)) as scene:
        yield scene


@pytest.fixture
def web(scene: Scene, tmp_path: Path) -> Iterator[WebPayment]:
    with closing(WebPayment(scene.stage, tmp_path / "gateway")) as web:
        web.gateway.cards = scene.cards  # whose printed values are of Atlas's key
        yield web


def test_no_clear_pin_or_key_is_in_anybody_elses_memory(scene: Scene, web: WebPayment) -> None:
    others = [scene.switch, web.gateway.child, web.directory, web.acs, web.issuers]
    assert "Your bank has confirmed that it is you." in web.challenged("WEB-1")
    told(scene, scene.chip(), "00")
    told(scene, scene.chip(wrong="cryptogram"), "63")
    told(scene, scene.chip(de52=scene.pin(scene.cards[CARDS[0]], PIN)), "55")
    wait_for(lambda: web.stage.events("hop.sent", mti="0110"))
    assert scene.keeper is not None
    secrets = planted_forms(scene)
    kept = {secrets[form] for form in found_in_memory(scene.keeper.pid, secrets)}
    assert kept >= {"atlas-cvk", "atlas-imk", "rif-zpk", "atlas-zpk", "rif-zak"}, "a search that finds"
    for child in others:
        assert found_in_memory(child.pid, [str(web.stage.path).encode()]), f"{child.name}: one that finds here, too"
    assert_clean(scene, others)
    os.kill(web.issuers.pid, signal.SIGKILL)
    wait_for(lambda: web.stage.events("link.down", host="atlas"))
    told(scene, scene.chip(), "00")
    told(scene, scene.chip(wrong="cryptogram"), "63")
    told(scene, scene.chip(de52=scene.pin(scene.cards[CARDS[0]], PIN)), "00")
    web.challenged("WEB-2")
    assert_clean(scene, [child for child in others if child is not web.issuers])
