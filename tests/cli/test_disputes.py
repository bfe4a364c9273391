"""`cmi-switch disputes` against a switch in this process: what it asks, and how it tells the answer."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from switch.cli import disputes
from switch.core.records.records import Answered
from tests.cli.conftest import asking
from tests.core.scripts import Scene
from tests.core.transactions.test_reconciliation import pays

Command = Callable[..., Result]


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    pays(scene, "000001", "100.00")
    return scene


@pytest.fixture
def command(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(disputes, "ask", asking(scene))
    row = SimpleNamespace(acquirer="rif", rrn="532912000001", currency="504")
    monkeypatch.setattr(disputes, "_payment", lambda state_dir, text: row)

    def run(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(disputes.command, [*arguments[:1], "--state", "x", *arguments[1:]])
        assert result.exit_code == code, result.output
        return result

    return run


def test_a_claim_is_opened_answered_and_closed(scene: Scene, command: Command) -> None:
    (paid,) = scene.book.recorded(Answered)
    assert isinstance(paid, Answered)
    assert command("list").output == "No payment is in dispute.\n"
    opened = json.loads(command("open", f"{paid.txn:x}", "--reason", "C4", "--amount", "60.00", "--json").output)
    dispute = opened["dispute"]
    assert (opened["amount"], opened["step"]) == (6_000, "chargeback")
    assert command("represent", dispute, "--amount", "20.00").output == (
        f"{dispute}  {paid.txn:x}  cmi C4  representment  60.00 MAD, 40.00 MAD with atlas  answer by 2025-12-25\n"
    )
    command("pre-arbitrate", dispute)
    command("arbitrate", dispute, "--by", "amina")
    assert command("list").output.startswith(
        f"{dispute}  {paid.txn:x}  cmi C4  arbitration  60.00 MAD, 60.00 MAD with atlas"
    )
    command("close", dispute, "--for", "acquirer")
    shown = command("show", dispute).output
    assert "is:               closed for acquirer\n" in shown
    assert "with the issuer:  0.00 MAD\n" in shown
    assert "why:              cmi C4: goods, services or cash not received\n" in shown


def test_a_file_of_steps_is_taken_line_by_line_and_a_second_time_refused(
    scene: Scene, command: Command, tmp_path: Path
) -> None:
    (paid,) = scene.book.recorded(Answered)
    assert isinstance(paid, Answered)
    file = tmp_path / "steps.csv"
    steps = ("chargeback,C4,30.00,", "representment,,20.00,", "closed,,,issuer")
    lines = "txn,step,reason,amount,side\n" + "".join(f"{paid.txn:x},{step}\n" for step in steps)
    file.write_text(lines.replace(",", ";"))
    taken = command("import", str(file)).output.splitlines()
    assert [line.split("  ")[3] for line in taken] == ["chargeback", "representment", "closed for issuer"]
    again = command("import", str(file), code=1).output.splitlines()
    assert [line.split(": ")[2] for line in again] == [
        f"{paid.txn:x} was claimed back for that before",
        *[f"payment {paid.txn:x} has 0 open disputes"] * 2,
    ]
    assert len(scene.book.switch.state.disputes.last) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("txn,stage\n1,x\n", "line 1: no column step"),
        ("Disputes of November\ntxn,step,amuont\n1,chargeback,2\n", "line 2: column amuont is none of these"),
        (
            "txn,step,amount\n1,closed,\n1,representment,1 000.00\n",
            'line 3: "1 000.00" is no amount: expected such as 1234.50',
        ),
        ("txn,step,amount\n1,chargeback,-5\n", 'line 2: "-5" is no amount'),
        ("txn,step\n1,charge\n", 'line 2: "charge" is no step: chargeback, representment'),
        ("txn,step\n1,chargeback\n1\n", "line 3: expected 2 fields, as the header has, and found 1"),
        (
            "txn,step,amuont\n1,chargeback,2\n",
            "line 1: column amuont is none of these: txn, step, reason, amount, currency, side",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_before_any_step(
    scene: Scene, command: Command, tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "steps.csv"
    file.write_text(text)
    assert why in " ".join(command("import", str(file), code=2).output.split())
    assert not scene.book.switch.state.disputes.last


def test_a_file_says_amounts_as_banks_do_and_in_the_payments_currency(
    scene: Scene, command: Command, tmp_path: Path
) -> None:
    """An issuer has the claim in its cardholder's currency: that is not the payment's."""
    paid = scene.book.recorded(Answered)[0]
    file = tmp_path / "steps.csv"
    begins = "\ufefftxn;step;reason;amount;currency\r\n"
    file.write_text(f"{begins}{paid.txn:x};chargeback;C4;30,00;EUR\r\n", encoding="utf-8")
    said = command("import", str(file), code=1).output
    assert "the payment is in MAD, and so is what is claimed of it: 30.00 EUR is not" in " ".join(said.split())
    file.write_text(f"{begins}{paid.txn:x};chargeback;C4;30,00;mad\r\n", encoding="utf-8")
    command("import", str(file))
    (one,) = scene.book.switch.state.disputes.last.values()
    assert (one.amount, one.currency) == (3_000, "504")


def test_an_amount_with_too_many_decimals_is_refused(command: Command) -> None:
    assert "more decimals than MAD" in command("open", "1", "--reason", "C4", "--amount", "1.234", code=2).output


def test_reasons_say_which_are_assumed() -> None:
    result = CliRunner().invoke(disputes.command, ["reasons"])
    assert "visa        10.4   120 days  fraud, card not present\n" in result.output
    assert "cmi         C2      90 days  paid twice (assumed)\n" in result.output
    assert {
        row["scheme"] for row in json.loads(CliRunner().invoke(disputes.command, ["reasons", "--json"]).output)
    } == {"cmi", "visa", "mastercard"}
