"""The same ground under every test, however pytest was started: from a terminal, in the background, by a scheduler."""

import os
import signal

import pytest

HEEDED_BY_RICH_AND_CLICK = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def pytest_configure() -> None:
    """Undo what a test and the processes it starts would inherit.

    A shell starts a job in the background with SIGINT ignored, and an ignored signal stays ignored in every process
    started from there (POSIX.1-2017, sh, 2.11; exec): no Ctrl-C of a test would arrive. A terminal said to be dumb,
    narrow or without colour changes what is drawn.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for variable in HEEDED_BY_RICH_AND_CLICK:
        os.environ.pop(variable, None)
    os.environ["TERM"] = "xterm"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the tests, a file stays with one: what it makes once is made once.

    Files that share more say so with an `xdist_group` of their own.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
