"""`cmi-switch fees explain`: a payment that is asked about, and one that the journal has."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli.main import main
from switch.core.records.records import Answered, AnyEntry, Owed
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, purchase, reversal
from tests.core.transactions.test_reconciliation import completion
from tests.docs.reader import ROOT
from tests.journal.samples import written


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fees", "explain", *arguments])


def recorded(book: Playbook, directory: Path) -> tuple[AnyEntry, ...]:
    written(directory, book.entries)
    return tuple(book.entries)


def test_lines_rules_and_rounding_of_a_foreign_card() -> None:
    said = run(
        "--card", "4970000000090017", "--amount", "12.34", "--channel", "web", "--from", "rif", "--on", "2026-11-27"
    )
    assert said.exit_code == 0
    assert "payment  12.34 MAD, visa debit of visa, inter; web, MCC 5411, brought by rif" in said.output
    assert "0.11 % of 12.34 MAD = 0.013574" in said.output
    lines = json.loads(
        run("--card", "4970000000090017", "--amount", "12.34", "--from", "rif", "--on", "2026-11-27", "--json").output
    )["lines"]
    assert sum(line["amount"] for line in lines if line["payee"] == "visa") == 55 + 25  # 2.06 % is 0.2542
    assert all("morocco.toml:" in line["place"] for line in lines)


def test_the_day_decides_and_a_refund_is_mirrored() -> None:
    asked = ("--card", "4550411100000000", "--amount", "100", "--json")
    days = ("2024-09-30", "2024-10-01")
    old, new = (json.loads(run(*asked, "--from", "rif", "--on", day).output)["lines"] for day in days)
    assert [[line["amount"] for line in lines] for lines in (old, new)] == [[150, 120, 30], [100, 65, 30]]
    refund = json.loads(run(*asked, "--from", "rif", "--refund", "--on", "2024-10-01").output)
    assert [line["amount"] for line in refund["lines"]] == [-100, -65, 30]


def test_a_currency_without_a_rate_is_unpriced() -> None:
    said = run("--card", "9504010000000019", "--amount", "10 KWD")
    assert "unpriced: no rate for currency KWD" in said.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a transaction, or a payment with --card"),
        (("--card", "3600000000000008"), "no BIN range of"),
        (("--card", "9504010000000019", "--on", "tomorrow"), "'tomorrow' is no date"),
        (("--card", "9504010000000019", "--from", "rff"), "is no member or network"),
        (("zz",), "'zz' is no transaction: expected 1 to 15 hexadecimal digits"),
    ],
)
def test_what_cannot_be_answered_says_why(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert said in result.output


def test_a_recorded_payment_and_its_reversal_show_what_is_recorded(tmp_path: Path) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    scene.rif.gets()
    scene.rif.sends(reversal(purchase()))
    entries = recorded(scene.book, tmp_path)
    txns = [getattr(entry, "txn", 0) for entry in entries if type(entry).__name__ in ("Answered", "Owed")]
    payment, taken_back = (json.loads(run(f"{txn:x}", "--state", str(tmp_path), "--json").output) for txn in txns)
    assert {line["kind"]: line["amount"] for line in payment["lines"]} == {
        "service": 120,
        "interchange": 75,
        "switch": 30,
    }
    assert [line["amount"] for line in taken_back["lines"]] == [-120, -75, -30]
    assert taken_back["of_day"] == "2025-11-25"
    assert "0.8 % of 150.00 MAD = 1.2" in run(f"{txns[0]:x}", "--state", str(tmp_path)).output


def test_what_a_partial_reversal_gives_back_is_the_fee_of_what_stands_less_that_before(tmp_path: Path) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    scene.rif.gets()
    scene.rif.sends(reversal(purchase(), "000200", de95=f"{3_333:012d}" + "0" * 12 + "C00000000C00000000"))
    (back,) = [entry for entry in recorded(scene.book, tmp_path) if isinstance(entry, Owed)]
    text = run(f"{back.txn:x}", "--state", str(tmp_path)).output
    assert "payment  150.00 MAD, of which 33.33 MAD stand, cmi debit of atlas" in text
    assert "service       -0.93 MAD and -0.09 MAD VAT" in text
    assert "0.8 % of 33.33 MAD = 0.26664; 0.27 MAD, less 1.20 MAD charged before" in text
    assert "0.5 % of 33.33 MAD = 0.16665; 0.17 MAD, less 0.75 MAD charged before" in text


def test_a_row_that_was_changed_since_does_not_explain_what_is_recorded(tmp_path: Path) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    recorded(scene.book, tmp_path)
    (paid,) = scene.book.recorded(Answered)
    shipped = (ROOT / "specs" / "networks" / "morocco.toml").read_text()
    changed = tmp_path / "morocco.toml"
    changed.write_text(shipped.replace('percent = "0.80 %"', 'percent = "1.60 %"'))
    text = run(f"{paid.txn:x}", "--state", str(tmp_path), "--network", str(changed)).output
    assert "service       1.20 MAD" in text, "what is recorded stays"
    assert "1.6 % of 150.00 MAD = 2.4 by the row as it is now: it has been changed since" in text


def test_a_tip_costs_the_difference(tmp_path: Path) -> None:
    scene = Scene()
    paid = purchase()
    scene.rif.sends(paid)
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    scene.rif.gets()
    scene.rif.sends(completion(paid, "000200", "172.50"))
    (tip,) = [entry for entry in recorded(scene.book, tmp_path) if isinstance(entry, Owed)]
    text = run(f"{tip.txn:x}", "--state", str(tmp_path)).output
    assert "payment  172.50 MAD, cmi debit of atlas" in text
    assert "0.8 % of 172.50 MAD = 1.38; 1.38 MAD, less 1.20 MAD charged before" in text


def of_merchant(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fees", "merchant", *arguments])


def test_what_a_merchant_owes_without_a_payment_is_said_with_its_row() -> None:
    said = of_merchant("MTC000000000001", "--on", "2013-10-01")
    assert said.exit_code == 0
    assert "set-up    3000.00 MAD and 300.00 MAD VAT, once, to maroc-telecommerce through cmi" in said.output
    assert "each month, the first 6 of a contract free" in said.output
    assert "monthly-2013, specs/networks/morocco.toml:" in said.output
    told = json.loads(of_merchant("MTC000000000001", "--on", "2007-06-01", "--json").output)
    assert [(fee["rule"], fee["amount"], fee["vat"]) for fee in told["fees"]] == [
        ("set-up", 3_000_00, 300_00),
        ("monthly-2007", 250_00, 25_00),
    ]


def test_a_merchant_without_a_contract_is_said_to_owe_nothing() -> None:
    assert (
        "100200300 owes nothing without a payment on 2026-11-27"
        in of_merchant("100200300", "--on", "2026-11-27").output
    )
    assert "is no date" in of_merchant("100200300", "--on", "today").output
