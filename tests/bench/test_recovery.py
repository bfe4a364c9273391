"""The journal that recovery is timed with is one a switch would have written, and the first answer after it is an approval."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.bench import recovery
from switch.config import load_network
from switch.journal.recovery import recover
from switch.journal.verify import verify
from tests.e2e.stage import Stage


def test_its_journal_is_sound_and_begins_at_its_newest_snapshot(tmp_path: Path) -> None:
    network = load_network("bench")
    limits = msgspec.structs.replace(network.limits, snapshot_records=1_000)
    told: list[int] = []
    records = recovery.fill(tmp_path / "state", msgspec.structs.replace(network, limits=limits), 1_200, told.append)
    found = verify(tmp_path / "state")
    assert (found.damage, found.records, found.segments) == ([], records, 3)
    folded = recover(tmp_path / "state", limits)
    assert folded.position == records
    assert folded.folded < 1_000, "from the second snapshot on"
    assert len(folded.state.open) == recovery.OPEN
    assert folded.state.stans == {"atlas": 1_200 + recovery.OPEN}
    assert sum(told) > records, "progress is told of log and index"


def test_each_start_is_timed_to_an_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(tmp_path, file="bench")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(
        recovery.main, ["--network", str(stage.path), "--transactions", "500", "--rounds", "1", "--json"]
    )
    assert done.exit_code == 0, done.output
    made = msgspec.json.decode(done.output)
    assert (made["transactions"], len(made["rounds"])) == (500, 1)
    assert all(0 < r["answer_ms"] <= r["approval_ms"] for r in made["rounds"])
    assert not list(Path("var").iterdir()), "nothing is left behind"
