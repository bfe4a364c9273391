"""Fees: the worked examples to the centime, the traps, and that nothing is made or lost whatever the split."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.money.fee_line import Fee
from switch.money.fees import (
    DOMESTIC,
    INTER,
    INTRA,
    FeeRule,
    Fees,
    Payment,
    Refunds,
    add_up,
    change,
    given_back,
    owed_to,
    region_of,
)

DAY = "2026-11-27"
RATES = {"978": Decimal("10.84"), "392": Decimal("0.0657"), "788": Decimal("3.21")}


def rule(kind: str, payer: str, payee: str, percent: str = "0", **more: Any) -> FeeRule:
    share = Decimal(percent) / 100
    refund = Refunds.MIRROR if share else Refunds.CHARGE
    made = FeeRule(id=kind, kind=kind, payer=payer, payee=payee, percent=share, refund=refund)
    return msgspec.structs.replace(made, **more)


def payment(**changes: str) -> Payment:
    return Payment(
        **(
            {
                "scheme": "cmi",
                "product": "debit",
                "channel": "web",
                "region": DOMESTIC,
                "mcc": "5411",
                "merchant": "M1",
                "acquirer": "rif",
                "issuer": "atlas",
                "out": "",
                "into": "",
                "currency": "504",
            }
            | changes
        )
    )


SHOP = (
    rule("service", "merchant", "acquirer", "1.50", vat=Decimal("0.10")),
    rule("interchange", "acquirer", "issuer", "0.65"),
    rule("switch", "acquirer", "switch", fixed=30),
)


def lines(rules: tuple[FeeRule, ...], amount: int, direction: int = 1, **changes: str) -> list[tuple[str, int, int]]:
    fees, why = Fees(rules, RATES, "504").price(payment(**changes), DAY, "M1", amount, direction)
    assert not why
    return [(fee.kind, fee.amount, fee.vat) for fee in fees]


def test_the_worked_example() -> None:
    fees, _ = Fees(SHOP, {}, "504").price(payment(), DAY, "M1", 123_450, 1)
    assert fees == (
        Fee(rule="service", kind="service", payer="merchant:M1", payee="rif", amount=1_852, vat=185),
        Fee(rule="interchange", kind="interchange", payer="rif", payee="atlas", amount=802),
        Fee(rule="switch", kind="switch", payer="rif", payee="switch", amount=30),
    )
    service, interchange, switch = (fee.amount for fee in fees)
    assert service - interchange - switch == 1_020, "the acquirer's margin is what is left"
    assert 123_450 - service - fees[0].vat == 121_413, "the merchant gets"


def test_the_margin_is_what_is_left_and_never_rounded_by_itself() -> None:
    rules = (
        rule("service", "merchant", "acquirer", "2"),
        rule("interchange", "acquirer", "issuer", "0.65"),
        rule("scheme", "acquirer", "network", "0.11"),
    )
    found = lines(rules, 1_225, out="visa")
    assert found == [("service", 25, 0), ("interchange", 8, 0), ("scheme", 1, 0)]
    assert 25 - 8 - 1 == 16


def test_a_partial_reversal_posts_the_fee_of_the_new_amount_less_that_of_the_old() -> None:
    table = Fees((rule("service", "merchant", "acquirer", "1.5"),), {}, "504")
    old, new = (table.price(payment(), DAY, "M1", amount, 1)[0] for amount in (150, 50))
    assert (old[0].amount, new[0].amount) == (2, 1)
    assert [fee.amount for fee in change(old, new)] == [-1]
    assert table.price(payment(), DAY, "M1", 100, 1)[0][0].amount == 2, "the fee of the difference would be"


def test_a_fee_below_half_a_centime_is_nothing_and_still_a_line() -> None:
    assert lines((rule("interchange", "acquirer", "issuer", "0.65"),), 50) == [("interchange", 0, 0)]


def test_least_and_most_hold_after_rounding_and_before_tax() -> None:
    bounded = rule("service", "merchant", "acquirer", "1.5", least=200, most=1_000, vat=Decimal("0.10"))
    assert [lines((bounded,), amount)[0][1:] for amount in (1_000, 20_000, 500_000)] == [
        (200, 20),
        (300, 30),
        (1_000, 100),
    ]


def test_a_refund_mirrors_percentages_and_charges_fixed_fees_again() -> None:
    assert lines(SHOP, 5_000, -1) == [("service", -75, -8), ("interchange", -33, 0), ("switch", 30, 0)]
    kept = (rule("service", "merchant", "acquirer", "1.5", refund=Refunds.NONE),)
    assert lines(kept, 5_000, -1) == []


def test_a_hold_costs_nothing() -> None:
    assert lines(SHOP, 5_000, 0) == []


def test_what_one_party_owes_another_by_percentage_is_rounded_once() -> None:
    """0.55 + 0.91 % of 10.00 is 0.64 (0.091 rounded once), however it is cut into lines."""
    rules = (
        rule("processing", "acquirer", "network", fixed=55),
        rule("scheme", "acquirer", "network", "0.11"),
        rule("cross-border", "acquirer", "network", "0.80"),
    )
    for amount in range(0, 3_000, 7):
        fees, _ = Fees(rules, {}, "504").price(payment(out="visa"), DAY, "M1", amount, 1)
        assert owed_to("visa", fees) == 55 + int(
            (Decimal(amount) * Decimal("0.0091")).quantize(Decimal(1), ROUND_HALF_UP)
        )


@pytest.mark.parametrize(
    ("currency", "amount", "fee"), [("392", 1_000, 131), ("978", 1_000, 217), ("788", 12_345, 79), ("504", 1_000, 20)]
)
def test_an_amount_in_another_currency_costs_in_the_home_one(currency: str, amount: int, fee: int) -> None:
    """2 % of 1000 JPY = 65.70 MAD; of 10.00 EUR = 108.40 MAD; of 12.345 TND = 39.63 MAD."""
    assert lines((rule("service", "merchant", "acquirer", "2"),), amount, currency=currency) == [("service", fee, 0)]


def test_a_currency_without_a_rate_is_unpriced_and_charged_nothing() -> None:
    assert Fees(SHOP, RATES, "504").price(payment(currency="414"), DAY, "M1", 10_000, 1) == (
        (),
        "no rate for currency KWD",
    )


def test_a_payment_that_no_rule_is_for_is_unpriced() -> None:
    fees, why = Fees((rule("service", "merchant", "acquirer", "1", schemes=("visa",)),), {}, "504").price(
        payment(), DAY, "M1", 1, 1
    )
    assert fees == ()
    assert why == ("no [[fee]] is for cmi debit cards of atlas, web, domestic, MCC 5411, brought by rif on 2026-11-27")
    assert Fees((), {}, "504").price(payment(), DAY, "M1", 1, 1) == ((), ""), (
        "without a table nothing is missing from it"
    )


@pytest.mark.parametrize(
    ("chooser", "fits", "not_for"),
    [
        ({"schemes": ("cmi",)}, {}, {"scheme": "visa"}),
        ({"products": ("debit", "prepaid")}, {"product": "prepaid"}, {"product": "credit"}),
        ({"channels": ("web",)}, {}, {"channel": "pos"}),
        ({"regions": (INTRA, INTER)}, {"region": INTRA}, {}),
        ({"mccs": ("5811-5814",)}, {"mcc": "5812"}, {"mcc": "5815"}),
        ({"merchants": ("M1",)}, {}, {"merchant": "M2"}),
        ({"acquirers": ("rif",)}, {}, {"acquirer": "souss"}),
        ({"issuers": ("atlas",)}, {}, {"issuer": "rif"}),
        ({"networks": ("visa",)}, {"out": "visa"}, {"out": "mastercard"}),
    ],
)
def test_each_chooser_chooses(chooser: dict[str, Any], fits: dict[str, str], not_for: dict[str, str]) -> None:
    table = Fees((rule("switch", "acquirer", "switch", fixed=1, **chooser),), {}, "504")
    assert table.price(payment(**fits), DAY, "M1", 1, 1)[0]
    assert not table.price(payment(**not_for), DAY, "M1", 1, 1)[0]


def test_a_rule_holds_from_and_to_a_day_both_included() -> None:
    table = Fees(
        (
            rule("interchange", "acquirer", "issuer", "1.2", id="old", end="2024-09-30"),
            rule("interchange", "acquirer", "issuer", "0.65", id="new", begin="2024-10-01"),
        ),
        {},
        "504",
    )
    assert [table.price(payment(), day, "M1", 10_000, 1)[0][0].rule for day in ("2024-09-30", "2024-10-01")] == [
        "old",
        "new",
    ]


def test_the_first_rule_of_a_kind_that_fits_holds() -> None:
    rules = (
        rule("service", "merchant", "acquirer", "1", id="fuel", mccs=("5541",)),
        rule("service", "merchant", "acquirer", "2", id="others"),
    )
    table = Fees(rules, {}, "504")
    assert [table.price(payment(mcc=mcc), DAY, "M1", 100, 1)[0][0].rule for mcc in ("5541", "5411")] == [
        "fuel",
        "others",
    ]


def test_a_bank_owes_itself_nothing_and_an_unnamed_merchants_account_is_his_acquirers() -> None:
    fees, _ = Fees(SHOP, {}, "504").price(payment(issuer="rif", merchant=""), DAY, "", 10_000, 1)
    assert [(fee.kind, fee.payer) for fee in fees] == [("service", "merchant:rif"), ("switch", "rif")]


def test_a_merchant_of_a_networks_is_not_ours_to_charge() -> None:
    fees, _ = Fees(SHOP, {}, "504").price(payment(acquirer="visa", into="visa"), DAY, "M1", 10_000, 1)
    assert [fee.kind for fee in fees] == ["interchange", "switch"]


def test_regions() -> None:
    regions = {"504": "africa", "788": "africa", "250": "europe"}
    assert [region_of("504", other, regions) for other in ("504", "788", "250", "840")] == [
        DOMESTIC,
        INTRA,
        INTER,
        INTER,
    ]
    assert region_of("840", "124", regions) == INTER


percents = st.decimals("0", "5", places=3)
splits = st.lists(percents, min_size=1, max_size=6)


@given(amount=st.integers(0, 10**12 - 1), percents=splits, fixed=st.integers(0, 500), vat=percents)
@settings(max_examples=500)
def test_no_centime_is_made_or_lost(amount: int, percents: list[Decimal], fixed: int, vat: Decimal) -> None:
    """However a sum is split: the pair's lines add up to the sum rounded once; a refund of the same amount gives all of it back
    but what is charged again; two changes one after the other come to the fees of what stands."""
    rules = (
        *(rule(f"part{n}", "acquirer", "network", str(p)) for n, p in enumerate(percents)),
        rule("service", "merchant", "acquirer", "1.5", vat=vat / 100),
        rule("switch", "acquirer", "switch", fixed=fixed),
    )
    table = Fees(rules, RATES, "504")
    asked = payment(out="visa")
    fees, _ = table.price(asked, DAY, "M1", amount, 1)
    whole = Decimal(amount) * sum(percents) / 100
    assert owed_to("visa", fees) == int(whole.quantize(Decimal(1), ROUND_HALF_UP))
    back, _ = table.price(asked, DAY, "M1", amount, -1)
    assert {(fee.kind, fee.amount) for fee in add_up(fees, back)} == ({("switch", 2 * fixed)} if fixed else set())
    less, _ = table.price(asked, DAY, "M1", amount // 3, 1)
    assert add_up(fees, change(fees, less), given_back(less)) == ()
