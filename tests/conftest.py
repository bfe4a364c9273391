"""The same ground under every test, however pytest was started: from a terminal, in the background, by a scheduler."""

import importlib.util
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import warnings
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import settings

from switch.accelerator import read_stamp
from switch.loopback import PORTS, part_of_ports

READ_BY_RICH_AND_CLICK = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
LOOPBACK = "127.0.0.1,localhost,::1"
SHORT = "/tmp"
"""for temporary files where TMPDIR is too long"""
TEMPORARY_MAX = 40
"""bytes of the path of the directory for temporary files: below it lie sockets, whose addresses have 107 at most (unix(7))"""
LONG = ("e2e", "sim", "docs", "testing", "wire", "simulators", "doctor")
"""directories whose files take longest, the longest first"""
PACKAGES = {
    "bean-check": "beancount",
    "gcc": "gcc python3-dev",
    "initdb": "postgresql",
    "php": "php-cli",
    "pip3": "python3-pip",
    "softhsm2-util": "softhsm2",
    "stunnel": "stunnel4",
}
"""Debian's package of a program, where it has another name"""


class Watched(sqlite3.Connection):
    """Warns where nobody has closed it, as Python's own do from 3.13 on: what would fail there fails here."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it is closed, or never was open
            _ = self.total_changes
            warnings.warn(f"unclosed database in {self!r}", ResourceWarning, source=self, stacklevel=1)


def pytest_configure() -> None:
    """Undo what a test and the processes it starts would inherit.

    A shell starts a job in the background with SIGINT ignored, and an ignored signal stays ignored in every process
    started from there (POSIX.1-2017, sh, 2.11; exec): no Ctrl-C of a test would arrive. A terminal said to be dumb,
    narrow or without colour changes what is drawn. A proxy takes the addresses of this machine for its own, and where one
    must be used, `no_proxy` does not always say so. A long TMPDIR leaves no room for a socket's address. No example of a
    property is late: how fast the machine is decides no test. A database left open is one under every Python.
    """
    if read_stamp() is not None and "CMI_SWITCH_COMPILED" not in os.environ:
        pytest.exit(
            "the hot path is compiled here, and tests that replace a part of a module do not reach it: "
            "tools/accelerate --remove first, or set CMI_SWITCH_COMPILED to try it all the same",
            returncode=3,
        )
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker:
        os.environ[PORTS] = part_of_ports(int(worker), int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    settings.register_profile("beside a busy neighbour", deadline=None)
    settings.load_profile("beside a busy neighbour")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for variable in READ_BY_RICH_AND_CLICK:
        os.environ.pop(variable, None)
    os.environ["TERM"] = "xterm"
    for variable in ("no_proxy", "NO_PROXY"):
        os.environ[variable] = ",".join(filter(None, (os.environ.get(variable), LOOPBACK)))
    if sys.version_info < (3, 13):
        pytest.MonkeyPatch().setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Watched))
    if len(os.fsencode(tempfile.gettempdir())) > TEMPORARY_MAX and os.access(SHORT, os.W_OK):
        os.environ["TMPDIR"] = tempfile.tempdir = SHORT


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, the long ones begin, so that nobody waits at the end.

    A file stays with one process (`--dist loadfile`): what it makes once is made once.
    """
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONG.index(name) if (name := item.path.parent.name) in LONG else len(LONG))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose program of others is not installed (`extra`, `package`: a Python package, as this one's extra or by
    itself); where all are required, as in CI, it fails."""
    for marker in item.iter_markers("outside"):
        (program,) = marker.args
        extra, package = marker.kwargs.get("extra"), marker.kwargs.get("package")
        if (importlib.util.find_spec(program) if extra or package else shutil.which(program)) is None:
            how = f"pip install {package}" if package else f"apt-get install {PACKAGES.get(program, program)}"
            how = f"pip install cmi-switch[{extra}]" if extra else how
            missing = f"{program} is not installed ({how})"
            if os.environ.get("CMI_SWITCH_OUTSIDE") == "required":
                pytest.fail(missing, pytrace=False)
            pytest.skip(missing)
