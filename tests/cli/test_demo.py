"""What a demo leaves on the disk is of whoever ran it. (`tools/demo` itself is run by CI.)"""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli import demo
from switch.cli._processes import ChildError
from switch.cli.main import main


def test_what_its_processes_print_is_read_by_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --web that is a key to the console, and passwords."""

    def ends_at_once(cast: object) -> None:
        raise ChildError("no process could be started")

    monkeypatch.setattr(demo._Cast, "play", ends_at_once)
    before = os.umask(0)
    try:
        done = CliRunner().invoke(main, ["demo", "--dir", str(tmp_path / "runs" / "one")])
    finally:
        os.umask(before)
    assert "no process could be started" in done.output
    assert (tmp_path / "runs" / "one").stat().st_mode & 0o777 == 0o700
