"""What a peer costs that sends a new bitmap each time: time a message, memory, and what another link of the dialect notices.

`python -m switch.bench.hostile`, or `tools/bench hostile`. The compiled layouts are one dialect's, whoever its peers are; so the
other link's messages go through the same tables here.
"""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice

import click
import msgspec

from switch.bench.codec import sample
from switch.bench.options import dialects_option
from switch.bench.process import usage
from switch.wire import Dialect, Document
from switch.wire.careful import decode as careful_decode
from switch.wire.codec import COMPILE_AFTER
from switch.wire.dialect import names

BURST = 64
"""messages of the hostile peer between two of the other link's readings"""
READ_AT_ONCE = 8
"""of the other link's, timed together: one alone is under the clock's grain"""
_MUST = frozenset({"h", "t", "2", "3", "4", "7", "11"})


class Hostile(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect's figures, µs a message where they are times (medians)."""

    messages: int
    """that the hostile peer sent, of each kind"""
    known_us: float
    """a message of a layout that is compiled"""
    careful_us: float
    """the same, decoded the careful way"""
    new_us: float
    """each with a bitmap never seen before"""
    sixteen_us: float
    """each bitmap as often as it takes to be compiled, then never again: the dearest that can be sent"""
    other_alone_us: float
    other_beside_us: float
    """the other link's messages between bursts of the hostile peer's; their 99th percentile:"""
    other_alone_p99_us: float
    other_beside_p99_us: float
    compiled: int
    """layouts kept in the end, at most `layouts`"""
    layouts: int
    noted: int
    """layouts counted and not compiled"""
    grown_kb: int
    """resident memory, from before the hostile messages to after them"""


def bitmaps(dialect: Dialect) -> Iterator[Document]:
    """Purchases, no two with the same elements; all of them right."""
    whole = sample(dialect)
    optional = [de for de in whole if de not in _MUST]
    spare = [
        (de, "0" * e.size)
        for de, e in dialect.elements.items()
        if de not in whole and de.isdecimal() and int(de) > 65 and not e.length_bytes and e.content == "n"
    ]
    choices = [*((de, whole[de]) for de in optional), *spare][:24]
    number = 0
    while True:
        number = (number + 0x9E37) & 0xFFFFFF  # odd: all 24-bit numbers, in no order
        kept = {de: value for bit, (de, value) in enumerate(choices) if number >> bit & 1}
        yield {**{de: whole[de] for de in whole if de in _MUST}, **kept}


def timed_us(work: Callable[[bytes], object], messages: list[bytes]) -> float:
    """µs of CPU a message: a neighbour on the machine is not to be seen in it."""
    began = time.thread_time_ns()
    for message in messages:
        work(message)
    return (time.thread_time_ns() - began) / len(messages) / 1000


def other_us(dialect: Dialect, message: bytes, bursts: list[list[bytes]]) -> list[float]:
    """The other link's times, a burst of somebody else's before each."""
    decode, found = dialect.decode, []
    for burst in bursts:
        for hostile in burst:
            decode(hostile)
        found.append(timed_us(decode, [message] * READ_AT_ONCE))
    return found


def measure(name: str, messages: int) -> Hostile:
    """All of it for one dialect, with `messages` bitmaps."""
    dialect = Dialect.load(name)
    known = dialect.encode(sample(dialect))
    for _ in range(2 * COMPILE_AFTER):
        dialect.decode(known)
    wires = [dialect.encode(document) for document in islice(bitmaps(dialect), messages)]
    alone = other_us(dialect, known, [[known] * BURST] * (messages // BURST))
    known_us, careful_us = (
        timed_us(dialect.decode, [known] * 5_000),
        timed_us(lambda data: careful_decode(dialect.codec.table, data), [known] * 2_000),
    )
    gc.collect()
    before = usage(os.getpid()).rss_bytes
    new_us = timed_us(dialect.decode, wires)
    beside = other_us(dialect, known, [wires[at : at + BURST] for at in range(0, messages - BURST + 1, BURST)])
    often = [wire for wire in wires[: messages // COMPILE_AFTER] for _ in range(COMPILE_AFTER)]
    sixteen_us = timed_us(dialect.decode, often)
    gc.collect()
    grown = usage(os.getpid()).rss_bytes - before
    layouts = dialect.codec.decoders
    return Hostile(
        messages=messages, known_us=known_us, careful_us=careful_us, new_us=new_us, sixteen_us=sixteen_us,
        other_alone_us=statistics.median(alone), other_beside_us=statistics.median(beside),
        other_alone_p99_us=statistics.quantiles(alone, n=100)[-1], other_beside_p99_us=statistics.quantiles(beside, n=100)[-1],
        compiled=len(layouts.compiled), layouts=layouts.limit, noted=len(layouts.seen), grown_kb=grown // 1024,
    )  # fmt: skip


def as_text(found: dict[str, Hostile]) -> str:
    """A table, a line a dialect."""
    lines = [
        f"{'µs a message':<12} {'known':>7} {'careful':>8} {'new':>7} {'16 each':>8}   "
        f"{'other link: alone':>18} {'p99':>7} {'beside':>7} {'p99':>7}   {'compiled':>8} {'noted':>6} {'memory':>10}"
    ]
    for name, h in found.items():
        lines.append(
            f"{name:<12} {h.known_us:>7.2f} {h.careful_us:>8.2f} {h.new_us:>7.2f} {h.sixteen_us:>8.2f}   "
            f"{h.other_alone_us:>18.2f} {h.other_alone_p99_us:>7.2f} {h.other_beside_us:>7.2f} {h.other_beside_p99_us:>7.2f}   "
            f"{h.compiled:>8} {h.noted:>6} {h.grown_kb:>+7,} kB"
        )
    return "\n".join(lines)


@click.command()
@click.option("--messages", type=click.IntRange(1_000), default=20_000, show_default=True, help="Of the hostile peer.")
@dialects_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(messages: int, chosen: tuple[str, ...], as_json: bool) -> None:
    """Time decoding for a peer that sends a new bitmap each time, and for another link of its dialect."""
    found = {name: measure(name, messages) for name in chosen or names()}
    click.echo(msgspec.json.encode(found) if as_json else as_text(found))


if __name__ == "__main__":
    main()
