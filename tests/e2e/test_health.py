"""A switch says that it is not well: to monitoring by exit code, below every list, in its log."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from switch.cli._processes import Child
from tests.e2e.stage import Stage, wait_for


def asked(stage: Stage, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What `cmi-switch` says of the stage's switch."""
    command = [sys.executable, "-m", "switch.cli.main", *arguments, "--state", str(stage.state)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.long
def test_health_is_an_exit_code_and_every_list_has_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    assert asked(stage, "health").returncode == 3, "nobody answers"
    try:
        stage.issuers()
        stage.networks()
        switch = stage.serve()
        wait_for(lambda: asked(stage, "health").returncode == 0)
        assert "Not well" not in asked(stage, "links", "list").stderr
        writer = _child(switch.pid, b"switch.journal.writer")
        os.kill(writer, signal.SIGSTOP)
        paying = stage.start("pay", "--network", str(stage.path), "--quiet", ready=False)
        wait_for(lambda: asked(stage, "health").returncode == 2)
        assert "has taken nothing for" in asked(stage, "health").stdout
        assert paying.running(), "an approval waits for the journal"
        os.kill(writer, signal.SIGCONT)
        assert paying.wait(10) == 0
        assert asked(stage, "health").returncode == 0
        os.kill(writer, signal.SIGKILL)
        stage.event("journal.down")
        health = asked(stage, "health", "--json")
        assert health.returncode == 2
        assert [problem["part"] for problem in json.loads(health.stdout)["problems"]] == ["journal"]
        for name in ("links", "saf", "exceptions"):
            listed = asked(stage, name, "list")
            assert (listed.returncode, "Not well: the journal was down" in listed.stderr) == (0, True), listed
        assert stage.event("health.changed", grade="critical")["level"] == "error"
        wait_for(lambda: asked(stage, "health").returncode == 0)
        _move_its_directory_away(stage, switch)
    finally:
        stage.close()


def _move_its_directory_away(stage: Stage, switch: Child) -> None:
    """Somebody has renamed the state directory of a running switch: it goes on in the files that are open, and says so."""
    elsewhere = stage.state.with_name("elsewhere")
    stage.state.rename(elsewhere)
    log = elsewhere / "hops.jsonl"
    wait_for(lambda: "the state directory cannot be looked at" in log.read_text())
    assert stage.start("pay", "--network", str(stage.path), "--quiet", ready=False).wait(10) == 0
    assert switch.running()
    elsewhere.rename(stage.state)
    wait_for(lambda: "cannot be looked at" not in asked(stage, "health").stdout)


def _child(parent: int, command: bytes) -> int:
    """The process that `parent` has started with `command` in its command line."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat, line = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent and command in line:
                return int(entry.name)
    raise AssertionError(f"{parent} has no child {command!r}")
