"""The payment page in a real browser, and a merchant's own client from npm, unmodified (needs Chromium, Node.js and npm)."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from switch.simulators.cards import demo_cards
from tests.e2e.stage import Stage
from tests.e2e.web import CLIENT, Shop, free_address
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
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=240, check=False
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
    found = run(scripts, "shop.js", f"http://{shop}", card("atlas-approved", network), card("atlas-51", network))
    assert found["flows"] == {
        "pages": "looked at",
        "approve": "Thank you",
        "keyboard": "Thank you",
        "decline": "Not paid",
        "cancel": "Not paid",
        "mistyped": "3",
        "twice": "Thank you, Thank you",
        "back": "no form, 0",
        "without_script": "Thank you",
    }
    assert found["wrong"] == []
    paid = [event for event in network.events("hop.received") if event["mti"] == "0100"]
    assert len(paid) == 6, "each order paid once, and one declined"


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
