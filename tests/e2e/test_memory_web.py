"""Keys and clear PINs are in the memory of the security module's process alone, in web payments, in what the switch checks on an
issuer's behalf, and while it stands in: not in that of the gateway, of 3-D Secure's servers, of the switch or its helpers.

The search is one that finds: keys where they are, and in each of the others what it does have.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.cli._processes import Child
from tests.e2e.memory import found_in_memory
from tests.e2e.sealed import Scene, told
from tests.e2e.stage import wait_for
from tests.e2e.test_canaries_web import challenged
from tests.e2e.test_memory import CARDS, PIN, assert_clean, planted_forms
from tests.e2e.web import Gateway, Shop, free_address

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


class Web:
    """Everybody who takes part in a web payment, whose keys are in a process of their own."""

    def __init__(self, directory: Path) -> None:
        self.scene, self.shop = Scene(directory, apart=True, changes=CHANGES), Shop()
        stage = self.stage = self.scene.stage
        kept = ("--network", str(stage.path), "--state", str(stage.state))
        self.directory = stage.start("threeds", "directory", *kept)
        self.acs = stage.start("threeds", "acs", "atlas", *kept)
        results = free_address()
        self.gateway = Gateway(
            stage, directory / "gateway", self.shop, "--results", results, "--results-url", f"http://{results}"
        )
        self.gateway.cards = self.scene.cards  # whose printed values are of Atlas's key
        self.issuers = next(child for child in stage.children if child.name == "issuer")

    def close(self) -> None:
        """End all of it."""
        self.shop.close()
        self.scene.close()

    @property
    def others(self) -> list[Child]:
        """Who has no key."""
        return [self.scene.switch, self.gateway.child, self.directory, self.acs, self.issuers]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_no_clear_pin_or_key_is_in_anybody_elses_memory(web: Web) -> None:
    scene = web.scene
    assert "Your bank has confirmed that it is you." in challenged(web.stage, web.gateway, web.shop, web.acs, "WEB-1")
    told(scene, scene.chip(), "00")
    told(scene, scene.chip(wrong="cryptogram"), "63")
    told(scene, scene.chip(de52=scene.pin(scene.cards[CARDS[0]], PIN)), "55")
    wait_for(lambda: web.stage.events("hop.sent", mti="0110"))
    assert scene.keeper is not None
    secrets = planted_forms(scene)
    kept = {secrets[form] for form in found_in_memory(scene.keeper.pid, secrets)}
    assert kept >= {"atlas-cvk", "atlas-imk", "rif-zpk", "atlas-zpk", "rif-zak"}, "a search that finds"
    for child in web.others:
        assert found_in_memory(child.pid, [str(web.stage.path).encode()]), f"{child.name}: one that finds here, too"
    assert_clean(scene, web.others)
    os.kill(web.issuers.pid, signal.SIGKILL)
    wait_for(lambda: web.stage.events("link.down", host="atlas"))
    told(scene, scene.chip(), "00")
    told(scene, scene.chip(wrong="cryptogram"), "63")
    told(scene, scene.chip(de52=scene.pin(scene.cards[CARDS[0]], PIN)), "00")
    challenged(web.stage, web.gateway, web.shop, web.acs, "WEB-2")
    assert_clean(scene, [child for child in web.others if child is not web.issuers])
