"""A fast issuer to measure with: `python -m switch.bench.echo_issuer --listen 127.0.0.1:9101`.

Speaks cmi87 over 2-byte lengths. Answers 0800 and approves 0100, 0200, 0120, 0220, 0400 and 0420 by putting together slices of
what came: it must not be what is measured. It checks nothing and keeps nothing.
"""

import select
import signal
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import msgspec

from switch.bench.layout import elements
from switch.core.addresses import AddressError, parse_address
from switch.readiness import Ready, ReadyFile
from switch.wire import Dialect
from switch.wire.framing import Framing, FramingError, make_framing
from switch.wire.vocabulary import DE, response_mti

ECHOED: Final = frozenset({
    DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.TRANSMISSION_TIME, DE.STAN, DE.LOCAL_TIME, DE.LOCAL_DATE, DE.CONDITION_CODE,
    DE.ACQUIRER, DE.FORWARDER, DE.RRN, DE.TERMINAL, DE.MERCHANT, DE.CURRENCY, DE.NETWORK_CODE,
})  # fmt: skip
PLANS_MAX: Final = 256
HEAD_CHARACTERS: Final = 20
"""MTI and primary bitmap"""


class _Plan(msgspec.Struct, frozen=True, gc=False):
    """How to answer every message with these bitmaps and these length headers."""

    fixed: tuple[tuple[int, int, bytes], ...]
    head: bytes
    """length header, MTI and bitmaps of the answer"""
    before: tuple[slice, ...]
    """slices of the request up to DE37"""
    verdict: bytes
    """DE38, where something is approved, and DE39"""
    after: tuple[slice, ...]


class Echo:
    """Requests to answers, both without tasks, sockets or clock: `answer(message) -> framed answer, or None`."""

    def __init__(self) -> None:
        self._dialect = Dialect.load("cmi87")
        self._plans: dict[bytes, list[_Plan]] = {}

    def answer(self, message: bytes) -> bytes | None:
        """The framed answer; None where it answers nothing. ValueError: `message` is no cmi87 message."""
        for plan in self._plans.get(message[:HEAD_CHARACTERS], ()):
            if all(message[start:end] == expected for start, end, expected in plan.fixed):
                break
        else:
            learned = self._learn(message)
            if learned is None:
                return None
            plan = learned
        return b"".join(
            (plan.head, *[message[s] for s in plan.before], plan.verdict, *[message[s] for s in plan.after])
        )

    def _learn(self, message: bytes) -> _Plan | None:
        mti = message[:4].decode("ascii", "replace")
        if not mti.isdigit() or mti[2] not in "02":
            return None
        places = elements(message, self._dialect)
        lengths = tuple((p.at, p.start, message[p.at : p.start]) for p in places.values() if p.at != p.start)
        bitmaps_end = places.get(DE.BITMAP_SECONDARY, places[DE.BITMAP]).end
        kept = [de for de in places if de in ECHOED]
        verdict = b"A1B2C300" if mti[1] in "12" else b"00"
        bits = {int(de) for de in kept} | {39} | ({38} if mti[1] in "12" else set())
        before = [slice(places[de].at, places[de].end) for de in kept if int(de) < 38]
        after = [slice(places[de].at, places[de].end) for de in kept if int(de) > 39]
        size = sum(s.stop - s.start for s in (*before, *after)) + len(verdict)
        head = response_mti(mti).encode() + _bitmaps(bits)
        plan = _Plan(
            ((0, bitmaps_end, message[:bitmaps_end]), *lengths),
            struct.pack(">H", len(head) + size) + head, _merged(before), verdict, _merged(after),
        )  # fmt: skip
        if len(self._plans) >= PLANS_MAX:
            self._plans.clear()
        self._plans.setdefault(message[:HEAD_CHARACTERS], []).insert(0, plan)
        del self._plans[message[:HEAD_CHARACTERS]][16:]
        return plan


def _bitmaps(bits: set[int]) -> bytes:
    """In hex: one bitmap of 64, or two."""
    size = 128 if max(bits) > 64 else 64
    bits = bits | {1} if size == 128 else bits
    return f"{sum(1 << (size - bit) for bit in bits):0{size // 4}X}".encode()


def _merged(slices: list[slice]) -> tuple[slice, ...]:
    """Neighbours as one."""
    merged: list[slice] = []
    for piece in slices:
        if merged and merged[-1].stop == piece.start:
            merged[-1] = slice(merged[-1].start, piece.stop)
        else:
            merged.append(piece)
    return tuple(merged)


class Counter:
    """One server that takes so long for each answer; requests wait in order."""

    def __init__(self, per_second: float) -> None:
        self._each_s = 1 / per_second if per_second else 0.0
        self._free_at = 0.0
        self.line: deque[tuple[float, socket.socket, bytes]] = deque()
        """when each answer is ready, and where it goes"""

    def take(self, sock: socket.socket, answers: list[bytes]) -> None:
        """Requests come; `answers` are what they will get."""
        for answer in answers:
            self._free_at = max(time.monotonic(), self._free_at) + self._each_s
            self.line.append((self._free_at, sock, answer))

    def wait_s(self) -> float:
        """Until the next answer is ready; -1: nobody waits."""
        return max(0.0, self.line[0][0] - time.monotonic()) if self.line else -1

    def give(self) -> None:
        """Hand out what is ready."""
        now = time.monotonic()
        ready: dict[socket.socket, list[bytes]] = {}
        while self.line and self.line[0][0] <= now:
            _, sock, answer = self.line.popleft()
            ready.setdefault(sock, []).append(answer)
        for sock, answers in ready.items():
            with suppress(OSError):
                sock.sendall(b"".join(answers))


def serve(listener: socket.socket, per_second: float = 0.0) -> None:
    """Answer on every connection to `listener`, until interrupted. A connection that breaks or talks nonsense is closed.

    `per_second`: requests answered at most, one after the other; 0: as many as come.
    """
    echo, epoll, counter = Echo(), select.epoll(), Counter(per_second)
    connections: dict[int, tuple[socket.socket, Framing]] = {}
    epoll.register(listener.fileno(), select.EPOLLIN)
    while True:
        counter.give()
        for fd, _ in epoll.poll(counter.wait_s()):
            if fd == listener.fileno():
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[sock.fileno()] = (sock, make_framing("length2"))
                epoll.register(sock.fileno(), select.EPOLLIN)
                continue
            sock, framing = connections[fd]
            if not _answer_all(sock, framing, echo, counter if per_second else None):
                epoll.unregister(fd)
                sock.close()
                del connections[fd]


def _answer_all(sock: socket.socket, framing: Framing, echo: Echo, counter: Counter | None) -> bool:
    """One read, its answers in one write. False when the connection is to be closed."""
    try:
        data = sock.recv(262_144)
        answers = [answer for frame in framing.feed(data) if (answer := echo.answer(frame)) is not None]
        if counter is not None:
            counter.take(sock, answers)
        else:
            sock.sendall(b"".join(answers))
    except (OSError, FramingError, ValueError):
        return False
    return bool(data)


def address_of(text: str) -> tuple[str, int]:
    """`127.0.0.1:9101` -> its parts. BadParameter: it is none."""
    try:
        address = parse_address(text)
    except AddressError as error:
        raise click.BadParameter(f"{error}: {error.hint}") from None
    return address.host, address.port


ready_option = click.option(
    "--ready",
    "ready_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a JSON object here once it can be connected to.",
)


def say_ready(path: Path | None, bound: tuple[str, int]) -> None:
    """Print where it listens, and write it to `path`. Raises OSError."""
    at = f"{bound[0]}:{bound[1]}"
    sentence = f"Ready: cmi87 on {at}"
    click.echo(sentence)
    sys.stdout.flush()
    ReadyFile(path).write(Ready(sentence=sentence, listeners={"cmi87": at}))


@click.command()
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="Address; port 0: any free one.")
@click.option("--per-second", type=click.FloatRange(min=0), default=0, help="Answers at most; 0: as many as it can.")
@ready_option
def main(listen: str, per_second: float, ready_path: Path | None) -> None:
    """Approve everything, fast."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    host, port = address_of(listen)
    try:
        listener = socket.create_server((host, port), backlog=1_024)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen}: {error.strerror}") from None
    bound = listener.getsockname()
    say_ready(ready_path, bound)
    try:
        serve(listener, per_second)
    except KeyboardInterrupt:
        listener.close()


if __name__ == "__main__":
    main()
