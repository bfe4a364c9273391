"""What tests of commands share: a network file on free ports, and a command in a process of its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from switch.children import start
from switch.cli.demo import on_free_ports
from switch.config.load import SHIPPED


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an empty one, with `net.toml`, Morocco on ports of its own."""
    (tmp_path / "net.toml").write_text(on_free_ports((SHIPPED / "morocco.toml").read_text()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


Running = Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", str]]]


@pytest.fixture
def running(here: Path) -> Running:
    """`with running("issuer", …) as (process, ready):` with its Ready line; killed at the end if it still runs."""

    @contextmanager
    def run(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
        command = [sys.executable, "-c", "from switch.cli.main import main; main()", *arguments]
        process = start(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()
            process.communicate()

    return run
