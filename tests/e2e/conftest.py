"""One running network for all tests that only talk to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stage import Stage


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The switch, three issuers and two networks, up and signed on."""
    stage = Stage(
        tmp_path_factory.mktemp("running"),
        {r"(name = \"atlas\"\nrole = \"issuer\"[^[]*)timeout_ms = 10_000": r"\1timeout_ms = 1_500"},
    )
    try:
        stage.issuers()
        stage.networks("--latency", "20", "--abroad-rate", "10")
        stage.serve()
        yield stage
    finally:
        stage.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A network file on free ports; the test starts what it needs."""
    one = Stage(tmp_path)
    try:
        yield one
    finally:
        one.close()
