"""Whether a web payment's authentication value proves what its ECI says, as a simulated issuer asks its security module.

In: a request's ECI and value (DE48.42, DE48.43), the card. Out: why the request is declined, or nothing. Rule: who says that the
cardholder was authenticated, or that it was tried, proves it with a value of this card, made for that; who says nothing of the
kind proves nothing, and is asked for CVV2 as ever.

Test cards' values are made with published test keys, as their CVV2s are, unless the network file names keys (`[[acs]]`).
"""

import binascii
from base64 import b64decode, b64encode
from typing import Final

from switch.core.authentication import AccessControl
from switch.security.cardholder_values import CardholderValueError, make_aav, make_cavv, read_cavv
from switch.security.commands import WRONG, CheckAav, CheckCavv
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SecurityModule, SoftwareModule
from switch.simulators.cards import TEST_CVK, TestCard
from switch.simulators.de48 import Private48, private_elements
from switch.simulators.pins import Refusal
from switch.wire.vocabulary import DE, Answer, Document

CAVV_KEY, AAV_KEY = "test-cavv", "test-aav"
"""names of the test keys"""
TEST_AAVK: Final = bytes.fromhex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F")
_KEYS: Final = {
    CAVV_KEY: KeyBlock(Header(version="D", usage="C0", algorithm="T", mode="C"), TEST_CVK),
    AAV_KEY: KeyBlock(Header(version="D", usage="C0", algorithm="H", mode="C"), TEST_AAVK),
}
FULL, TRIED = "05", "06"
_MADE_FOR: Final = {FULL: ("0", 0x8C), TRIED: ("7", 0x86)}
"""ECI -> the CAVV's results code, the AAV's control byte"""


def results_code(eci: str) -> str:
    """A CAVV's, for a value that proves this ECI of the internal format (05 or 06)."""
    return _MADE_FOR[eci][0]


def control_byte(eci: str) -> int:
    """An AAV's, likewise."""
    return _MADE_FOR[eci][1]


def test_module() -> SecurityModule:
    """One that has the test keys, and draws nothing at random."""
    return SoftwareModule(ClearKeys(_KEYS), bytes)


test_module.__test__ = False  # type: ignore[attr-defined]  # no test case


def demo_proof(card: TestCard, eci: str = FULL) -> str:
    """The value that proves `eci` of a test card, in base64: always the same for a card."""
    if card.scheme == "mastercard":
        made = make_aav(TEST_AAVK, card.pan, "Demo", control_byte(eci), 1, 0x11, bytes(4))
    else:
        made = make_cavv(TEST_CVK, card.pan, card.pan[-16:].rjust(16, "0"), results_code(eci), "00", "01")
    return b64encode(made).decode()


class ProofDesk:
    """Of one issuer."""

    def __init__(self, module: SecurityModule | None = None, acs: AccessControl | None = None) -> None:
        """`acs`: what its cardholders are authenticated by. None, or one without keys: the test keys."""
        named = acs is not None and bool(acs.cavv_key or acs.aav_key) and module is not None
        self._module = module if named and module is not None else test_module()
        self._cavv_key = acs.cavv_key if named and acs is not None else CAVV_KEY
        self._aav_key = acs.aav_key if named and acs is not None else AAV_KEY

    def judge(self, card: TestCard, document: Document) -> Refusal | None:
        """None: nothing is claimed, or it is proved."""
        if DE.PRIVATE_48 not in document:
            return None
        private = private_elements(document)
        eci, text = private.get(Private48.ECI, ""), private.get(Private48.CAVV, "")
        if not text and eci not in _MADE_FOR:
            return None
        try:
            value = b64decode(text, validate=True)
            reply = self._module.ask([self._question(card, value)])[0]
            if reply.ok:
                proves = _what_it_proves(card, value)
                return None if proves == eci else _not_proved(f"it proves ECI {proves}, not {eci or 'none'}")
        except (binascii.Error, CardholderValueError):
            return _not_proved("it is none, or none of the kind")
        if reply.code != WRONG:
            return Refusal(Answer.MALFUNCTION, f"its authentication value cannot be verified: {reply.reason}")
        return _not_proved("it is not this card's")

    def _question(self, card: TestCard, value: bytes) -> CheckAav | CheckCavv:
        if card.scheme == "mastercard":
            return CheckAav(self._aav_key, card.pan, value)
        read_cavv(value)
        return CheckCavv(self._cavv_key, card.pan, value)


def _what_it_proves(card: TestCard, value: bytes) -> str:
    """The ECI that a value was made for; "" where it was made for another purpose."""
    for eci, (code, control) in _MADE_FOR.items():
        if value[0] == control if card.scheme == "mastercard" else read_cavv(value).results_code == code:
            return eci
    return ""


def _not_proved(why: str) -> Refusal:
    return Refusal(Answer.DO_NOT_HONOUR, f"the authentication value: {why}")
