"""Driver 1: runs a party over TCP sockets on Trio.

One epoll set holds every socket, and one Trio task waits for it: what has arrived on all links is handed to the party in one
batch, then the party's effects are carried out, one `send` per touched link and one wake-up of the journal. No task, scope,
lock or channel per message, and none per link (docs/decisions/one-poller.md has the reason and the figures).

The rule of order, as `core.outbox` has it: effects leave as the party appended them, except that a `Send` with `after` waits
until the journal holds that position.
"""

import select
import socket
from typing import Any

import trio

from switch.core.limits import NEVER, Limits
from switch.core.network import Address
from switch.core.outbox import Outbox, Ports
from switch.core.party import Certificate, Close, LinkId, Log, Party, Send, link_name
from switch.server.alarm import Alarm
from switch.server.connections import LINKS_PER_TURN, RECEIVE_BYTES, Connection, address_of, host_of, turns_behind
from switch.server.handover import KeptConnection
from switch.server.journal_line import JournalLine
from switch.server.listeners import Listeners
from switch.server.negotiations import Negotiations
from switch.server.pace import Choosing, Pace, Paced, Yielding
from switch.server.ports import CLOCK_HINT, CLOCK_JUMP_NS, Dial, Journal, Sinks, refuse_record, trio_clock, wall_offset
from switch.server.secured import SecuredConnection
from switch.server.tap_port import Watcher, show_opened, watched
from switch.server.telling import Telling
from switch.server.tls import Grounds, TlsConnection

__all__ = ["LAZY_NS", "Dial", "Driver", "Journal", "Sinks", "trio_clock"]

LAZY_NS = 4_000_000
"""What nobody waits for (records, log lines) leaves after so long at the latest."""
RIDE_NS = 1_500_000
"""It leaves so much earlier with what somebody waits for: a wake-up less, and a flush of the journal."""
FROZEN_NS = 100_000_000
"""a process that has done nothing for so long may have stood still (SIGSTOP, a machine that is paused)"""
IN_LINE = 32
IN_LINE_NS = 4_000_000
"""So many turns, for so long, follow each other before others have the thread: going back to Trio costs what two payments do."""
LINGER_NS = 1_000_000
LINGER_S = LINGER_NS / 1e9
"""So long the next turn is waited for before that: an answer, or what the journal says, comes sooner than Trio is back."""


class Driver:
    """One party and its sockets. Made by `driving`; lives as long as that scope."""

    def __init__(self, party: Party, sinks: Sinks, limits: Limits, journal: Journal | None, durable: int) -> None:
        self.party = party
        self._sinks = sinks
        self.watcher: Watcher | None = None
        self._limits = limits
        self._epoll = select.epoll()
        self.journal = JournalLine(journal, self._epoll, self) if journal is not None else None
        self.pace = Pace(limits.turn_ms) if isinstance(party, Paced) else None
        self.listeners = Listeners(self._epoll, limits, self)
        self.negotiations = Negotiations(self._epoll, limits, self)
        self._connections: dict[int, Connection] = {}
        self._by_link: dict[LinkId, Connection] = {}
        self._touched: set[Connection] = set()
        self._unread: list[Connection] = []  # those of this turn that may have more than was read of them
        self._endings = Telling("endings.counted", self.tell)
        self._still = False
        self._turned_at = self._idle_ns = 0  # when the last turn began, and the longest time between two of late
        self._lazy_at = NEVER
        self._idle_work = False  # records or log lines wait that nobody waits for
        self._alarm, self._wall_at = Alarm(), 0
        self.party.wall_offset_ns = wall_offset()
        self._outbox = Outbox(self._ports(), durable)

    # -- the batch: sockets -> party -> effects

    async def poll(self) -> None:
        """The one task that reads. Runs until cancelled."""
        fd = self._epoll.fileno()
        while True:
            await trio.lowlevel.wait_readable(fd)
            now = trio_clock()
            until = min(now + IN_LINE_NS, self._alarm.at)
            for _ in range(IN_LINE):
                if not self.turn(now, LINGER_S if until - now > LINGER_NS else 0) or (now := trio_clock()) >= until:
                    break

    def turn(self, now: int, wait_s: float = 0) -> bool:
        """Read what has arrived on every link, or does so within `wait_s`, a bounded piece of each, and deal with it. False:
        nothing had."""
        self._idle_ns = max(self._idle_ns, now - self._turned_at)
        self._turned_at = now
        arrived = self._epoll.poll(wait_s, LINKS_PER_TURN)
        if not arrived:
            return False
        if wait_s:
            now = trio_clock()
        pace = self.pace
        if pace is not None:
            pace.begin_turn(self.party)
        for ready, events in arrived:
            self._ready(ready, events, now)
        if pace is not None:
            pace.read(self.party, now)
            behind = bool(self._unread)
            while self._unread and pace.reads_on():
                self._read_on(pace, now)
            self.carry_out(now)
            pace.end_turn(self.party, now, behind=behind, unread=self._unread)
        else:
            self.carry_out(now)
        self._unread.clear()
        return True

    def _read_on(self, pace: Pace, now: int) -> None:
        """There is no room for all: have what waits behind the first piece of a link declined now rather than late."""
        unread, self._unread = self._unread, []
        for connection in unread:
            self._read(connection, now)
        pace.read(self.party, now)

    def _catch_up(self) -> None:
        """Read what has arrived before deadlines are looked at: a piece of each link or, where this process may have stood still,
        all that is there by now, however long that takes. What comes meanwhile waits."""
        self.turn(trio_clock())
        if self._idle_ns > FROZEN_NS:
            self._idle_ns = 0  # before: it may stand still again in these very turns
            for _ in range(turns_behind(self._epoll, self._connections)):
                if not self.turn(trio_clock()):
                    break

    def _ready(self, fd: int, events: int, now: int) -> None:
        connection = self._connections.get(fd)
        if connection is not None:
            if events & select.EPOLLOUT:
                self._touched.add(connection)
            if events & ~select.EPOLLOUT:
                self._read(connection, now)
        elif self.journal is not None and fd == self.journal.fd:
            self.journal.read(now)
        elif fd in self.negotiations:
            self.negotiations.go_on(fd, now)
        elif self.listeners.is_listener(fd):
            self.listeners.accept(fd, now)

    def _read(self, connection: Connection, now: int) -> None:
        data = connection.receive()
        if data is not None and len(data) == RECEIVE_BYTES:
            self._unread.append(connection)
        self._hand_in(connection, data, now)

    def _hand_in(self, connection: Connection, data: bytes | None, now: int) -> None:
        if data:
            if self.watcher is not None:
                self.watcher.received(connection.link, data, self._wall())
            self.party.received(connection.link, data, now)
        elif data is not None:
            self._lost(connection, connection.closing or "closed by the peer", now)

    def carry_out(self, now: int) -> None:
        """Do what the party asked for, until it asks for nothing more; then write to every touched link."""
        party = self.party
        while party.effects or self._touched:
            effects, party.effects = party.effects, []
            self._idle_work = self._idle_work or bool(effects)
            self._outbox.carry_out(effects, now, party.wall_offset_ns)
            touched, self._touched = self._touched, set()
            for connection in touched:
                self._write(connection, now)
        if self._outbox.waiting:
            self.push()
            if self._lazy_at - now < RIDE_NS:
                self._let_go()
        if self.watcher is not None:
            self.watcher.written()
        self._arm(now)

    def _ports(self) -> Ports:
        """Where effects go: past the watcher, where there is one."""
        ports = Ports(
            send=self._send,
            record=self.journal.journal.append if self.journal is not None else refuse_record,
            hop=self._sinks.hop,
            sent=self._sinks.hop,
            log=self._sinks.log,
            close=self._close,
            undelivered=lambda *what: self.party.undelivered(*what),  # noqa: PLW0108 - it may be another one
        )
        return ports if self.watcher is None else watched(ports, self.watcher, self._wall)

    def _send(self, send: Send) -> bool:
        connection = self._by_link.get(send.link)
        if connection is None or connection.closing:
            return False
        connection.put(send.data, send.txn)
        self._touched.add(connection)
        return True

    def show_to(self, watcher: Watcher | None) -> None:
        """From now on show what passes to `watcher`, beginning with the connections there are; to nobody where it is None."""
        for link, connection in self._by_link.items():
            if self.watcher is not None:
                self.watcher.closed(link, self._wall())
            if watcher is not None:
                show_opened(watcher, connection, self.addresses, self._wall())
        self.watcher = watcher
        self._outbox.ports = self._ports()

    def _write(self, connection: Connection, now: int) -> None:
        if connection.fd not in self._connections:
            return
        if connection.queue:
            try:
                done = connection.flush()
            except OSError as error:
                self._lost(connection, f"cannot write: {error.strerror}", now)
                return
            if connection.queued_bytes > self._limits.send_buffer_bytes:
                self._log(
                    "warning", "limit.reached", limit="send_buffer_bytes", value=self._limits.send_buffer_bytes,
                    link=connection.link, peer=connection.peer, waiting_bytes=connection.queued_bytes,
                    hint="the peer does not read; raise limits.send_buffer_bytes in the network file if it is only slow",
                )  # fmt: skip
                self._lost(connection, "the peer does not read", now)
                return
            if done == connection.writing:
                connection.writing = not done
                if not self._still:
                    self._epoll.modify(connection.fd, select.EPOLLIN | (0 if done else select.EPOLLOUT))
        if connection.closing and not connection.queue:
            connection.part()
            self._lost(connection, connection.closing, now)

    def follow(self, party: Party, limits: Limits, now: int) -> None:
        """From now on drive `party`, which goes on with all links and records of the one before. Between two batches only."""
        assert not self.party.effects, "what the one before asked for has been done"
        party.wall_offset_ns = self.party.wall_offset_ns
        self.party, self._limits, self.listeners.limits, self.negotiations.limits = party, limits, limits, limits
        if self.pace is not None:
            self.pace.limit(limits.turn_ms)
        self.carry_out(now)

    # -- standing still, and going on in another process

    def stand_still(self) -> None:
        """Read nothing, accept nobody, let no deadline pass: what comes waits in the kernel. What is to leave still does."""
        self._still = True
        self.negotiations.close_all()
        for fd in self._connections:
            self._epoll.unregister(fd)
        self.listeners.shut()

    def go_on(self) -> None:
        """End standing still: read, accept and let deadlines pass again."""
        self._still = False
        for connection in self._connections.values():
            self._epoll.register(connection.fd, select.EPOLLIN | (select.EPOLLOUT if connection.writing else 0))
        self.listeners.reopen()
        self.carry_out(trio_clock())

    def settled(self, position: int) -> bool:
        """Everything up to record `position` is durable, and nothing waits for it."""
        return not self._outbox.waiting and not self.party.effects and self._outbox.durable >= position

    def end_sealed(self, why: Grounds, now: int) -> bool:
        """Lose the connections with TLS for which there is a reason. True if there were any."""
        ended = [(c, reason) for c in self._by_link.values() if isinstance(c, TlsConnection) and (reason := why(c))]
        for connection, reason in ended:
            connection.part()
            self._lost(connection, reason, now)
        self.carry_out(now)
        return bool(ended)

    def kept(self) -> tuple[KeptConnection, ...]:
        """The connections, for the driver of another process."""
        return tuple(
            KeptConnection(c.link, c.fd, b"".join(c.queue), tuple(c.txns), c.closing) for c in self._by_link.values()
        )

    def adopt(self, sock: socket.socket, kept: KeptConnection) -> None:
        """Go on with a connection of another process's driver; the party knows it already."""
        connection = Connection(sock, kept.link)
        connection.closing = kept.closing
        if kept.unsent:
            connection.put(kept.unsent, 0)
            connection.txns = list(kept.txns)
        self._touched.add(connection)
        self._connections[connection.fd] = self._by_link[kept.link] = connection
        self._epoll.register(connection.fd, select.EPOLLIN)

    def read_once(self) -> None:
        """Hand the party what has come on all links by now: before any deadline is looked at."""
        now = trio_clock()
        for ready, events in self._epoll.poll(0, len(self._connections) + 64):
            self._ready(ready, events, now)
        self.carry_out(now)

    # -- connections come and go

    @property
    def addresses(self) -> dict[str, Address]:
        """Where each listener really listens (port 0 resolved)."""
        return self.listeners.addresses

    @property
    def open_connections(self) -> int:
        """How many there are, with those that are being secured."""
        return len(self._connections) + len(self.negotiations)

    def make_room(self, limit: str, value: int, remedy: str, now: int) -> bool:
        """Let one go that is being secured, else have the party let one go. False: it spares none."""
        if self.negotiations.make_room(limit, value, remedy):
            return True
        if not isinstance(self.party, Yielding) or not self.party.make_room(limit, value, remedy):
            return False
        self.carry_out(now)
        return True

    def knows(self, link: LinkId) -> bool:
        """True while this connection is there."""
        return link in self._by_link

    def add(self, sock: socket.socket, link: LinkId, now: int) -> None:
        """Take a connected socket as `link` and tell the party, once it is secured where it is to be."""
        end = self.listeners.ends.get(link_name(link))
        if end is None:
            self._take(Connection(sock, link), None, now)
        elif self._admits(sock, link):
            self.negotiations.begin(sock, link, end, now)
        else:
            sock.close()

    def _admits(self, sock: socket.socket, link: LinkId) -> bool:
        """Whether the party wants this address; whom an edge brings is known later."""
        if sock.family == socket.AF_UNIX or not isinstance(self.party, Choosing):
            return True
        return self.party.admits(link, address_of(sock.getpeername).host)

    def secured(self, connection: SecuredConnection, certificate: Certificate, now: int) -> None:
        """A handshake is done: the party has one connection more, and what it has said already."""
        self._take(connection, certificate, now)
        self.carry_out(now)
        if connection.fd in self._connections:
            self._hand_in(connection, connection.unsealed(), now)

    def unsecured(self, link: LinkId) -> None:
        """A handshake has failed: whoever dialled may dial again."""
        self.listeners.lost(link)

    def _take(self, connection: Connection, certificate: Certificate | None, now: int) -> None:
        self._connections[connection.fd] = connection
        self._by_link[connection.link] = connection
        self._epoll.register(connection.fd, select.EPOLLIN)
        if self.watcher is not None:
            show_opened(self.watcher, connection, self.addresses, self._wall())
        peer = host_of(connection.peer)
        if certificate is None:
            self.party.connected(connection.link, now, peer)
        else:
            self.party.connected(connection.link, now, peer, certificate)

    def _close(self, effect: Close, now: int) -> None:
        connection = self._by_link.get(effect.link)
        if connection is not None and effect.at_once:
            self._lost(connection, effect.reason, now)
        elif connection is not None and not connection.closing:
            connection.closing = effect.reason
            self._touched.add(connection)

    def _lost(self, connection: Connection, reason: str, now: int) -> None:
        if self._connections.pop(connection.fd, None) is None:
            return
        del self._by_link[connection.link]
        if not self._still:
            self._epoll.unregister(connection.fd)
        connection.sock.close()
        if self.watcher is not None:
            self.watcher.closed(connection.link, self._wall())
        closed = Log("info", "link.closed", {"link": connection.link, "peer": connection.peer, "reason": reason})
        self._endings.say(closed, host_of(connection.peer), now)
        for txn, _ in connection.txns:
            self.party.undelivered(connection.link, txn, now)
        self.party.disconnected(connection.link, now)
        self.listeners.lost(connection.link)

    # -- the journal

    @property
    def held_sends(self) -> int:
        """How many wait for the journal."""
        return self._outbox.waiting

    @property
    def durable(self) -> int:
        """What the journal has acknowledged."""
        return self._outbox.durable

    def push(self) -> None:
        """Hand the journal what waits for it, now."""
        if self.journal is not None and not self.journal.push():
            self._idle_work, self._lazy_at = True, min(self._lazy_at, trio_clock() + 1_000_000)

    def acknowledged(self, position: int, now: int) -> None:
        """The journal holds every record up to `position`."""
        if position > self._outbox.durable:
            self.party.durable(position, now)
            self._outbox.release(position, now, self.party.wall_offset_ns)

    def journal_state(self, up: bool, reason: str, now: int) -> None:
        """The journal is down, or up again."""
        self.party.journal_state(up, reason, now)
        if up:
            self.push()

    # -- time

    async def keep_time(self) -> None:
        """Call the party's `tick` when it is due, and let go what nobody waits for. Runs until cancelled."""
        while True:
            now = await self._alarm.ring(min(self.party.next_deadline() or NEVER, self._lazy_at))
            if self._lazy_at <= now:
                self._let_go()
            if not self._still:
                self._catch_up()
                self.party.tick(now)
            self.carry_out(now)

    def _let_go(self) -> None:
        """Let what nobody waits for leave."""
        self._lazy_at, due = NEVER, self._lazy_at
        self._idle_work = False
        self.push()
        self._sinks.flush()
        if self.watcher is not None:
            self.watcher.flush()
        if due == self._alarm.at:
            self._alarm.move(NEVER)

    def _arm(self, now: int) -> None:
        """Have the alarm ring in time. The party is asked once until what is lazy leaves: what comes up meanwhile waits."""
        due = self._lazy_at
        if due == NEVER:
            if self._idle_work:
                self._lazy_at = now + LAZY_NS
            due = min(self.party.next_deadline() or NEVER, self._lazy_at)
        if due < self._alarm.at:
            self._alarm.move(due)
        if now - self._wall_at > 1_000_000_000:
            before = self.party.wall_offset_ns
            self._wall_at, self.party.wall_offset_ns = now, wall_offset(before)
            if abs(by_ns := self.party.wall_offset_ns - before) >= CLOCK_JUMP_NS:
                self._log("warning", "clock.jumped", by_ms=by_ns // 1_000_000, hint=CLOCK_HINT)

    def _wall(self) -> int:
        """The wall clock now. What a watcher is shown has the time at which it happened, not that of its batch: times of one link
        must be in the order of those of all."""
        return trio_clock() + self.party.wall_offset_ns

    def tell(self, event: Log) -> None:
        """Log an event of whoever runs beside the party; it leaves soon, as the party's own do."""
        now = trio_clock()
        self._sinks.log(event, now + self.party.wall_offset_ns)
        self._idle_work = True
        self._arm(now)

    def _log(self, level: str, event: str, **fields: Any) -> None:
        self.tell(Log(level, event, fields))

    # -- the end

    async def drain(self, seconds: float) -> bool:
        """Stop accepting, let the party finish and say goodbye. True if everything left within `seconds`."""
        self.listeners.stop_listening()
        return await self.finish(seconds)

    async def finish(self, seconds: float) -> bool:
        """Let the party finish and say goodbye. True if everything left within `seconds`."""
        now = trio_clock()
        self.party.drain(now)
        self.carry_out(now)
        with trio.move_on_after(seconds):
            while not (  # noqa: ASYNC110 - the party is pure: it has no event to wait for
                self.party.drained() and not self._outbox.waiting and not any(c.queue for c in self._by_link.values())
            ):
                await trio.sleep(0.01)
            return True
        return False

    def close(self) -> None:
        """Close every socket and the journal."""
        self.listeners.close()
        self.negotiations.close_all()
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()
        self._epoll.close()
        if self.journal is not None:
            self.journal.close()
        self._sinks.flush()
