"""A short soak with web payment: gateway, shop, switch and issuers are killed, buyers go on, and all books agree."""

import json
from pathlib import Path

import pytest

from switch.cli._processes import Child

pytestmark = pytest.mark.long


def test_no_order_is_paid_and_unpaid_whoever_is_killed(tmp_path: Path) -> None:
    options = ("--web", "--duration", "14", "--every", "0.9", "--rate", "25", "--seed", "5", "--no-disk", "--json")
    child = Child("soak", ["soak", *options, "--keep", str(tmp_path / "run")], tmp_path / "soak.out")
    try:
        exit_code = child.wait(400)
        lines = [line for line in child.text().splitlines() if line.startswith("{")]
        assert lines, child.text()
        outcome = json.loads(lines[0])
    finally:
        if child.running():
            child.stop()
    assert exit_code == 0, child.text()
    assert outcome["web"].get("paid", 0) > 3, outcome["web"]
    assert outcome["web"]["paid by a code"] > 0, outcome["web"]
    assert {name for name in outcome["faults"] if name in ("kill gateway", "kill shop")}
    assert {name for name in outcome["faults"] if name in ("kill acs", "kill directory")}
