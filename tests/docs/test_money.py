"""docs/money.md: each row of its table of prices is priced; its example is what the command prints."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.config import load_network
from switch.core.routing.fee_table import fee_table, payment_of
from switch.core.routing.routing import Router
from switch.money.currency import parse_amount

PAGE = (Path(__file__).parents[2] / "docs" / "money.md").read_text(encoding="utf-8")
CARDS = {
    "Cmi debit of Atlas": "9504010000000019",
    "Visa credit of Atlas": "4550411100000000",
    "Mastercard debit of Souss": "2250410300000000",
    "Visa debit, France": "4970000000090017",
    "Mastercard credit, USA": "5424000000000000",
}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith(("| 20",))
]
NETWORK = load_network("morocco")


def priced(day: str, card: str, channel: str, amount: str) -> list[str]:
    """The columns behind a row's first four."""
    range_ = Router(NETWORK).lookup(CARDS[card])
    assert range_ is not None
    acquirer = "cmi" if day <= "2025-04-30" else "rif"
    asked = payment_of(NETWORK, range_, acquirer=acquirer, channel=channel, currency="504", mcc="5411")
    minor = parse_amount(amount.replace(",", ""), "504")
    fees, unpriced = fee_table(NETWORK).price(asked, day, "M1", abs(minor), 1 if minor > 0 else -1)
    assert not unpriced
    kinds = [("service",), ("interchange", "withdrawal"), ("switch",), ("processing", "scheme", "cross-border")]
    sums = [sum(fee.amount for fee in fees if fee.kind in kind) for kind in kinds]
    kept = sum(fee.amount * ((fee.payee == acquirer) - (fee.payer == acquirer)) for fee in fees)
    return [f"{n / 100:.2f}" for n in (sums[0], sum(fee.vat for fee in fees), *sums[1:], kept)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(row[:4]))
def test_a_row_of_the_page_is_priced_so(row: list[str]) -> None:
    assert priced(*row[:4]) == row[4:]


def test_the_page_prices_four_periods_and_three_levels() -> None:
    assert {row[0][:4] for row in ROWS} >= {"2007", "2013", "2023", "2026"}
    for year in ("2007", "2013", "2023", "2026"):
        charged = [
            float(row[4]) for row in ROWS if row[0].startswith(year) and row[2] == "web" and row[3] == "1,234.50"
        ]
        assert len(charged) == 3
        assert charged == sorted(set(charged)), "Cmi < local circuits < foreign"


@pytest.mark.parametrize("example", [part.split("```")[0] for part in PAGE.split("```console\n")[1:]])
def test_its_example_is_what_the_command_prints(example: str) -> None:
    command, said = example.split("\n", 1)
    result = CliRunner().invoke(main, command.removeprefix("$ cmi-switch ").split())
    assert result.output == said
