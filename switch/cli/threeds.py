"""`cmi-switch threeds`: the parts of 3-D Secure that stand between a payment page and a card's bank."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from switch.cli._address import asked_address
from switch.cli._network import load, module_of, network_option
from switch.cli._numbers import Finite
from switch.cli._peers import tls_of
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.cli.gateway import MISSING

if TYPE_CHECKING:
    from switch.core.network import Address, Network

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def tls_options(command: F) -> F:
    """This side's certificate among peers."""
    command = click.option("--crl", type=_FILE, help="Lists of certificates that --ca has taken back.")(command)
    command = click.option("--ca", type=_FILE, help="Authorities whose certificates peers show, PEM.")(command)
    command = click.option("--key", type=_FILE, help="Its private key, PEM.")(command)
    return click.option(
        "--certificate", type=_FILE, help="Shown to peers and asked of them: mutual TLS. Needed but on loopback."
    )(command)


def state_option(command: F) -> F:
    """Where a server keeps what is under way."""
    kind = click.Path(file_okay=False, path_type=Path)
    told = "What is under way, kept through a restart. [default: threeds in the network's state directory]"
    return click.option("--state", type=kind, metavar="DIR", help=told)(command)


@click.group("threeds")
def command() -> None:
    """3-D Secure: a directory server, banks' access control servers (ACS), and a 3DS server to try them; each is a process.

    A payment page's 3DS server (`cmi-switch gateway` has one) asks the directory server, that asks the ACS of the card's bank; a
    network file's [threeds] and [[acs]] say where they are and when a bank asks for a code. Any of them may be somebody else's.

    \b
    Examples:
      cmi-switch threeds directory &
      cmi-switch threeds acs atlas &
      cmi-switch gateway                             or, to try them without a payment:
      cmi-switch threeds server
    """
    try:
        import switch.threeds.running  # noqa: F401
    except ImportError:
        raise click.ClickException(MISSING) from None


@command.command("directory")
@network_option
@state_option
@tls_options
@ready_option()
def directory_command(network: str, state: Path | None, ready_path: Path | None, **files: Path | None) -> None:
    """Run the directory server: which cards are enrolled (PReq), and who is asked about one (AReq, RReq).

    \b
    Example:
      cmi-switch threeds directory --network mine.toml
    """
    from switch.threeds.running import run_directory

    loaded = _with_threeds(network)
    file = prepare_ready(ready_path)

    def ready(address: "Address") -> None:
        names = ", ".join(acs.name for acs in loaded.acs) or "none"
        say_ready(file, {"directory": address}, f"Ready: directory server {address}, access control servers: {names}")

    tls = tls_of(files["certificate"], files["key"], files["ca"], files["crl"])
    _serve(run_directory, loaded, tls, ready, _report, _state_of(loaded, state))


@command.command("acs")
@click.argument("name")
@network_option
@click.option(
    "--idle", type=Finite(min=1), default=600.0, show_default=True, metavar="S", help="For the cardholder, each time."
)
@state_option
@tls_options
@ready_option()
def acs_command(
    name: str, network: str, idle: float, state: Path | None, ready_path: Path | None, **files: Path | None
) -> None:
    """Run the access control server NAME: it authenticates its banks' cardholders, by a code where the network file says so.

    Codes go to no telephone: each is printed here, for whoever plays the cardholder; and shown on the page /phone, where `url` of
    the [[acs]] is on loopback, to browsers of this machine.
    A challenge under way goes on after a restart, even after kill -9.

    \b
    Examples:
      cmi-switch threeds acs atlas
      cmi-switch threeds acs rif --network mine.toml
    """
    from switch.threeds.acs import has_phone
    from switch.threeds.challenges import ChallengeLimits
    from switch.threeds.running import run_acs

    loaded = _with_threeds(network)
    acs = next((acs for acs in loaded.acs if acs.name == name), None)
    if acs is None:
        known = ", ".join(acs.name for acs in loaded.acs) or "none"
        raise click.UsageError(f"no [[acs]] is called {name!r} in {loaded.source}; there are: {known}")
    file = prepare_ready(ready_path)
    module = module_of(loaded) if acs.cavv_key or acs.aav_key else None

    def ready(address: "Address") -> None:
        page = f", and on {acs.url}/phone" if has_phone(acs) else ""
        say_ready(file, {"acs": address}, f"Ready: ACS {name} {address}; codes: here{page}")

    def sms(text: str) -> None:
        click.echo(f"SMS  {text}")

    tls = tls_of(files["certificate"], files["key"], files["ca"], files["crl"])
    limits = ChallengeLimits(idle_s=idle)
    _serve(run_acs, loaded, acs, module, tls, ready, _report, _state_of(loaded, state), sms, limits)


@command.command("server")
@network_option
@click.option("--listen", "listen_text", default="127.0.0.1:8455", show_default=True, metavar="HOST:PORT")
@tls_options
@ready_option()
def server_command(network: str, listen_text: str, ready_path: Path | None, **files: Path | None) -> None:
    """Run a 3DS server by itself, with a page to authenticate a card on: for trying somebody's directory server or ACS.

    Nothing is paid. Each message is shown, with card numbers masked. (`cmi-switch gateway` has a 3DS server of its own.)

    \b
    Example:
      cmi-switch threeds server --network mine.toml
    """
    from switch.threeds.running import run_server

    loaded, address = _with_threeds(network), asked_address(listen_text)
    file = prepare_ready(ready_path)

    def ready(at: "Address") -> None:
        say_ready(file, {"server": at}, f"Ready: 3DS server {at}; open it and try a card")

    tls = tls_of(files["certificate"], files["key"], files["ca"], files["crl"])
    _serve(run_server, loaded, address, loaded.members[0].institution, tls, ready, _report)


def _with_threeds(network: str) -> "Network":
    loaded = load(network)
    if loaded.threeds is None:
        raise click.ClickException(f"{loaded.source} has no [threeds]: it says where the directory server is")
    return loaded


def _state_of(network: "Network", state: Path | None) -> Path:
    return state or Path(network.state_dir) / "threeds"


def _report(event: str, fields: dict[str, object]) -> None:
    from switch.wire.pans import mask_pans

    said = "  ".join(f"{name}={mask_pans(str(value))}" for name, value in fields.items())
    click.echo(f"{event}  {said}", err=True)


def _serve(run: Callable[..., Any], *arguments: Any) -> None:
    import trio

    from switch.cli._private import keep_private
    from switch.http.listening import ListeningError
    from switch.threeds.keeping import KeepingError

    keep_private()
    try:
        ended = trio.run(run, *arguments)
    except (ListeningError, KeepingError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot listen: {error.strerror or error}") from None
    click.echo(f"Stopped: {ended}.")
