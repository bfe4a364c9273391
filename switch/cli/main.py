"""`cmi-switch`: one file a command in this room, found by its name and imported only when it is called."""

import importlib
import pkgutil

import click

import switch.cli


class Commands(click.Group):
    """A group whose commands are the modules beside this one: `hops.py` is `cmi-switch hops`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in alphabetical order."""
        del ctx
        names = [m.name for m in pkgutil.iter_modules(switch.cli.__path__)]
        return sorted(n.replace("_", "-") for n in names if n != "main" and not n.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported now; None (click says "did you mean") where there is no such module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"switch.cli.{cmd_name.replace('-', '_')}")
        command = module.command
        assert isinstance(command, click.Command)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="cmi-switch")
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
    """


if __name__ == "__main__":
    main()
