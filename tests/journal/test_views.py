"""Records as programs read them."""

import json
from pathlib import Path

import msgspec
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.records.prices import Priced
from switch.money.fee_line import Fee
from tests.journal.samples import answered, booted, forwarded, written


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
    assert json.loads(result.output.splitlines()[1])["priced"][9][0][4] == 450
