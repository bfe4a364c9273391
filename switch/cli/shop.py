"""`cmi-switch shop`: a small shop to try the gateway with."""

import signal
from pathlib import Path

import click

from switch.cli._address import asked_address
from switch.cli._network import load
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.cli.gateway import MISSING, base_url


@click.command
@click.option("--listen", "listen_text", default="127.0.0.1:9000", show_default=True, metavar="HOST:PORT")
@click.option(
    "--gateway", default="http://127.0.0.1:8443", show_default=True, metavar="URL", help="Where the payment page is."
)
@click.option(
    "--clientid", default="600000002", show_default=True, help="Of the shop, as `cmi-switch merchant add` has it."
)
@click.option("--key", default="TEST1234", show_default=True, help="Its store key.")
@click.option("--network", default="morocco", show_default=True, help="Network file of the test cards it shows.")
@click.option(
    "--book",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add what callbacks say, a JSON object a line, before they are answered.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Of the switch: shows the hops and fees of what was paid.",
)
@click.option("--console", default="", metavar="URL", help="Of `cmi-switch console`: what was paid is linked there.")
@ready_option()
def command(
    listen_text: str,
    gateway: str,
    clientid: str,
    key: str,
    network: str,
    book: Path | None,
    state: Path | None,
    console: str,
    ready_path: Path | None,
) -> None:
    """Open demo shops: buy something, pay on the gateway's page, see what the shop's server was told, and what it cost.

    \b
    Examples:
      cmi-switch merchant add 600000002 --title "Souk Demo" --host 127.0.0.1:9000 --key TEST1234
      cmi-switch gateway &
      cmi-switch shop
    """
    try:
        from switch.gateway.cards_shown import cards_shown
        from switch.gateway.demo_shop import Shop
        from switch.http.listening import ListeningError, address_of, check_address, listening, serve
        from switch.http.server import Server
    except ImportError:
        raise click.ClickException(MISSING) from None
    import trio

    file = prepare_ready(ready_path)
    address = asked_address(listen_text)
    base_url(gateway, "--gateway")
    base_url(console, "--console")
    shop = Shop(gateway, f"http://{address}", clientid, key, cards_shown(load(network)), book, state, console)
    server = Server(shop.app(), lambda event, fields: click.echo(f"{event} {fields}", err=True))

    async def run() -> None:
        """Until SIGINT or SIGTERM."""
        check_address(address, None)
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with listening(address) as listeners, trio.open_nursery() as nursery:
                nursery.start_soon(serve, server, listeners, None)
                at = address_of(listeners)
                say_ready(file, {"shop": at}, f"Ready: shop http://{at}, paying at {gateway}")
                await anext(signals)
                nursery.cancel_scope.cancel()

    try:
        trio.run(run)
        click.echo("Stopped.")
    except ListeningError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{address}: {error.strerror or error}") from None
