"""Starts processes that end with this one, however it ends: a killed demo, soak, bench or test run leaves nothing behind.

In: a command. Out: its `Popen`. The one rule: whoever starts a process that is to be stopped again starts it here. What needs
no such tie has one of its own: the journal's writer and index end where their socket or pipe does, the writer after it has made
durable what it was sent.

How. The kernel sends SIGKILL to a child whose parent is gone (PR_SET_PDEATHSIG), stopped children included; that holds across
`execve`, so a switch that restarts itself keeps it, and the children of one that restarts live on. The child asks for it itself:
`start` runs this file, which asks, and then becomes the command under the same process id. Linux; elsewhere nothing is asked for.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_PARENT_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG"""
_NOT_STARTED: Final = 127
"""exit code where the command cannot be run, as a shell has it"""


def start(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start `command`, which is killed when this process ends. `options`: those of `subprocess.Popen`.

    A command that does not exist ends with 127 and a sentence on its stderr. RuntimeError in any thread but the main one: the
    kernel ends a child with the thread that started it.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("children are started by the main thread: one started by another would end with that thread")
    launcher = (sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()))
    return subprocess.Popen((*launcher, *command), **options)  # noqa: S603 - our callers' own commands


def end_with_parent(parent: int = 0) -> None:
    """From now on this process is killed when its parent ends. `parent`: its process id; where it is gone already, end now."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if parent and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """`PARENT COMMAND …`: become the command, which ends with its parent. Returns only where the command cannot be run."""
    parent, *command = arguments
    end_with_parent(int(parent))
    for ignored in (
        signal.SIGPIPE,
        signal.SIGXFSZ,
    ):  # by the interpreter; the command is to find them as any other does
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - our callers' own commands
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    return _NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
