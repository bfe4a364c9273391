"""`cmi-switch cards hot` against a switch in this process: one card, a CSV, and what is wrong with one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli import _hot_cards
from switch.cli.cards import command as cards
from switch.core.operator.cards import CARDS_MAX
from switch.wire.pans import luhn_digit
from tests.cli.conftest import asking
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, Scene

RIF_CARD = "950402000000001" + luhn_digit("950402000000001")
Command = Callable[..., Result]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def command(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(_hot_cards, "ask", asking(scene))

    def run(*arguments: str, code: int = 0, stdin: str = "") -> Result:
        result = CliRunner().invoke(cards, ["hot", *arguments[:1], "--state", "x", *arguments[1:]], input=stdin)
        assert result.exit_code == code, result.output
        return result

    return run


def test_one_card_is_listed_and_taken_off(command: Command) -> None:
    assert command("list").output == "No card is on the stop list.\n"
    assert command("add", ATLAS_CARD, "--reason", "stolen").output == "1 card listed; 1 on the stop list\n"
    listed = command("list").output
    assert listed.startswith(f"{ATLAS_CARD[:6]}******{ATLAS_CARD[-4:]}")
    assert "atlas         stolen  by operator, 0 s ago" in listed
    assert command("remove", "-", stdin=f"{ATLAS_CARD}\n").output == "1 card taken off; 0 on the stop list\n"
    assert command("remove", ATLAS_CARD).output == "0 cards taken off, 1 were so already; 0 on the stop list\n"


def test_a_csv_fills_the_list(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    spaced = f"{ATLAS_CARD[:4]} {ATLAS_CARD[4:8]} {ATLAS_CARD[8:12]} {ATLAS_CARD[12:]}"
    file.write_text(f"pan,reason\n# of this week\n{spaced},stolen\n\n{OTHER_CARD}\n{RIF_CARD},43\n")
    assert command("import", str(file)).output == "3 cards listed; 3 on the stop list\n"
    assert command("import", str(file)).output == "0 cards listed, 3 were so already; 3 on the stop list\n"
    rows = json.loads(command("list", "--json", "--issuer", "atlas").output)["cards"]
    assert {row["pan"][-4:]: row["reason"] for row in rows} == {ATLAS_CARD[-4:]: "43", OTHER_CARD[-4:]: "41"}


def test_a_long_csv_is_sent_in_parts(command: Command, tmp_path: Path) -> None:
    bodies = [f"95040100{number:07d}" for number in range(CARDS_MAX + 3)]
    file = tmp_path / "stop.csv"
    file.write_text("".join(f"{body}{luhn_digit(body)}\n" for body in bodies))
    assert command("import", str(file), "--issuer", "atlas").output == "503 cards listed; 503 on the stop list\n"


def test_a_csv_with_a_mistake_changes_nothing_and_shows_no_number(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    file.write_text(f"{ATLAS_CARD},stolen\n9504010000000002,43\n{OTHER_CARD},broken\n")
    said = command("import", str(file), code=1).output
    assert f"{file}:2: the PAN is not 12 to 19 digits with a right check digit" in said
    assert f"{file}:3: expected 41, 43, lost or stolen, found 'broken'" in said
    assert "nothing was imported" in said
    assert "9504010000000002" not in said
    assert command("list").output == "No card is on the stop list.\n"


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_a_banks_own_heading_and_separator_are_read(command: Command, tmp_path: Path, between: str) -> None:
    file = tmp_path / "stop.csv"
    rows = f"Numéro{between}Motif\n{ATLAS_CARD}{between}43\n{OTHER_CARD}{between}lost\n"
    file.write_bytes(rows.encode("latin-1"))
    assert command("import", str(file)).output == "2 cards listed; 2 on the stop list\n"


def test_what_is_no_csv_is_said_with_its_line(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    file.write_text(f"{ATLAS_CARD}\n{'9' * 200_000}\n")
    assert f"{file}:2: field larger than field limit" in command("import", str(file), code=1).output
    file.write_bytes(f"{ATLAS_CARD},volée\n".encode("latin-1"))
    assert f"{file}:1: expected 41, 43, lost or stolen, found" in command("import", str(file), code=1).output


def test_a_csv_with_another_issuers_card_changes_nothing(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "stop.csv"
    file.write_text(f"{ATLAS_CARD}\n{RIF_CARD}\n")
    said = command("import", str(file), "--issuer", "atlas", code=1).output
    assert f"card 2: card 950402******{RIF_CARD[-4:]} is rif's, not atlas's" in said
    assert command("list").output == "No card is on the stop list.\n"


def test_the_list_of_test_cards_is_where_it_was() -> None:
    assert "atlas-approved" in CliRunner().invoke(cards, []).output
