"""What TLS costs a message: `python -m switch.bench.tls`, or `tools/bench tls`.

Two ends of a link, as the driver has them, over a pair of sockets. So many messages come at once, are read, and as many written;
CPU of this end alone is counted, beside the same without TLS, in rounds in alternation. A handshake is counted apart.
"""

import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import msgspec

from switch.core.credentials import Tls
from switch.security.issuing import TestAuthority
from switch.server.connections import Connection
from switch.server.tls import TlsConnection, TlsEnd, TlsSide

TARGET_US: Final = 12.0
"""of a message, received or sent"""
MESSAGE: Final = b"0200" + bytes(range(32, 127)) * 2
"""194 bytes: a purchase is about so long"""
BATCHES: Final = (1, 8, 32)


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one message, CPU that TLS adds."""

    version: str
    batch: int
    """messages that come, and leave, at once"""
    received_us: float
    sent_us: float
    target_us: float = TARGET_US

    @property
    def held(self) -> bool:
        """Both are below what is aimed at."""
        return max(self.received_us, self.sent_us) <= self.target_us


def _ends(directory: Path, version: str) -> tuple[TlsEnd, TlsEnd]:
    authority = TestAuthority(directory, "bench", datetime.now(UTC), 2)
    authority.issue("one", "one.bench.test")
    own = Tls(
        certificate=str(directory / "one.pem"), key=str(directory / "one.key"), ca=str(authority.file), minimum="1.2"
    )
    made = tuple(TlsEnd(TlsSide(tls=own, server=server, asks_for="one.bench.test")) for server in (True, False))
    if version == "1.2":
        for end in made:
            end.context.maximum_version = end.context.minimum_version
    return made[0], made[1]


def shake(here: TlsConnection, there: TlsConnection) -> int:
    """Both through their handshake; CPU of `here`, ns."""
    used, done = 0, there.begin()
    secured = False
    while not (done and secured):
        began = time.thread_time_ns()
        secured = secured or here.secure()
        used += time.thread_time_ns() - began
        done = done or there.secure()
    return used


@contextmanager
def pair(ends: tuple[TlsEnd, TlsEnd] | None) -> Iterator[tuple[Connection, Connection, int]]:
    """Two ends of one link, and what the handshake cost the first, ns."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if ends is None:
            yield Connection(ours, "here#1"), Connection(theirs, "there#1"), 0
        else:
            here, there = TlsConnection(ours, "here#1", ends[0]), TlsConnection(theirs, "there#1", ends[1])
            yield here, there, shake(here, there)


def measure(here: Connection, there: Connection, batch: int, seconds: float) -> tuple[float, float]:
    """CPU µs of `here` for a message received, and for one sent."""
    received = sent = rounds = 0
    until = time.monotonic() + seconds
    clock: Callable[[], int] = time.thread_time_ns
    while time.monotonic() < until:
        for _ in range(batch):
            there.put(MESSAGE, 0)
        there.flush()
        began = clock()
        found = here.receive()
        read = clock()
        for _ in range(batch):
            here.put(MESSAGE, 0)
        here.flush()
        sent += clock() - read
        received += read - began
        rounds += 1
        assert found is not None
        assert len(found) == batch * len(MESSAGE), "a batch is one reading"
        there.receive()
    return received / rounds / batch / 1_000, sent / rounds / batch / 1_000


def costs(version: str, batch: int, seconds: float, rounds: int) -> Cost:
    """The median of rounds, with and without TLS in alternation."""
    extra: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        ends = _ends(Path(directory), version)
        with pair(ends) as (here, there, _), pair(None) as (plain, other, _):
            measure(here, there, batch, seconds / 4)
            for _ in range(rounds):
                secured, bare = measure(here, there, batch, seconds), measure(plain, other, batch, seconds)
                extra.append((secured[0] - bare[0], secured[1] - bare[1]))
    received, sent = (statistics.median(one) for one in zip(*extra, strict=True))
    return Cost(version=version, batch=batch, received_us=round(received, 2), sent_us=round(sent, 2))


def handshake_us(version: str, rounds: int) -> float:
    """The median, of the end that is connected to."""
    with tempfile.TemporaryDirectory() as directory:
        ends = _ends(Path(directory), version)
        used = []
        for _ in range(rounds):
            ends[1].session = None
            with pair(ends) as (_, _, ns):
                used.append(ns / 1_000)
    return statistics.median(used)


@click.command
@click.option("--seconds", default=0.3, show_default=True, help="Of each round.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(seconds: float, rounds: int, as_json: bool) -> None:
    """Say what TLS adds to a message received and to one sent, in CPU, and what a handshake costs.

    Exit code 1 where a message costs more than 12 µs.
    """
    found = [costs(version, batch, seconds, rounds) for version in ("1.2", "1.3") for batch in BATCHES]
    shakes = {version: round(handshake_us(version, 20)) for version in ("1.2", "1.3")}
    if as_json:
        click.echo(json.dumps({"costs": msgspec.to_builtins(found), "handshake_us": shakes}))
    else:
        click.echo(f"CPU that TLS adds to a message of {len(MESSAGE)} bytes, µs; at most {TARGET_US:g}")
        click.echo("TLS  at once  received  sent")
        for one in found:
            click.echo(f"{one.version}  {one.batch:>7}  {one.received_us:>8.2f}  {one.sent_us:>4.2f}")
        click.echo(f"A handshake, of the end that is connected to: {shakes['1.2']} µs (1.2), {shakes['1.3']} µs (1.3)")
    if not all(one.held for one in found):
        sys.exit(1)


if __name__ == "__main__":
    command()
