"""`cmi-switch serve`: the switch alone."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import DEFAULT
from switch.cli._numbers import Finite
from switch.cli._ready import ready_option
from switch.cli._shards import Asked
from switch.counting import counted
from switch.observe import HOP_LOG

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.server.serving import Serving


@click.command()
@click.argument("network", default=DEFAULT)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where journal, key and hop log live. [default: as the network file says, var/NAME]",
)
@click.option(
    "--shard", "shard", default="", metavar="NAME", help="Run this shard of the network. Its state is in DIR/NAME."
)
@click.option(
    "--shards",
    "shards",
    default="",
    metavar="all|NAME,...",
    help="Run all shards of the network, or these, each in a process of its own, and start again what ends.",
)
@click.option(
    "--log",
    "log_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The hop log's file. [default: hops.jsonl in the state directory]",
)
@click.option(
    "--show/--no-show",
    default=None,
    help="Print events (not hops) to stderr as they happen. [default: only on a terminal]",
)
@click.option(
    "--drain",
    "drain_s",
    type=Finite(0),
    default=15.0,
    show_default=True,
    help="Seconds to finish what is in flight when told to stop.",
)
@click.option(
    "--capture",
    "capture_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record what passes on the links in this pcapng file, secrets masked. [default: as [capture] in the network file]",
)
@click.option(
    "--capture-clear",
    "clear",
    multiple=True,
    metavar="PREFIX",
    help="Keep the messages of test cards that begin so (6 digits or more) as they came. Said in the log.",
)
@click.option(
    "--standby",
    is_flag=True,
    help="Wait while another node owns the journal; take over when it is gone. Needs [journal] store.",
)
@ready_option("ready.json in the state directory")
def command(**options: Any) -> None:
    """Run the switch of NETWORK (a shipped name, or a .toml file) until Ctrl-C or SIGTERM.

    It listens for acquirers and terminals, connects to the issuers' and networks' hosts of the file, and prints one Ready:
    line. Every hop goes to the hop log, every fact to the journal; kill -9 loses nothing that was approved.

    \b
    Examples:
      cmi-switch serve                        the shipped Moroccan network
      cmi-switch serve mine.toml --state /srv/switch
      cmi-switch serve mine.toml --shards all       a network with shards; --shard a: one of them
      cmi-switch serve --capture today.pcapng       for Wireshark, `capture show` and `replay`
      cmi-switch check mine.toml              only look the file over
      cmi-switch serve mine.toml --standby    take over when the node that has the journal is gone
    """
    from switch.cli._network import load
    from switch.cli._not_done import NotDone
    from switch.cli._private import keep_private
    from switch.cli._shards import check_asked, run_shards
    from switch.config import load_network
    from switch.core.operator.command import Unable
    from switch.server.app import App, serve
    from switch.server.handover import ASK, ENVIRONMENT, inherit
    from switch.server.restarting import ability_of
    from switch.server.serving import dialects_of

    inherited = inherit(os.environ, os.getpid())
    only_asked = os.environ.pop(ENVIRONMENT, "") == ASK
    asked = Asked(**options)

    def reread() -> "Network":
        return _as_asked(load_network(asked.network, files=True), asked)

    whole = load(asked.network, files=True)
    check_asked(whole, asked)
    if asked.shards:
        run_shards(whole, asked)
        return
    loaded = _as_asked(whole, asked)
    if only_asked:
        dialects_of(loaded)
        click.echo(ability_of(loaded))
        return
    _check_standby(loaded, asked.standby)
    state_dir = Path(loaded.state_dir)
    log_file = asked.log_path or state_dir / HOP_LOG
    showing = sys.stderr.isatty() if asked.show is None else asked.show
    keep_private()

    def announce(running: "Serving") -> str:
        click.echo(sentence := _ready(running.network, running, log_file))
        sys.stdout.flush()
        return sentence

    app = App(
        network=loaded,
        reread=reread,
        state_dir=state_dir,
        log_file=log_file,
        ready_file=asked.ready_path or state_dir / "ready.json",
        showing=showing,
        drain_s=asked.drain_s,
        inherited=inherited,
        tell_waiting=_tell_waiting if asked.standby else None,
    )
    try:
        ended = serve(app, announce)
    except Unable as error:
        raise NotDone(str(error), error.hint, code=error.code) from None
    click.echo(f"Stopped: {ended}")


def _check_standby(network: "Network", standby: bool) -> None:
    if standby and not network.journal.store:
        raise click.UsageError(f"--standby: {network.source} has no [journal] store to wait for (docs/scaling.md)")


def _tell_waiting(whom: str) -> None:
    click.echo(f"Standing by: {whom}", err=True)


def _as_asked(network: "Network", options: Asked) -> "Network":
    """The network, or its shard, with what the command line says about its state directory and recording."""
    import msgspec

    from switch.cli._capture import clear_prefixes
    from switch.config.shards import of_file
    from switch.core.network import Capture

    asked, clear, state = network.capture, options.clear, options.state
    if options.capture_path is not None:
        kept = asked or Capture(file="", file_bytes=64 << 20, files=8, clear_cards=(), from_start=True)
        asked = msgspec.structs.replace(kept, file=str(options.capture_path), from_start=True)
    if clear and asked is None:
        raise click.UsageError("--capture-clear says what a capture keeps: give --capture FILE with it")
    if clear and asked is not None:
        asked = msgspec.structs.replace(asked, clear_cards=(*asked.clear_cards, *clear_prefixes(clear)))
    whole = msgspec.structs.replace(network, capture=asked, state_dir=str(state) if state else network.state_dir)
    return of_file(whole, options.shard) if options.shard else whole


def _ready(network: "Network", running: "Serving", log_file: Path) -> str:
    from switch.cli._network import DEFAULT_STATE, spell
    from switch.cli._shards import named

    ports = ", ".join(
        f"{listener.name} {running.driver.addresses[listener.name]} ({listener.dialect})"
        for listener in network.listeners
    )
    up, down = running.hosts_up()
    hosts = f"up: {', '.join(up)}" if up else "no host is up"
    if down:
        issuers = [h.name for h in network.hosts if h.name in down and h.role == "issuer"]
        networks = [h.scheme for h in network.card_networks if h.name in down]
        commands = [
            *([spell("issuer")] if issuers else []),
            *(spell(f"network {scheme}") for scheme in networks),
        ]
        hosts += f"; not yet: {', '.join(down)}"
        hint = f"start them with `{'`, `'.join(commands)}`"
    else:
        where = "" if log_file == Path(DEFAULT_STATE, HOP_LOG) else f" --log {shlex.quote(str(log_file))}"
        hint = f"next: `{spell('pay', network)}` or `cmi-switch hops --follow{where}`"
    recovered = (
        f"; {counted(running.recovered_records, 'record')} recovered in {running.recovery_ms} ms"
        if running.recovered_records
        else ""
    )
    return f"Ready: {named(network)}: {ports}; {hosts}{recovered}; hop log {log_file}; {hint}"
