"""What tests of a journal and its copies begin with."""

from pathlib import Path

import pytest

from switch.security.vault import KeyVault


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with its vault key."""
    made = tmp_path / "state"
    KeyVault.at(made / "vault.key")
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"
