"""Processes that are killed, stopped, watched and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from switch.children import start
from switch.cli._processes import Child
from switch.soak.processes import People, children_of

READY = "import time; print('Ready: here', flush=True); time.sleep(60)"


class Script(Child):
    """A few lines of Python in place of a command."""

    def __init__(self, name: str, arguments: list[str], output: Path) -> None:
        self.name, self.output = name, output
        with output.open("wb") as file:
            self._process = start(
                [sys.executable, "-c", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    made = People(tmp_path, Script)
    yield made
    made.all_go_on()
    for person in made.persons.values():
        if person.child is not None:
            person.child.kill()


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def until(what: Callable[[], bool]) -> None:
    with trio.fail_after(15):
        while not what():  # noqa: ASYNC110
            await trio.sleep(0.01)


async def test_whoever_is_killed_is_started_again(people: People) -> None:
    person = people.add("atlas", READY)
    await people.come("atlas")
    first = person.pid
    assert await people.kill("atlas", 0.0)
    assert (person.lives, people.unexpected) == (2, [])
    assert person.pid != first
    assert state(person.pid) in "SR"


async def test_whoever_is_stopped_goes_on_and_is_not_hit_meanwhile(people: People) -> None:
    person = people.add("atlas", READY)
    await people.come("atlas")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(people.stop, "atlas", 0.3)
        await until(lambda: state(person.pid) == "T")
        assert not people.is_free("atlas")
    assert people.is_free("atlas")
    await until(lambda: state(person.pid) in "SR")


async def test_nobody_is_left_stopped_when_it_is_broken_off(people: People) -> None:
    person = people.add("atlas", READY)
    await people.come("atlas")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(people.stop, "atlas", 60.0)
        await until(lambda: state(person.pid) == "T")
        nursery.cancel_scope.cancel()
    await until(lambda: state(person.pid) in "SR")


async def test_whoever_ends_unasked_is_noted_with_its_last_words_and_started_again(people: People) -> None:
    person = people.add("atlas", READY)
    await people.come("atlas")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(people.watch)
        os.kill(person.pid, signal.SIGKILL)
        await until(lambda: person.lives == 2 and people.is_free("atlas"))
        nursery.cancel_scope.cancel()
    assert people.unexpected == ["atlas ended by itself: Ready: here"]


async def test_a_switch_without_room_for_its_journal_is_no_defect_any_other_reason_is(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.soak.processes._AGAIN_S", 0.0)
    once = tmp_path / "once"
    script = f"import pathlib, sys; p = pathlib.Path({str(once)!r}); p.exists() or (p.touch(), sys.exit(sys.argv[1])); {READY}"
    for name, reason in (("switch", "write failed: No space left on device"), ("rif", "no idea")):
        once.unlink(missing_ok=True)
        people.add(name, script, reason)
        once.touch()
        await people.come(name)
        once.unlink()
        await people.kill(name, 0.0)
    assert [text.splitlines()[-2].strip() for text in people.refused_starts] == [
        "write failed: No space left on device"
    ]
    assert [text.splitlines()[-2].strip() for text in people.unexpected] == ["no idea"]


async def test_the_switchs_helpers_are_found_among_its_children_and_killed_alone(people: People) -> None:
    helper = "[sys.executable, '-c', 'import time; time.sleep(60)', 'switch.journal.writer']"
    person = people.add("switch", f"import subprocess, sys; subprocess.Popen({helper}); {READY}")
    await people.come("switch")
    pid = people.helper("writer")
    assert pid in children_of(person.pid)
    assert await people.kill("writer", 0.0)
    await until(lambda: state(pid) == "Z")
    assert person.lives == 1
    os.kill(person.pid, signal.SIGKILL)
    assert people.helper("index") == 0
    assert not await people.kill("index", 0.0)


async def test_a_helper_that_is_gone_is_nobody_to_stop(people: People) -> None:
    people.add("switch", READY)
    await people.come("switch")
    began = time.monotonic()
    assert not await people.stop("writer", 60.0)
    assert time.monotonic() - began < 30
