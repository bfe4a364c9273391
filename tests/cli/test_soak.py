"""`cmi-switch soak`: what it refuses before anything starts. tests/e2e/test_soak.py runs it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.soak import command


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code in (1, 2)
    assert not isinstance(result.exception, AssertionError)
    return result.output


@pytest.mark.parametrize("options", [("--every", "0"), ("--rate", "-1"), ("--duration", "-1")])
def test_figures_that_make_no_sense_are_refused(options: tuple[str, str]) -> None:
    assert f"Invalid value for '{options[0]}'" in refused(*options)


def test_a_soak_without_an_end_is_refused() -> None:
    assert "goes on until so many --kills: say how many" in refused("--duration", "0")


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    assert "is not empty: a soak begins with empty books" in refused("--keep", str(tmp_path))


def test_mistakes_of_a_network_file_are_shown_and_nothing_is_made(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("name = 7\n")
    assert "mine.toml" in refused(str(file), "--keep", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
