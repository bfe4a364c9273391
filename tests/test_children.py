"""Children end with their parent, however it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from switch.children import start

PARENT = """
import subprocess, sys
from switch.children import start
child = start([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
RESTARTS = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {SLEEPS!r}])"


def number(process: "subprocess.Popen[str]") -> int:
    """The one it prints."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def output(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None
    return process.stdout.read()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def until(what: Callable[[], bool], seconds: float = 15) -> bool:
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()


@pytest.mark.parametrize("child", [SLEEPS, RESTARTS], ids=["as it was started", "having replaced itself by execve"])
def test_a_child_is_gone_once_its_parent_is_killed(child: str) -> None:
    parent = start([sys.executable, "-c", PARENT, child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        pid = number(parent)
        assert runs(pid)
        parent.kill()
    assert until(lambda: not runs(pid))


def test_a_stopped_child_is_gone_as_well() -> None:
    parent = start([sys.executable, "-c", PARENT, SLEEPS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        pid = number(parent)
        os.kill(pid, signal.SIGSTOP)
        parent.kill()
    assert until(lambda: not runs(pid))


def test_a_child_lives_while_its_parent_does_and_has_the_process_id_that_start_gave() -> None:
    with start([sys.executable, "-c", "import os; print(os.getpid(), os.getppid())"], stdout=subprocess.PIPE) as child:
        assert output(child).split() == [b"%d" % child.pid, b"%d" % os.getpid()]
    assert child.returncode == 0


def test_a_command_that_does_not_exist_says_so() -> None:
    with start(["no-such-command"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
        assert output(child) == b"no-such-command: No such file or directory\n"
    assert child.returncode == 127


def test_only_the_main_thread_starts_children_since_they_would_end_with_another() -> None:
    refused: list[RuntimeError] = []

    def in_a_thread() -> None:
        try:
            start([sys.executable, "-c", SLEEPS])
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert "main thread" in str(refused[0])
