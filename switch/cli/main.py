"""`cmi-switch`: one file a command in this room, found by its name and imported only when it is called."""

import codecs
import errno
import importlib
import io
import os
import pkgutil
import sys
import tempfile
from difflib import get_close_matches
from typing import Any, TextIO

import click

import switch.cli
from switch.accelerator import find_stale, read_stamp
from switch.exception_groups import first_of
from switch.security.files import keep_others_from_writing


class Commands(click.Group):
    """A group whose commands are the modules beside this one: `hops.py` is `cmi-switch hops`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in alphabetical order."""
        del ctx
        names = [m.name for m in pkgutil.iter_modules(switch.cli.__path__)]
        return sorted(n.replace("_", "-") for n in names if n != "main" and not n.startswith("_"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does; a name that is no command's is a UsageError with the nearest one, for which click looks in vain:
        commands are found on the disk."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in (known := self.list_commands(ctx)):
            near = get_close_matches(name, known, 1)
            ctx.fail(f"No such command {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now; None where there is no such module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"switch.cli.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever it did not foresee ends as a sentence, with the traceback in a file."""
        keep_others_from_writing()
        for stream in (sys.stdout, sys.stderr):
            _let_print(stream)
        stale = find_stale()
        if stale:
            raise click.ClickException(
                f"what is compiled here is of other sources than those that lie beside it ({', '.join(stale[:3])}"
                f"{' …' if len(stale) > 3 else ''}): run tools/accelerate again, or tools/accelerate --remove"
            )
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # who read our output has seen enough: click ends quietly
            raise _Defect(error) from error


def _let_print(stream: TextIO) -> None:
    """Paths that are no UTF-8 leave as they came, and what an older terminal has no character for as a question mark."""
    if isinstance(stream, io.TextIOWrapper):
        utf8 = codecs.lookup(stream.encoding).name == "utf-8"
        stream.reconfigure(errors="surrogateescape" if utf8 else "replace")


class _Defect(click.ClickException):
    """Something no command foresaw."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h

    def __init__(self, error: Exception) -> None:
        from switch.core.defects import words_of

        cause = first_of(error)
        said = f"{type(cause).__name__}: {words_of(cause)}"
        super().__init__(f"{said}\nThis is a defect of cmi-switch, or of the machine it runs on. {_kept(error)}")


def _kept(error: Exception) -> str:
    """Where the traceback lies, as a sentence."""
    from switch.core.defects import told_whole

    try:
        handle, path = tempfile.mkstemp(prefix="cmi-switch-defect-", suffix=".txt")
        with os.fdopen(handle, "w") as file:
            file.write(told_whole(error))
    except OSError as full:
        return f"Where it happened could not be kept ({full.strerror}): run it again with python -X dev."
    return f"Where it happened is in {path}: please report it with that file."


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(
    package_name="cmi-switch",
    message=f"%(prog)s, version %(version)s{', its hot path compiled' if read_stamp() is not None else ''}",
)
def main() -> None:
    """An ISO 8583 switch, and the Moroccan card network to try it on.

    \b
    Start here:
      cmi-switch serve            the switch alone, on 127.0.0.1:8583 and 8584
      cmi-switch issuer           the banks' issuer hosts
      cmi-switch network visa     the Visa stub
      cmi-switch cards            the test cards, and what each is there to show
      cmi-switch pay              a terminal: one payment, message by message
      cmi-switch hops --follow    what the switch did, hop by hop
      cmi-switch links list       the links of a running switch
      cmi-switch doctor           why two ends of a link do not understand each other
    """


if __name__ == "__main__":
    main()
