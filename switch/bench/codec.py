"""The codec beside pyiso8583, dialect by dialect: `python -m switch.bench.codec`, or `tools/bench codec`.

One message each: a purchase of 20 data elements, both bitmaps, 120 bytes of ICC data. The two take turns; medians are compared.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import click
import iso8583
import msgspec

from switch.bench.messages import Card, Settings, Speech, cards_of
from switch.bench.options import dialects_option
from switch.wire import Dialect, Document
from switch.wire.dialect import names
from switch.wire.vocabulary import DE

MESSAGES: Final = 300
"""timed at once"""
ICC: Final = (
    "9F26081122334455667788" "9F270180" "9F1007060A0A03A0A000" "9F370401020304" "9F36020001" "95050000008000" "9A03260921"
    "9C0100" "9F02060000000123509F03060000000000005F2A020504" "82023C00" "9F1A020504" "9F3303E0F8C8" "9F34031F0002" "9F350122"
    "8407A0000000031010" "9F4104000000010000000000"
)  # fmt: skip


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """µs a message, medians, and how many times faster ours is."""

    bytes: int
    decode_us: float
    decode_pyiso8583_us: float
    decode_ratio: float
    encode_us: float
    encode_pyiso8583_us: float
    encode_ratio: float


def sample(dialect: Dialect) -> Document:
    """The purchase, in the dialect's own form: what it has of its elements."""
    settings = Settings(
        institution="504101", local_time="260921141320", set={"55": ICC[:240].ljust(240, "0"), "102": "00078100012345678901"}
    )  # fmt: skip
    card: Card = cards_of("950401", 1)[0]
    made = Speech(dialect, settings).purchase(card)
    return {de: value for de, value in made.items() if de == DE.HEADER or de in dialect.elements}


def per_message_us(work: Callable[[], object]) -> float:
    """One timing of `MESSAGES` calls."""
    began = time.perf_counter_ns()
    for _ in range(MESSAGES):
        work()
    return (time.perf_counter_ns() - began) / MESSAGES / 1000


def measure(dialect: Dialect, rounds: int) -> Times:
    """Ours and pyiso8583's in turn. AssertionError: they do not agree on the message."""
    document = sample(dialect)
    message = dialect.encode(document)
    theirs, _ = iso8583.decode(message, dialect.spec)
    assert theirs == dialect.decode(message)
    assert iso8583.encode(dict(document), dialect.spec)[0] == message
    works: list[Callable[[], object]] = [
        lambda: dialect.decode(message),
        lambda: iso8583.decode(message, dialect.spec),
        lambda: dialect.encode(document),
        lambda: iso8583.encode(dict(document), dialect.spec),
    ]
    for work in works:
        per_message_us(work)
    timings = [[per_message_us(work) for work in works] for _ in range(rounds)]
    decode, decode_theirs, encode, encode_theirs = (
        round(statistics.median(column), 2) for column in zip(*timings, strict=True)
    )
    return Times(
        bytes=len(message),
        decode_us=decode,
        decode_pyiso8583_us=decode_theirs,
        decode_ratio=round(decode_theirs / decode, 1),
        encode_us=encode,
        encode_pyiso8583_us=encode_theirs,
        encode_ratio=round(encode_theirs / encode, 1),
    )


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=15, show_default=True)
@dialects_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(rounds: int, chosen: tuple[str, ...], as_json: bool) -> None:
    """Time decode and encode beside pyiso8583's."""
    found: dict[str, Any] = {name: measure(Dialect.load(name), rounds) for name in chosen or names()}
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    columns = ("bytes", "decode", "pyiso8583", "ratio", "encode", "pyiso8583", "ratio")
    click.echo(f"{'µs a message':<12}" + "".join(f" {column:>9}" for column in columns))
    for name, t in found.items():
        decode = f" {t.decode_us:>9.2f} {t.decode_pyiso8583_us:>9.2f} {t.decode_ratio:>9.1f}"
        encode = f" {t.encode_us:>9.2f} {t.encode_pyiso8583_us:>9.2f} {t.encode_ratio:>9.1f}"
        click.echo(f"{name:<12} {t.bytes:>9}{decode}{encode}")


if __name__ == "__main__":
    main()
