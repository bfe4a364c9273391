"""`cmi-switch certificates`: certificates for trying TLS, and what a certificate is called in a network file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._network import load, network_option, paint

if TYPE_CHECKING:
    from switch.core.network import Network


@click.group("certificates")
def command() -> None:
    """Make certificates for a test network, or show what one says.

    \b
    Examples:
      cmi-switch certificates make var/tls              for every party of the shipped network
      cmi-switch certificates show var/tls/atlas.pem    its names, fingerprint and end
    """


@command.command("make")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@network_option
@click.option(
    "--days",
    type=click.IntRange(-3_650, 36_500),
    default=90,
    show_default=True,
    help="Until they end; below 0: they have, to try what is said of that.",
)
def make_command(directory: Path, network: str, days: int) -> None:
    """Make an authority, and a certificate and key for the switch and every other party, in DIRECTORY.

    For test networks: the authority's key is thrown away, and whoever reads the files is whom they name. `--tls DIRECTORY`
    of issuer, network, terminal and pay uses them; what to write into the network file is printed. Where it has a [threeds], the
    directory server, each access control server and the payment page have theirs, too.

    \b
    Examples:
      cmi-switch certificates make var/tls
      cmi-switch certificates make /tmp/tls --network mine.toml --days 2
    """
    from switch.security.issuing import TestAuthority

    loaded = load(network)
    names = {"switch": _called("switch", loaded)} | {party: _called(party, loaded) for party in _parties(loaded)}
    try:
        authority = TestAuthority(directory, f"{loaded.name} test authority", datetime.now(UTC), days)
        for party, name in names.items():
            authority.issue(party, name)
        for party, reached in _of_threeds(loaded).items():
            authority.issue(party, _called(party, loaded), reached)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: cannot be written: {error.strerror}") from None
    own = f'certificate = "{directory}/switch.pem", key = "{directory}/switch.key", ca = "{authority.file}"'
    click.echo(f"Made: {authority.file}, and NAME.pem and NAME.key for {', '.join(names)}. In the network file:")
    click.echo(f"  [[listener]]  tls = {{ {own} }}")
    click.echo(f'  [[member]]    tls = {{ names = ["{_called("NAME", loaded)}"] }}')
    click.echo(f'  [[host]]      tls = {{ {own}, names = ["{_called("NAME", loaded)}"] }}')
    if loaded.threeds is not None:
        shown = f"certificate {directory}/{{0}}.pem {{1}}key {directory}/{{0}}.key {{1}}ca {authority.file}"
        click.echo(f"For 3-D Secure, {', '.join(_of_threeds(loaded))}; addresses (`url`) begin with https:// then:")
        click.echo(f"  cmi-switch threeds directory --{shown.format('directory', '--')}")
        click.echo(f"  cmi-switch threeds acs NAME --{shown.format('acs-NAME', '--')}")
        click.echo(f"  cmi-switch gateway --peer-{shown.format('gateway', '--peer-')}")


def _called(party: str, network: "Network") -> str:
    return f"{party}.{network.name}.test"


def _of_threeds(network: "Network") -> dict[str, tuple[str, ...]]:
    """3-D Secure's servers -> the hosts by which they are reached; the payment page's 3DS server is on this machine."""
    from urllib.parse import urlsplit

    if network.threeds is None:
        return {}
    servers = {"directory": network.threeds} | {f"acs-{acs.name}": acs for acs in network.acs}
    reached: dict[str, tuple[str, ...]] = {"gateway": ("localhost", "127.0.0.1")}
    return {name: (str(urlsplit(at.url).hostname), at.host) for name, at in servers.items()} | reached


def _parties(network: "Network") -> list[str]:
    return list(dict.fromkeys([m.name for m in network.members] + [h.name for h in network.hosts]))


@command.command("show")
@click.argument("file", type=click.Path(dir_okay=False))
def show_command(file: str) -> None:
    """Say what the certificates in FILE are called, from whom they are, and until when.

    \b
    Example:
      cmi-switch certificates show var/tls/atlas.pem
    """
    from switch.security.certificates import CertificateError, facts_of, read_certificates

    try:
        found = [facts_of(one) for one in read_certificates(file)]
    except (CertificateError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    for facts in found:
        until = datetime.fromtimestamp(facts.expires_us / 1e6, UTC)
        for label, text in (
            ("subject", facts.subject),
            ("issuer", facts.issuer),
            ("names", ", ".join(facts.names) or "none"),
            ("sha-256", facts.fingerprint),
            ("until", f"{until:%Y-%m-%d %H:%M} UTC"),
        ):
            click.echo(f"{paint('label', label.ljust(7))} {text}")
