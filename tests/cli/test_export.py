"""`cmi-switch journal export`: the ledger for programs of others, whole or not at all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli.journal import command
from switch.ledger.columns import COLUMNS, rows
from tests.cli.test_settle import a_day
from tests.docs.reader import ROOT, blocks
from tests.journal.samples import written
from tests.ledger.stories import Sides, fold, records


@pytest.fixture
def state(tmp_path: Path) -> Path:
    written(tmp_path / "state", a_day())
    return tmp_path / "state"


def export(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["export", "--state", str(state), *arguments])


def test_all_windows_go_to_standard_output(state: Path) -> None:
    said = export(state, "--format", "ledger")
    assert said.exit_code == 0, said.output
    assert said.output.startswith("; The ledger of morocco, all windows. An account above zero is owed to its owner.\n")
    assert said.output.count("/1\n") == 4
    assert "\n    Assets:Settlement:Rif:Souss:Payment  0.00 MAD = 5.00 MAD\n" in said.output
    assert said.output.endswith("\n")


def test_one_window_is_a_file_of_its_own(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "day.beancount"
    said = export(state, "--format", "beancount", "--window", "2026-11-27/1", "--out", str(out))
    assert said.output == f"{out}: 3 entries\n"
    text = out.read_text()
    assert "\n2026-11-28 balance Assets:Settlement:Atlas:Rif:Payment  -600.00 ~ 0.00 MAD\n" in text
    assert "Souss" not in text
    assert [path.name for path in out.parent.iterdir()] == ["day.beancount"]


def test_a_window_that_is_not_there_is_refused_and_the_file_stays_as_it_was(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "day.ledger"
    out.write_text("as it was\n")
    said = export(state, "--format", "ledger", "--window", "2026-11-30/1", "--out", str(out))
    assert said.exit_code == 2
    assert "no window 2026-11-30/1 in the journal; the last ones are: 2026-11-27/1, 2026-11-28/1" in said.output
    assert out.read_text() == "as it was\n"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("out", ["", "day.ledger"])
def test_no_journal_is_a_sentence(tmp_path: Path, out: str) -> None:
    said = export(tmp_path, "--format", "ledger", *(["--out", str(tmp_path / out)] if out else []))
    assert said.exit_code == 1
    assert "no journal here" in said.output


def test_a_place_that_cannot_be_written_is_a_sentence(state: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = export(state, "--format", "ledger", "--out", str(tmp_path / "file" / "day.ledger"))
    assert said.exit_code == 1
    assert said.output.endswith("day.ledger: File exists\n") or said.output.endswith("day.ledger: Not a directory\n")


@pytest.mark.outside("bean-check")
@pytest.mark.outside("ledger")
def test_programs_of_others_take_what_the_page_shows(tmp_path: Path) -> None:
    written(tmp_path / "var" / "morocco", a_day())
    page = (ROOT / "docs" / "settlement.md").read_text()
    (block,) = (b for b in blocks(page) if b.elsewhere == f"run by {Path(__file__).relative_to(ROOT)}")
    path = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    commands = [line.removeprefix("$ ") for line in block.text.splitlines()]
    assert len(commands) == 2
    for line in commands:
        subprocess.run(["bash", "-ec", line], cwd=tmp_path, env=path, check=True, timeout=120)
    ask = ["ledger", "-f", "all.ledger", "balance", "Settlement", "--depth", "3", "--end", "2026-11-28"]
    nets = subprocess.run(ask, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout
    assert [line.split() for line in nets.splitlines()[1:5]] == [
        ["-516.70", "MAD", "Atlas"],
        ["595.80", "MAD", "Rif"],
        ["0.90", "MAD", "Switch"],
        ["-80.00", "MAD", "Visa"],
    ]


@pytest.mark.outside("duckdb", extra="parquet")
def test_a_parquet_file_has_a_row_a_move_and_sums_to_the_settlement(state: Path, tmp_path: Path) -> None:
    import duckdb

    out = tmp_path / "new" / "moves.parquet"
    said = export(state, "--format", "parquet", "--out", str(out))
    assert said.output == f"{out}: 4 entries\n"
    assert [path.name for path in out.parent.iterdir()] == ["moves.parquet"]
    with duckdb.connect() as database:
        described = database.execute(f"DESCRIBE SELECT * FROM '{out}'").fetchall()
        assert {name: kind for name, kind, *_ in described} == COLUMNS
        net = (
            "SELECT party, SUM(amount) FROM (SELECT payee AS party, amount FROM moves UNION ALL "
            "SELECT payer, -amount FROM moves) WHERE party = 'rif' GROUP BY party"
        )
        database.execute(
            f"CREATE VIEW moves AS SELECT * FROM '{out}' WHERE day = '2026-11-27' AND NOT contains(payer || payee, ':')"
        )
        assert database.execute(net).fetchall() == [("rif", 595_80)]
        nulls = database.execute(f"SELECT count(*) FROM '{out}' WHERE counters IS NULL AND of_day IS NULL").fetchone()
        assert nulls == database.execute(f"SELECT count(*) FROM '{out}'").fetchone() == (13,)
        assert database.execute(f"SELECT DISTINCT currency, exponent FROM '{out}'").fetchall() == [("MAD", 2)]


def test_parquet_needs_a_file_and_says_which_extra(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = export(state, "--format", "parquet")
    assert said.exit_code == 2
    assert "--format parquet writes a file: say which with --out" in said.output
    monkeypatch.setitem(sys.modules, "duckdb", None)
    said = export(state, "--format", "parquet", "--out", str(state / "x.parquet"))
    assert said.exit_code == 1
    assert "pip install 'cmi-switch[parquet]'" in said.output
    assert not (state / "x.parquet").exists()


def test_the_table_of_columns_is_that_of_the_page() -> None:
    page = (ROOT / "docs" / "settlement.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| ([A-Z]+) \|", page, re.MULTILINE)
    assert listed == list(COLUMNS.items())


def test_an_entry_without_moves_is_a_row_without_a_payer() -> None:
    _, posted = fold(records("0200 100.00 cash", Sides(issuer="rif", acquirer="rif")))
    assert [entry.moves for entry in posted] == [()]
    ((*_, payer, payee, kind, unit, exponent, amount, unpriced),) = rows(posted[0])
    assert (payer, payee, kind, unit, exponent, amount, unpriced) == ("", "", "", "MAD", 2, 0, "")
