"""What commands share: a network file loaded, or its mistakes shown; text painted for a terminal."""

import shlex
import sys
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from switch.config import ConfigErrors
    from switch.core.network import Network
    from switch.security.module import SecurityModule

DEFAULT = "morocco"
"""the network of a command that is given none"""
DEFAULT_STATE = f"var/{DEFAULT}"
"""its state directory"""
PAY_PORT = "acquirers"
"""the listener of a payment that names none"""
_POSITIONAL = ("serve", "console")
"""commands whose argument the network file is; hints about all others give it with --network"""

_STYLES: dict[str, dict[str, Any]] = {
    "place": {"bold": True},
    "error": {"fg": "red"},
    "caret": {"fg": "yellow", "bold": True},
    "hint": {"fg": "yellow"},
    "label": {"dim": True},
    "good": {"fg": "green"},
}


network_option = click.option(
    "--network", default=DEFAULT, show_default=True, help="Network file, or a shipped network's name."
)


def paint(style: str, text: str) -> str:
    """`text` in a named style; a style without a look leaves it plain. `click.echo` drops the colours off a terminal."""
    look = _STYLES.get(style)
    return click.style(text, **look) if look and text else text


class Mistakes(click.ClickException):
    """The mistakes of a network file, on stderr, exit code 1."""

    def __init__(self, errors: "ConfigErrors") -> None:
        """`errors`: each mistake, with its place."""
        super().__init__(str(errors))
        self.errors = errors

    def show(self, file: IO[Any] | None = None) -> None:
        """Print them, painted where stderr is a terminal."""
        click.echo(self.errors.render(paint), file=file or sys.stderr)


def spell(command: str, network: "Network | None" = None) -> str:
    """`cmi-switch COMMAND` as it is typed for the network that the command under way was given: hints name the file that runs.

    `network`: the same, read: `serve` says that it runs all shards, where the file has any, and `pay` at which port as whose.
    """
    context = click.get_current_context(silent=True)
    name = context.params.get("network") if context is not None else None
    words = ["cmi-switch", command]
    if isinstance(name, str) and name != DEFAULT:
        words += [shlex.quote(name)] if command.partition(" ")[0] in _POSITIONAL else ["--network", shlex.quote(name)]
    if network is not None and command == "serve" and network.shards:
        words.append("--shards all")
    if network is not None and command == "pay":
        words += _where_to_pay(network)
    return " ".join(words)


def spell_here(command: str) -> str:
    """`cmi-switch COMMAND` for the network and the state directory that the command under way was given: about the same party."""
    context = click.get_current_context(silent=True)
    state = context.params.get("state") if context is not None else None
    return spell(command) + (f" --state {shlex.quote(str(state))}" if state else "")


def _where_to_pay(network: "Network") -> list[str]:
    """Options of `pay`, where its port and bank are not those that it takes by itself: in a shard, and in a file of one's own."""
    ports = [listener for listener in network.listeners if listener.role in ("acquirer", "terminal")]
    if not ports:
        return []
    port = next((one for one in ports if one.name == PAY_PORT), ports[0])
    bank = next((one for one in network.members if not port.members or one.name in port.members), network.members[0])
    return [
        *(["--port", port.name] if port.name != PAY_PORT else []),
        *(["--bank", bank.name] if bank is not network.members[0] else []),
    ]


def module_of(network: "Network", keys: "Path | None" = None, lmk: str | None = None) -> "SecurityModule | None":
    """The security module that the network file names, or one of a key file of one's own. Raises NotDone: its keys cannot be
    had."""
    from switch.cli._not_done import NotDone
    from switch.core.credentials import SecurityFiles
    from switch.core.operator.command import Unable
    from switch.server.keys import open_module

    if (keys is None) != (lmk is None):
        raise click.UsageError("--keys and --lmk go together: a key file is read with its master key's")
    try:
        return open_module(
            SecurityFiles(keys=str(keys), lmk=lmk) if keys is not None and lmk is not None else network.security
        )
    except Unable as error:
        raise NotDone(str(error), error.hint, code=error.code) from None


def load(name_or_path: str, *, files: bool = False) -> "Network":
    """The network, or `Mistakes`. `files`: certificates and keys it names are read too."""
    from switch.config import ConfigErrors, load_network

    try:
        return load_network(name_or_path, files=files)
    except ConfigErrors as errors:
        raise Mistakes(errors) from None


def card_number(card: str, network: "Network") -> str:
    """The digits of a card given by the name of a test card, by its number, or as `-`: on standard input."""
    from switch.simulators.cards import demo_cards

    text = asked_card(card)
    named = next((one for one in demo_cards(network) if one.name == text), None)
    return named.pan if named is not None else text.replace(" ", "").replace("-", "")


def asked_card(card: str) -> str:
    """What `-` stands for is read from standard input, so that no card number need stand on a command line."""
    if card != "-":
        return card
    return sys.stdin.readline().strip()
