"""What is mistyped to `tools/bench` is said in a line, before anything is started."""

import click
import pytest
from click.testing import CliRunner

from switch.bench import codec, compare, consoles, hostile, recovery, settlement, versus


@pytest.mark.parametrize("module", [compare, consoles, recovery, settlement, versus])
def test_a_network_that_is_not_there_is_named(module: object) -> None:
    said = run(module, *(["."] if module is versus else []), "--network", "nosuch")
    assert "Invalid value for '--network'" in said
    assert "nosuch" in said


@pytest.mark.parametrize("module", [codec, hostile])
def test_a_dialect_that_is_not_there_is_named(module: object) -> None:
    assert "Invalid value for '--dialect': nosuch: no dialect of this name" in run(module, "--dialect", "nosuch")


def run(module: object, *arguments: str) -> str:
    main = module.main  # type: ignore[attr-defined]
    assert isinstance(main, click.Command)
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2, result.output
    return result.output
