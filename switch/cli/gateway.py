"""`cmi-switch gateway`: the payment page of merchants' shops."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._address import asked_address
from switch.cli._network import DEFAULT, PAY_PORT, load, spell, spell_here
from switch.cli._ready import prepare_ready, ready_option, say_ready

if TYPE_CHECKING:
    from switch.core.network import Address
    from switch.gateway.merchants import Registry
    from switch.gateway.pace import Limits
    from switch.gateway.running import Setting

MISSING = "the gateway needs h11 and starlette: pip install 'cmi-switch[web]'"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command
@click.argument("network", default=DEFAULT)
@click.option(
    "--listen", "listen_text", default="127.0.0.1:8443", show_default=True, metavar="HOST:PORT", help="For pages."
)
@click.option("--certificate", type=_FILE, help="Of the pages, PEM with its chain: HTTPS. Needed but on loopback.")
@click.option("--key", type=_FILE, help="Its private key, PEM.")
@click.option("--bank", default="", metavar="NAME", help="Acquiring member. [default: the first]")
@click.option("--port", default=PAY_PORT, show_default=True, help="Listener of the network file.")
@click.option(
    "--tls", "tls_dir", type=click.Path(file_okay=False, path_type=Path), help="Certificates of the link to the switch."
)
@click.option("--trust", type=_FILE, help="Authorities (PEM) that callbacks by HTTPS trust beside the system's.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Orders and merchants. [default: gateway in the network's state directory]",
)
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=N",
    help="How often in ten minutes; may be repeated, `help` lists them.",
)
@click.option(
    "--url", "pages", default="", metavar="URL", help="How browsers reach the pages. [default: as they are served]"
)
@click.option(
    "--results",
    "results_text",
    default="",
    metavar="HOST:PORT",
    help="For 3-D Secure's results, from the directory server. [default: any free port, on loopback]",
)
@click.option(
    "--results-url",
    default="",
    metavar="URL",
    help="How that server reaches it: the base address, to which /3ds/results is added. [default: as it listens]",
)
@click.option("--peer-certificate", type=_FILE, help="Shown to 3-D Secure's servers and asked of them, PEM.")
@click.option("--peer-key", type=_FILE, help="Its private key, PEM.")
@click.option("--peer-ca", type=_FILE, help="Authorities whose certificates they show, PEM.")
@click.option("--peer-crl", type=_FILE, help="Lists of certificates that --peer-ca has taken back.")
@click.option("--no-threeds", is_flag=True, help="Authenticate nobody, though the network file has a [threeds].")
@click.option("--test-cards", is_flag=True, help="Offer a test network's cards on the page; a click fills one in.")
@ready_option()
@click.option("--verbose", is_flag=True, help="Show links as they come and go.")
def command(**options: Any) -> None:
    """Serve the payment page of merchants' shops, as an acquirer of the switch of NETWORK.

    A shop posts a signed form to /fim/est3Dgate; the customer pays on a page of the gateway's; the shop's server is called back,
    and its answer decides: ACTION=POSTAUTH captures, APPROVED holds, anything else is reversed. /fim/api takes CC5Requests.
    Where the network file has a [threeds], the card's bank may ask its holder for a code first (3-D Secure).
    While the switch is away nothing can be paid. Merchants are added with `cmi-switch merchant add`, at any time.

    \b
    Examples:
      cmi-switch gateway
      cmi-switch gateway --listen 0.0.0.0:443 --url https://pay.example --certificate pay.pem --key pay.key
      cmi-switch gateway my-network.toml --bank rif --state /var/lib/gateway
    """
    try:
        import switch.gateway.running  # noqa: F401
    except ImportError:
        raise click.ClickException(MISSING) from None
    _run(options)


def state_of(network_name: str, state: Path | None) -> Path:
    """Where a gateway of this network keeps its orders and merchants."""
    return state or Path(load(network_name).state_dir) / "gateway"


def _run(options: dict[str, Any]) -> None:
    import trio

    from switch.cli._private import keep_private
    from switch.cli._run_simulators import missing_listener, show_log
    from switch.core.party import Log
    from switch.gateway.orders.database import StoreError
    from switch.gateway.pages.inventory import InventoryError
    from switch.gateway.running import run
    from switch.http.listening import ListeningError
    from switch.security.vault import VaultError
    from switch.wire.pans import mask_pans

    file = prepare_ready(options["ready_path"])
    keep_private()
    show = show_log(verbose=options["verbose"])

    def report(event: str, fields: dict[str, object]) -> None:
        safe = {name: mask_pans(value) if isinstance(value, str) else value for name, value in fields.items()}
        import time

        show(Log("warning", event, safe), time.time_ns())

    def ready(address: "Address", registry: "Registry") -> None:
        scheme = "https" if setting.tls is not None else "http"
        count = len(registry.store.merchants())
        hint = "" if count else f"; next: `{spell_here('merchant add')}`"
        say_ready(file, {"pages": address}, f"Ready: gateway {scheme}://{address}, merchants: {count}{hint}")

    try:
        setting = _setting(options)
        missing = missing_listener(setting.listener.address, "the switch", spell("serve", setting.network))
        if missing:  # as after a power cut: it starts in any order, and connects when it can
            click.echo(f"Not yet connected: {missing}; tried again until then", err=True)
        ended = trio.run(run, setting, ready, report, show)
    except (ListeningError, StoreError, VaultError, InventoryError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{options['listen_text']}: {error.strerror or error}") from None
    click.echo(f"Stopped: {ended}.")


def _setting(options: dict[str, Any]) -> "Setting":
    """Raises click errors, ListeningError."""
    from switch.cli._peers import tls_of
    from switch.cli._tls import dialling_end
    from switch.gateway.running import Setting
    from switch.http.https_end import HttpsEnd
    from switch.http.listening import check_address, tls_context
    from switch.simulators.build import UnknownNameError, find_listener, find_member

    network = load(options["network"])
    limits = _limits(options["limits"])
    certificate, key = options["certificate"], options["key"]
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key come together")
    try:
        listener = find_listener(network, options["port"])
        member = find_member(network, options["bank"] or network.members[0].name)
    except UnknownNameError as error:
        raise click.UsageError(str(error)) from None
    if options["test_cards"] and not network.test:
        raise click.UsageError(f"--test-cards: {network.source} is no test network; one says `test = true`")
    pages = HttpsEnd(lambda: tls_context(certificate, key)) if certificate is not None else None
    address = asked_address(options["listen_text"])
    check_address(address, pages)
    return Setting(
        network=network,
        member=member,
        listener=listener,
        address=address,
        state=options["state"] or Path(network.state_dir) / "gateway",
        tls=pages,
        link=dialling_end(options["tls_dir"], member.name, listener),
        trust=options["trust"],
        limits=limits,
        test_cards=options["test_cards"],
        pages=base_url(options["pages"], "--url"),
        results=None if options["no_threeds"] or network.threeds is None else _results_address(options["results_text"]),
        results_url=base_url(options["results_url"], "--results-url"),
        peers=tls_of(
            options["peer_certificate"], options["peer_key"], options["peer_ca"], options["peer_crl"], "--peer-"
        ),
    )


def base_url(text: str, option: str) -> str:
    """As it was given. Raises click errors: what is none would be sent to banks, which refuse it one payment at a time."""
    from switch.threeds.protocol.forms import url

    if text and not url(200)(text):
        raise click.BadParameter(f"{text!r}: expected an address such as https://pay.example", param_hint=option)
    return text


def _results_address(text: str) -> "Address":
    from switch.core.network import Address

    return asked_address(text) if text else Address("127.0.0.1", 0)


def _limits(given: tuple[str, ...]) -> "Limits":
    """Raises click errors."""
    from switch.gateway.pace import Limits

    standard = Limits()
    names = {name.replace("_", "-"): name for name in Limits.__struct_fields__}
    if "help" in given:
        click.echo("\n".join(f"{name:<24} {getattr(standard, field):>6}" for name, field in names.items()))
        raise SystemExit(0)
    changes = {}
    for text in given:
        name, _, number = text.partition("=")
        if name not in names or not (number.isascii() and number.isdigit()):
            known = ", ".join(names)
            raise click.BadParameter(f"{text!r}: expected NAME=N with a name of {known}", param_hint="--limit")
        changes[names[name]] = int(number)
    return Limits(**changes)
