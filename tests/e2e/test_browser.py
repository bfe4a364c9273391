"""The payment page and the console in a real browser, and a merchant's own client, unmodified (needs Chromium, Node.js and
npm).
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from switch.console.running import MENU, TEST_MENU
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields
from switch.simulators.cards import demo_cards
from tests.e2e.stage import Stage
from tests.e2e.web import CLIENT, Pages, Shop, free_address
from tests.server.authority import Authority

SCRIPTS: Final = Path(__file__).parent / "browser"
PACKAGES: Final = ("playwright-core@1.64.1", "axe-core@4.11.0", "cmi-payment-nodejs@1.1.3")
KEY: Final = "TEST1234"
pytestmark = [pytest.mark.outside("chromium"), pytest.mark.outside("node"), pytest.mark.outside("npm")]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the scripts, and what they need from npm beside them."""
    directory = tmp_path_factory.mktemp("browser")
    for script in SCRIPTS.glob("*.js"):
        shutil.copy(script, directory)
    (directory / "package.json").write_text('{"private": true}')
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", *PACKAGES], cwd=directory, check=True, timeout=180)
    return directory


def run(directory: Path, script: str, *arguments: str) -> dict[str, Any]:
    environment = {**os.environ, "CHROMIUM": shutil.which("chromium") or ""}
    command = ["node", script, *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=400, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("network"))
    try:
        stage.issuers()
        stage.networks("--latency", "20")
        stage.serve()
        yield stage
    finally:
        stage.close()


def card(name: str, stage: Stage) -> str:
    """As the scripts take it."""
    found = next(c for c in demo_cards(stage.network) if c.name == name)
    return f"{found.pan},{found.expiry[2:]}/{found.expiry[:2]},{found.cvv2}"


def add_merchant(stage: Stage, state: Path, host: str) -> None:
    arguments = ("--title", "Souk", "--host", host, "--key", KEY, "--state", str(state))
    assert stage.start("merchant", "add", CLIENT, *arguments, ready=False).wait(30) == 0


def test_a_shop_is_bought_in(network: Stage, scripts: Path, tmp_path: Path) -> None:
    pages, shop = free_address(), free_address()
    add_merchant(network, tmp_path, shop)
    network.start("gateway", str(network.path), "--state", str(tmp_path), "--listen", pages)
    network.start("shop", "--listen", shop, "--gateway", f"http://{pages}", "--clientid", CLIENT, "--key", KEY)
    cards = [card(name, network) for name in ("atlas-approved", "atlas-51", "rif-slow")]
    found = run(scripts, "shop.js", f"http://{shop}", *cards)
    assert found["flows"] == {
        "pages": "looked at",
        "approve": "Thank you",
        "keyboard": "Thank you",
        "decline": "Not paid",
        "cancel": "Not paid",
        "mistyped": "3",
        "twice": "Thank you, Thank you",
        "reload": "Thank you",
        "back": "no form, 0",
        "without_script": "Thank you",
        "time_out": "Time is up, Not paid",
    }
    assert found["wrong"] == []
    paid = [event for event in network.events("hop.received") if event["mti"] == "0100"]
    assert len(paid) == 7, "each order paid once, and one declined"
    assert max(found["paint_ms"].values()) < 5_000, "of the page of a card"


def test_the_consoles_screens_are_clean_at_every_width_and_work_by_keyboard(network: Stage, scripts: Path) -> None:
    for name in ("atlas-approved", "atlas-51", "fr-visa"):
        network.start("pay", "--card", name, "--network", str(network.path), "--quiet", ready=False).wait(30)
    seen = network.event("hop.sent", mti="0210", de39="51")
    child = network.start("console", str(network.path), "--state", str(network.state), "--listen", "127.0.0.1:0")
    (out,) = network.directory.glob("*-console.out")
    login = re.search(r"http://\S+/login\?key=\S+", out.read_text())
    assert login is not None
    screens = [href for _, group in MENU + TEST_MENU for href, _ in group]
    found = run(scripts, "console.js", login[0], seen["rrn"], "/", f"/payments/{seen['txn']}", *screens[1:], "/find")
    child.stop(10)
    assert found["flows"] == {
        "screens": "looked at",
        "keyboard": "found",
        "live": "pushed",
        "menu": "opened",
        "without_script": "Links",
        "out": "/login",
    }
    assert found["wrong"] == []


def test_a_cards_bank_is_asked_first(network: Stage, scripts: Path, tmp_path: Path) -> None:
    pages, shop = free_address(), free_address()
    add_merchant(network, tmp_path, shop)
    network.start("threeds", "directory", "--network", str(network.path), "--state", str(network.state))
    for acs in network.network.acs:
        idle = ("--idle", "2") if acs.name == "abroad" else ()
        network.start("threeds", "acs", acs.name, "--network", str(network.path), "--state", str(network.state), *idle)
    network.start(
        "gateway",
        str(network.path),
        "--state",
        str(tmp_path),
        "--listen",
        pages,
        "--limit",
        "cards-per-card=50",
        "--test-cards",
    )
    network.start("shop", "--listen", shop, "--gateway", f"http://{pages}", "--clientid", CLIENT, "--key", KEY)
    cards = [card(name, network) for name in ("atlas-visa", "atlas-approved", "rif-visa", "souss-approved", "fr-visa")]
    phone = f"{network.network.acs[0].url}/phone"
    found = run(scripts, "bank.js", f"http://{shop}", phone, *cards, os.environ.get("CMI_SWITCH_PICTURES", ""))
    assert found["flows"] == {
        "pages": "looked at",
        "right_code": "Thank you",
        "wrong_code": "declined",
        "keyboard": "Thank you",
        "cancel": "declined",
        "another_language": "Thank you",
        "test_card": "Thank you; 3-D Secure: ECI 07 · mdStatus 2 · liability merchant",
        "frictionless": "Thank you",
        "looked_at": "Thank you",
        "rejected": "declined",
        "not_enrolled": "Thank you",
        "time_out": "declined",
        "without_script": "Thank you",
    }
    assert found["wrong"] == []


def test_a_merchants_own_client_pays_unmodified(network: Stage, scripts: Path, tmp_path: Path) -> None:
    pages, shop = free_address(), Shop()
    issued = Authority(tmp_path / "tls").issue("testpayment.cmi.co.ma")
    add_merchant(network, tmp_path / "state", shop.host)
    tls = ("--certificate", issued.certificate, "--key", issued.key)
    try:
        network.start("gateway", str(network.path), "--state", str(tmp_path / "state"), "--listen", pages, *tls)
        done = run(
            scripts, "client.js", pages.partition(":")[2], f"http://{shop.host}", KEY, card("rif-approved", network)
        )
    finally:
        shop.close()
    assert done["code"] == "00"
    assert done["right"]
    assert next((fields.get("oid"), fields.get("ProcReturnCode")) for fields in shop.told) == (done["oid"], "00")


def test_a_merchant_looks_after_its_orders(network: Stage, scripts: Path, tmp_path: Path) -> None:
    pages, shop = free_address(), Shop()
    add_merchant(network, tmp_path, shop.host)
    state = ("--state", str(tmp_path))
    try:
        network.start("gateway", str(network.path), *state, "--listen", pages)
        made = network.start("merchant", "password", CLIENT, *state, ready=False)
        assert made.wait(30) == 0
        password = made.text().split()[1]
        gateway = Pages(int(pages.partition(":")[2]))
        typed = next(c for c in demo_cards(network.network) if c.name == "souss-approved")
        form = [(n, v) for n, v in shop.form("STORY-1") if n != "Hash"]
        signed = [*form, ("Hash", hashes.make(Fields(form), KEY))]
        assert "Payment approved" in gateway.type_card(gateway.open(signed), typed)
        found = run(scripts, "merchant.js", f"http://{pages}", CLIENT, password, "STORY-1")
    finally:
        shop.close()
    steps = {"refund": "Done.", "after_back": "21.50", "twice": "once", "logged_out": "asked again"}
    assert found["steps"] == steps
    assert found["wrong"] == []
