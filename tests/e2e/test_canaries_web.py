"""Card numbers and printed values of web payments, looked for in everything that their processes have written: the gateway, the
directory server, a bank's access control server, the switch, the issuers; after payments, declines, kills and a stand-in.

Found nowhere but where a test has put them, and sealed in the journals: as text, in hex and in EBCDIC.
"""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from switch.simulators.cards import TestCard
from tests.e2e.canaries import files_in, forms
from tests.e2e.stage import Stage, wait_for
from tests.e2e.web import WebPayment

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


@pytest.fixture
def web(stage: Stage, tmp_path: Path) -> Iterator[WebPayment]:
    stage.issuers("--verbose")
    stage.serve()
    with closing(WebPayment(stage, tmp_path / "gateway")) as web:
        yield web


def test_no_card_number_or_printed_value_of_a_web_payment_is_in_any_file_or_stream(
    web: WebPayment, tmp_path: Path
) -> None:
    gateway = web.gateway
    assert "Your bank has confirmed that it is you." in web.challenged("WEB-1")
    assert web.challenged("WEB-2", code="000000") == "asked again"
    for n, name in enumerate(USED):
        gateway.buy(f"WEB-3{n}", name)
    gateway.child.kill()
    gateway.child = gateway.start()
    web.issuers.kill()
    with suppress(OSError):
        gateway.buy("WEB-4", "souss-approved")  # stood in for, or declined
    web.acs.kill()
    with suppress(OSError):
        gateway.buy("WEB-5", "atlas-approved")
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
