"""The disk under the whole state directory is full: payments are declined, everything says so, and it goes on by itself
(docs/drills.md)."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
import trio

from switch.simulators.messages import PURCHASE
from switch.soak.disk import Disk
from switch.soak.processes import children_of
from switch.wire.vocabulary import DE
from tests.e2e.pos import Till
from tests.e2e.stage import Stage, wait_for
from tests.e2e.test_health import asked

FULL_S, MANY = 8.0, 1_500
DISK_BYTES = 512 << 20
"""room enough for `health` to have nothing to say once it is not full"""
LISTS = (("links", "list"), ("saf", "list"), ("exceptions", "list"))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[tuple[Stage, Disk]]:
    """A stage, and the small disk that its state is on: a file system of its own where this process may mount one."""
    stage = Stage(tmp_path)
    disk = Disk(stage.state, DISK_BYTES)
    try:
        yield stage, disk
    finally:
        stage.close()
        disk.release(keep=False)


def writer_of(pid: int) -> int:
    """The process of the journal's writer; 0: there is none now."""
    return next((child for child, line in children_of(pid).items() if b"switch.journal.writer" in line), 0)


@pytest.mark.long
@pytest.mark.alone
def test_a_full_disk_declines_all_and_says_so_and_loses_nothing(stage: tuple[Stage, Disk]) -> None:
    running, disk = stage
    running.issuers()
    running.networks()
    switch = running.serve()
    wait_for(lambda: asked(running, "health").returncode == 0)
    with ExitStack() as stack:
        counter, busy = (stack.enter_context(closing(Till(running, "rif", number=n))) for n in range(2))
        before = counter.balance("atlas-approved")[0]
        frames = [busy.client.frame(busy.request(PURCHASE, "atlas-approved", 1_00)) for _ in range(MANY)]
        full = threading.Thread(target=trio.run, args=(disk.fill, FULL_S, lambda: writer_of(switch.pid)))
        full.start()
        until = time.monotonic() + FULL_S - 2
        time.sleep(1)
        busy.client.sock.sendall(b"".join(frames))
        waiting: list[Till] = []
        codes: Counter[str] = Counter()
        while not codes["96"]:
            waiting.append(stack.enter_context(closing(Till(running, "souss", number=len(waiting)))))
            waiting[-1].client.sock.settimeout(1)
            with suppress(TimeoutError):  # what was under way when the writer ended is answered once another has it
                codes[waiting[-1].pays(PURCHASE, "atlas-approved", 1_00)[1][DE.RESPONSE_CODE]] += 1
                waiting.pop()
        assert asked(running, "health").returncode == 2
        for name in LISTS:
            listed = asked(running, *name)
            assert listed.returncode == 0
            assert "Not well: " in listed.stderr
            assert "DE39=96" in listed.stderr
        assert time.monotonic() < until, "it was full all the while"
        full.join()
        wait_for(lambda: counter.pays(PURCHASE, "atlas-approved", 1_00)[1][DE.RESPONSE_CODE] == "00", 30)
        codes.update(busy.client.gets()[DE.RESPONSE_CODE] for _ in frames)
        for till in waiting:
            till.client.sock.settimeout(10)
            codes[till.client.gets()[DE.RESPONSE_CODE]] += 1
        assert codes["00"] + codes["96"] == codes.total()
        wait_for(
            lambda: asked(running, "health").returncode != 2, 40
        )  # the index, too, has ended: a warning for a minute
        assert asked(running, "saf", "list").stdout == "Nothing is owed.\n"
        assert asked(running, "exceptions", "list").stdout == "No exceptions are open.\n"
        spent = before - counter.balance("atlas-approved")[0]
    assert spent == (codes["00"] + 1) * 1_00
    assert switch.stop() == 0
    assert not running.events("switch.defect")
