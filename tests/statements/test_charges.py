"""What a merchant's statement says of charges that come to nothing."""

import json
import re
from pathlib import Path

from click.testing import CliRunner

from switch.cli.statement import command
from switch.money.fee_line import Fee
from tests.journal.samples import written
from tests.ledger.stories import charged, cutover


def test_a_month_that_is_free_has_a_line_though_it_costs_nothing(tmp_path: Path) -> None:
    free = Fee(rule="m", kind="monthly", payer="merchant:M1", payee="maroc-telecommerce", amount=0, vat=0)
    written(tmp_path, [charged(3, free, "2026-11"), cutover(5)])

    def say(*how: str) -> str:
        said = CliRunner().invoke(command, ["merchant", "M1", *how, "--state", str(tmp_path)])
        assert said.exit_code == 0, said.output
        return said.output

    told = json.loads(say("--format", "json"))
    assert [(line["what"], line["charges"], line["net"]) for line in told["lines"]] == [("charge", {}, 0)]
    assert (told["net"], told["standing"]) == (0, {})
    assert told["lines"][0]["currency"] == "MAD", "letters, as everywhere in it"
    assert "Mois gratuit" in say()
    assert re.search(r">Free month<.*0\.00", say("--language", "en"))
