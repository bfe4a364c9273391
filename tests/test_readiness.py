"""That a process is ready is told to programs: whole, by the process itself, while it is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from switch.children import start
from switch.readiness import NotReadyError, Ready, ReadyFile, wait_ready


@contextmanager
def running(code: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = start([sys.executable, "-S", "-c", code])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_file_is_there_from_ready_to_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ready.json"
    file = ReadyFile(path)
    assert not path.exists()
    file.write(Ready(pid=7, sentence="Ready: here", listeners={"pos": "127.0.0.1:5"}))
    said = {"pid": 7, "sentence": "Ready: here", "listeners": {"pos": "127.0.0.1:5"}}
    assert json.loads(path.read_text()) == {**said, "recovered_records": 0, "recovery_ms": 0}
    assert [p.name for p in path.parent.iterdir()] == ["ready.json"]
    file.withdraw()
    assert not path.exists()


def test_a_path_that_is_no_utf8_is_said_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    ReadyFile(path).write(Ready(sentence="Ready: log \udce9/hops.jsonl", listeners={}))
    assert json.loads(path.read_text())["sentence"] == "Ready: log \\udce9/hops.jsonl"


def test_what_a_killed_process_left_is_removed_and_no_other_counts_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    with running("import time; time.sleep(60)") as process:
        ReadyFile(path).write(Ready(pid=process.pid + 1, sentence="", listeners={}))
        with pytest.raises(NotReadyError, match=r"was not ready within 0\.1 s"):
            wait_ready(path, process, 0.1)
        ReadyFile(path).write(Ready(pid=process.pid, sentence="Ready: it", listeners={}))
        assert wait_ready(path, process).sentence == "Ready: it"
    ReadyFile(path)
    assert not path.exists()


def test_a_process_that_has_ended_is_not_waited_for(tmp_path: Path) -> None:
    with running("") as process, pytest.raises(NotReadyError, match="ended before it was ready"):
        wait_ready(tmp_path / "ready.json", process, 30)


def test_nobody_needs_to_ask() -> None:
    file = ReadyFile(None)
    file.write(Ready(sentence="", listeners={}))
    file.withdraw()
