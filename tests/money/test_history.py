"""2007 and 2013: CMI acquires for all merchants, Maroc Telecommerce is a gateway; both have a position in the settlement."""

import pytest

from switch.config import load_network
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import Router
from switch.ledger.netting import settle
from tests.ledger.stories import MAD, Sides, fold, records

NETWORK = load_network("morocco")
BEHIND_A_GATEWAY = "MTC000000000001"


@pytest.mark.parametrize(
    ("day", "merchant", "charge", "gateway", "interchange"),
    [
        ("2007-06-01", "M1", 20_00, 0, 10_00),
        ("2007-06-01", BEHIND_A_GATEWAY, 20_00, 17_50, 10_00),
        ("2013-10-01", BEHIND_A_GATEWAY, 14_00, 5_00, 10_00),
    ],
)
def test_cmi_acquires_and_its_charge_includes_interchange(
    day: str, merchant: str, charge: int, gateway: int, interchange: int
) -> None:
    """1,000.00 MAD on the web with a Cmi card of atlas: the net is cmi's, the merchant is paid by it, all comes to zero."""
    card = Router(NETWORK).lookup("9504010000000019")
    assert card is not None
    asked = payment_of(NETWORK, card, acquirer="cmi", channel="web", currency=MAD, mcc="5999", merchant=merchant)
    fees, why = fee_table(NETWORK).price(asked, day, merchant, 1_000_00, 1)
    assert not why
    ledger, (entry,) = fold(
        records("0200 1000.00", Sides(issuer="atlas", acquirer="cmi", merchant=merchant, fees=fees))
    )
    members = [member.name for member in NETWORK.issuing]
    settlement = settle(entry.window, ledger.positions[entry.window], members=members, networks=(), home=MAD)
    (net,) = settlement.net
    tax_on = gateway // 10
    nets = {position.party: position.net for position in net.positions}
    expected = {
        "atlas": interchange - 1_000_00,
        "cmi": 1_000_00 - interchange - 30 - gateway - tax_on,
        "rif": 0,
        "souss": 0,
        "switch": 30,
    }
    assert nets == expected | ({"maroc-telecommerce": gateway + tax_on} if gateway else {})
    owed = sum(a if p == f"merchant:{merchant}" else 0 for account, _, a in entry.lines for p in [account.owner])
    assert owed == 1_000_00 - charge - charge // 10 - gateway - tax_on


def test_a_member_that_only_acquires_is_in_no_window_without_its_payments() -> None:
    assert [member.name for member in NETWORK.members] == ["atlas", "rif", "souss", "cmi"]
    assert [member.name for member in NETWORK.issuing] == ["atlas", "rif", "souss"]
