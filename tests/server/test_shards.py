"""Several shards, watched: here each is a few lines of Python that say they are ready."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.readiness import ReadyFile, read_ready
from switch.server.shards import ShardCommand, Shards

READY = """
import json, os, pathlib, signal, sys
path = pathlib.Path(sys.argv[1])
path.with_suffix(".new").write_text(json.dumps({"pid": os.getpid(), "sentence": "here", "listeners": {path.stem: "127.0.0.1:1"}}))
path.with_suffix(".new").replace(path)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.sigwait([signal.SIGTERM])
"""
FAILS = "raise SystemExit(3)"


class Watched:
    """Shards a and b, and what is said of them."""

    def __init__(self, directory: Path, scripts: dict[str, str]) -> None:
        self.directory, self.said = directory, list[str]()
        self.file = directory / "ready.json"
        self.scripts: dict[str, str] | None = scripts
        """what the network file has; None: it has mistakes"""

        def announce(ready: object) -> str:
            assert ready
            self.said.append("all are ready")
            return "all are ready"

        self.shards = Shards(
            self.commands(), ReadyFile(self.file), announce, self.said.append, drain_s=1.0, reread=self.commands
        )

    def commands(self) -> list[ShardCommand]:
        if self.scripts is None:
            raise Unable("the file has mistakes", code=ErrorCode.SYSTEM)
        return [
            ShardCommand(name=name, command=(sys.executable, "-I", "-S", "-c", script, str(path)), ready_file=path)
            for name, script in self.scripts.items()
            for path in (self.directory / f"{name}.json",)
        ]

    def pid(self, name: str) -> int:
        found = read_ready(self.directory / f"{name}.json")
        return found.pid if found is not None else 0


async def until(what: Callable[[], bool]) -> None:
    with trio.fail_after(10):
        while not what():  # noqa: ASYNC110 - other processes' files
            await trio.sleep(0.01)


def test_a_shard_that_dies_is_said_and_started_again_and_all_end_together(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"a": READY, "b": READY})

    async def play() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watched.shards.run)
            await until(watched.file.exists)
            found = read_ready(watched.file)
            assert found is not None
            assert (found.pid, sorted(found.listeners)) == (os.getpid(), ["a", "b"])
            first, other = watched.pid("a"), watched.pid("b")
            os.kill(first, signal.SIGKILL)
            await until(lambda: not watched.file.exists())
            await until(watched.file.exists)
            assert (watched.pid("a") != first, watched.pid("b")) == (True, other)
            os.kill(os.getpid(), signal.SIGTERM)

    trio.run(play)
    assert watched.said == [
        "all are ready",
        "shard a has ended (exit code -9): started again in 0.5 s",
        "shard a is ready again: 0 records recovered",
    ]
    assert not watched.file.exists()
    for name in ("a", "b"):
        with pytest.raises(ProcessLookupError):
            os.kill(watched.pid(name), 0)


def test_a_shard_that_does_not_come_up_ends_the_others(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"a": READY, "b": FAILS})
    with pytest.RaisesGroup(Unable, flatten_subgroups=True) as caught:
        trio.run(watched.shards.run)
    assert "shard b ended before it was ready (exit code 3)" in repr(caught.value.exceptions)
    assert watched.said == []


def test_a_shard_that_the_file_has_got_is_started_and_one_that_it_has_lost_is_not_started_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path, {"a": READY})

    async def play() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watched.shards.run)
            await until(watched.file.exists)
            watched.scripts = None
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: len(watched.said) == 2)
            watched.scripts = {"a": READY, "c": READY}
            os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: len(watched.said) == 4)
            found = read_ready(watched.file)
            assert found is not None
            assert sorted(found.listeners) == ["a", "c"]
            watched.scripts = {"a": READY}
            os.kill(watched.pid("c"), signal.SIGKILL)
            await until(lambda: len(watched.said) == 5)
            assert watched.file.exists(), "a is ready, and there is no other"
            os.kill(os.getpid(), signal.SIGTERM)

    trio.run(play)
    assert watched.said == [
        "all are ready",
        "no shard is added: the file has mistakes",
        "shard c is new: started",
        "shard c is ready: 0 records recovered",
        "shard c has ended (exit code -9), and the network file has no such shard any more: what it owes is in its journal, "
        "and sent once it is back in the file",
    ]
