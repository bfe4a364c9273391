"""Overload and many links by the processor's own time: `python -m switch.bench.turns`, or `tools/bench turns`.

One process: the switch and its driver, with hop log, on socket pairs, and beside it acquirers and an issuer whose doing is not
counted. Time is virtual: it passes by what the switch's turns take of the processor, so that whatever else the machine does makes
nothing late (it still costs caches). Not there: the journal's writer (records are encoded and acknowledged with the next turn),
the index, TCP. Figures are for comparison with each other: capacity in a closed loop, goodput in an open one.
"""

import heapq
import select
import shutil
import socket
import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import msgspec
import trio

from switch.bench.echo_issuer import Echo
from switch.bench.layout import AnswerReader, coder
from switch.bench.messages import CardRange, Settings, Speech, make_templates
from switch.config import load_network
from switch.core.network import Network
from switch.core.records.records import ENCODER
from switch.core.records.state import State
from switch.core.switch import Switch
from switch.journal.keys import open_vault
from switch.journal.memory import DictHistory, MemoryJournal
from switch.observe import HOP_LOG
from switch.observe.histogram import Histogram
from switch.observe.hoplog import HopLog
from switch.security.files import make_private_directory
from switch.security.module import SecurityModule
from switch.server.driver import LAZY_NS, Driver
from switch.server.gc_tuning import quiet_collector
from switch.server.pace import Pace
from switch.server.ports import MonotonicClock, Sinks, trio_clock
from switch.server.serving import dialects_of
from switch.wire.framing import Framing, make_framing
from switch.wire.vocabulary import DE

ISSUER_NS: Final = 500_000
"""after that an issuer answers"""
IDLE_NS: Final = 50_000
"""time that passes where nothing is to be done"""
READ_BYTES: Final = 1 << 20
APPROVED: Final = b"00"
STANS: Final = 999_999


class Acknowledging:
    """A journal that holds with the next turn what it was handed in this one."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._last = self._handed = 0
        self._bytes = 0

    def fileno(self) -> int:
        """See Journal."""
        return self._ours.fileno()

    def append(self, position: int, entry: Any) -> None:
        """See Journal. It is encoded, as for the writer."""
        self._bytes += len(ENCODER.encode(entry))
        self._last = position

    def push(self) -> bool:
        """See Journal."""
        if self._handed < self._last:
            self._handed = self._last
            self._theirs.send(b"!")
        return True

    def acknowledged(self) -> int:
        """See Journal."""
        self._ours.recv(READ_BYTES)
        return self._handed

    def restart(self) -> None:
        """See Journal: it does not end."""

    def close(self) -> int:
        """See Journal."""
        self._ours.close()
        self._theirs.close()
        return 0


class Peer:
    """The other end of a link."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.framing: Framing = make_framing("length2")
        self.out = bytearray()

    def write(self) -> None:
        """Hand over what the socket takes."""
        try:
            while self.out:
                del self.out[: self.sock.send(self.out)]
        except BlockingIOError:
            return

    def read(self) -> list[bytes]:
        """Whole messages that have come."""
        frames: list[bytes] = []
        try:
            while data := self.sock.recv(READ_BYTES):
                frames += self.framing.feed(data)
        except BlockingIOError:
            pass
        return frames


class Plain:
    """What the links of a world carry beside payments: nothing. `bench.sealed_turns` has the other kind."""

    module: SecurityModule | None = None
    """the switch's"""

    def network(self, network: Network) -> Network:
        """With the keys of its links."""
        return network

    def asked(self, framed: bytes) -> bytes:
        """A request, as its acquirer sends it."""
        return framed

    def answered(self, framed: bytes) -> bytes:
        """A message of the issuer's, as it sends it."""
        return framed


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one load, a second of the switch's processor."""

    offered: float
    """requests; 0: a closed loop"""
    goodput: float
    """approvals"""
    declined: float
    cpu_us: float
    """of the processor, an approval"""
    p50_us: int
    p99_us: int
    """of approvals, from when their requests should have left"""
    least: int
    most: int
    """approvals of the link that has fewest, and most"""


class World:
    """A switch, its acquirers' links and its issuer. Made within Trio, whose clock the driver asks for the time of day."""

    def __init__(self, directory: Path, links: int, speech: Plain) -> None:
        make_private_directory(directory)
        self._others, network = speech, speech.network(load_network("bench"))
        dialects = dialects_of(network)
        state = State(network.limits, open={}, owed={}, stans={}, horizons={})
        history = DictHistory(MemoryJournal())
        self._switch = Switch(network, dialects, state, 0, open_vault(directory), history, module=speech.module)
        self._log = HopLog(directory / HOP_LOG)
        self._journal = Acknowledging()
        sinks = Sinks(log=self._log.log, hop=self._log.hop, flush=self._log.flush)
        self._driver = Driver(self._switch, sinks, network.limits, self._journal, 0)
        self._driver.pace = Pace(network.limits.turn_ms, self._clock, time.thread_time_ns)
        assert self._driver.journal is not None
        self._driver.journal.attach()
        self._now, self._began, self._used = trio_clock(), 0, 0
        self._flush_at = self._now
        self._switch.started(self._now)
        dialect = dialects[network.listeners[0].dialect]
        settings = Settings(institution=network.members[0].institution, local_time=time.strftime("%y%m%d%H%M%S"))
        self._speech = Speech(dialect, settings)
        self._templates = make_templates(self._speech, CardRange(network.bins[0].low, 100), make_framing("length2"))
        self._reader, self._echo = AnswerReader(dialect), Echo()
        self._codes = [coder(dialect, de) for de in (DE.TRANSMISSION_TIME, DE.STAN, DE.RRN)]
        self._due: list[tuple[int, int, bytes]] = []
        """the issuer's answers, and when"""
        self._numbers, self._stan = count(), 0
        self._asked: dict[bytes, tuple[int, int]] = {}
        """DE11 -> when it should have left, and its link"""
        self.answered: list[tuple[int, bytes, int]] = []
        """latency in ns, DE39 and link of each answer"""
        self._issuer = self._join(f"{network.hosts[0].name}#1")
        self._peers = [self._join(f"{network.listeners[0].name}#{n + 1}") for n in range(links)]
        self._ready = select.epoll()
        self._by_fd = {peer.sock.fileno(): n for n, peer in enumerate(self._peers)}
        for fd in self._by_fd:
            self._ready.register(fd, select.EPOLLIN)
        self._driver.carry_out(self._now)
        for n, peer in enumerate(self._peers):
            peer.out += speech.asked(peer.framing.frame(self._speech.sign_on(self._de7(), f"{n + 1:06d}")))
        for _ in range(4 + links // 256):
            self._turn()
            self._now += 2 * ISSUER_NS

    def close(self) -> None:
        """Close all sockets, the driver and its log."""
        for peer in (self._issuer, *self._peers):
            peer.sock.close()
        self._ready.close()
        self._driver.close()
        self._log.close()

    def _clock(self) -> int:
        return self._now + time.thread_time_ns() - self._began

    def _de7(self) -> str:
        return time.strftime("%m%d%H%M%S", time.gmtime((self._now + self._switch.wall_offset_ns) // 1_000_000_000))

    def _join(self, link: str) -> Peer:
        ours, theirs = socket.socketpair()
        for sock in (ours, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, READ_BYTES)
            sock.setblocking(False)
        self._driver.add(ours, link, self._now)
        return Peer(theirs)

    def _ask(self, link: int, at: int, de7: bytes) -> None:
        """A purchase that should leave then."""
        self._stan = self._stan % STANS + 1
        digits = f"{self._stan:06d}"
        _, stan, rrn = self._codes
        name = stan(digits)
        self._asked[name] = (at, link)
        made = self._templates[self._stan % len(self._templates)].fill(de7, name, rrn(digits * 2))
        self._peers[link].out += self._others.asked(made)

    def _turn(self) -> bool:
        """One turn of the switch, whose time passes; before and after it, in no time, the others'."""
        while self._due and self._due[0][0] <= self._now:
            self._issuer.out += heapq.heappop(self._due)[2]
        for peer in (self._issuer, *self._peers):
            if peer.out:
                peer.write()
        self._began = time.thread_time_ns()
        worked = self._driver.turn(self._now)
        if self._now >= self._flush_at:  # as `Driver.keep_time` would
            self._driver.push()
            self._log.flush()
            self._flush_at = self._now + LAZY_NS
        used = time.thread_time_ns() - self._began
        self._now, self._used = self._now + used, self._used + used
        made = filter(None, map(self._echo.answer, self._issuer.read()))
        answers = b"".join(map(self._others.answered, made))
        if answers:
            heapq.heappush(self._due, (self._now + ISSUER_NS, next(self._numbers), answers))
        for fd, _ in self._ready.poll(0, len(self._peers)):
            for frame in self._peers[self._by_fd[fd]].read():
                self._take(frame)
        return worked

    def _take(self, frame: bytes) -> None:
        found = self._reader.read(frame)
        if found is None:
            self._reader.learn(frame)
            found = self._reader.read(frame)
        asked = self._asked.pop(found[0], None) if found is not None else None
        if found is not None and asked is not None:
            self.answered.append((self._now - asked[0], found[1], asked[1]))

    def close_loop(self, in_flight: int, seconds: float) -> Figures:
        """So many in flight, a new one for each answer."""
        end, used, done = self._now + int(seconds * 1e9), self._used, len(self.answered)
        encode = self._codes[0]
        for n in range(in_flight):
            self._ask(n % len(self._peers), self._now, encode(self._de7()))
        while self._now < end:
            before = len(self.answered)
            if not self._turn():
                self._now += IDLE_NS
            de7 = encode(self._de7())
            for _, _, link in self.answered[before:]:
                self._ask(link, self._now, de7)
        return self._figures(0, seconds, used, done)

    def offer(self, rate: float, seconds: float) -> Figures:
        """So many requests a second, over the links in turn, whatever comes back."""
        began, end, used, done = self._now, self._now + int(seconds * 1e9), self._used, len(self.answered)
        encode, gap_ns, sent = self._codes[0], 1e9 / rate, 0
        while self._now < end:
            de7 = encode(self._de7())
            while began + sent * gap_ns <= self._now:
                self._ask(sent % len(self._peers), began + int(sent * gap_ns), de7)
                sent += 1
            if not self._turn():
                self._now += IDLE_NS
        return self._figures(rate, seconds, used, done)

    def _figures(self, offered: float, seconds: float, used: int, done: int) -> Figures:
        answered, made = self.answered[done:], Histogram()
        for latency_ns, code, _ in answered:
            if code == APPROVED:
                made.record(max(latency_ns // 1000, 1))
        links = Counter(dict.fromkeys(range(len(self._peers)), 0))
        links.update(link for _, code, link in answered if code == APPROVED)
        return Figures(
            offered=round(offered),
            goodput=round(made.total / seconds),
            declined=round((len(answered) - made.total) / seconds),
            cpu_us=round((self._used - used) / 1000 / max(made.total, 1), 1),
            p50_us=made.percentile(50),
            p99_us=made.percentile(99),
            least=min(links.values()),
            most=max(links.values()),
        )


def measure(links: int, in_flight: int, steps: tuple[float, ...], seconds: float, directory: Path) -> list[Figures]:
    """Capacity in a closed loop, then each step of it offered, in a world of its own. Within Trio."""
    with quiet_collector():
        found = []
        world = World(directory / "capacity", links, Plain())
        world.close_loop(in_flight, seconds / 2)
        found.append(world.close_loop(0, seconds))
        world.close()
        for n, step in enumerate(steps):
            world = World(directory / f"step-{n}", links, Plain())
            world.offer(found[0].goodput * step, seconds)
            found.append(world.offer(found[0].goodput * step, seconds))
            world.close()
    return found


def as_text(rounds: list[list[Figures]]) -> str:
    """A line a load, medians of the rounds; the first is capacity."""
    heads = ("offered", "goodput", "of it", "declined", "CPU µs", "p50 ms", "p99 ms", "a link")
    lines = [" ".join(f"{head:>9}" for head in heads)]
    for loads in zip(*rounds, strict=True):
        of_capacity = median(one.goodput / found[0].goodput for one, found in zip(loads, rounds, strict=True))
        offered, goodput, declined, cpu_us, p50_us, p99_us, least, most = (
            median(getattr(one, name) for one in loads) for name in Figures.__struct_fields__
        )
        lines.append(
            f"{f'{offered:,.0f}' if offered else 'closed':>9} {goodput:>9,.0f} {of_capacity:>9.2f} {declined:>9,.0f} "
            f"{cpu_us:>9.1f} {p50_us / 1000:>9.1f} {p99_us / 1000:>9.1f} {f'{least:.0f}-{most:.0f}':>9}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--links", "-c", type=click.IntRange(1, 4_000), default=8, show_default=True, help="Of acquirers.")
@click.option("--in-flight", "-n", type=click.IntRange(1), default=256, show_default=True, help="In the closed loop.")
@click.option("--step", "steps", multiple=True, type=click.FloatRange(min=0.01), help="Offered, of capacity.")
@click.option("--seconds", type=click.FloatRange(min=0.01), default=2, show_default=True, help="Of the processor.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Of all; medians are shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of arrays, a round each.")
def main(links: int, in_flight: int, steps: tuple[float, ...], seconds: float, rounds: int, as_json: bool) -> None:
    """What the switch's turns serve, by the processor's own time, whatever else the machine does.

    The first line is its capacity (a closed loop), each further one a step of it, offered in an open loop.

    \b
    Examples:
      tools/bench turns --step 1 --step 5        overload
      tools/bench turns -c 1000 -n 128           a thousand links; beside it: -c 4
    """
    directory = Path(tempfile.mkdtemp(prefix="turns-"))

    async def run() -> list[list[Figures]]:
        return [measure(links, in_flight, steps, seconds, directory / f"{n}") for n in range(rounds)]

    try:
        found = trio.run(run, clock=MonotonicClock())
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    click.echo(msgspec.json.encode(found) if as_json else as_text(found))


if __name__ == "__main__":
    main()
