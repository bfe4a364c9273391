"""Processes of the simulated world: each runs one party, carries its effects out, and can die.

`Node` is any process; `SwitchNode` has a journal, and a fuse by which it dies between two chosen effects. Effects are carried out
by `switch.core.outbox`, as in production.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec

from switch.core.outbox import EVERYTHING, Outbox, Ports
from switch.core.party import Close, Effect, Hop, LinkId, Log, Party, Record, Send
from switch.core.records.records import AnyEntry
from switch.core.switch import Switch
from switch.sim.clock import EPOCH_NS, Clock, Progress
from switch.sim.disk import Disk
from switch.sim.network import Circuit, End
from switch.sim.ports import SwitchWatch

NEVER: Final = 1 << 62
BUFFER_BYTES: Final = 1 << 20


class Trace(Protocol):
    """Is shown every effect, in order."""

    def effect(self, now: int, name: str, effect: Any) -> None:
        """`name`: the process it is of."""


class Node:
    """A process: a party, its ends of connections, its timer and its wall clock. What it records is durable at once."""

    def __init__(self, clock: Clock, name: str, party: Party, lost: Callable[[End], None], trace: Trace | None) -> None:
        self.clock = clock
        self.name = name
        self.party: Party | None = party
        self.ends: dict[LinkId, End] = {}
        self.circuits: list[Circuit] = []
        self.dials: list[Circuit] = []
        self.events: Counter[str] = Counter()
        """log events by name"""
        self.records: list[Any] = []
        """what its party has recorded; survives its death"""
        self.roaming = False
        """what it says on a connection that is gone goes out on another one"""
        self.on_send: Callable[[Send], None] | None = None
        self.wall_offset_ns = EPOCH_NS
        self._lost = lost
        self._trace = trace
        self._busy = False
        self._asleep: list[Callable[[], None]] | None = None
        """what has come since it stands still; None: it does not"""
        self._waking = False
        self._armed = NEVER
        self._progress = Progress()
        self.outbox = Outbox(self._ports(), self._durable())
        party.wall_offset_ns = EPOCH_NS

    # -- what happens to it

    def connected(self, end: End) -> None:
        """A connection was made."""
        assert self.party is not None
        self.ends[end.link] = end
        self.when_awake(lambda: self._connected(end))

    def _connected(self, end: End) -> None:
        if self.party is not None:
            self.party.connected(end.link, self.clock.now)
            self.carry_out()

    def arrived(self, end: End, data: bytes) -> None:
        """Bytes came."""
        self.when_awake(lambda: self._arrived(end, data))

    def _arrived(self, end: End, data: bytes) -> None:
        if self.party is not None:
            self.party.received(end.link, data, self.clock.now)
            self.carry_out()

    def hung_up(self, end: End) -> None:
        """A connection is gone."""
        self.when_awake(lambda: self._hung_up(end))

    def _hung_up(self, end: End) -> None:
        self.ends.pop(end.link, None)
        if self.party is not None:
            self.party.disconnected(end.link, self.clock.now)
            self.carry_out()
        self._lost(end)

    def not_sent(self, end: End, txns: list[int]) -> None:
        """Answers that never left."""
        self.when_awake(lambda: self._not_sent(end, txns))

    def _not_sent(self, end: End, txns: list[int]) -> None:
        for txn in txns:
            self._report_undelivered(end.link, txn, self.clock.now)

    def _wake(self, at: int) -> None:
        if at != self._armed or self.party is None or self._asleep is not None:
            return
        self._armed = NEVER
        self.party.tick(self.clock.now)
        self._progress.check(self.party, self.clock.now)
        self.carry_out()

    # -- standing still

    def when_awake(self, do: Callable[[], None]) -> None:
        """Do it now or, where it stands still, once it goes on."""
        if self._asleep is None:
            do()
        else:
            self._asleep.append(do)

    def freeze(self) -> None:
        """Stand still, as after SIGSTOP: what comes waits in the kernel."""
        if self._asleep is None and self.party is not None:
            self._asleep = []

    def thaw(self) -> None:
        """Go on, as the driver does: deal with what has come, and only then look at deadlines."""
        if self._asleep is None:
            return
        waited, self._asleep, self._waking = self._asleep, None, True
        for do in waited:
            do()
        self._waking = False
        if self.party is not None:
            self._armed = NEVER
            self.party.tick(self.clock.now)
            self.carry_out()

    def jump(self, jump_ns: int) -> None:
        """The wall clock is set, forward or back."""
        self.wall_offset_ns += jump_ns
        if self.party is not None:
            self.party.wall_offset_ns = self.wall_offset_ns

    def crash(self) -> None:
        """The process dies; what waited was never said. The kernel still sends some of what was written."""
        self.party = None
        self._asleep = None
        self.outbox.drop_waiting()
        self._armed = NEVER
        for end in list(self.ends.values()):
            end.vanish()
            self._lost(end)
        self.ends.clear()

    def start(self, party: Party) -> None:
        """A new process in place of one that died (or, with connections left, of one that nobody saw dying)."""
        self.party = party
        self._asleep = None
        self.outbox = Outbox(self._ports(), self._durable())
        party.wall_offset_ns = self.wall_offset_ns
        self._armed = NEVER
        for end in list(self.ends.values()):
            party.connected(end.link, self.clock.now)
        self.carry_out()

    # -- what it does

    def carry_out(self) -> None:
        """Do what the party asked for, until it asks for nothing more."""
        if self._busy:
            return
        self._busy = True
        party = self.party
        while party is not None and party.effects:
            effects, party.effects = party.effects, []
            self.outbox.carry_out(self._while_alive(effects), self.clock.now, self.wall_offset_ns)
            party = self.party
        self._busy = False
        self.settled()

    def settled(self) -> None:
        """Nothing is left to do now; see to the timer."""
        if self.party is not None and not self._waking:
            due = self.party.next_deadline()
            if due is not None and due < self._armed:
                self._armed = max(due, self.clock.now)
                self.clock.at(self._armed, self._wake, self._armed)

    def _while_alive(self, effects: Sequence[Effect]) -> Iterator[Effect]:
        """The effects, one at a time and traced, until the process is another one or none."""
        party = self.party
        for effect in effects:
            if self._trace is not None:
                self._trace.effect(self.clock.now, self.name, effect)
            yield effect
            if self.party is not party:
                return

    def _durable(self) -> int:
        """The position that a process starting now finds durable."""
        return EVERYTHING

    def _ports(self) -> Ports:
        return Ports(
            send=self.send, record=self._record, hop=None, sent=None, log=self._log, close=self._close,
            undelivered=self._report_undelivered,
        )  # fmt: skip

    def send(self, send: Send) -> bool:
        """Bytes leave, or (a connection that is gone) do not."""
        end = self.ends.get(send.link)
        if end is None and self.roaming and self.ends:
            end = next(reversed(self.ends.values()))
        if end is None or end.closing:
            return False
        end.send(send.data, send.txn, BUFFER_BYTES)
        if self.on_send is not None:
            self.on_send(send)
        return True

    def _record(self, position: int, entry: Any) -> None:
        self.records.append(entry)
        if self.party is not None:
            self.party.durable(position, self.clock.now)

    def _log(self, log: Log, wall_ns: int) -> None:
        del wall_ns
        self.events[log.event] += 1

    def _close(self, close: Close, now: int) -> None:
        del now
        end = self.ends.get(close.link)
        if end is not None and close.at_once:
            end.break_off()
        elif end is not None and not end.closing:
            end.close()

    def _report_undelivered(self, link: LinkId, txn: int, now: int) -> None:
        if self.party is not None:
            self.party.undelivered(link, txn, now)


class Fuse(msgspec.Struct):
    """When the switch dies: before or after the n-th effect of a kind."""

    before: bool
    kind: type | None
    """None: of any kind"""
    left: int
    down_ms: int

    def burn(self, effect: Effect) -> bool:
        """Count an effect that is about to be carried out. True: this is the one."""
        self.left -= self.kind is None or type(effect) is self.kind
        return self.left <= 0


class SwitchNode(Node):
    """The switch's process, its journal and what waits for it."""

    party: Switch | None

    def __init__(
        self, clock: Clock, party: Switch, disk: Disk, lost: Callable[[End], None], died: Callable[[int], None],
        audit: SwitchWatch, trace: Trace | None,
    ) -> None:  # fmt: skip
        self.disk = disk
        super().__init__(clock, "switch", party, lost, trace)
        self.fuse: Fuse | None = None
        self.hops: list[Hop] | None = None
        self.logs: list[tuple[int, Log]] | None = None
        self.crashes = 0
        self.failures = 0
        """of the journal's writer"""
        self.quiet: Callable[[], None] | None = None
        """called whenever nothing is left to do"""
        self._died = died
        self._audit = audit

    def crash(self) -> None:
        """The process dies, whatever was to kill it."""
        super().crash()
        self.fuse = None
        self.crashes += 1

    def _while_alive(self, effects: Sequence[Effect]) -> Iterator[Effect]:
        """The fuse burns before or after each effect; that of a send burns where its bytes leave, which may be later."""
        for effect in super()._while_alive(effects):
            if isinstance(effect, Send):
                if effect.txn:
                    self._audit.said[effect.txn] += 1
                yield effect
                continue
            fuse = self.fuse
            burnt = fuse is not None and fuse.burn(effect)
            if not (fuse is not None and burnt and fuse.before):
                yield effect
            if fuse is not None and burnt and self.party is not None:
                self._died(fuse.down_ms)

    def _durable(self) -> int:
        return self.disk.durable

    def _ports(self) -> Ports:
        return msgspec.structs.replace(
            super()._ports(), record=self.disk.append, hop=self._keep_hop, sent=self._keep_hop
        )

    def _keep_hop(self, hop: Hop, at_ns: int, wall_ns: int) -> None:
        del wall_ns
        if self.hops is not None and self.party is not None:
            self.hops.append(hop if hop.at_ns == at_ns else msgspec.structs.replace(hop, at_ns=at_ns))

    def _log(self, log: Log, wall_ns: int) -> None:
        if log.event == "answer.late":
            self._audit.heard_late[int(log.fields["txn"], 16)] = len(self.disk.entries)
        if self.logs is not None:
            self.logs.append((self.clock.now, log))
        super()._log(log, wall_ns)

    def send(self, send: Send) -> bool:
        """Bytes leave, or (a connection that is gone) do not; or the fuse burns out on them."""
        fuse = self.fuse
        if fuse is None or not fuse.burn(send):
            return self._write(send)
        if not fuse.before:
            if not self._write(send) and send.txn:
                self._report_undelivered(send.link, send.txn, self.clock.now)
            elif send.hop is not None:
                self._keep_hop(send.hop, self.clock.now, 0)
        if self.party is not None:
            self._died(fuse.down_ms)
        return True  # the dead report nothing

    def _write(self, send: Send) -> bool:
        end = self.ends.get(send.link)
        if end is None or end.closing:
            return False
        assert self.party is not None
        if send.hop is not None and send.hop.mti[2] == "2":
            self._audit.note_owed_sent(self.party, send.hop.txn)
        end.send(send.data, send.txn, self.party.limits.send_buffer_bytes)
        return True

    def _report_undelivered(self, link: LinkId, txn: int, now: int) -> None:
        if self.party is not None:
            self.party.undelivered(link, txn, now)
            self._audit.note_undelivered(self.party, txn)

    def durable(self, position: int) -> None:
        """A flush has come back: what waited for it leaves."""
        self.when_awake(lambda: self._is_durable(position))

    def _is_durable(self, position: int) -> None:
        if self.party is None:
            return
        self.party.durable(position, self.clock.now)
        self.outbox.release(position, self.clock.now, self.wall_offset_ns)
        self.carry_out()

    def settled(self) -> None:
        """See to the journal, too."""
        if self.party is None:
            return
        self.disk.push(waited_for=bool(self.outbox.waiting))
        super().settled()
        if self.quiet is not None and not self._waking:
            self.quiet()

    def fail_disk(self) -> None:
        """The journal's writer is gone."""
        self.failures += 1
        self.disk.fail()
        self.when_awake(lambda: self._journal_state("the disk is full"))

    def mend_disk(self) -> None:
        """The writer is back."""
        self.disk.mend()
        self.when_awake(lambda: self._journal_state(""))

    def _journal_state(self, reason: str) -> None:
        if self.party is not None:
            self.party.journal_state(not reason, reason, self.clock.now)
            self.carry_out()

    def entries(self) -> list[AnyEntry]:
        """What the journal holds, durable or not."""
        return self.disk.entries

    def defuse(self) -> None:
        """No death is to come any more."""
        self.fuse = None

    def burn(self, detail: str, down_ms: int) -> None:
        """Die before or after an effect to come: `before record 3`, `after send 1`, `after any 7`."""
        when, what, count = detail.split()
        kind = {"record": Record, "send": Send}.get(what)
        self.fuse = Fuse(when == "before", kind, int(count), down_ms)
