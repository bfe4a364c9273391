"""What merchants owe without a payment: once, or each month, by the row that holds."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from switch.config import load_network
from switch.money.fees import ACQUIRER
from switch.money.merchant_fees import MONTH, ONCE, Contract, MerchantFee, contracts, due

MONTHLY = MerchantFee(
    id="monthly",
    kind="monthly",
    payee="gateway",
    amount=250_00,
    vat=Decimal("0.1"),
    merchants=("M1", "M2"),
    acquirer="cmi",
)
OF_M1 = Contract("monthly", "gateway", "M1")


def changed(**values: Any) -> MerchantFee:
    return msgspec.structs.replace(MONTHLY, **values)


def owed(rules: tuple[MerchantFee, ...], day: str, charged: str | None) -> list[tuple[str, str]]:
    found = dict(contracts(rules, day)).get(OF_M1)
    return [(one.rule.id, one.month) for one in due(rules, OF_M1, found, day, charged)] if found is not None else []


def test_a_month_is_owed_once_and_those_without_a_close_are_made_up_for() -> None:
    assert owed((MONTHLY,), "2026-11-27", None) == [("monthly", "2026-11")]
    assert owed((MONTHLY,), "2026-11-30", "2026-11") == []
    assert owed((MONTHLY,), "2026-12-01", "2026-11") == [("monthly", "2026-12")]
    assert owed((MONTHLY,), "2027-02-01", "2026-11") == [
        (MONTHLY.id, f"{month}") for month in ("2026-12", "2027-01", "2027-02")
    ]


def test_a_tariff_that_follows_another_is_the_same_contract() -> None:
    old, new = changed(id="old", end="2013-08-31"), changed(id="new", begin="2013-09-01")
    assert owed((old, new), "2013-08-31", "2013-07") == [("old", "2013-08")]
    assert owed((old, new), "2013-09-01", "2013-08") == [("new", "2013-09")]
    assert owed((old, new), "2013-10-02", "2013-07") == [("old", "2013-08"), ("new", "2013-09"), ("new", "2013-10")]
    assert owed((old, changed(id="new", begin="2014-01-01")), "2014-01-05", "2013-08") == [("new", "2014-01")]


def test_of_a_kind_and_payee_the_first_row_that_fits_holds() -> None:
    special = changed(id="special", merchants=("M1",), amount=100_00)
    held = dict(contracts((special, MONTHLY), "2026-11-27"))
    assert {contract.merchant: rule.id for contract, rule in held.items()} == {"M1": "special", "M2": "monthly"}
    both = dict(contracts((MONTHLY, changed(id="bank", payee=ACQUIRER)), "2026-11-27"))
    assert {contract.payee for contract in both} == {"gateway", "cmi"}


def test_what_is_charged_once_is_never_charged_again() -> None:
    set_up = changed(id="set-up", every=ONCE)
    assert owed((set_up,), "2026-11-27", None) == [("set-up", "")]
    assert owed((set_up,), "2027-11-27", "") == []
    assert owed((changed(every=ONCE, end="2026-11-26"),), "2026-11-27", None) == []


@pytest.mark.parametrize(
    ("amount", "vat", "tax"), [(250_00, "0.1", 25_00), (5, "0.1", 1), (4, "0.1", 0), (12_345, "0.2", 24_69)]
)
def test_tax_is_rounded_half_away_from_zero(amount: int, vat: str, tax: int) -> None:
    fee = changed(amount=amount, vat=Decimal(vat)).fee("M1", 1)
    assert (fee.amount, fee.vat, fee.payer, fee.payee) == (amount, tax, "merchant:M1", "gateway")


def test_the_first_months_of_a_contract_may_be_free() -> None:
    rule = changed(free=6)
    assert [rule.fee("M1", number).amount for number in (1, 6, 7)] == [0, 0, 250_00]
    assert (rule.fee("M1", 6).vat, rule.every) == (0, MONTH)


def test_the_shipped_network_charges_what_was_published_for_2007_and_2013() -> None:
    rules = load_network("morocco").merchant_fees
    days = ("2007-06-01", "2013-10-01", "2026-11-27")
    of = {day: {rule.kind: (rule.amount, rule.free, rule.account) for _, rule in contracts(rules, day)} for day in days}
    gateway = "maroc-telecommerce"
    assert of["2007-06-01"] == {"set-up": (3_000_00, 0, gateway), "monthly": (250_00, 0, gateway)}
    assert of["2013-10-01"] == {"set-up": (3_000_00, 0, gateway), "monthly": (250_00, 6, gateway)}
    assert of["2026-11-27"] == {}
