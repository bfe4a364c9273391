"""What tests of commands share: a network file on free ports, and a command in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from switch.children import start
from switch.config.load import SHIPPED
from switch.core.operator.command import Unable
from switch.loopback import on_free_ports
from switch.readiness import Ready, wait_ready
from tests.core.scripts import Scene


def write_network(directory: Path) -> None:
    """`net.toml`: Morocco on ports of its own."""
    (directory / "net.toml").write_text(on_free_ports((SHIPPED / "morocco.toml").read_text()))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an empty one, with `net.toml`."""
    write_network(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Running = Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", Ready]]]


@contextmanager
def run_in(directory: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Ready]]:
    """A command, with what it says once it is ready; killed at the end if it still runs."""
    file = directory / "ready.json"
    main = "from switch.cli.main import main; main()"
    command = [sys.executable, "-c", main, *arguments, "--ready", str(file)]
    process = start(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        ready = wait_ready(file, process)
        assert process.stdout.readline() == ready.sentence + "\n"
        yield process, ready
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def running(here: Path) -> Running:
    """`with running("issuer", …) as (process, ready):`, as `run_in` the working directory."""
    return partial(run_in, here)


def asking(scene: Scene) -> Callable[..., dict[str, Any]]:
    """What stands in for `_control.ask`: the switch of `scene`, in this process; arguments and answers are what JSON carries."""

    def ask(state_dir: Path, name: str, /, **arguments: Any) -> dict[str, Any]:
        try:
            result = scene.book.asks(name, **json.loads(json.dumps(arguments)))
        except Unable as error:
            raise click.ClickException(f"{error}\n{error.hint}") from None
        built: dict[str, Any] = msgspec.to_builtins(result)
        return built

    return ask
