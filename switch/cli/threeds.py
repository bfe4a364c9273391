"""`cmi-switch threeds`: the parts of 3-D Secure that stand between a payment page and a card's bank."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from switch.cli._network import load, module_of
from switch.cli._peers import tls_of
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.cli.gateway import MISSING

if TYPE_CHECKING:
    from switch.core.network import Address, Network

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def tls_options(command: F) -> F:
    """This side's certificate among peers."""
    command = click.option("--ca", type=_FILE, help="Authorities whose certificates peers show, PEM.")(command)
    command = click.option("--key", type=_FILE, help="Its private key, PEM.")(command)
    return click.option(
        "--certificate", type=_FILE, help="Shown to peers and asked of them: mutual TLS. Needed but on loopback."
    )(command)


@click.group("threeds")
def command() -> None:
    """3-D Secure: the directory server and the banks' access control servers (ACS), each a process of its own.

    A payment page's 3DS server (`cmi-switch gateway` has one) asks the directory server, that asks the ACS of the card's bank; a
    network file's [threeds] and [[acs]] say where they are and when a bank asks for a code. Any of them may be somebody else's.

    \b
    Examples:
      cmi-switch threeds directory &
      cmi-switch threeds acs atlas &
      cmi-switch gateway
    """
    try:
        import switch.threeds.running  # noqa: F401
    except ImportError:
        raise click.ClickException(MISSING) from None


@command.command("directory")
@click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
@tls_options
@ready_option()
def directory_command(
    network: str, certificate: Path | None, key: Path | None, ca: Path | None, ready_path: Path | None
) -> None:
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

    _serve(run_directory, loaded, tls_of(certificate, key, ca), ready, _report)


@command.command("acs")
@click.argument("name")
@click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
@tls_options
@ready_option()
def acs_command(
    name: str, network: str, certificate: Path | None, key: Path | None, ca: Path | None, ready_path: Path | None
) -> None:
    """Run the access control server NAME: it authenticates its banks' cardholders, by a code where the network file says so.

    Codes go to no telephone: each is printed here, and on the page /phone, for whoever plays the cardholder.

    \b
    Examples:
      cmi-switch threeds acs atlas
      cmi-switch threeds acs rif --network mine.toml
    """
    from importlib.resources import files

    from switch.threeds.running import run_acs

    loaded = _with_threeds(network)
    acs = next((acs for acs in loaded.acs if acs.name == name), None)
    if acs is None:
        known = ", ".join(acs.name for acs in loaded.acs) or "none"
        raise click.UsageError(f"no [[acs]] is called {name!r} in {loaded.source}; there are: {known}")
    file = prepare_ready(ready_path)
    module = module_of(loaded) if acs.cavv_key or acs.aav_key else None

    def ready(address: "Address") -> None:
        say_ready(file, {"acs": address}, f"Ready: ACS {name} {address}; codes: here, and on {acs.url}/phone")

    def sms(text: str) -> None:
        click.echo(f"SMS  {text}")

    style = files("switch.gateway.pages").joinpath("pay.css").read_bytes()
    _serve(run_acs, loaded, acs, module, tls_of(certificate, key, ca), ready, _report, sms, style)


def _with_threeds(network: str) -> "Network":
    loaded = load(network)
    if loaded.threeds is None:
        raise click.ClickException(f"{loaded.source} has no [threeds]: it says where the directory server is")
    return loaded


def _report(event: str, fields: dict[str, object]) -> None:
    from switch.wire.pans import mask_pans

    said = "  ".join(f"{name}={mask_pans(str(value))}" for name, value in fields.items())
    click.echo(f"{event}  {said}", err=True)


def _serve(run: Callable[..., Any], *arguments: Any) -> None:
    import trio

    from switch.http.listening import ListeningError

    try:
        ended = trio.run(run, *arguments)
    except ListeningError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot listen: {error.strerror or error}") from None
    click.echo(f"Stopped: {ended}.")
