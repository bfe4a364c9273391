"""Whole hosted payments a second: `python -m switch.bench.web`, or `tools/bench web`.

The switch, its issuers, the gateway, each a process of its own; here buyers and the shop's server. A payment is: the shop's
signed form, the page, the card, 0100 and 0110, the callback and its answer, the result with its form back to the shop; 0220 and
0230 behind it. Beside the rate: how long a buyer waits, CPU of each process a payment, what the pages weigh, what a form's
hash costs. Buyers and their shop take CPU of the same machine.
"""

import json
import os
import re
import ssl
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import click
import msgspec
import trio

from switch.bench.compare import CLI, CompareError, running
from switch.bench.process import usage
from switch.config.load import SHIPPED, load_network
from switch.core.addresses import parse_address
from switch.gateway.buyer import BuyerError, Connection, open_order, pay
from switch.gateway.demo_shop import Shop
from switch.gateway.merchants import Registry
from switch.gateway.orders.order import Merchant
from switch.gateway.pages.inventory import read_released
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields
from switch.loopback import free_ports, on_free_ports, ports_in
from switch.security.issuing import TestAuthority
from switch.simulators.cards import TestCard, demo_cards

CLIENT, KEY = "600000002", "TEST1234"
RATE_MIN, HASH_US_MAX, PAGE_BYTES_MAX = 200.0, 50.0, 60_000
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\nACTION=POSTAUTH"
_CALL: Final = re.compile(rb".*?\r\nContent-Length: (\d+)\r\n.*?\r\n\r\n", re.DOTALL)
_CARDS: Final = "approved"
_WARM_S: Final = 3.0


class Measured(msgspec.Struct, kw_only=True):
    """What one run of hosted payments came to."""

    tls: bool
    payments: int = 0
    failed: int = 0
    seconds: float = 0.0
    waits_ms: list[float] = []
    """from the shop's form to the result, of each payment"""
    cpu_ms: dict[str, float] = {}
    """of each process and those it has started, a payment"""
    page_bytes: int = 0
    """what a browser loads for the page of a card: HTML, style, script, picture"""

    def wait_ms(self, share: float) -> float:
        """What so many of the buyers wait at most."""
        waits = sorted(self.waits_ms)
        return waits[min(len(waits) - 1, int(share * len(waits)))] if waits else 0.0

    def figures(self) -> dict[str, object]:
        """For a program, and for `_say`."""
        return {
            "tls": self.tls,
            "payments_s": round(self.payments / self.seconds, 1) if self.seconds else 0.0,
            "payments": self.payments,
            "failed": self.failed,
            "wait_ms_p50": round(self.wait_ms(0.5), 1),
            "wait_ms_p99": round(self.wait_ms(0.99), 1),
            "cpu_ms": {name: round(ms, 2) for name, ms in self.cpu_ms.items()},
            "page_bytes": self.page_bytes,
        }


class Stage:
    """Who takes part."""

    def __init__(self, directory: Path, stack: ExitStack, *, tls: bool) -> None:
        """Start all of them; they end with `stack`. Raises CompareError."""
        self.pids: dict[str, int] = {}
        self.context: ssl.SSLContext | None = None
        network, state = directory / "network.toml", directory / "gateway"
        network.write_text(on_free_ports((SHIPPED / "morocco.toml").read_text()))
        self.pages, self.at = (f"127.0.0.1:{port}" for port in free_ports(2, ports_in(network.read_text())))
        known = demo_cards(load_network(str(network)))
        self.cards: list[TestCard] = [card for card in known if card.name.endswith(f"-{_CARDS}")]
        secured = self._secure(directory) if tls else ()
        registry = Registry.at(state)
        shop = Merchant(
            clientid=CLIENT, title="Souk", city="Fes", category="5999", site="", hosts=(self.at,), sealed_key=b""
        )
        registry.add(shop, KEY)
        registry.store.close()
        limits = [
            word for name in ("client", "card", "merchant") for word in ("--limit", f"cards-per-{name}=100000000")
        ]
        own = ("--listen", self.pages, "--state", str(state), *secured, *limits)
        for name, command in {
            "issuers": ("issuer", "--network", str(network), "--latency", "0"),
            "switch": ("serve", str(network), "--state", str(directory / "state"), "--no-show"),
            "gateway": ("gateway", str(network), *own),
        }.items():
            cores = frozenset(os.sched_getaffinity(0))
            process, _ = stack.enter_context(running([*CLI, *command], cores, directory / f"{name}.err"))
            self.pids[name] = process.pid

    def _secure(self, directory: Path) -> tuple[str, ...]:
        authority = TestAuthority(directory / "tls", "bench", datetime.now(UTC), 2)
        authority.issue("pages", "pages.bench.test")
        self.context = ssl.create_default_context(cafile=str(authority.file))
        self.context.check_hostname = False  # it is reached by its number
        return ("--certificate", str(directory / "tls/pages.pem"), "--key", str(directory / "tls/pages.key"))

    def cpu_ns(self) -> dict[str, int]:
        """Of each process with those it has started, and of this one."""
        used = {name: usage(pid).cpu_ns for name, pid in self.pids.items()}
        return {**used, "buyers": time.process_time_ns()}


async def measure(stage: Stage, seconds: float, buyers: int) -> Measured:
    """So many buyers, each one payment after the other."""
    found = Measured(tls=stage.context is not None)
    shop, numbers = Shop(f"http://{stage.pages}", f"http://{stage.at}", CLIENT, KEY, ()), count(1)
    begin = trio.current_time() + _WARM_S
    end = begin + seconds
    async with trio.open_nursery() as nursery:
        at = parse_address(stage.at)
        nursery.start_soon(partial(trio.serve_tcp, _answer_call, at.port, host=at.host))
        async with trio.open_nursery() as buying:
            for number in range(buyers):
                buying.start_soon(_buy, stage, shop, numbers, number, found, begin, end)
            await trio.sleep_until(begin)
            before, began = stage.cpu_ns(), trio.current_time()
            await trio.sleep_until(end)
            after, found.seconds = stage.cpu_ns(), trio.current_time() - began
        found.page_bytes = await _page_bytes(stage, shop)
        nursery.cancel_scope.cancel()
    found.cpu_ms = {name: (after[name] - before[name]) / 1e6 / max(1, found.payments) for name in after}
    return found


async def _buy(
    stage: Stage, shop: Shop, numbers: "count[int]", number: int, found: Measured, begin: float, end: float
) -> None:
    pages, card = Connection(stage.pages, stage.context), stage.cards[number % len(stage.cards)]
    typed = (card.pan, f"{card.expiry[2:]}/{card.expiry[:2]}", card.cvv2)
    while trio.current_time() < end:
        form = shop.form(f"B{next(numbers):08d}", "1.00", "fr")
        began = trio.current_time()
        try:
            way = await pay(pages, await open_order(pages, form), typed)
        except BuyerError:
            way = None
        now = trio.current_time()
        if not begin <= now <= end:
            continue
        if way is None or not way.url.endswith("/paid"):
            found.failed += 1
            continue
        found.payments += 1
        found.waits_ms.append((now - began) * 1e3)
    await pages.close()


async def _answer_call(stream: trio.SocketStream) -> None:
    """The shop's server: captures whatever it is told."""
    data = b""
    while not (found := _CALL.match(data)) or len(data) < found.end() + int(found[1]):
        data += bytes(await stream.receive_some())  # all of it: closing on what is unread would reset the answer
    await stream.send_all(_ANSWER)
    await stream.aclose()


async def _page_bytes(stage: Stage, shop: Shop) -> int:
    pages = Connection(stage.pages, stage.context)
    path = await open_order(pages, shop.form("SIZE-1", "1240.50", "ar"))
    before = pages.bytes
    await pages.ask(path)
    html = pages.bytes - before
    await pages.close()
    return html + sum(map(len, read_released().values()))


def hash_us(seconds: float = 0.5) -> float:
    """CPU µs to check the hash of a form as shops post them."""
    fields = Fields(Shop("http://127.0.0.1:1", "http://127.0.0.1:2", CLIENT, KEY, ()).form("A1", "180.00"))
    checked, until, began = 0, time.monotonic() + seconds, time.thread_time_ns()
    while time.monotonic() < until:
        for _ in range(100):
            hashes.check(fields, KEY)
        checked += 100
    return (time.thread_time_ns() - began) / checked / 1_000


def _say(measured: Measured) -> None:
    figures = measured.figures()
    cpu = ", ".join(f"{name} {ms:.2f}" for name, ms in measured.cpu_ms.items())
    click.echo(
        f"{'HTTPS' if measured.tls else 'HTTP':<6} {figures['payments_s']:>6} payments a second, {measured.failed} failed; "
        f"waits {figures['wait_ms_p50']} ms (half), {figures['wait_ms_p99']} ms (99 %)\n"
        f"       CPU ms a payment: {cpu}, all {sum(measured.cpu_ms.values()):.2f}"
    )


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Of each run.")
@click.option("--buyers", default=16, show_default=True, help="Who pay at once, each one payment after the other.")
@click.option("--tls/--no-tls", default=True, show_default=True, help="A second run by HTTPS.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def main(seconds: float, buyers: int, as_json: bool, *, tls: bool) -> None:
    """Measure whole hosted payments a second. Exit code 1: below what is aimed at."""
    runs: list[Measured] = []
    for secured in (False, True) if tls else (False,):
        with tempfile.TemporaryDirectory(prefix="cmi-bench-") as directory, ExitStack() as stack:
            try:
                stage = Stage(Path(directory), stack, tls=secured)
                runs.append(trio.run(measure, stage, seconds, buyers))
            except CompareError as error:
                raise click.ClickException(str(error)) from None
        if not as_json:
            _say(runs[-1])
    checking, page = hash_us(), max(run.page_bytes for run in runs)
    held = runs[0].payments / runs[0].seconds >= RATE_MIN and checking < HASH_US_MAX and page < PAGE_BYTES_MAX
    if as_json:
        figures = {
            "runs": [run.figures() for run in runs],
            "hash_us": round(checking, 1),
            "page_bytes": page,
            "held": held,
        }
        click.echo(json.dumps(figures))
    else:
        click.echo(
            f"a form's hash: {checking:.1f} µs to check (aim: below {HASH_US_MAX:g})\n"
            f"a card's page: {page:,} bytes with style, script and picture (aim: below {PAGE_BYTES_MAX:,})\n"
            f"aim: {RATE_MIN:g} payments a second without TLS on two cores: {'held' if held else 'NOT HELD'}"
        )
    sys.exit(not held)


if __name__ == "__main__":
    main()
