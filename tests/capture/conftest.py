"""One capture for all tests that look at one."""

import pytest

from tests.capture.captured import Captured, captured


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """The demo network at work, as its switch recorded it."""
    return captured(tmp_path_factory.mktemp("captured"))
