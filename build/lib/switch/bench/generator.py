"""The load: many requests in flight over a few connections, each answer timed.

Closed loop: so many in flight, a new request for each answer. Open loop: a request every so often whatever comes back, timed from
when it *should* have left, so that a host that stalls is not spared the requests it kept from leaving.

One thread, non-blocking sockets, one epoll set; a message costs a few µs, because requests are templates with holes and answers
are read by their known layout (`layout.py`). Latencies are counted by the µs; histograms are made when it is over.
"""

import contextlib
import select
import socket
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from switch.bench.layout import AnswerReader, coder
from switch.bench.messages import Card, Speech, Templates, make_templates
from switch.core.network import Address
from switch.wire import DecodeError
from switch.wire.framing import Framing, FramingError, make_framing
from switch.wire.vocabulary import APPROVALS, DE, RESPONSE_CODES, Answer

RECEIVE_BYTES: Final = 262_144
FOLD_SAMPLES: Final = 16_384
PATIENCE_EVERY_NS: Final = 100_000_000
"""how often requests that have waited too long are looked for"""
PENDING_MAX: Final = 500_000
"""requests in flight, open loop; above it the run ends: the host has long ceased to keep up"""
STANS: Final = 999_999


class LoadError(Exception):
    """The run cannot begin or go on. The message says why and what may help."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done."""

    address: Address
    framing: str
    connections: int
    in_flight: int
    """closed loop: over all connections"""
    rate: float
    """open loop: requests a second; 0: closed loop"""
    duration_s: float
    warmup_s: float
    timeout_s: float
    sign_on: bool
    frame_bytes_max: int = 65_535


class Counts(msgspec.Struct):
    """What was counted. Latencies and lateness: µs -> how often."""

    sent: int = 0
    answered: int = 0
    latencies: Counter[int] = msgspec.field(default_factory=Counter)
    approved: Counter[int] = msgspec.field(default_factory=Counter)
    """of them, those of approvals"""
    lateness: Counter[int] = msgspec.field(default_factory=Counter)
    """open loop: from when a request should have left to when it did, this generator's own share of the latency"""
    codes: Counter[bytes] = msgspec.field(default_factory=Counter)
    """DE39 as it stood on the wire"""
    timeouts: int = 0
    unanswered: int = 0
    """still out when the run was over and patience with it"""
    unmatched: int = 0
    """answers to nothing that waits: late, doubled, or with another DE11"""
    unreadable: int = 0
    lost_connections: int = 0
    first_trouble: str = ""
    seconds: float = 0.0
    """measured"""


class _Connection:
    __slots__ = ("framing", "out", "pending", "sock", "writing")

    def __init__(self, sock: socket.socket, framing: Framing) -> None:
        self.sock = sock
        self.framing = framing
        self.pending: dict[bytes, int] = {}
        """DE11 -> when it left or should have, ns"""
        self.out = bytearray()
        self.writing = False


class Load:
    """One run against one host. Made ready by `connect`, done by `run`."""

    def __init__(
        self,
        plan: Plan,
        speech: Speech,
        cards: Sequence[Card],
        first_stan: int = 1,
        secure: Callable[[socket.socket], socket.socket] = lambda sock: sock,
    ) -> None:
        """`secure`: makes a connected socket one with TLS, or raises OSError.

        Raises EncodeError, FramingError, KeyError where the dialect cannot express a purchase (see `Speech.template`).
        """
        self._secure = secure
        framing = make_framing(plan.framing, plan.frame_bytes_max)
        self._plan = plan
        self._speech = speech
        self._templates: Templates = make_templates(speech, cards, framing)
        self._reader = AnswerReader(speech.dialect)
        self._encode_time = coder(speech.dialect, DE.TRANSMISSION_TIME)
        self._encode_stan = coder(speech.dialect, DE.STAN)
        self._encode_rrn = coder(speech.dialect, DE.RRN)
        self._stan = first_stan
        self._turn = 0
        self._second = -1
        self._time = b""
        self._rrn = ""
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._counts = Counts()
        self._samples: defaultdict[bytes, list[int]] = defaultdict(list)
        """by DE39, as it stands on the wire"""
        self._sampled = 0
        encode_code = coder(speech.dialect, DE.RESPONSE_CODE)
        codes = RESPONSE_CODES if speech.dialect.version != "0" else dict.fromkeys(APPROVALS, Answer.APPROVED)
        self._approvals = frozenset(encode_code(code) for code, answer in codes.items() if answer in APPROVALS)
        self._late: list[int] = []

    # -- before

    def connect(self) -> None:
        """Open the connections and sign on over each. Raises LoadError."""
        plan = self._plan
        for _ in range(plan.connections):
            try:
                sock = socket.create_connection((plan.address.host, plan.address.port), timeout=plan.timeout_s)
            except OSError as error:
                raise LoadError(f"nothing answers at {plan.address}: {error.strerror or error}") from None
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                sock = self._secure(sock)
            except OSError as error:
                sock.close()
                raise LoadError(f"no TLS with {plan.address}: {error.strerror or error}") from None
            connection = self._connections[sock.fileno()] = _Connection(
                sock, make_framing(plan.framing, plan.frame_bytes_max)
            )
            if plan.sign_on:
                self._sign_on(connection)
            sock.setblocking(False)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _sign_on(self, connection: _Connection) -> None:
        self._set_clock()
        stan = f"{self._next_stan():06d}"
        message = self._speech.sign_on(time.strftime("%m%d%H%M%S", time.gmtime()), stan)
        try:
            connection.sock.sendall(connection.framing.frame(message))
            while True:
                data = connection.sock.recv(RECEIVE_BYTES)
                if not data:
                    raise LoadError(
                        "the host closed the connection at the sign-on (0800, DE70=001); --no-sign-on leaves it out"
                    )
                for frame in connection.framing.feed(data):
                    if self._take_sign_on_answer(connection, frame):
                        return
        except TimeoutError:
            raise LoadError(
                f"no answer to the sign-on within {self._plan.timeout_s:g} s; --no-sign-on leaves it out"
            ) from None
        except OSError as error:
            raise LoadError(f"the connection broke at the sign-on: {error.strerror or error}") from None
        except (FramingError, DecodeError) as error:
            raise LoadError(f"the answer to the sign-on is unreadable: {error}") from None

    def _take_sign_on_answer(self, connection: _Connection, frame: bytes) -> bool:
        raw = self._speech.dialect.decode(frame)
        internal = self._speech.inward(raw)
        if internal[DE.MTI][1] != "8":
            return False
        if internal[DE.MTI][2] == "0":
            connection.sock.sendall(connection.framing.frame(self._speech.network_answer(raw)))
            return False
        if internal.get(DE.RESPONSE_CODE) != "00":
            raise LoadError(f"the host refuses the sign-on: DE39={internal.get(DE.RESPONSE_CODE, 'absent')}")
        return True

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()
        self._epoll.close()

    # -- the run

    def run(self, on_phase: Callable[[str], None] = lambda _phase: None) -> Counts:
        """Warm up, measure, let what is out come back. `on_phase` hears `measure` and `drain` as they begin. Raises LoadError."""
        plan = self._plan
        send = self._paced() if plan.rate else self._refill
        began = time.perf_counter_ns()
        self._drive(send, began + int(plan.warmup_s * 1e9))
        self._count_samples()
        self._counts = Counts(lost_connections=self._counts.lost_connections, first_trouble=self._counts.first_trouble)
        on_phase("measure")
        began = time.perf_counter_ns()
        self._drive(send, began + int(plan.duration_s * 1e9))
        self._count_samples()
        counts, self._counts = self._counts, Counts()
        counts.seconds = (time.perf_counter_ns() - began) / 1e9
        on_phase("drain")
        self._drain(counts)
        return counts

    def _drain(self, counts: Counts) -> None:
        """Wait for what is still out; an answer now counts as nothing, one that never comes as unanswered."""
        end = time.perf_counter_ns() + int(self._plan.timeout_s * 1e9)
        while any(c.pending for c in self._connections.values()) and time.perf_counter_ns() < end:
            self._drive(lambda _now: end, min(end, time.perf_counter_ns() + 20_000_000))
        self._count_samples()
        late = self._counts
        counts.unanswered += late.timeouts + late.unanswered + sum(len(c.pending) for c in self._connections.values())
        counts.lost_connections += late.lost_connections
        counts.unmatched += late.unmatched
        counts.unreadable += late.unreadable
        counts.first_trouble = counts.first_trouble or late.first_trouble

    def _drive(self, send: Callable[[int], int], end: int) -> None:
        """Send and receive until `end`. `send(now)` sends what is due and says when there will be more (ns)."""
        epoll, clock = self._epoll, time.perf_counter_ns
        waiting, connections = [epoll.fileno()], self._connections
        patience = clock()
        while (now := clock()) < end:
            self._set_clock()
            due = min(send(now), end)
            if now >= patience:
                self._give_up(now)
                patience = now + PATIENCE_EVERY_NS
            wait_ns = min(due, patience) - clock()
            if wait_ns > 0:
                select.select(waiting, (), (), wait_ns / 1e9)  # to the µs, where epoll knows only ms
            for fd, events in epoll.poll(0, 256):
                connection = connections.get(fd)
                if connection is None:
                    continue  # lost a moment ago
                if events & select.EPOLLOUT:
                    self._flush(connection)
                if events & ~select.EPOLLOUT:
                    self._receive(connection)
            if self._sampled > FOLD_SAMPLES:
                self._count_samples()

    def _refill(self, _now: int) -> int:
        """Closed loop: each connection gets back what it was answered. It waits for answers only."""
        share = -(-self._plan.in_flight // self._plan.connections)
        for connection in list(self._connections.values()):
            missing = share - len(connection.pending)
            if missing > 0:
                self._send(connection, [time.perf_counter_ns()] * missing)
        return 1 << 62

    def _paced(self) -> Callable[[int], int]:
        """Open loop: what is due by the schedule, over the connections in turn."""
        gap_ns = 1e9 / self._plan.rate
        began = time.perf_counter_ns()
        sent = turn = 0

        def send(now: int) -> int:
            nonlocal sent, turn
            due = int((now - began) / gap_ns) + 1 - sent
            if due > 0:
                lines = list(self._connections.values())
                intended = [began + int((sent + n) * gap_ns) for n in range(due)]
                for n in range(len(lines)):
                    mine = intended[n :: len(lines)]
                    if mine:
                        self._send(lines[(turn + n) % len(lines)], mine)
                turn += due
                sent += due
                self._late += [(now - at) // 1000 for at in intended]
                if sum(len(line.pending) for line in lines) > PENDING_MAX:
                    raise LoadError(
                        f"{PENDING_MAX:,} requests are out: the host does not keep up with {self._plan.rate:g}/s"
                    )
            return began + int(sent * gap_ns)

        return send

    def _send(self, connection: _Connection, starts: list[int]) -> None:
        pending, templates, out = connection.pending, self._templates, connection.out
        encode_stan, encode_rrn, at, hour = self._encode_stan, self._encode_rrn, self._time, self._rrn
        turn, count = self._turn, len(templates)
        for start in starts:
            digits = f"{self._next_stan():06d}"
            stan = encode_stan(digits)
            while stan in pending:
                digits = f"{self._next_stan():06d}"
                stan = encode_stan(digits)
            pending[stan] = start
            out += templates[turn % count].fill(at, stan, encode_rrn(hour + digits))
            turn += 1
        self._turn = turn
        self._counts.sent += len(starts)
        self._flush(connection)

    def _flush(self, connection: _Connection) -> None:
        out = connection.out
        try:
            while out:
                del out[: connection.sock.send(out)]
        except BlockingIOError:
            pass
        except OSError as error:
            self._drop(connection, error.strerror or str(error))
            return
        if bool(out) != connection.writing:
            connection.writing = bool(out)
            events = select.EPOLLIN | (select.EPOLLOUT if out else 0)
            self._epoll.modify(connection.sock.fileno(), events)

    def _receive(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._drop(connection, error.strerror or str(error))
            return
        now = time.perf_counter_ns()
        if not data:
            self._drop(connection, "closed by the host")
            return
        try:
            frames = connection.framing.feed(data)
        except FramingError as error:
            self._drop(connection, str(error))
            return
        read, pending, samples = self._reader.read, connection.pending, self._samples
        self._sampled += len(frames)
        for frame in frames:
            found = read(frame)
            if found is None:
                found = self._read_unknown(connection, frame)
                if found is None:
                    continue
            start = pending.pop(found[0], None)
            if start is None:
                self._note_trouble(f"an answer with DE11={found[0]!r} to nothing that waits")
                self._counts.unmatched += 1
                continue
            samples[found[1]].append((now - start) // 1000)

    def _read_unknown(self, connection: _Connection, frame: bytes) -> tuple[bytes, bytes] | None:
        """A message of no known layout: an answer of a new one, a network message, or nothing that can be read."""
        try:
            raw = self._reader.learn(frame)
            if raw[DE.MTI][1:3] == "80":
                connection.out += connection.framing.frame(self._speech.network_answer(raw))
                self._flush(connection)
                return None
        except DecodeError as error:
            self._note_trouble(str(error))
            self._counts.unreadable += 1
            return None
        found = self._reader.read(frame)
        if found is None and raw[DE.MTI][1] != "8":
            self._note_trouble(f"a message {raw[DE.MTI]} that answers nothing")
            self._counts.unmatched += 1
        return found

    def _give_up(self, now: int) -> None:
        too_old = now - int(self._plan.timeout_s * 1e9)
        for connection in self._connections.values():
            pending = connection.pending
            while pending:
                stan, start = next(iter(pending.items()))
                if start > too_old:
                    break
                del pending[stan]
                self._note_trouble(f"no answer within {self._plan.timeout_s:g} s")
                self._counts.timeouts += 1

    def _drop(self, connection: _Connection, reason: str) -> None:
        fd = connection.sock.fileno()
        if self._connections.pop(fd, None) is None:
            return
        self._epoll.unregister(fd)
        connection.sock.close()
        self._note_trouble(f"a connection was lost: {reason}")
        self._counts.lost_connections += 1
        self._counts.unanswered += len(connection.pending)
        if not self._connections:
            raise LoadError(f"the last connection was lost: {reason}")

    # -- small things

    def _set_clock(self) -> None:
        """DE7, and the six digits before DE11 in DE37 (year, day, hour), of this second."""
        second = int(time.time())
        if second != self._second:
            self._second = second
            now = time.gmtime(second)
            self._time = self._encode_time(time.strftime("%m%d%H%M%S", now))
            self._rrn = f"{now.tm_year % 10}{now.tm_yday:03d}{now.tm_hour:02d}"

    def _next_stan(self) -> int:
        stan = self._stan
        self._stan = stan % STANS + 1
        return stan

    def _count_samples(self) -> None:
        counts = self._counts
        for code, samples in self._samples.items():
            counts.answered += len(samples)
            counts.codes[code] += len(samples)
            counts.latencies.update(samples)
            if code in self._approvals:
                counts.approved.update(samples)
        self._samples.clear()
        self._sampled = 0
        self._counts.lateness.update(self._late)
        self._late.clear()

    def _note_trouble(self, text: str) -> None:
        self._counts.first_trouble = self._counts.first_trouble or text


def fine_timer() -> None:
    """Have the kernel wake this process to the µs, not to the usual 50 µs; without the right to, the usual it is."""
    with contextlib.suppress(OSError), open("/proc/self/timerslack_ns", "w") as slack:
        slack.write("1")
