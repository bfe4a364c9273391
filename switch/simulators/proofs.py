"""Whether a web payment's authentication value proves what its ECI says, as a simulated issuer asks its security module; and such
values of test cards.

In: a request's ECI and value (DE48.42, DE48.43), the card. Out: why the request is declined, or nothing
(`core.messages.cardholder_proof`).

Test cards' values are made with published test keys, as their CVV2s are, unless the network file names keys (`[[acs]]`,
`[[host]]`).
"""

from base64 import b64encode
from typing import Final

from switch.core.messages.cardholder_proof import FULL, control_byte, results_code
from switch.core.network import CardKeys
from switch.core.transactions.card_proofs import WEB, Card, check_card
from switch.security.cardholder_values import make_aav, make_cavv
from switch.security.emv import MASTERCARD
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SecurityModule, SoftwareModule
from switch.simulators.cards import TEST_CVK, TestCard
from switch.simulators.pins import Refusal
from switch.wire.vocabulary import Document

CAVV_KEY, AAV_KEY = "test-cavv", "test-aav"
"""names of the test keys"""
TEST_AAVK: Final = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
_KEYS: Final = {
    CAVV_KEY: KeyBlock(Header(version="D", usage="C0", algorithm="T", mode="C"), TEST_CVK),
    AAV_KEY: KeyBlock(Header(version="D", usage="C0", algorithm="H", mode="C"), TEST_AAVK),
}


def test_module() -> SecurityModule:
    """One that has the test keys, and draws nothing at random."""
    return SoftwareModule(ClearKeys(_KEYS), bytes)


test_module.__test__ = False  # type: ignore[attr-defined]  # no test case


def demo_proof(card: TestCard, eci: str = FULL) -> str:
    """The value that proves `eci` of a test card, in base64: always the same for a card."""
    if card.scheme == MASTERCARD:
        made = make_aav(TEST_AAVK, card.pan, "Demo", control_byte(eci), 1, 0x11, bytes(4))
    else:
        made = make_cavv(TEST_CVK, card.pan, card.pan[-16:].rjust(16, "0"), results_code(eci), "00", "01")
    return b64encode(made).decode()


class ProofDesk:
    """Judges ECI and CAVV or AAV of requests by its issuer's keys."""

    def __init__(self, module: SecurityModule | None = None, keys: CardKeys = CardKeys()) -> None:  # noqa: B008
        """`module`: None, or keys that name none for such values: the test keys."""
        named = module is not None and bool(keys.cavv_key or keys.aav_key)
        self._module = module if named and module is not None else test_module()
        self._keys = keys if named else CardKeys(cavv_key=CAVV_KEY, aav_key=AAV_KEY)

    def judge(self, card: TestCard, document: Document) -> Refusal | None:
        """None: nothing is claimed, or it is proved."""
        known = Card(pan=card.pan, expiry=card.expiry, scheme=card.scheme)
        wrong = check_card(self._module, self._keys, known, document, (WEB,)).wrong
        return Refusal(wrong.de39, wrong.reason) if wrong is not None else None
