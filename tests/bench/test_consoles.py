"""The cost of consoles is measured beside ones that are looked at."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.bench.consoles import main


@pytest.mark.long
def test_the_switch_is_measured_with_consoles_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    brief = ("--rounds", "1", "--duration", "1.5", "--warmup", "0.2", "--rate", "100", "--consoles", "1", "--json")
    done = CliRunner().invoke(main, brief)
    assert done.exit_code == 0, done.output
    (run,) = msgspec.json.decode(done.stdout).values()
    assert run["a second"]["this"] == pytest.approx(100, rel=0.2)
    assert run["a second"]["ratio"] == pytest.approx(1, rel=0.2)
    assert list((tmp_path / "var").iterdir()) == []
