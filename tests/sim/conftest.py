import pytest

from switch.config import load_network
from switch.sim.cast import Cast


@pytest.fixture(scope="session")
def cast() -> Cast:
    return Cast(load_network("morocco"))
