"""What payments cost at three levels: a national card, a local card of a network's scheme, a foreign card."""

import msgspec

from switch.ledger.entries import Entry
from switch.ledger.levels import Costs, Level, by_level, costs, level_of, network_cost
from switch.money.fee_line import Fee
from tests.ledger.stories import MAD, Sides, fold, records

SCHEMES = {"visa": "visa"}


def fees(issuer: str, service: int, interchange: int, scheme: int = 0) -> tuple[Fee, ...]:
    return (
        Fee(rule="s", kind="service", payer="merchant:M1", payee="rif", amount=service, vat=service // 10),
        Fee(rule="i", kind="interchange", payer="rif", payee=issuer, amount=interchange),
        *([Fee(rule="n", kind="scheme", payer="rif", payee=issuer, amount=scheme)] if scheme else []),
        Fee(rule="w", kind="switch", payer="rif", payee="switch", amount=30),
    )


def entries(story: str, issuer: str, service: int, interchange: int, scheme: int = 0) -> list[Entry]:
    _, posted = fold(records(story, Sides(issuer=issuer, fees=fees(issuer, service, interchange, scheme))))
    return posted


def test_a_foreign_card_costs_interchange_and_the_networks_own_fees() -> None:
    (entry,) = entries("0200 100.00", "visa", 3_00, 1_15, 1_46)
    assert level_of(entry, SCHEMES) is Level.FOREIGN
    found = costs(entry, MAD)
    assert found == Costs(payments=1, amount=100_00, charge=3_00, vat=30, interchange=1_15, network=1_46, others=30)
    assert found.kept == 9
    assert network_cost(entry, SCHEMES) == 2_61


def test_the_level_is_by_scheme_and_by_who_answers() -> None:
    (entry,) = entries("0200 100.00", "atlas", 80, 50)
    assert level_of(entry, SCHEMES) is Level.NATIONAL
    assert level_of(msgspec.structs.replace(entry, scheme="visa"), SCHEMES) is Level.LOCAL
    assert level_of(msgspec.structs.replace(entry, acquirer="visa"), SCHEMES) is None
    assert network_cost(entry, SCHEMES) == 0


def test_cash_and_other_currencies_have_no_merchants_charge() -> None:
    (cash,) = entries("0200 100.00 cash", "atlas", 80, 50)
    assert costs(cash, MAD) is None
    (purchase,) = entries("0200 100.00", "atlas", 80, 50)
    assert costs(purchase, "978") is None


def test_a_bank_own_card_costs_it_the_switch_alone() -> None:
    (entry,) = entries("0200 100.00", "rif", 80, 50)
    assert costs(entry, MAD) == Costs(payments=1, amount=100_00, charge=80, vat=8, others=30)


def test_what_is_taken_back_is_no_payment_of_its_own() -> None:
    posted = entries("0200 100.00, 0420", "atlas", 80, 50)
    levels = by_level(posted, SCHEMES, MAD)
    assert (levels[Level.NATIONAL].payments, levels[Level.NATIONAL].amount) == (1, 0)
    assert levels[Level.LOCAL] == levels[Level.FOREIGN] == Costs()
