"""A disk that is filled on request."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from switch.soak import disk as disk_module
from switch.soak.disk import Disk

WRITER = """
import sys
path = sys.argv[1]
for line in sys.stdin:
    try:
        with open(path, "ab", buffering=0) as file:
            file.write(bytes(4096))
        print(0, flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "journal", 4 << 20)
    yield disk
    disk.release(keep=False)


def wrote(path: Path) -> int:
    """errno of an attempt to write a page; 0: it worked."""
    try:
        with path.open("ab", buffering=0) as file:
            file.write(bytes(4096))
    except OSError as error:
        return error.errno or -1
    return 0


async def test_a_tmpfs_is_full_for_a_while_and_then_not(small: Disk) -> None:
    if not small.mounted:
        pytest.skip(f"no tmpfs can be mounted here: {small.why_not}")
    log = small.directory / "segment.log"
    assert wrote(log) == 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(small.fill, 60.0, lambda: 0)
        with trio.fail_after(10):
            while wrote(log) != errno.ENOSPC:  # noqa: ASYNC110
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert wrote(log) == 0


def test_what_is_kept_of_it_is_on_the_real_disk_afterwards(small: Disk) -> None:
    if not small.mounted:
        pytest.skip(f"no tmpfs can be mounted here: {small.why_not}")
    (small.directory / "segment.log").write_text("records")
    small.release(keep=True)
    assert not small.mounted
    assert (small.directory / "segment.log").read_text() == "records"
    assert str(small.directory) not in Path("/proc/mounts").read_text()


async def test_where_nothing_may_be_mounted_the_writer_may_not_let_a_file_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_module, "_run", lambda *_: "only root may mount")
    disk = Disk(tmp_path / "journal")
    assert (disk.mounted, disk.why_not) == (False, "only root may mount")
    command = [sys.executable, "-c", WRITER, str(disk.directory / "segment.log")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:  # noqa: ASYNC220

        def says() -> int:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("write\n")
            writer.stdin.flush()
            return int(writer.stdout.readline())

        assert says() == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disk.fill, 60.0, lambda: writer.pid)
            with trio.fail_after(10):
                while says() != errno.EFBIG:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert says() == 0
    disk.release()
