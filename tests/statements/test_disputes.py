"""What statements say of payments that are claimed back."""

import re
from pathlib import Path

import msgspec
from click.testing import CliRunner

from switch.cli.statement import command
from switch.ledger.entries import Move
from switch.ledger.levels import network_cost
from switch.simulators.settled import posted
from switch.statements.page import page
from switch.statements.statement import Period, merchant_statement
from tests.journal.samples import written
from tests.ledger.stories import MAD, cutover, fold, records
from tests.statements.test_statement import FRENCH, SCHEMES, sides


def test_what_is_claimed_back_is_taken_off_sales_and_is_no_charge() -> None:
    _, (paid,) = fold(records("0200 100.00", sides("visa", "rif", scheme=46)))
    moves = [
        ("rif", "visa", "dispute", 100_00),
        ("merchant:M1", "rif", "dispute", 100_00),
        ("visa", "rif", "interchange", 65),
    ]
    claimed = msgspec.structs.replace(
        paid,
        sequence=9,
        what="chargeback",
        counters=2,
        amount=-100_00,
        moves=tuple(Move(a, b, k, MAD, n) for a, b, k, n in moves),
    )
    period = Period(name="2026-11-27/1", windows=("2026-11-27/1",))
    told = merchant_statement("net", "M1", period, [paid, claimed], SCHEMES, MAD)
    assert [(line.what, line.gross, line.charges) for line in told.lines] == [
        ("purchase", 100_00, (("service", -1_00),)),
        ("chargeback", -100_00, ()),
    ]
    assert (told.gross, told.net, told.levels["foreign"].charge) == (0, -1_10, 1_00)
    assert (network_cost(paid, SCHEMES), network_cost(claimed, SCHEMES)) == (65 + 46, 0)
    assert posted([paid, claimed]) == {("rif", MAD): 100_00, ("visa", MAD): -100_00}
    assert "Impayé" in page(told, FRENCH)


def test_what_is_claimed_back_is_a_column_of_its_own_and_no_fee(tmp_path: Path) -> None:
    written(tmp_path / "plain", [*records("0200 100.00", sides("atlas", "rif"), 10), cutover(70)])
    plain = CliRunner().invoke(command, ["day", "--language", "en", "--state", str(tmp_path / "plain")])
    assert (plain.exit_code, "Disputes" in plain.output) == (0, False), "where there are none"
    written(tmp_path / "claimed", [*records("0200 100.00, chargeback", sides("atlas", "rif"), 10), cutover(70)])
    for what in (("day",), ("member", "rif")):
        told = CliRunner().invoke(command, [*what, "--language", "en", "--state", str(tmp_path / "claimed")]).output
        assert ">Payments</th><th>Disputes</th><th>Fees</th><th>Net</th>" in re.sub(r' class=""', "", told), told
        assert re.search(r">100\.00</td><td[^>]*>−100\.00</td><td[^>]*>−0\.95", told), told
