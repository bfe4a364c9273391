"""Playbooks: payments on the web that the switch decides while their issuer is away: authenticated is who can prove it."""

from base64 import b64encode

import pytest

from switch.core.messages.internal import PRIVATE, Private48
from switch.core.network import CardKeys, Network
from switch.core.records.records import Declined
from switch.security.cardholder_values import make_cavv
from switch.sim.playbook import Playbook
from switch.simulators.cards import TEST_CVK
from switch.simulators.proofs import AAV_KEY, CAVV_KEY, test_module
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, OTHER_CARD
from tests.core.transactions.test_card_proofs import with_card_keys
from tests.core.transactions.test_standin import Away, network, small

ATN = "1234567890123456"


def with_keys() -> Network:
    """Atlas may be stood in for on the web, and names its keys."""
    return with_card_keys(CardKeys(cavv_key=CAVV_KEY, aav_key=AAV_KEY), ecommerce=True)


def value(pan: str = ATLAS_CARD, code: str = "0") -> str:
    return b64encode(make_cavv(TEST_CVK, pan, ATN, code, "00", "01")).decode()


def bought(cavv: str, eci: str = "05") -> Document:
    parts = {Private48.ECI: eci, Private48.CAVV: cavv}
    return small(de22="812", de35="", de48=PRIVATE.build({name: text for name, text in parts.items() if text}))


def test_what_proves_the_authentication_is_stood_in_for() -> None:
    away = Away(Playbook(with_keys(), module=test_module()))
    assert away.pays(bought(value()))["39"] == "00"


@pytest.mark.parametrize(
    ("cavv", "reason"),
    [
        (value(OTHER_CARD), "the authentication value: it is not this card's"),
        (value(code="7"), "the authentication value: it proves ECI 06, not 05"),
        ("A" * 28, "the authentication value: it is none, or none of the kind"),
        ("A" * 27, "the authentication value: it is none, or none of the kind"),
    ],
)
def test_what_does_not_is_declined_for_that(cavv: str, reason: str) -> None:
    away = Away(Playbook(with_keys(), module=test_module()))
    assert away.pays(bought(cavv))["39"] == "05"
    (declined,) = away.book.recorded(Declined)
    assert isinstance(declined, Declined)
    assert reason in declined.reason


def test_where_nobody_can_tell_nothing_is_approved() -> None:
    away = Away(Playbook(with_keys()))
    assert away.pays(bought(value()))["39"] == "96"


def test_without_keys_the_value_is_taken_as_it_is() -> None:
    away = Away(Playbook(network(ecommerce=True)))
    assert away.pays(bought("A" * 28))["39"] == "00"
