"""Store-and-forward: what must arrive does.

Theory of operation. An `Owed` record is the promise; it is in the journal before anything of it leaves. Each host has its own
queue (`core.saf.queue`), so that one that is away delays no other. An item is sent, and repeated (x1) with back-off until the
host acknowledges it; while it backs off, those behind it have its place. Only items of the same transaction wait for one another.
`Delivered` ends it. One that was tried often enough, or for long enough, becomes a dead letter (`Shelved`): it stays owed, those
of its transaction wait behind it, and an operator, who is told, puts it back (`Retried`). Nothing is ever dropped. After a
restart the queue is rebuilt from the state, and everything in it but dead letters is sent again: the host knows repeats.
"""

from collections.abc import Iterable

from switch.core.kernel import Kernel
from switch.core.links.pending import AnswerKey
from switch.core.links.session import HostState
from switch.core.party import Hop
from switch.core.records.records import Delivered, Held, Owed, Retried, Shelved
from switch.core.saf.queue import Item, Queue, Stage
from switch.wire import EncodeError
from switch.wire.vocabulary import DE, Answer, Document, repeat_of, response_mti

NOT_YET = frozenset({Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION})
"""Answers that say "not now": the item stays owed. Every other answer means that the host has it."""
BACKOFF_DOUBLINGS_MAX = 5
TRIES_OF_THE_OLD = 3
"""failures in this process before an item older than `owed_give_up_s` is given up: its host may have been away all the time"""
LOSSES_MAX = 3
"""connections that may end with an item in flight before it backs off: it may be what ends them"""


class Forwarder:
    """The queues of all hosts."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.queues: dict[str, Queue] = {name: Queue() for name in kernel.hosts}
        state = kernel.state
        for entry in state.owed.values():
            self.queues.setdefault(entry.host, Queue()).add(entry, 0, dead=entry.txn in state.shelved)

    def full(self, host: str) -> bool:
        """True when no more may be owed to this host (`limits.owed_per_host`)."""
        return len(self.queues[host]) >= self._kernel.limits.owed_per_host

    def owe(self, entry: Owed, now: int) -> int:
        """Record the promise and send it as soon as it is durable. Returns the record's position."""
        position = self._kernel.record(entry)
        self.queues.setdefault(entry.host, Queue()).add(entry, position)
        self.pump(self._kernel.hosts[entry.host], now)
        return position

    def enqueue(self, entry: Owed, position: int, now: int) -> None:
        """A promise that the record at `position` has made with something else: sent as soon as that is durable."""
        self.queues.setdefault(entry.host, Queue()).add(entry, position)
        self.pump(self._kernel.hosts[entry.host], now)

    # -- to the host

    def pump(self, host: HostState, now: int) -> None:
        """Send what waits and may go: the host is up and not held, not too much is in flight, and not too fast."""
        kernel, queue = self._kernel, self.queues[host.name]
        if host.name in kernel.state.held:
            return
        room = kernel.limits.owed_in_flight
        while queue.ready and host.up is not None and len(queue.in_flight) < room and queue.may_leave_at(now) <= now:
            item = queue.next()
            if item is not None:
                self._send(host, queue, item, now)

    def _send(self, host: HostState, queue: Queue, item: Item, now: int) -> None:
        kernel, session, config = self._kernel, host.pick(now), host.config
        assert session is not None
        entry = kernel.state.owed[item.txn]
        document: Document = {**entry.message, DE.PAN: kernel.vault.open(entry.sealed)}
        if item.tries:
            document[DE.MTI] = repeat_of(entry.message[DE.MTI])
        wait_ns = config.retry_ms * 1_000_000
        item.tries += 1
        item.first_ns = item.first_ns or now
        item.due_ns = now + (wait_ns << min(item.failures, BACKOFF_DOUBLINGS_MAX))
        item.link = session.link
        hop = _hop("hop.sent", entry, document[DE.MTI], session.link, host.route, "", now, item)
        try:
            kernel.transmit(session, document, after=item.position, hop=hop)
        except EncodeError as error:
            self._shelve(host, queue, item, f"it cannot be said: {error}", now)
            return
        queue.mark_sent(item, now, wait_ns, 1_000_000_000 // config.owed_per_second)

    # -- from the host

    def acknowledge(self, host: HostState, key: AnswerKey, document: Document, now: int) -> bool:
        """An answer of class 1, 2 or 4 came: True if it was for something owed, which is then settled (or repeated later)."""
        queue = self.queues[host.name]
        item = queue.by_answer.get(key)
        if item is None or item.stage is Stage.BEHIND:
            return False
        kernel = self._kernel
        entry = kernel.state.owed[item.txn]
        de39 = document.get(DE.RESPONSE_CODE, "")
        session = host.up
        link = session.link if session is not None else host.name
        kernel.effects.append(_hop("hop.received", entry, document[DE.MTI], link, host.route, de39, now, item))
        if de39 in NOT_YET:
            kernel.log("warning", "owed.refused", txn=f"{item.txn:x}", host=host.name, de39=de39, tries=item.tries,
                       next_attempt_ms=max(item.due_ns - now, 0) // 1_000_000)  # fmt: skip
            if item.stage is Stage.IN_FLIGHT:
                self._note_failure(host, queue, item, now)
                self.pump(host, now)
            return True
        queue.remove(item, entry)
        kernel.record(Delivered(txn=item.txn, at_us=kernel.wall_us(now), de39=de39))
        kernel.log("info" if de39 == Answer.APPROVED else "warning", f"{entry.kind}.delivered", txn=f"{item.txn:x}",
                   original=f"{entry.original:x}", host=host.name, de39=de39, tries=item.tries)  # fmt: skip
        self.pump(host, now)
        return True

    def resume(self, host: HostState, now: int) -> None:
        """The host is (again) there, or has lost one of its connections: what was in flight on connections that are gone goes
        first, as repeats, and what backs off need not; but for what was in flight on each of the last few connections: one of
        them may be what ends them."""
        queue, here = self.queues[host.name], self._kernel.sessions
        for item in [item for item in queue.asleep.values() if item.losses < LOSSES_MAX]:
            queue.requeue(item)
        for item in reversed([item for item in queue.in_flight.values() if item.link not in here]):
            item.losses += 1
            if item.losses < LOSSES_MAX:
                queue.requeue(item, first=True)
            else:
                self._note_failure(host, queue, item, now)
        self.pump(host, now)

    # -- what is not acknowledged

    def _note_failure(self, host: HostState, queue: Queue, item: Item, now: int) -> None:
        """It was sent, and did not arrive: repeated when it is due, or given up."""
        kernel, config = self._kernel, host.config
        item.failures += 1
        age_s = (kernel.wall_us(now) - kernel.state.owed[item.txn].at_us) // 1_000_000
        if item.failures >= config.owed_tries_max:
            reason = f"not acknowledged, tries: {item.failures} (owed_tries_max)"
        elif age_s >= config.owed_give_up_s and item.failures >= TRIES_OF_THE_OLD:
            reason = f"not acknowledged for {age_s} s (owed_give_up_s)"
        else:
            queue.sleep(item)
            return
        self._shelve(host, queue, item, reason, now)

    def _shelve(self, host: HostState, queue: Queue, item: Item, reason: str, now: int) -> None:
        """To the dead letters; an operator is told."""
        kernel = self._kernel
        entry, message = kernel.state.owed[item.txn], kernel.state.owed[item.txn].message
        queue.shelve(item)
        kernel.record(Shelved(txn=item.txn, at_us=kernel.wall_us(now), reason=reason, tries=item.tries))
        kernel.log(
            "error", "owed.dead_letter", txn=f"{item.txn:x}", host=host.name, kind=entry.kind, mti=message[DE.MTI],
            rrn=message.get(DE.RRN, ""), pan=entry.pan, amount=entry.amount, currency=entry.currency,
            original=f"{entry.original:x}", reason=reason, tries=item.tries, behind_it=len(item.followers),
            hint=f"nothing is dropped: it is kept until `cmi-switch saf retry {item.txn:x}`; see `cmi-switch saf list --dead`",
        )  # fmt: skip

    # -- time

    def tick(self, now: int) -> None:
        """Repeat what is due, at hosts that are up."""
        for host in self._serving():
            queue = self.queues[host.name]
            for item in queue.overdue(now):
                self._note_failure(host, queue, item, now)
            self.pump(host, now)

    def deadline(self) -> int | None:
        """When the next repeat is due, or the pace lets the next one go, over hosts that are up."""
        due: list[int] = []
        room = self._kernel.limits.owed_in_flight
        for host in self._serving():
            queue = self.queues[host.name]
            timer = queue.next_timer()
            if timer is not None:
                due.append(timer)
            if queue.ready and len(queue.in_flight) < room:
                due.append(queue.may_leave_at(0))
        return min(due) if due else None

    def _serving(self) -> Iterable[HostState]:
        """Hosts that are up, not held, and owed something."""
        held, hosts = self._kernel.state.held, self._kernel.hosts
        for name, queue in self.queues.items():
            if queue.items and name not in held:
                host = hosts.get(name)
                if host is not None and host.up is not None:
                    yield host

    def in_flight(self) -> int:
        """Items sent whose answer is not overdue, over all hosts."""
        return sum(len(queue.in_flight) for queue in self.queues.values())

    # -- an operator

    def retry(self, txns: Iterable[int], now: int) -> int:
        """Send these again now: dead letters are dead no more, what backs off need not. Returns how many that changed."""
        kernel, changed = self._kernel, 0
        for txn in txns:
            entry = kernel.state.owed.get(txn)
            queue = self.queues[entry.host] if entry is not None else None
            if queue is None or (item := queue.items[txn]).stage not in (Stage.DEAD, Stage.ASLEEP):
                continue
            if item.stage is Stage.DEAD:
                kernel.record(Retried(txn=txn, at_us=kernel.wall_us(now)))
            item.failures = item.losses = 0
            queue.requeue(item)
            changed += 1
        for host in self._serving():
            self.pump(host, now)
        return changed

    def hold(self, host: HostState, now: int, *, held: bool) -> bool:
        """Send this host nothing of what it is owed until it is released. False: it was so already. Outlives a restart."""
        kernel = self._kernel
        if (host.name in kernel.state.held) is held:
            return False
        kernel.record(Held(host=host.name, at_us=kernel.wall_us(now), held=held))
        kernel.log("warning", "owed.held" if held else "owed.released", host=host.name, owed=len(self.queues[host.name]),
                   hint=f"`cmi-switch saf release {host.name}` lets it go" if held else "")  # fmt: skip
        self.pump(host, now)
        return True


def _hop(event: str, entry: Owed, mti: str, link: str, route: str, de39: str, now: int, item: Item) -> Hop:
    message = entry.message
    why = f"{entry.kind}: {entry.reason}"
    if entry.original:
        why += f", of {entry.original:x}"
    if item.tries > 1:
        why += f", attempt {item.tries}"
    return Hop(
        event=event,
        txn=entry.txn,
        link=link,
        mti=mti if event == "hop.sent" else response_mti(entry.message[DE.MTI]),
        stan=message[DE.STAN],
        rrn=message.get(DE.RRN, ""),
        pan=entry.pan,
        amount=entry.amount,
        currency=entry.currency,
        route=route,
        de39=de39,
        cost=0,
        at_ns=now,
        first_ns=item.first_ns,
        note=why,
    )
