"""A generated test finds its network file from its own place, wherever pytest is started."""

from pathlib import Path

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
