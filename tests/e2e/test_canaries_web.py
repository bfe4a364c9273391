"""Card numbers and printed values of web payments, looked for in everything that their processes have written: the gateway, the
directory server, a bank's access control server, the switch, the issuers; after payments, declines, kills and a stand-in.

Found nowhere but where a test has put them, and sealed in the journals: as text, in hex and in EBCDIC.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from switch.cli._processes import Child
from switch.simulators.cards import TestCard
from tests.e2e.canaries import files_in, forms
from tests.e2e.stage import Stage, wait_for
from tests.e2e.web import Forms, Gateway, Shop, free_address, post

pytestmark = pytest.mark.long
USED = ("atlas-approved", "atlas-51", "souss-approved")


def sought(card: TestCard) -> dict[str, bytes]:
    """What is nobody's to write down, by its name; a value of three digits as it stands beside its name."""
    expiry = f"{card.expiry[2:]}/{card.expiry[:2]}"
    spaced = " ".join(card.pan[at : at + 4] for at in range(0, len(card.pan), 4))
    return {
        f"{card.name}: number": card.pan.encode(),
        f"{card.name}: number, in groups": spaced.encode(),
        f"{card.name}: number in EBCDIC": card.pan.encode("cp037"),
        f"{card.name}: number, packed": bytes.fromhex(card.pan.ljust(len(card.pan) + len(card.pan) % 2, "F")),
        f"{card.name}: number and expiry, as a form": f"pan={card.pan}&expiry={expiry}".encode(),
        f"{card.name}: CVV2 in DE48": f"9203{card.cvv2}".encode(),
        f"{card.name}: CVV2 in a form": f"cvv2={card.cvv2}".encode(),
        f"{card.name}: CVV2 in JSON": f'cvv2":"{card.cvv2}"'.encode(),
    }


def challenged(stage: Stage, gateway: Gateway, shop: Shop, acs: Child, oid: str, code: str = "") -> str:
    """Atlas's card pays so much that its bank asks for a code; what the shop's customer sees in the end."""
    card = gateway.cards["atlas-approved"]
    onward = Forms(gateway.type_card(gateway.open(shop.form(oid, "2500.00")), card))
    bank = stage.network.acs[0].url.partition("//")[2]
    asks = post(bank, "/challenge", onward.fields)
    typed = code or re.findall(r"SMS  Atlas Bank: (\d{6})", acs.text())[-1]
    (path, *_) = Forms(asks).actions
    back = Forms(post(bank, path, [("code", typed), ("do", "confirm")]))
    where = gateway.ask("/3ds/back", back.fields)[1] if back.fields else ""
    return gateway.ask(where)[2] if where else "asked again"


class Web:
    """Everybody who takes part in a web payment, as processes."""

    def __init__(self, directory: Path) -> None:
        self.stage, self.shop = Stage(directory), Shop()
        kept = ("--network", str(self.stage.path), "--state", str(self.stage.state))
        self.issuers = self.stage.issuers("--verbose")
        self.stage.serve()
        self.stage.start("threeds", "directory", *kept)
        self.acs = self.stage.start("threeds", "acs", "atlas", *kept)
        results = free_address()
        at = ("--results", results, "--results-url", f"http://{results}")
        self.gateway = Gateway(self.stage, directory / "gateway", self.shop, *at)

    def close(self) -> None:
        """End all of it."""
        self.shop.close()
        self.stage.close()

    def challenged(self, oid: str, code: str = "") -> str:
        """See `challenged`."""
        return challenged(self.stage, self.gateway, self.shop, self.acs, oid, code)

    def pays(self, oid: str, name: str) -> str:
        """Straight, or as its bank has it."""
        return self.gateway.type_card(self.gateway.open(self.shop.form(oid)), self.gateway.cards[name])


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_no_card_number_or_printed_value_of_a_web_payment_is_in_any_file_or_stream(web: Web, tmp_path: Path) -> None:
    gateway = web.gateway
    assert "Your bank has confirmed that it is you." in web.challenged("WEB-1")
    assert web.challenged("WEB-2", code="000000") == "asked again"
    for n, name in enumerate(USED):
        web.pays(f"WEB-3{n}", name)
    gateway.child.kill()
    gateway.child = gateway.start()
    web.issuers.kill()
    with suppress(OSError):
        web.pays("WEB-4", "souss-approved")  # stood in for, or declined
    web.acs.kill()
    with suppress(OSError):
        web.pays("WEB-5", "atlas-approved")
    wait_for(lambda: web.stage.events("hop.sent", mti="0110") or web.stage.events("hop.sent", mti="0210"))
    cards = [gateway.cards[name] for name in USED]
    (tmp_path / "control").write_bytes(b"\n".join(value for card in cards for value in sought(card).values()))
    written = files_in(tmp_path)
    assert {".out", ".jsonl", ".sqlite"} <= {path.suffix for path in written}, sorted(written)
    found = {
        (path.name, what)
        for card in cards
        for what, secret in sought(card).items()
        for form in forms(secret)
        for path, data in written.items()
        if form in data
    }
    assert {name for name, _ in found} == {"control"}, found
    assert {what for _, what in found} == {what for card in cards for what in sought(card)}, (
        "the search is one that finds"
    )
