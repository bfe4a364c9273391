"""`cmi-switch manual`: manual pages and shell completion, made of the commands."""

from pathlib import Path
from typing import Final

import click

PROGRAM: Final = "cmi-switch"
VARIABLE: Final = "_CMI_SWITCH_COMPLETE"
COMPLETIONS: Final = {
    "bash": f"share/bash-completion/completions/{PROGRAM}",
    "zsh": f"share/zsh/site-functions/_{PROGRAM}",
    "fish": f"share/fish/vendor_completions.d/{PROGRAM}.fish",
}
"""shell -> where it looks for completions of others, below a prefix"""


@click.command("manual")
@click.argument("prefix", type=click.Path(file_okay=False, path_type=Path))
def command(prefix: Path) -> None:
    """Write manual pages and shell completion below PREFIX, where `man` and the shells look for them.

    There is a page for each command (`man cmi-switch-pay`), made of what `--help` says. Completion is for bash, zsh and fish.
    Written again after another release is installed, they say what that one does.

    \b
    Examples:
      cmi-switch manual /usr/local
      cmi-switch manual ~/.local                                  for one user
      cmi-switch manual var/manual && man -M var/manual/share/man cmi-switch-pay
    """
    import os

    files = {**_pages(), **_completions()}
    try:
        for name, text in files.items():
            path = prefix / name
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{path.name}.{os.getpid()}")
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(path)
    except OSError as error:
        raise click.ClickException(
            f"{error.filename}: {error.strerror}; name a directory that you may write to"
        ) from None
    pages = sum(name.startswith("share/man/") for name in files)
    click.echo(f"{pages} manual pages in {prefix}/share/man; completion for {', '.join(COMPLETIONS)}")


def _pages() -> dict[str, str]:
    """File below the prefix -> its text, of every command."""
    from importlib.metadata import version

    from switch.cli._man import commands, page
    from switch.cli.main import main

    every = list(commands(main, PROGRAM))
    names = [name.replace(" ", "-") for name, _ in every]
    made = {}
    for name, context in every:
        title = name.replace(" ", "-")
        beside = [] if title == PROGRAM else [title.rpartition("-")[0] if " " in name else PROGRAM]
        beside = [other if other in names else PROGRAM for other in beside]
        made[f"share/man/man1/{title}.1"] = page(name, context, version(PROGRAM), beside)
    return made


def _completions() -> dict[str, str]:
    from click.shell_completion import get_completion_class

    from switch.cli.main import main

    made = {}
    for shell, path in COMPLETIONS.items():
        kind = get_completion_class(shell)
        assert kind is not None, shell
        made[path] = kind(main, {}, PROGRAM, VARIABLE).source()
    return made
