"""A real switch whose journal was tampered with between two lives refuses, or says what is missing: never in silence."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.journal.index import index_path
from switch.journal.keys import KEYS, vault_key_path
from switch.journal.log import segments
from switch.journal.recovery import journal_directory
from tests.e2e.stage import QUICK, Stage

pytestmark = pytest.mark.long  # a switch started again for each way in which an end can be lost


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a switch that has lived twice, and ended in order."""
    made = Stage(tmp_path_factory.mktemp("lived"), QUICK)
    try:
        for _ in range(2):
            assert made.serve().stop() == 0
    finally:
        made.close()
    return made.state


@pytest.fixture
def stage(tmp_path: Path, lived: Path) -> Iterator[Stage]:
    """A switch that has lived twice, and ended in order."""
    made = Stage(tmp_path, QUICK)
    try:
        shutil.copytree(lived, made.state, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        shutil.copytree(lived.parent / KEYS, tmp_path / KEYS)
        yield made
    finally:
        made.close()


def refusal(stage: Stage) -> str:
    """What a start that fails says."""
    child = stage.start("serve", str(stage.path), "--state", str(stage.state), "--no-show", ready=False)
    assert child.wait(30) != 0
    return " ".join(output.decode() for output in stage.outputs().values())


def test_the_newest_segment_deleted_is_refused_and_named(stage: Stage) -> None:
    Path(segments(journal_directory(stage.state))[-1].path).unlink()
    said = refusal(stage)
    found = re.search(r"ends at record (\d+), and records up to (\d+) were acknowledged", said)
    assert found is not None, said
    assert int(found[1]) < int(found[2])
    assert "cmi-switch journal accept-end" in said


def test_a_beginning_deleted_with_nothing_to_start_from_is_refused(stage: Stage) -> None:
    Path(segments(journal_directory(stage.state))[0].path).unlink()
    assert "the segments before are missing" in refusal(stage)


def test_an_overwritten_index_is_built_anew(stage: Stage) -> None:
    Path(index_path(stage.state)).write_bytes(b"no database" * 1_000)
    assert stage.serve().stop() == 0
    assert Path(index_path(stage.state)).read_bytes().startswith(b"SQLite format 3")


def test_a_vault_key_that_is_lost_is_refused_and_none_is_made(stage: Stage) -> None:
    vault_key_path(stage.state).unlink()
    assert "vault.key is missing, and the journal beside it was written with one" in refusal(stage)
    assert not vault_key_path(stage.state).exists()


def test_a_copy_of_the_head_on_another_disk_finds_what_went_with_the_first_and_says_when_it_fails(
    tmp_path: Path,
) -> None:
    stage, second = Stage(tmp_path, QUICK), tmp_path / "second"
    second.mkdir()
    with stage.path.open("a") as file:
        file.write(f'\n[journal]\nhead_copy = "{second}/head"\n')
    try:
        for _ in range(2):
            assert stage.serve().stop() == 0
        (second / "head").rename(second / "kept")
        second.rename(tmp_path / "away")
        assert stage.serve().stop() == 0
        failed = stage.event("journal.head_copy_failed", path=f"{second}/head")
        assert failed["level"] == "warning"
        second.mkdir()
        assert stage.serve().stop() == 0
        Path(segments(journal_directory(stage.state))[-1].path).unlink()
        (Path(journal_directory(stage.state)) / "head").unlink()
        said = refusal(stage)
        assert f"were acknowledged ({second}/head)" in said
        assert f"accept-end --head-copy {second}/head`" in said
    finally:
        stage.close()


@pytest.mark.parametrize("name", ["journal/lock", "journal/head", "journal/*.log", "../keys/*.vault.key"])
@pytest.mark.parametrize("kind", ["a FIFO", "a directory"])
def test_what_is_no_file_where_a_file_was_is_refused_at_once_and_named(stage: Stage, name: str, kind: str) -> None:
    path = min(stage.state.glob(name)).resolve()
    path.unlink()
    if kind == "a FIFO":
        os.mkfifo(path)
    else:
        path.mkdir()
    said = refusal(stage)
    assert f"{path}: " in said
    assert "is no regular file" in said


def test_a_hop_log_that_is_a_directory_is_refused_by_name(stage: Stage) -> None:
    (stage.state / "hops.jsonl").unlink()
    (stage.state / "hops.jsonl").mkdir()
    assert f"{stage.state / 'hops.jsonl'}: cannot be opened: Is a directory; move it away" in refusal(stage)
