"""How long until the first answer after kill -9, with a journal of so many payments: `tools/bench recovery`.

The journal is written by the writer's own code, with a snapshot as often as the switch makes one and payments left open at the
end; the index is built behind it. Then, round after round: the switch is started, payments are asked until one is approved, and
the switch is killed. Time counts from the start of the process.
"""

import os
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from switch.bench.compare import CLI, CompareError, directory_for, running
from switch.bench.journals import write_journal
from switch.bench.messages import Card, Settings, Speech, cards_of
from switch.bench.options import network_option
from switch.children import start
from switch.config import load_network
from switch.core.network import Address, Network
from switch.core.records.records import SCHEMA, Answered, AnyEntry, Booted, Forwarded, Snapshot
from switch.journal.index import Index
from switch.security.vault import KeyVault
from switch.wire import Dialect
from switch.wire.framing import Framing, make_framing
from switch.wire.vocabulary import DE, Answer

OPEN: Final = 128
"""Payments under way when the switch was killed."""
GIVE_UP_S: Final = 60.0
_US: Final = 250
"""Between two payments of the journal: 4,000 a second."""


class Took(msgspec.Struct, frozen=True):
    """One start, in ms from the start of the process."""

    answer_ms: float
    """to the first answer, whatever it says"""
    approval_ms: float


def entries(network: Network, vault: KeyVault, transactions: int, end_us: int) -> Iterator[AnyEntry]:
    """The records of so many approved payments and `OPEN` open ones, the last of them at `end_us`; snapshots among them."""
    host, cards = network.hosts[0].name, cards_of(network.bins[0].low[:6], 1_000)
    masked = [card.pan[:6] + "*" * 6 + card.pan[-4:] for card in cards]
    yield Booted(at_us=end_us - transactions * _US, schema=SCHEMA, network=network.name, currency=network.currency)
    records, every = 1, network.limits.snapshot_records
    for n in range(transactions + OPEN):
        at_us = txn = end_us - (transactions + OPEN - n) * _US
        de7 = datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%m%d%H%M%S")
        stan, pan = f"{n % 999_999 + 1:06d}", cards[n % 1_000].pan
        elements = {
            DE.PROCESSING_CODE: "000000",
            DE.LOCAL_TIME: de7[4:],
            DE.LOCAL_DATE: de7[:4],
            DE.MERCHANT_TYPE: "5411",
            DE.ENTRY_MODE: "051",
            DE.CONDITION_CODE: "00",
            DE.ACQUIRER: "504101",
            DE.RRN: f"{n:012d}",
            DE.TERMINAL: "BENCH001",
            DE.MERCHANT: "MERCHANT0000001",
            DE.CURRENCY: network.currency,
        }
        key = (network.members[0].name, "2", stan, de7, "504101", "BENCH001")
        yield Forwarded(
            txn=txn,
            at_us=at_us,
            key=key,
            link=network.listeners[0].name,
            host=host,
            route="domestic",
            mti="0200",
            stan=stan,
            sent_at=de7,
            pan=masked[n % 1_000],
            sealed=vault.seal(pan, txn),
            amount=12_350,
            currency=network.currency,
            elements=elements,
        )
        records += 1
        if n >= transactions:
            continue
        yield Answered(txn=txn, at_us=at_us, de39=Answer.APPROVED, elements={DE.APPROVAL_CODE: "A1B2C3"}, cost=2)
        records += 1
        if records >= every:
            yield Snapshot(
                at_us=at_us,
                schema=SCHEMA,
                network=network.name,
                last_txn=txn,
                open=(),
                owed=(),
                stans={host: int(stan)},
                horizons={key[0]: de7},
            )
            records = 0


def fill(state_dir: Path, network: Network, transactions: int, progress: Callable[[int], None]) -> int:
    """Write the journal as a kill leaves it, and its index. Returns its records."""
    vault = KeyVault.at(state_dir / "vault.key")
    made = entries(network, vault, transactions, time.time_ns() // 1000)
    records = write_journal(state_dir, network.name, made, progress)
    index = Index(state_dir)
    while done := index.batch():
        progress(done)
    index.close()
    return records


class Acquirer:
    """One acquirer's connection that asks until it is answered. Blocking; a switch not there yet is tried again."""

    def __init__(self, network: Network, card: Card, number: int) -> None:
        listener = network.listeners[0]
        now = time.strftime("%y%m%d%H%M%S", time.gmtime())
        dialect = Dialect.load(listener.dialect)
        self._speech = Speech(dialect, Settings(institution="504101", local_time=now))
        self._address, self._framing_name = listener.address, listener.framing
        self._card, self._number, self._de7 = card, number, now[2:]

    def measure_first_answers(self, began: float) -> Took:
        """When the first answer came, and the first approval. CompareError: none within `GIVE_UP_S`."""
        answer_ms = 0.0
        framing = make_framing(self._framing_name)
        with _connected(self._address, began) as sock:
            sock.sendall(framing.frame(self._speech.sign_on(self._de7, "000001")))
            self._read_answer(sock, framing)
            template = self._speech.template(self._card, framing)
            while time.perf_counter() - began < GIVE_UP_S:
                self._number += 1
                stan = f"{self._number:06d}".encode()
                sock.sendall(template.fill(self._de7.encode(), stan, stan.rjust(12, b"0")))
                de39 = self._read_answer(sock, framing)
                passed_ms = (time.perf_counter() - began) * 1000
                answer_ms = answer_ms or passed_ms
                if de39 == Answer.APPROVED:
                    return Took(round(answer_ms, 1), round(passed_ms, 1))
                time.sleep(0.002)
        raise CompareError(f"no payment was approved within {GIVE_UP_S:.0f} s")

    def _read_answer(self, sock: socket.socket, framing: Framing) -> str:
        """DE39 of the next answer. CompareError: the switch went away."""
        while data := sock.recv(65_536):
            for message in framing.feed(data):
                document = self._speech.inward(self._speech.dialect.decode(message))
                if DE.RESPONSE_CODE in document:
                    return document[DE.RESPONSE_CODE]
        raise CompareError("the switch closed the link")


@contextmanager
def _connected(address: Address, began: float) -> Iterator[socket.socket]:
    """A connection, once there is somebody to take it."""
    while True:
        try:
            sock = socket.create_connection((address.host, address.port), timeout=GIVE_UP_S)
            break
        except ConnectionRefusedError:
            if time.perf_counter() - began > GIVE_UP_S:
                raise CompareError(f"nobody listens on {address} after {GIVE_UP_S:.0f} s") from None
            time.sleep(0.002)
    with sock:
        yield sock


def one_start(network: Network, state_dir: Path, number: int) -> Took:
    """Start the switch, take its first answers, kill it."""
    card = cards_of(network.bins[0].low[:6], 1)[0]
    acquirer = Acquirer(network, card, number)
    with (state_dir / "serve.err").open("w") as errors:
        began = time.perf_counter()
        command = [*CLI, "serve", network.source, "--state", str(state_dir), "--no-show"]
        process = start(command, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        return acquirer.measure_first_answers(began)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@click.command()
@click.option("--transactions", type=click.IntRange(1), default=1_000_000, show_default=True, help="In the journal.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Starts, each ended by kill -9.")
@network_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(transactions: int, rounds: int, network: str, as_json: bool) -> None:
    """Measure the time from the start of the switch to its first answer, after kill -9 with a long journal."""
    loaded = load_network(network)
    console = Console(stderr=True)
    with directory_for("recovery") as directory:
        with Progress(console=console, disable=not console.is_terminal) as shown:
            task = shown.add_task("journal and index", total=transactions * 4)
            records = fill(directory, loaded, transactions, lambda n: shown.advance(task, n))
        issuer = [CLI[0], "-m", "switch.bench.echo_issuer", "--listen", str(loaded.hosts[0].connect)]
        with running(issuer, frozenset(os.sched_getaffinity(0)), directory / "issuer.err"):
            took = [one_start(loaded, directory, 900_000 + n * 1_000) for n in range(rounds)]
    median = {name: statistics.median(getattr(t, name) for t in took) for name in Took.__struct_fields__}
    if as_json:
        made = {"transactions": transactions, "records": records, **median, "rounds": took}
        click.echo(msgspec.json.encode(made))
        return
    click.echo(
        f"{transactions:,} payments, {records:,} records: first answer after {median['answer_ms']:,.0f} ms, first approval after "
        f"{median['approval_ms']:,.0f} ms (median of {rounds} starts; slowest {max(t.approval_ms for t in took):,.0f} ms)"
    )


if __name__ == "__main__":
    main()
