"""Files that commands are given and make."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click

from switch.observe import HOP_LOG
from switch.security.files import let_be_read

hop_log_option = click.option(
    "--log",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"The switch's hop log. [default: {HOP_LOG} in its state directory]",
)
"""`--log`, of commands that follow one switch's"""


def existing_file(what: str) -> Path | None:
    """The file of this name; None where there is none, or the text can be no name (too long, a zero byte): a message's hex, which
    an argument may also be, is longer than any file's name."""
    try:
        path = Path(what)
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[IO[str]]:
    """Text that takes the name `path` when all is written and on the disk, also in place of another; else nothing is there.

    Directories above it are made. OSError: the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        let_be_read(aside)
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)
