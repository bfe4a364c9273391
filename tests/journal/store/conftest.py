"""One cluster for all that is tried in this directory."""

import zlib
from collections.abc import Iterator

import pytest

from switch.bench.servers import Cluster, cluster


@pytest.fixture(scope="package")
def servers() -> Iterator[Cluster]:
    with cluster(standbys=2) as made:
        yield made


@pytest.fixture
def journal(request: pytest.FixtureRequest) -> str:
    """A name that no other test has."""
    return f"{zlib.crc32(request.node.name.encode()):x}"
