"""`cmi-switch console`: screens for who operates a switch."""

import getpass
import os
import secrets
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._address import asked_address
from switch.cli._files import hop_log_option
from switch.cli._network import DEFAULT, Mistakes, load, spell, spell_here
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.observe import HOP_LOG

if TYPE_CHECKING:
    from switch.console.running import Setting
    from switch.core.network import Address, Network


NICE = 5
"""it takes what the switch beside it leaves"""


@click.command("console")
@click.argument("network", default=DEFAULT)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The switch's state directory, or that of the network's shards: a console of all. [default: as the network file says]",
)
@click.option(
    "--listen",
    "listen_text",
    default="127.0.0.1:8600",
    show_default=True,
    metavar="HOST:PORT",
    help="Where pages are served.",
)
@click.option(
    "--certificate", type=click.Path(dir_okay=False, path_type=Path), help="PEM; for any address but loopback."
)
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="Its key, PEM.")
@hop_log_option
@click.option(
    "--password",
    "password_of",
    metavar="NAME",
    help="Set the password of NAME, asked for or on standard input, and end.",
)
@click.option(
    "--second-factor",
    "factor_of",
    metavar="NAME",
    help="Give NAME codes that change each half minute (TOTP), shown once, in place of any before, and end.",
)
@click.option("--no-second-factor", "no_factor_of", metavar="NAME", help="Take it away again, and end.")
@ready_option()
def command(
    network: str,
    password_of: str | None,
    factor_of: str | None,
    no_factor_of: str | None,
    ready_path: Path | None,
    **options: Any,
) -> None:
    """Serve screens for who operates a switch: find a payment and see its way, live board, links, what is owed, settlement.

    A process of its own: it reads the switch's hop log, journal and index, and asks its control socket; the switch does no
    HTTP. Who may do what is `[[operator]]` of the network file, and the switch judges it: `console_user` there names the user
    that this runs as. A password a person, set with --password. Where the file names no operators and nobody has a password,
    it prints an address that logs in whoever has it. It needs the extra: pip install cmi-switch[console].

    \b
    Examples:
      cmi-switch console
      cmi-switch console --password amina
      cmi-switch console --second-factor amina
      cmi-switch console my-network.toml --listen 10.0.0.5:8600 --certificate console.pem --key console.key
    """
    try:
        import h11  # noqa: F401 - all of the extra is there, or it is said at once
        import jinja2  # noqa: F401
        import starlette  # noqa: F401
    except ImportError:
        raise click.ClickException(
            "the console extra is not installed: pip install 'cmi-switch[console]' (it brings h11, jinja2, starlette)"
        ) from None
    from switch.console.accounts import AccountsError
    from switch.console.history import HistoryError
    from switch.http.listening import ListeningError

    named = [name for name in (password_of, factor_of, no_factor_of) if name is not None]
    if len(named) > 1 or any(not name.strip() for name in named):
        raise click.UsageError(
            "--password, --second-factor and --no-second-factor each take the name of somebody, one at a time"
        )
    try:
        if password_of:
            _set_password(network, options["state"], password_of)
        elif factor_of:
            _set_second_factor(network, options["state"], factor_of)
        elif no_factor_of:
            _take_second_factor(network, options["state"], no_factor_of)
        else:
            _serve(_setting(network, **options), ready_path)
    except (AccountsError, HistoryError, ListeningError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or options['listen_text']}: {error.strerror or error}") from None


def _directory(network: "Network", given: Path | None) -> Path:
    """The switch's state directory. Raises ClickException: there is none, and what was made there would be of no switch."""
    found = given or Path(network.state_dir)
    if not found.is_dir():
        start = f"{spell('serve', network)}{f' --state {shlex.quote(str(given))}' if given else ''}"
        raise click.ClickException(
            f"{found} is no state directory of a switch: give --state as `serve` has it; a first `{start}` makes one"
        )
    return found


def _set_password(network: str, state: Path | None, name: str) -> None:
    from switch.console.accounts import PASSWORD_LEAST
    from switch.console.desk import accounts_of

    loaded = load(network)
    accounts = accounts_of(_directory(loaded, state))
    if loaded.operators and name not in {one.user for one in loaded.operators}:
        raise click.ClickException(f"{name} is no operator of {network}: name them in an [[operator]] section first")
    if sys.stdin.isatty():
        asked = f"Password of {name} ({PASSWORD_LEAST} characters or more)"
        password = click.prompt(asked, hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    accounts.set_password(name, password)
    click.echo(f"Set: {name} may log in.")


def _set_second_factor(network: str, state: Path | None, name: str) -> None:
    """Kept only once a code of it was typed: nobody is locked out by a secret that no application has."""
    import time

    from switch.console.desk import accounts_of
    from switch.console.second_factor import RECOVERY_CODES, SECRET_BYTES, address_of, make_recovery, spelled, step_of

    loaded = load(network)
    accounts = accounts_of(_directory(loaded, state))
    if name not in accounts.names:
        raise click.ClickException(f"{name} has no password yet: `{spell_here('console')} --password {name}` first")
    secret = secrets.token_bytes(SECRET_BYTES)
    click.echo(f"Secret: {spelled(secret)}")
    click.echo(f"As a link, or for a QR code: {address_of(secret, name, f'cmi-switch {loaded.name}')}")
    typed = click.prompt("A code of it, from the application")
    if step_of(secret, typed, time.time()) is None:
        raise click.ClickException("that is no code of this secret now: nothing was changed; do the clocks agree?")
    codes = [make_recovery(secrets.randbelow) for _ in range(RECOVERY_CODES)]
    accounts.set_second_factor(name, secret, codes)
    click.echo(f"Set: {name} logs in with a code. For who has lost the application, each once:")
    click.echo("\n".join(f"  {code}" for code in codes))
    click.echo("Nothing of this is shown again.")


def _take_second_factor(network: str, state: Path | None, name: str) -> None:
    from switch.console.desk import accounts_of

    accounts_of(_directory(load(network), state)).set_second_factor(name, b"", ())
    click.echo(f"Taken away: {name} logs in with the password alone.")


def _loaded(network: str) -> "Network":
    """With what its certificates say of themselves, where this user may read them; else without. Raises ConfigErrors."""
    from switch.config import ConfigErrors, load_network

    try:
        return load_network(network, files=True)
    except ConfigErrors:
        return load_network(network)


def _setting(
    network: str,
    state: Path | None,
    listen_text: str,
    certificate: Path | None,
    key: Path | None,
    log: Path | None,
) -> "Setting":
    """Raises click errors, AccountsError, ListeningError."""
    from switch.config import ConfigErrors
    from switch.console.desk import accounts_of
    from switch.console.running import Setting
    from switch.http.https_end import HttpsEnd
    from switch.http.listening import check_address, tls_context

    try:
        loaded = _loaded(network)
    except ConfigErrors as errors:
        raise Mistakes(errors) from None
    state_dir = _directory(loaded, state)
    if (certificate is None) != (key is None):
        raise click.UsageError("--certificate and --key come together")
    end = HttpsEnd(lambda: tls_context(certificate, key)) if certificate is not None and key is not None else None
    address = asked_address(listen_text)
    check_address(address, end)
    nobody = not accounts_of(state_dir).names
    if nobody and loaded.operators:
        who = loaded.operators[0].user
        raise click.ClickException(f"nobody has a password yet: `{spell_here('console')} --password {who}`")
    return Setting(
        network=loaded,
        state_dir=state_dir,
        log=log or state_dir / HOP_LOG,
        address=address,
        tls=end,
        reread=lambda: _loaded(network),
        starter=getpass.getuser(),
        key=secrets.token_urlsafe(24) if nobody else "",
    )


def _serve(setting: "Setting", ready_path: Path | None) -> None:
    import time

    import trio

    from switch.cli._private import keep_private
    from switch.console.running import run

    file = prepare_ready(ready_path)
    keep_private()
    os.nice(NICE)
    scheme = "https" if setting.tls is not None else "http"

    def report(event: str, fields: dict[str, object]) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        click.echo(f"{at} {event} {' '.join(f'{k}={v}' for k, v in fields.items())}", file=sys.stderr)

    def ready(address: "Address") -> None:
        if setting.key:
            click.echo(f"Log in at {scheme}://{address}/login?key={setting.key}")
        say_ready(
            file, {"console": str(address)}, f"Ready: console {scheme}://{address} of the switch in {setting.state_dir}"
        )

    click.echo(f"Stopped: {trio.run(run, setting, ready, report)}.")
