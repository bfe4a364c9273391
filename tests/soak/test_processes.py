"""Processes that are killed, stopped, watched and never left behind."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from switch.cli._processes import Child
from switch.soak.processes import Services, children_of

READY = """
import pathlib, sys, time
from switch.readiness import Ready, ReadyFile
print("Ready: here", flush=True)
ReadyFile(pathlib.Path(sys.argv[-1])).write(Ready(sentence="Ready: here", listeners={}))
time.sleep(60)
"""


class Script(Child):
    """A few lines of Python in place of a command."""

    def _command(self, arguments: list[str]) -> list[str]:
        return [sys.executable, "-c", *arguments, str(self._ready_file)]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = Services(tmp_path, Script)
    yield made
    made.resume_all()
    for service in made.by_name.values():
        if service.child is not None:
            service.child.kill()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def until(what: Callable[[], bool]) -> None:
    with trio.fail_after(15):
        while not what():  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_whoever_is_killed_is_started_again(services: Services) -> None:
    service = services.add("atlas", READY)
    await services.start("atlas")
    first = service.pid
    assert await services.kill("atlas", 0.0)
    assert (service.lives, services.unexpected) == (2, [])
    assert service.pid != first
    assert state(service.pid) in "SR"


async def test_whoever_is_stopped_goes_on_and_is_not_hit_meanwhile(services: Services) -> None:
    service = services.add("atlas", READY)
    await services.start("atlas")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(services.stop, "atlas", 0.3)
        await until(lambda: state(service.pid) == "T")
        assert not services.is_free("atlas")
    assert services.is_free("atlas")
    await until(lambda: state(service.pid) in "SR")


async def test_nobody_is_left_stopped_when_it_is_broken_off(services: Services) -> None:
    service = services.add("atlas", READY)
    await services.start("atlas")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(services.stop, "atlas", 60.0)
        await until(lambda: state(service.pid) == "T")
        nursery.cancel_scope.cancel()
    await until(lambda: state(service.pid) in "SR")


async def test_whoever_ends_unasked_is_noted_with_its_last_words_and_started_again(services: Services) -> None:
    service = services.add("atlas", READY)
    await services.start("atlas")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(services.watch)
        os.kill(service.pid, signal.SIGKILL)
        await until(lambda: service.lives == 2 and services.is_free("atlas"))
        nursery.cancel_scope.cancel()
    assert services.unexpected == ["atlas ended by itself: Ready: here"]


async def test_a_switch_without_room_for_its_journal_is_no_defect_any_other_reason_is(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.soak.processes._AGAIN_S", 0.0)
    once = tmp_path / "once"
    script = (
        f"import pathlib, sys; p = pathlib.Path({str(once)!r}); p.exists() or (p.touch(), sys.exit(sys.argv[1])){READY}"
    )
    for name, reason in (("switch", "write failed: No space left on device"), ("rif", "no idea")):
        once.unlink(missing_ok=True)
        services.add(name, script, reason)
        once.touch()
        await services.start(name)
        once.unlink()
        await services.kill(name, 0.0)
    assert [text.splitlines()[-2].strip() for text in services.refused_starts] == [
        "write failed: No space left on device"
    ]
    assert [text.splitlines()[-2].strip() for text in services.unexpected] == ["no idea"]


async def test_the_switchs_helpers_are_found_among_its_children_and_killed_alone(services: Services) -> None:
    helper = "[sys.executable, '-c', 'import time; time.sleep(60)', 'switch.journal.writer']"
    service = services.add("switch", f"import subprocess, sys; subprocess.Popen({helper}){READY}")
    await services.start("switch")
    pid = services.helper("writer")
    assert pid in children_of(service.pid)
    assert await services.kill("writer", 0.0)
    await until(lambda: state(pid) == "Z")
    assert service.lives == 1
    os.kill(service.pid, signal.SIGKILL)
    assert services.helper("index") == 0
    assert not await services.kill("index", 0.0)


async def test_a_helper_that_is_gone_is_nobody_to_stop(services: Services) -> None:
    services.add("switch", READY)
    await services.start("switch")
    began = time.monotonic()
    assert not await services.stop("writer", 60.0)
    assert time.monotonic() - began < 30
