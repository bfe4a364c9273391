"""`cmi-switch merchant`: the shops that may ask the gateway for payments."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from switch.cli._network import network_option, spell_here
from switch.cli._numbers import NUMBERED
from switch.wire.printable import printable

if TYPE_CHECKING:
    from switch.gateway.merchants import Registry
    from switch.gateway.orders.order import Merchant

F = TypeVar("F", bound=Callable[..., Any])
HOLD_DAYS = click.IntRange(1, 365)


def _where(function: F) -> F:
    """The options that say whose merchants are meant."""
    state = click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Of the gateway. [default: gateway in the network's state directory]",
    )
    return state(network_option(function))


class _Merchants(click.Group):
    """Its commands say it in a sentence where the gateway's file cannot be read or written."""

    def invoke(self, ctx: click.Context) -> Any:
        """Raises click errors."""
        try:
            return super().invoke(ctx)
        except UnicodeEncodeError as error:
            raise click.ClickException(
                f"{printable(error.object)} is not UTF-8: nothing of a merchant is called so"
            ) from None
        except Exception as error:
            from switch.gateway.orders.database import StoreError

            if isinstance(error, StoreError):
                raise click.ClickException(str(error)) from None
            raise


@click.group(cls=_Merchants)
def command() -> None:
    """Merchants: shops that may ask the gateway for payments.

    \b
    Examples:
      cmi-switch merchant add 600000001 --title "Argan & Co" --city Essaouira --host shop.example
      cmi-switch merchant add 600000002 --title "Test shop" --host 127.0.0.1:9000 --key TEST1234
      cmi-switch merchant list
      cmi-switch merchant rotate-key 600000001
      cmi-switch merchant password 600000001
      cmi-switch merchant calls
      cmi-switch merchant refused 600000001
    """


@command.command("add")
@click.argument("clientid")
@click.option("--title", required=True, help="As customers know it.")
@click.option("--city", default="Casablanca", show_default=True)
@click.option("--country", default="", metavar="XX", help="ISO 3166, two letters. [default: the network's]")
@click.option("--site", default="", help="Its address, for the list of secured sites. [default: its first host]")
@click.option(
    "--host",
    "hosts",
    multiple=True,
    required=True,
    metavar="HOST[:PORT]",
    help="Where customers may be sent back and callbacks may go; may be repeated.",
)
@click.option("--category", default="5999", show_default=True, metavar="MCC", help="DE18.")
@click.option(
    "--accepts", multiple=True, metavar="RULE", help="A deviation of its client's hashes; --accepts help lists them."
)
@click.option(
    "--hold-days",
    type=HOLD_DAYS,
    default=7,
    show_default=True,
    help="A hold that nobody captures ends after so long.",
)
@click.option(
    "--unauthenticated",
    type=click.Choice(["pay", "refuse"]),
    default="pay",
    show_default=True,
    help="Cards that are not enrolled in 3-D Secure or cannot be authenticated: the loss of a fraud is the merchant's.",
)
@click.option("--key", default="", help="Its store key. [default: a fresh one, which is better]")
@_where
def add_command(clientid: str, network: str, state: Path | None, key: str, **options: Any) -> None:
    """Add a merchant, and show its store key and API password, once."""
    from switch.gateway.merchants import hash_password
    from switch.gateway.orders.order import Merchant
    from switch.gateway.orders.store import TakenError

    _check(clientid, options["accepts"], options["category"])
    _check_hosts(options["hosts"])
    options["country"] = _country(options["country"])
    password = secrets.token_urlsafe(12)
    hosts = options.pop("hosts")
    merchant = Merchant(
        clientid=clientid,
        hosts=hosts,
        sealed_key=b"",
        api_name=f"{clientid}api",
        api_password=hash_password(password),
        added_us=time.time_ns() // 1_000,
        site=options.pop("site") or hosts[0],
        **options,
    )
    try:
        made = _registry(network, state, new=True).add(merchant, key)
    except TakenError as error:
        raise click.ClickException(f"{error}: `{spell_here(f'merchant show {clientid}')}`") from None
    click.echo(
        f"Added: {clientid} {merchant.title}.\nStore key: {made}\nAPI: name {merchant.api_name}, password {password}"
    )
    click.echo("Neither is shown again.")


@command.command("list")
@_where
def list_command(network: str, state: Path | None) -> None:
    """List the merchants."""
    for merchant in _registry(network, state).store.merchants():
        said = "suspended" if merchant.suspended else "may ask"
        click.echo(f"{merchant.clientid}  {said:<9}  {merchant.title} ({merchant.city}), {', '.join(merchant.hosts)}")


@command.command("show")
@click.argument("clientid")
@_where
def show_command(clientid: str, network: str, state: Path | None) -> None:
    """Show a merchant; its store key is never shown again."""
    merchant = _find(_registry(network, state), clientid)
    rows = {
        "clientid": merchant.clientid,
        "title": merchant.title,
        "city": merchant.city,
        "country": merchant.country or "the network's",
        "category": merchant.category,
        "site": merchant.site,
        "hosts": ", ".join(merchant.hosts),
        "accepts": ", ".join(merchant.accepts) or "the standard hash (ver3) only",
        "API name": merchant.api_name,
        "hold days": merchant.hold_days,
        "unauthenticated": merchant.unauthenticated,
        "state": "suspended" if merchant.suspended else "may ask",
    }
    for name, value in rows.items():
        click.echo(f"{name:<15} {value}")


@command.command("change")
@click.argument("clientid")
@click.option("--host", "hosts", multiple=True, metavar="HOST[:PORT]", help="Instead of those it has; may be repeated.")
@click.option("--accepts", multiple=True, metavar="RULE", help="Instead of those it has; `standard` for none.")
@click.option("--hold-days", type=HOLD_DAYS, help="See `merchant add --help`.")
@click.option("--unauthenticated", type=click.Choice(["pay", "refuse"]), help="See `merchant add --help`.")
@_where
def change_command(
    clientid: str,
    hosts: tuple[str, ...],
    accepts: tuple[str, ...],
    hold_days: int | None,
    unauthenticated: str | None,
    network: str,
    state: Path | None,
) -> None:
    """Change where a merchant's customers may be sent, what its hashes may deviate in, how long its holds last."""
    rules = tuple(rule for rule in accepts if rule != "standard")
    _check(clientid, rules, "5999")
    _check_hosts(hosts)
    changes: dict[str, Any] = {"hosts": hosts} if hosts else {}
    changes |= {"accepts": rules} if accepts else {}
    changes |= {"hold_days": hold_days} if hold_days is not None else {}
    changes |= {"unauthenticated": unauthenticated} if unauthenticated is not None else {}
    _change(_registry(network, state), clientid, **changes)
    click.echo(f"Changed: {clientid}.")


@command.command("rotate-key")
@click.argument("clientid")
@_where
def rotate_command(clientid: str, network: str, state: Path | None) -> None:
    """Give a merchant a fresh store key, in force at once, and show it, once."""
    registry = _registry(network, state)
    key = registry.rotate_key(_find(registry, clientid))
    click.echo(
        f"Store key: {key}\nIt is in force now, and not shown again. Answers about older orders are signed with it, too."
    )


@command.command("password")
@click.argument("clientid")
@_where
def password_command(clientid: str, network: str, state: Path | None) -> None:
    """Give a merchant a fresh password of its pages (/merchant/login), and show it, once; who is logged in is so no more."""
    registry = _registry(network, state)
    password = registry.renew_page_password(_find(registry, clientid))
    click.echo(
        f"Password: {password}\nIt is for /merchant/login with the number {clientid}, in force now, and not shown again."
    )


@command.command("suspend")
@click.argument("clientid")
@click.option("--end", is_flag=True, help="It may ask again.")
@_where
def suspend_command(clientid: str, network: str, state: Path | None, *, end: bool) -> None:
    """Take no more forms and API requests of a merchant; what it has asked for goes on."""
    _change(_registry(network, state), clientid, suspended=not end)
    click.echo(f"{clientid} {'may ask again' if end else 'is suspended'}.")


@command.command("calls")
@click.option("--resend", type=NUMBERED, metavar="NUMBER", help="Make this call again.")
@_where
def calls_command(resend: int | None, network: str, state: Path | None) -> None:
    """List the newest callbacks: those that decided, and those that inform of declines and ends; or have one made again."""
    store = _registry(network, state).store
    if resend is None:
        calls = store.calls()
        if not calls:
            click.echo("no shop has been called yet", err=True)
        for call in calls:
            order = store.by_number(call.order)
            name = " ".join(order.key) if order is not None else ""
            click.echo(f"{call.number:>5}  {call.state:<4}  {call.tries} tries  {name}  {call.said}".rstrip())
        return
    if store.call_again(resend) is None:
        raise click.ClickException(f"no call {resend}: `{spell_here('merchant calls')}` lists the newest")
    click.echo(f"Due: call {resend}; a running gateway makes it within a second.")


@command.command("refused")
@click.argument("clientid", default="")
@_where
def refused_command(clientid: str, network: str, state: Path | None) -> None:
    """List the newest forms, cards, API requests and passwords that were refused, and why; of one merchant, or all."""
    from datetime import UTC, datetime

    refusals = _registry(network, state).store.refusals(clientid)
    if not refusals:
        click.echo(f"nothing was refused{f' of merchant {printable(clientid)}' if clientid else ''}", err=True)
    for one in refusals:
        at = datetime.fromtimestamp(one.at_us // 1_000_000, UTC)
        named = " ".join(filter(None, (one.clientid, one.oid)))
        click.echo(printable(f"{at:%Y-%m-%d %H:%M:%S}  {one.what:<5}  {one.client:<15}  {named or '-'}  {one.reason}"))


def _check(clientid: str, accepts: tuple[str, ...], category: str) -> None:
    from switch.gateway.protocol.hashes import DEVIATIONS

    if "help" in accepts:
        click.echo("\n".join(f"{name:<12} {what}" for name, what in DEVIATIONS.items()))
        raise SystemExit(0)
    unknown = [rule for rule in accepts if rule not in DEVIATIONS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(DEVIATIONS)}", param_hint="--accepts")
    if not (clientid.isascii() and clientid.isdigit() and len(clientid) <= 15):
        raise click.BadParameter(f"expected 1 to 15 digits, found {clientid!r}", param_hint="CLIENTID")
    if not (category.isascii() and category.isdigit() and len(category) == 4):
        raise click.BadParameter(f"expected 4 digits, found {category!r}", param_hint="--category")


def _check_hosts(hosts: tuple[str, ...]) -> None:
    """What is no host would be that of no address, and each form refused for it."""
    from switch.threeds.protocol.forms import url

    for host in hosts:
        if not url(300)(f"https://{host}") or set("/?#\\") & set(host):
            raise click.BadParameter(
                f"{host!r}: expected HOST or HOST:PORT, such as shop.example or 127.0.0.1:9000", param_hint="--host"
            )


def _country(code: str) -> str:
    """Two capitals, or none."""
    from switch.money.country import ALPHA, country_numeric

    try:
        return ALPHA[country_numeric(code)] if code else ""
    except (KeyError, ValueError):
        raise click.BadParameter(f"{code!r} is no country of ISO 3166", param_hint="--country") from None


def _registry(network: str, state: Path | None, *, new: bool = False) -> "Registry":
    """Open until the command ends; only where it is `new` may there be none."""
    from switch.cli.gateway import state_of
    from switch.gateway.merchants import Registry
    from switch.gateway.orders.beside import STORE_FILE
    from switch.gateway.orders.database import StoreError
    from switch.security.vault import VaultError

    where = state_of(network, state)
    if not new and not (where / STORE_FILE).exists():
        raise click.ClickException(
            f"{where}: no merchants here (no {STORE_FILE}); `{spell_here('merchant add')}` makes the first, and --state names a "
            "gateway's directory"
        )
    try:
        registry = Registry.at(where)
    except (StoreError, VaultError) as error:
        raise click.ClickException(str(error)) from None
    click.get_current_context().call_on_close(registry.store.close)
    if registry.store.taken_over:
        click.echo(registry.store.taken_over, err=True)
    return registry


def _find(registry: "Registry", clientid: str) -> "Merchant":
    merchant = registry.store.merchant(clientid)
    if merchant is None:
        raise click.ClickException(f"no merchant {clientid}: `{spell_here('merchant list')}`")
    return merchant


def _change(registry: "Registry", clientid: str, **changes: Any) -> None:
    import msgspec

    registry.store.change_merchant(msgspec.structs.replace(_find(registry, clientid), **changes))
