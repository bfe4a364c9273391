"""A journal in PostgreSQL is measured beside one in files, on servers that are gone afterwards."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.bench.store import main

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


def test_both_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    brief = ("--rounds", "1", "--duration", "0.5", "--warmup", "0.2", "--in-flight", "4", "--rate", "50", "--json")
    done = CliRunner().invoke(main, brief)
    assert done.exit_code == 0, done.output
    closed, paced = msgspec.json.decode(done.stdout).values()
    assert closed["a second"]["this"] > 0
    assert paced["a second"]["this"] == pytest.approx(50, rel=0.5)
    assert list((tmp_path / "var").iterdir()) == []
