"""What MACs and PINs cost a payment: `python -m switch.bench.security`, or `tools/bench security`.

A payment is a request and its answer on two links: two MACs checked, two made, one PIN block translated, as the switch asks for
them: in batches, in process and from a security module that is a process of its own. CPU of all processes is counted, the places
of MACs in the messages included; medians of rounds in alternation.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import click
import msgspec

from switch.bench.codec import sample
from switch.bench.process import usage
from switch.bench.sealed_turns import KINDS, as_text, measure_switch, modules
from switch.core.links.sealing import Sealing
from switch.core.network import LinkKeys
from switch.core.party import Seal
from switch.security.commands import Command, EncryptPin, TranslatePin
from switch.security.module import SecurityModule
from switch.wire import Dialect
from switch.wire.framing import make_framing

TARGETS_US: Final = {"retail": 75.0, "aes-cmac": 20.0}


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one way to ask, CPU a payment."""

    algorithm: str
    where: str
    """`in process`, or `behind a socket`"""
    batch: int
    cpu_us: float
    """of all processes"""
    caller_us: float
    """of the process that asks"""
    target_us: float


class Bench:
    """A batch of payments that is asked for again and again."""

    def __init__(self, module: SecurityModule, algorithm: str, batch: int) -> None:
        """AssertionError: the module refuses one of its commands."""
        dialect = Dialect.load("cmi87")
        self._dialect, self._frame = dialect, make_framing("length2").frame
        self._module, self._batch = module, batch
        self._in = Sealing(module, LinkKeys(mac_key=f"{algorithm}-a"), dialect)
        self._out = Sealing(module, LinkKeys(mac_key=f"{algorithm}-b"), dialect)
        self._request = sample(dialect) | {"52": "0123456789ABCDEF"}
        self._answer = {de: self._request[de] for de in ("2", "3", "4", "7", "11", "32", "37", "41", "49")}
        self._answer |= {"t": "0210", "38": "123456", "39": "00"}
        (reply,) = module.ask([EncryptPin("zpk-a", "4321", self._request["2"])])
        translate = TranslatePin("zpk-a", "zpk-b", reply.value, self._request["2"])
        self._translations: list[Command] = [translate] * batch
        self._came = self._whole(self._in, self._request), self._whole(self._out, self._answer)
        self.sizes = len(self._came[0]), len(self._came[1])
        assert reply.ok

    def _whole(self, sealing: Sealing, document: dict[str, str]) -> bytes:
        (framed,) = self._seal(sealing, document, 1)
        return framed[2:]

    def _seal(self, sealing: Sealing, document: dict[str, str], count: int) -> list[bytes]:
        seals: list[Seal] = [sealing.seal(self._dialect, document, self._frame) for _ in range(count)]
        replies = self._module.ask([seal.command for seal in seals])
        assert all(reply.ok for reply in replies), replies[0].reason
        return [seal.finish(reply.value) for seal, reply in zip(seals, replies, strict=True)]

    def pay(self) -> None:
        """One batch of payments."""
        request, answer = self._came
        assert all(verdict.good for verdict in self._in.check([request] * self._batch))
        assert all(reply.ok for reply in self._module.ask(self._translations))
        self._seal(self._out, self._request, self._batch)
        assert all(verdict.good for verdict in self._out.check([answer] * self._batch))
        self._seal(self._in, self._answer, self._batch)

    def encode(self) -> None:
        """What of that is paid without MACs too: both messages encoded and framed."""
        for _ in range(self._batch):
            self._frame(self._dialect.encode(self._request))
            self._frame(self._dialect.encode(self._answer))


def timed(work: Bench, batches: int, pid: int) -> tuple[float, float]:
    """CPU µs a batch: of all processes, and of this one; without what encoding takes anyway."""
    began = time.process_time_ns()
    for _ in range(batches):
        work.encode()
    free = time.process_time_ns() - began
    theirs = usage(pid).cpu_ns if pid else 0
    began = time.process_time_ns()
    for _ in range(batches):
        work.pay()
    ours = time.process_time_ns() - began - free
    other = usage(pid).cpu_ns - theirs if pid else 0
    return (ours + other) / batches / 1000, ours / batches / 1000


def measure(batch: int, batches: int, rounds: int) -> tuple[list[Cost], tuple[int, int]]:
    """All ways, in turn, and the sizes of request and answer in bytes."""
    with tempfile.TemporaryDirectory() as directory, modules(Path(directory)) as ways:
        works = {
            (algorithm, where): (Bench(module, algorithm, batch), pid)
            for algorithm in KINDS
            for where, (module, pid) in ways.items()
        }
        for work, _ in works.values():
            work.pay()
        taken: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in works}
        for _ in range(rounds):
            for key, (work, pid) in works.items():
                taken[key].append(timed(work, batches, pid))
    costs = [
        Cost(
            algorithm=algorithm,
            where=where,
            batch=batch,
            target_us=TARGETS_US[algorithm],
            cpu_us=round(statistics.median(each[0] for each in times) / batch, 1),
            caller_us=round(statistics.median(each[1] for each in times) / batch, 1),
        )
        for (algorithm, where), times in taken.items()
    ]
    return costs, next(iter(works.values()))[0].sizes


@click.command()
@click.option(
    "--batch", type=click.IntRange(1, 1_000), default=128, show_default=True, help="Payments asked for at once."
)
@click.option("--batches", type=click.IntRange(1), default=12, show_default=True, help="Of them in a round.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Medians are of so many.")
@click.option("--switch", "whole", is_flag=True, help="What a whole switch serves with them, beside the same without.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def main(batch: int, batches: int, rounds: int, whole: bool, as_json: bool) -> None:
    """Measure what MACs on both links and one PIN translation cost a payment, in CPU of all processes.

    With --switch a whole switch passes on payments, --batch of them in flight, by turns with MACs and PINs and without.
    """
    if whole:
        found = measure_switch(batch, batches / 40, rounds)
        click.echo(msgspec.json.encode(found).decode() if as_json else as_text(found))
        return
    costs, (request, answer) = measure(batch, batches, rounds)
    if as_json:
        click.echo(msgspec.json.encode(costs).decode())
        return
    click.echo(
        f"request {request} bytes, answer {answer}; 2 MACs checked, 2 made, 1 PIN translated; {batch} payments a batch"
    )
    for c in costs:
        verdict = "within" if c.cpu_us <= c.target_us else "above"
        click.echo(
            f"{c.algorithm:10} {c.where:16} {c.cpu_us:6.1f} µs a payment ({c.caller_us:.1f} here), {verdict} {c.target_us:g}"
        )


if __name__ == "__main__":
    main()
