"""A claim that the cardholder was authenticated, and what proves it."""

from base64 import b64decode, b64encode

import pytest

from switch.core.network import CardKeys
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SoftwareModule
from switch.simulators.cards import TestCard
from switch.simulators.de48 import Private48, with_private
from switch.simulators.pins import Refusal
from switch.simulators.proofs import ProofDesk, demo_proof
from tests.simulators.samples import card

VISA = card(pan="4550410100090013", scheme="visa")
MASTERCARD = card(pan="5250410100090019", scheme="mastercard")


def judged(one: TestCard, eci: str, value: str, desk: ProofDesk | None = None) -> Refusal | None:
    parts = {Private48.ECI: eci, Private48.CAVV: value}
    return (desk or ProofDesk()).judge(one, with_private({}, {name: text for name, text in parts.items() if text}))


@pytest.mark.parametrize("one", [card(), VISA, MASTERCARD], ids=["cmi", "visa", "mastercard"])
def test_a_value_proves_one_card_and_one_claim(one: TestCard) -> None:
    for eci, other in (("05", "06"), ("06", "05")):
        value = demo_proof(one, eci)
        assert judged(one, eci, value) is None
        assert judged(one, other, value) == Refusal("05", f"the authentication value: it proves ECI {eci}, not {other}")
        another = card(pan=one.pan[:-2] + "00", scheme=one.scheme)
        assert judged(another, eci, value) == Refusal("05", "the authentication value: it is not this card's")
        raw = bytearray(b64decode(value))
        for at in (0, 4, 14, 19):  # a CAVV covers but the last four digits of its number
            changed = raw.copy()
            changed[at] ^= 1
            assert judged(one, eci, b64encode(changed).decode()) is not None, at
    for none in ("", "AAAA", "=", "A" * 28):
        assert judged(one, "05", none) is not None


def test_who_claims_nothing_proves_nothing() -> None:
    assert judged(card(), "07", "") is None
    assert judged(card(), "", "") is None
    assert ProofDesk().judge(card(), {}) is None
    assert judged(card(), "", demo_proof(card())) == Refusal(
        "05", "the authentication value: it proves ECI 05, not none"
    )


def test_an_issuer_with_keys_takes_no_value_of_the_test_keys() -> None:
    key = KeyBlock(Header(version="D", usage="C0", algorithm="T", mode="C"), bytes(range(16)))
    desk = ProofDesk(SoftwareModule(ClearKeys({"own": key}), bytes), CardKeys(cavv_key="own", aav_key="gone"))
    assert judged(VISA, "05", demo_proof(VISA), desk) == Refusal(
        "05", "the authentication value: it is not this card's"
    )
    cannot = judged(MASTERCARD, "05", demo_proof(MASTERCARD), desk)
    assert cannot is not None
    assert (cannot.de39, "there is no key 'gone'" in cannot.reason) == ("96", True)
