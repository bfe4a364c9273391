"""That a process is ready, told to programs: a file with one JSON object, which is there while others can connect; and a word to
the service manager that started it, if one did.

In: where the file is to be, and what there is to say. Out: the file, whole at once; for who waits for it, what it says. The
sentence `Ready: …` beside it is for people: no program reads it. A service manager is told by sd_notify(3)'s protocol: a datagram
to the socket that `NOTIFY_SOCKET` names.
"""

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

_LOOK_S: Final = 0.02
"""between two looks at a file that is not there yet"""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """What a process says once others can connect to it."""

    pid: int = msgspec.field(default_factory=os.getpid)
    sentence: str
    """as it is printed for people"""
    listeners: dict[str, str]
    """name -> HOST:PORT, ports as they really are"""
    recovered_records: int = 0
    """read from its journal"""
    recovery_ms: int = 0


class NotReadyError(Exception):
    """It is not ready and will not be, or not in time. The message says which: "ended before …", "was not ready within …"."""


class ReadyFile:
    """The file of one process."""

    def __init__(self, path: Path | None) -> None:
        """What a process that was killed has left at `path` is removed. None: nobody asks for it. Raises OSError."""
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self.withdraw()

    def write(self, ready: Ready) -> None:
        """Put it there, whole at once, and tell the service manager. The sentence is printed first: who sees the file finds the
        sentence printed. OSError."""
        sentence = ready.sentence.encode(errors="backslashreplace").decode()  # it names paths, which may be no UTF-8
        ready = msgspec.structs.replace(ready, sentence=sentence)
        notify(f"READY=1\nSTATUS={ready.sentence}")
        if self._path is not None:
            fresh = self._path.with_name(f"{self._path.name}.new")
            fresh.write_bytes(msgspec.json.encode(ready) + b"\n")
            fresh.replace(self._path)

    def withdraw(self) -> None:
        """It is not ready any more. Raises OSError."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Tell the service manager, where there is one: lines such as `READY=1`. One that does not hear is no reason to fail."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)


def watchdog_s(environ: Mapping[str, str] = os.environ, pid: int = 0) -> float:
    """How often the service manager wants to hear of this process, seconds, at the latest; 0: it does not.

    `pid`: of this process (0: ask the system); what another one is watched by is not its affair.
    """
    wanted, watched = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (wanted.isascii() and wanted.isdecimal()) or watched not in ("", str(pid or os.getpid())):
        return 0.0
    return int(wanted) / 1_000_000


def wait_ready(path: Path, process: subprocess.Popen[Any], seconds: float = 30.0) -> Ready:
    """Wait until `process` has written its file at `path`; what another process left there does not count. NotReadyError."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ended = process.poll() is not None
        found = read_ready(path)
        if found is not None and found.pid == process.pid:
            return found
        if ended:
            raise NotReadyError("ended before it was ready")
        time.sleep(_LOOK_S)
    raise NotReadyError(f"was not ready within {seconds:g} s")


def read_ready(path: Path) -> Ready | None:
    """What stands there; None: there is no such file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Ready)
    except FileNotFoundError:
        return None
