"""`--ready FILE`, which every command that others connect to has; beside it, its sentence for people."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from switch.readiness import ReadyFile

F = TypeVar("F", bound=Callable[..., Any])


def ready_option(default: str = "") -> Callable[[F], F]:
    """The option, as the parameter `ready_path`. `default`: where the file is without it, for the help."""
    text = "Write a JSON object to FILE once others can connect; it goes when this ends in order."
    return click.option(
        "--ready",
        "ready_path",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help=text + (f" [default: {default}]" if default else ""),
    )


def prepare_ready(path: Path | None) -> "ReadyFile":
    """The file of a command, which goes when the command ends. Raises a click error: it cannot be there."""
    from switch.readiness import ReadyFile

    try:
        file = ReadyFile(path)
    except OSError as error:
        raise click.ClickException(f"--ready {path}: {error.strerror}") from None
    click.get_current_context().call_on_close(file.withdraw)
    return file


def say_ready(
    file: "ReadyFile", listeners: dict[str, object], sentence: str, *, recovered: int = 0, err: bool = False
) -> None:
    """Print the sentence, then write the file: who finds that, finds the sentence printed. Raises OSError."""
    from switch.readiness import Ready

    click.echo(sentence, err=err)
    sys.stdout.flush()
    where = {name: str(address) for name, address in listeners.items()}
    file.write(Ready(sentence=sentence, listeners=where, recovered_records=recovered))
