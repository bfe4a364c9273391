"""From a cold journal of so many payments to nets and all files: `tools/bench settle`.

The journal is written by the writer's own code, with what a day has: purchases, cash, refunds and declines between members and
with networks, each priced by the network file, reversals in whole and in part, pre-authorizations and their completions; at its
end the day is closed. Nothing is indexed. Then `cmi-switch settle` is run as a user runs it: CPU time, memory.
"""

import os
import random
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from switch.bench.compare import CLI, CompareError, directory_for
from switch.bench.journals import write_journal
from switch.bench.options import whole_network
from switch.children import start
from switch.config import load_network
from switch.core.network import BinRange, Network
from switch.core.records.day_records import Cutover
from switch.core.records.prices import Priced
from switch.core.records.records import (
    ADVICE,
    REVERSAL,
    SCHEMA,
    Answered,
    AnyEntry,
    Booted,
    Forwarded,
    Key,
    Owed,
    Snapshot,
)
from switch.core.routing.fee_table import fee_table, payment_of
from switch.journal.index import Index
from switch.money.fees import Fees, Payment, change, given_back
from switch.wire.vocabulary import DE, Answer

FILES: Final = ("pacs.029", "camt.053", "camt.054", "clearing", "networks", "ipm")
"""all that `settle --as` writes of one window: pacs.009 is the same money"""
AIMED_US: Final = 20
AIMED_MIB: Final = 300
"""CPU a payment, and memory, of a cold journal to nets and all files: at most"""
MERCHANTS: Final = 2_000
SEED: Final = 1
START_US: Final = 1_795_770_000_000_000
"""2026-11-27T09:00Z"""
DECLINED: Final = 0.05
REFUNDS: Final = 0.01
CASH: Final = 0.08
HOLDS: Final = 0.02
REVERSED: Final = 0.01
"""of the approved ones; half of them in part"""
_US: Final = 80
"""between two payments: a million in 80 s, so that the day is one"""
_KINDS: Final = {"purchase": ("00", "pos"), "cash": ("01", "atm"), "refund": ("20", "pos")}


class Asked(NamedTuple):
    """A payment and what its price depends on."""

    request: Forwarded
    priced: Priced
    payment: Payment


class Day:
    """A business day's records, from a seed."""

    def __init__(self, network: Network, transactions: int, start_us: int, seed: int = SEED) -> None:
        """`start_us`: wall-clock µs of the first payment; the day of it is closed at the end."""
        self._network = network
        self._transactions = transactions
        self._start_us = start_us
        self._chance = random.Random(seed)  # noqa: S311 - a day to measure with
        self._fees: Fees = fee_table(network)
        self._day = datetime.fromtimestamp(start_us // 1_000_000, UTC).date().isoformat()
        self._known: dict[tuple[str, ...], Payment] = {}
        self._hosts = {host.member: host.name for host in network.hosts if host.member}

    def records(self) -> Iterator[AnyEntry]:
        """Payments with their answers, what follows some of them, snapshots as a switch makes them, and the close."""
        network, chance, every = self._network, self._chance, self._network.limits.snapshot_records
        yield Booted(at_us=self._start_us, schema=SCHEMA, network=network.name, currency=network.currency)
        made, since = 0, 1
        while made < self._transactions:
            made += 1
            txn = self._start_us + made * _US
            entries = list(self._payment(txn, chance.random()))
            yield from entries
            since += len(entries)
            if since >= every:
                yield Snapshot(
                    at_us=txn,
                    schema=SCHEMA,
                    network=network.name,
                    last_txn=txn,
                    open=(),
                    owed=(),
                    stans={},
                    horizons={},
                )
                since = 0
        end_us = self._start_us + (made + 1) * _US
        follows = datetime.fromtimestamp(self._start_us // 1_000_000 + 86_400, UTC).date().isoformat()
        yield Cutover(at_us=end_us, day=follows, closed=self._day, by="operator")

    def _payment(self, txn: int, drawn: float) -> Iterator[AnyEntry]:
        hold = drawn < HOLDS
        kind = "cash" if HOLDS <= drawn < HOLDS + CASH else "purchase"
        kind = "refund" if HOLDS + CASH <= drawn < HOLDS + CASH + REFUNDS else kind
        asked = self._asked(txn, kind, hold=hold)
        yield asked.request
        if drawn > 1 - DECLINED:
            yield Answered(txn=txn, at_us=txn + 9, de39=Answer.INSUFFICIENT_FUNDS, elements={}, cost=0)
            return
        elements = {DE.APPROVAL_CODE: f"{txn % 1_000_000:06d}"}
        yield Answered(txn=txn, at_us=txn + 9, de39=Answer.APPROVED, elements=elements, cost=0, priced=asked.priced)
        if hold:
            yield self._completion(asked, txn + 20)
        elif self._chance.random() < REVERSED:
            yield self._reversal(asked, txn + 20, left=self._chance.choice((0, asked.request.amount // 3)))

    def _asked(self, txn: int, kind: str, *, hold: bool) -> Asked:
        chance, network = self._chance, self._network
        member = chance.choice(network.issuing)
        range_ = chance.choice(network.bins)
        code, channel = _KINDS[kind]
        merchant = f"{100_000_000 + chance.randrange(MERCHANTS)}"
        payment = self._kind(member.name, range_, channel, network.currency)
        host = self._hosts.get(range_.issuer, payment.out)
        amount, sent_at = chance.randrange(500, 300_000), datetime.fromtimestamp(txn // 1_000_000, UTC)
        direction = 0 if hold else -1 if kind == "refund" else 1
        fees, why = self._fees.price(payment, self._day, merchant, amount, direction) if direction else ((), "")
        priced = Priced(
            day=self._day,
            scheme=range_.scheme,
            product=range_.product,
            channel=channel,
            acquirer=member.name,
            issuer=payment.issuer,
            merchant=merchant,
            mcc=payment.mcc,
            direction=direction,
            fees=fees,
            unpriced=why,
        )
        number, de7 = f"{txn // _US % 1_000_000:06d}", sent_at.strftime("%m%d%H%M%S")
        elements = {
            DE.PROCESSING_CODE: f"{code}0000",
            DE.LOCAL_TIME: de7[4:],
            DE.LOCAL_DATE: de7[:4],
            DE.MERCHANT_TYPE: payment.mcc,
            DE.ENTRY_MODE: "051",
            DE.CONDITION_CODE: "06" if hold else "00",
            DE.ACQUIRER: member.institution,
            DE.RRN: f"{txn % 10**12:012d}",
            DE.TERMINAL: "BENCH001",
            DE.MERCHANT: f"{merchant:<15}",
            DE.CURRENCY: network.currency,
        }
        key = (member.name, "1" if hold else "2", number, de7, member.institution, "BENCH001")
        pan = f"{range_.low[:6].ljust(6, '0')}******{chance.randrange(10_000):04d}"
        request = Forwarded(
            txn=txn,
            at_us=txn,
            key=key,
            link="acquirers#1",
            host=host,
            route="domestic" if range_.issuer else host,
            mti="0100" if hold else "0200",
            stan=number,
            sent_at=de7,
            pan=pan,
            sealed=bytes(40),
            amount=amount,
            currency=network.currency,
            elements=elements,
        )
        return Asked(request, priced, payment)

    def _kind(self, acquirer: str, range_: BinRange, channel: str, currency: str) -> Payment:
        name = (acquirer, range_.low, channel)
        found = self._known.get(name)
        if found is None:
            mcc = "6011" if channel == "atm" else "5411"
            found = payment_of(self._network, range_, acquirer=acquirer, channel=channel, currency=currency, mcc=mcc)
            self._known[name] = found
        return found

    def _completion(self, asked: Asked, txn: int) -> Owed:
        amount = asked.request.amount * 4 // 5
        fees, why = self._fees.price(asked.payment, self._day, asked.priced.merchant, amount, 1)
        priced = msgspec.structs.replace(asked.priced, direction=1, fees=fees, unpriced=why, of_day=self._day)
        return self._owed(asked, txn, ADVICE, "0220", amount, priced, {})

    def _reversal(self, asked: Asked, txn: int, left: int) -> Owed:
        before = asked.priced
        fees = given_back(before.fees)
        if left:
            stays, _ = self._fees.price(asked.payment, self._day, before.merchant, left, before.direction)
            fees = change(before.fees, stays)
        priced = msgspec.structs.replace(before, fees=fees, of_day=self._day)
        more = {DE.REPLACEMENT: f"{left:012d}{'0' * 30}"} if left else {}
        return self._owed(asked, txn, REVERSAL, "0420", asked.request.amount, priced, more)

    def _owed(
        self, asked: Asked, txn: int, kind: str, mti: str, amount: int, priced: Priced, more: dict[str, str]
    ) -> Owed:
        request = asked.request
        acquirer, _, _, sent_at, institution, terminal = request.key
        number = f"{txn % 1_000_000:06d}"
        key: Key = (acquirer, mti[1], number, sent_at, institution, terminal)
        return Owed(
            txn=txn,
            at_us=txn,
            kind=kind,
            reason="acquirer",
            host=request.host,
            original=request.txn,
            key=key,
            link=request.link,
            pan=request.pan,
            sealed=request.sealed,
            amount=amount,
            currency=request.currency,
            message={**request.elements, DE.MTI: mti, DE.STAN: number, **more},
            undoes=request.key,
            priced=priced,
        )


class Took(msgspec.Struct, frozen=True):
    """One run of `cmi-switch settle`."""

    cpu_s: float
    """of the process and its children"""
    wall_s: float
    memory_mib: float
    """the most that it had"""


def run(command: list[str], errors: Path) -> Took:
    """Run it on one core. CompareError: it failed."""
    core = {max(os.sched_getaffinity(0))}
    began = time.perf_counter()
    with errors.open("w") as said:
        process = start(command, stdout=subprocess.DEVNULL, stderr=said)
        os.sched_setaffinity(process.pid, core)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise CompareError(f"{' '.join(command)} failed: {errors.read_text().strip()}")
    wall_s = time.perf_counter() - began
    return Took(round(usage.ru_utime + usage.ru_stime, 2), round(wall_s, 2), round(usage.ru_maxrss / 1024, 1))


@click.command()
@click.option("--transactions", type=click.IntRange(1), default=1_000_000, show_default=True, help="In the journal.")
@click.option(
    "--network", callback=whole_network, default="morocco", show_default=True, help="Whose members, cards and fees."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(transactions: int, network: str, as_json: bool) -> None:
    """Measure a day's settlement: nets and all files from a cold journal; then the nets alone, with the index that follows."""
    loaded = load_network(network)
    console = Console(stderr=True)
    files = [part for form in FILES for part in ("--as", form)]
    with directory_for("settle") as directory:
        command = [*CLI, "settle", loaded.source, "--state", str(directory)]
        with Progress(console=console, disable=not console.is_terminal) as shown:
            task = shown.add_task("journal and index", total=transactions * 4)
            day = Day(loaded, transactions, START_US)
            records = write_journal(directory, loaded.name, day.records(), lambda n: shown.advance(task, n))
            cold = run([*command, *files, "--out", str(directory / "files")], directory / "settle.err")
            index = Index(directory)
            while done := index.batch():
                shown.advance(task, done)
            index.close()
            warm = run([*command, "--json"], directory / "settle.err")
        size = sum(path.stat().st_size for path in directory.glob("files/*"))
    if as_json:
        made = {"transactions": transactions, "records": records, "files_bytes": size, "cold": cold, "indexed": warm}
        click.echo(msgspec.json.encode(made))
        return
    click.echo(
        f"{transactions:,} payments, {records:,} records, on one core:\n"
        f"cold journal to nets and all files ({size / 1e6:,.0f} MB): {cold.cpu_s:.1f} s of CPU ({cold.wall_s:.1f} s), "
        f"{cold.memory_mib:.0f} MiB\n"
        f"that is {cold.cpu_s / transactions * 1e6:.1f} µs a payment; aimed at: {AIMED_US} µs, {AIMED_MIB} MiB\n"
        f"nets after the close, with the index that follows: {warm.cpu_s:.2f} s of CPU ({warm.wall_s:.2f} s), "
        f"{warm.memory_mib:.0f} MiB"
    )


if __name__ == "__main__":
    main()
