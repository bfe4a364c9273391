"""The disk under the switch's journal, which can be filled.

Where this process may mount, it is a tmpfs of its own, and a file of ballast fills it to the last byte. It is mounted where only
this process and its children see it (a mount namespace), so that it is gone with them, even if they are killed. Where nothing
may be mounted, the journal's writer is forbidden to let any file grow (RLIMIT_FSIZE), which fails its writes in the same place.
"""

import ctypes
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

TMPFS_BYTES: Final = 1 << 30
"""an upper bound: memory is used as the journal grows, and for the ballast"""
_LOOK_S: Final = 0.01
_NEW_MOUNTS: Final = 0x0002_0000
"""CLONE_NEWNS"""


class Disk:
    """One directory. `release` when all is over: what it holds is then on the real disk."""

    def __init__(self, directory: Path, size: int = TMPFS_BYTES) -> None:
        """Mount a tmpfs on `directory` (made here, empty), or say in `why_not` why that cannot be."""
        self.directory = directory
        self.why_not = ""
        self._ballast = directory / "ballast"
        directory.mkdir(parents=True, exist_ok=True)
        done = _leave_mounts_of_others() or _run(
            "mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "soak", str(directory)
        )
        self.mounted = not done
        self.why_not = done

    async def fill(self, seconds: float, writer: Callable[[], int]) -> None:
        """Full for so long. `writer()`: process id of the journal's writer now; 0 where there is none."""
        if self.mounted:
            await self._with_ballast(seconds)
        else:
            await self._with_limit(seconds, writer)

    async def _with_ballast(self, seconds: float) -> None:
        try:
            with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(1 << 20))
                    await trio.lowlevel.checkpoint()
            with trio.move_on_after(seconds):
                while True:
                    self._top_up()
                    await trio.sleep(_LOOK_S)
        finally:
            self._ballast.unlink(missing_ok=True)

    def _top_up(self) -> None:
        """Take what somebody has given back meanwhile."""
        with self._ballast.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    async def _with_limit(self, seconds: float, writer: Callable[[], int]) -> None:
        """Each writer that comes up is limited as soon as it is seen."""
        limited: set[int] = set()
        try:
            with trio.move_on_after(seconds):
                while True:
                    pid = writer()
                    if pid and pid not in limited:
                        _limit(pid, 0)
                        limited.add(pid)
                    await trio.sleep(_LOOK_S)
        finally:
            pid = writer()
            if pid in limited:
                _limit(pid, resource.RLIM_INFINITY)

    def release(self, *, keep: bool = True) -> None:
        """Unmount; what is there goes to the real disk first, if it is to be kept."""
        self._ballast.unlink(missing_ok=True)
        if not self.mounted:
            return
        aside = self.directory.with_name(self.directory.name + ".kept")
        if keep:
            shutil.copytree(self.directory, aside, dirs_exist_ok=True)
        if _run("umount", str(self.directory)):
            _run("umount", "-l", str(self.directory))
        self.mounted = False
        if keep:
            self.directory.rmdir()
            aside.rename(self.directory)


def _limit(pid: int, size: int) -> None:
    """Let no file that process `pid` writes to grow above `size` bytes, from now on."""
    with suppress(ProcessLookupError, PermissionError, ValueError):
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(
            pid, resource.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard)
        )


def _leave_mounts_of_others() -> str:
    """What is mounted from now on is seen by this thread and what it starts alone. Why that cannot be; "": it is so."""
    if os.geteuid():
        return "only root may mount"
    libc = ctypes.CDLL(None, use_errno=True)  # os.unshare comes with Python 3.12
    if libc.unshare(_NEW_MOUNTS):
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    return _run("mount", "--make-rprivate", "/")


def _run(*command: str) -> str:
    """Why it failed; "": it did not."""
    if os.geteuid():
        return "only root may mount"
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed commands, our own paths
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return "" if not done.returncode else done.stderr.strip() or f"{command[0]} failed"
