"""`cmi-switch demo --web`: the network with a payment page, a shop and a console, until Ctrl-C."""

import contextlib
import shlex
import time
from pathlib import Path

import click

from switch.cli._processes import Child
from switch.observe import HOP_LOG

CLIENT, KEY = "600000002", "TEST1234"


def play(directory: Path, stack: contextlib.ExitStack) -> None:
    """Start everyone, print the shop's address, and wait. Raises ChildError where one does not come up, or ends."""
    from switch.config.load import SHIPPED, load_network
    from switch.gateway.merchants import Registry
    from switch.gateway.orders.order import Merchant
    from switch.loopback import free_ports, on_free_ports

    network, state = directory / "network.toml", directory / "state"
    kept = f'\n[capture]\nfile = "{state / "messages.pcapng"}"\n'
    network.write_text(on_free_ports((SHIPPED / "morocco.toml").read_text(encoding="utf-8")) + kept, encoding="utf-8")
    pages, shop = (f"127.0.0.1:{port}" for port in free_ports(2))
    registry = Registry.at(state / "gateway")
    merchant = Merchant(
        clientid=CLIENT, title="Souk Demo", city="Casablanca", category="5999", site=shop, hosts=(shop,), sealed_key=b""
    )
    registry.add(merchant, KEY)
    password = registry.renew_page_password(registry.store.merchants()[0])
    registry.store.close()
    children: list[Child] = []

    def start(*arguments: str, called: str = "") -> Child:
        child = Child(arguments[0], list(arguments), directory / f"{called or arguments[0]}.out")
        children.append(child)
        stack.callback(lambda: child.stop(10))
        return child

    start("issuer", "--network", str(network))
    start("network", "visa", "mastercard", "--network", str(network), "--latency", "400")
    for child in children:
        child.ready()
    start("serve", str(network), "--state", str(state), "--no-show").ready()
    loaded = load_network(str(network))
    of_threeds = ("--network", str(network), "--state", str(state / "threeds"))
    start("threeds", "directory", *of_threeds, called="directory").ready()
    for acs in loaded.acs:
        start("threeds", "acs", acs.name, *of_threeds, called=f"acs-{acs.name}").ready()
    start("gateway", str(network), "--listen", pages, "--state", str(state / "gateway"), "--test-cards").ready()
    console = start("console", str(network), "--state", str(state), "--listen", "127.0.0.1:0")
    console_url = f"http://{console.ready().listeners['console']}"
    where = (
        "--listen",
        shop,
        "--gateway",
        f"http://{pages}",
        "--clientid",
        CLIENT,
        "--key",
        KEY,
        "--network",
        str(network),
        "--state",
        str(state),
        "--console",
        console_url,
    )
    start("shop", *where).ready()
    click.echo(f"Open http://{shop} and buy something; Ctrl-C ends it.")
    click.echo(f"What the switch made of it, on the console: {console.text().splitlines()[0].rpartition(' ')[2]}")
    click.echo(f"The shop's own pages: http://{pages}/merchant/login with {CLIENT} and {password}")
    phones = ", ".join(f"{acs.url}/phone" for acs in loaded.acs)
    click.echo(f"Codes that banks send by SMS: {phones}")
    click.echo(
        f"The messages of a payment: cmi-switch hops --log {shlex.quote(str(state / HOP_LOG))}; the list of secured sites: http://{pages}/secured-sites"
    )
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            gone = next((child for child in children if not child.running()), None)
            if gone is not None:
                raise gone.failed("ended in the middle of the demo")
            time.sleep(0.5)
