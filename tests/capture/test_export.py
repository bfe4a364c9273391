"""A generated test is one that Python reads, and finds its network file from its own place, wherever pytest is started."""

import ast
from pathlib import Path

import pytest

from switch.capture.export import as_test


def network_of(test: Path) -> object:
    """What the generated test takes for its network file."""
    names: dict[str, object] = {"__file__": str(test)}
    exec(test.read_text(), names)
    return names["NETWORK"]


def test_a_file_is_found_from_the_tests_own_place(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    test = tmp_path / "tests" / "test_today.py"
    as_test([], test, "today.pcapng", network=str(tmp_path / "mine.toml"))
    assert str(tmp_path) not in test.read_text(), "it may be checked out elsewhere"
    assert Path(str(network_of(test))).resolve() == tmp_path / "mine.toml"


def test_a_shipped_network_is_named(tmp_path: Path) -> None:
    test = tmp_path / "test_today.py"
    as_test([], test, "today.pcapng", network="morocco")
    assert network_of(test) == "morocco"


@pytest.mark.parametrize("name", ["test_my-day.py", "test_2026.11.27 évening.py", "test_-.py"])
def test_any_file_name_gives_a_test_that_python_reads(tmp_path: Path, name: str) -> None:
    test = tmp_path / name
    as_test([], test, 'a"""b\\.pcapng', to="127.0.0.1:8583")
    tree = ast.parse(test.read_text(encoding="utf-8"))
    assert next(one.name for one in tree.body if isinstance(one, ast.FunctionDef)).startswith("test_")
