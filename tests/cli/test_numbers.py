"""No option takes `nan`, `inf` or less than nothing for a number of seconds, payments or milliseconds."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from switch.cli._numbers import Finite
from switch.cli.main import main


def every(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command and all below it."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            below = command.get_command(context, word)
            assert below is not None
            yield from every(below, f"{name} {word}".strip())


COMMANDS = dict(every(main, ""))


def test_every_number_with_a_point_has_its_bounds() -> None:
    plain = [
        f"{name} {option.opts[0]}"
        for name, command in COMMANDS.items()
        for option in command.params
        if isinstance(option.type, click.types.FloatParamType) and not isinstance(option.type, Finite)
    ]
    assert plain == []


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "-1"])
@pytest.mark.parametrize(
    ("command", "option"),
    [("issuer", "--latency"), ("network visa", "--drain"), ("serve", "--drain"), ("terminal", "--rate")],
)
def test_a_number_that_is_none_is_refused_before_anything_begins(command: str, option: str, number: str) -> None:
    done = CliRunner().invoke(main, [*command.split(), option, number])
    assert done.exit_code == 2, done.output
    assert f"Invalid value for '{option}'" in done.output
