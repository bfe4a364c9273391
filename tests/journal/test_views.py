"""Records as programs read them."""

import json
from pathlib import Path

import msgspec
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.records.prices import Priced
from switch.core.records.records import HoldName
from switch.money.fee_line import Fee
from tests.journal.samples import answered, booted, forwarded, key, written
from tests.ledger.stories import charged


def test_the_price_of_an_approval_is_shown_to_a_program_too(tmp_path: Path) -> None:
    fee = Fee(rule="service-cmi", kind="service", payer="merchant:1", payee="atlas", amount=450)
    priced = Priced(
        day="2025-11-25",
        scheme="cmi",
        product="debit",
        channel="pos",
        acquirer="atlas",
        issuer="rif",
        merchant="1",
        mcc="5411",
        direction=1,
        fees=(fee,),
    )
    written(tmp_path, [booted(), forwarded(2), msgspec.structs.replace(answered(2), priced=priced)])
    result = CliRunner().invoke(command, ["show", "2", "--state", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output.splitlines()[1])["priced"]["fees"][0]["amount"] == 450


def test_what_a_merchant_was_charged_is_shown_by_the_number_that_its_statement_has(tmp_path: Path) -> None:
    fee = Fee(rule="m", kind="monthly", payer="merchant:M1", payee="maroc-telecommerce", amount=250_00, vat=25_00)
    written(tmp_path, [booted(), forwarded(2), charged(0xABC, fee, "2026-11"), answered(2)])
    said = CliRunner().invoke(command, ["show", "abc", "--state", str(tmp_path)])
    assert said.exit_code == 0, said.output
    assert "charged to a merchant, without a payment" in said.output
    assert (
        "monthly (rule m), merchant:M1 -> maroc-telecommerce: 25000 (minor units) and 2500 (minor units) VAT"
        in said.output
    )
    result = CliRunner().invoke(command, ["show", "abc", "--state", str(tmp_path), "--json"])
    shown = json.loads(result.output)
    assert (shown["record"], shown["fact"], shown["month"], shown["fee"]["amount"]) == (3, "Charged", "2026-11", 250_00)


def test_what_a_refund_gives_back_is_named_as_the_payment_is(tmp_path: Path) -> None:
    refund = msgspec.structs.replace(forwarded(3), gives_back=HoldName(txn=0xABC, key=key(2)))
    written(tmp_path, [booted(), refund, answered(3)])
    result = CliRunner().invoke(command, ["show", "3", "--state", str(tmp_path), "--json"])
    assert json.loads(result.output.splitlines()[0])["gives_back"] == "abc", result.output
