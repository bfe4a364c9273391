"""Store-and-forward: what must arrive does.

Theory of operation. An `Owed` record is the promise; it is in the journal before anything of it leaves. Each host has its own
queue (`core.saf.queue`), so that one that is away delays no other. An item is sent, and repeated (x1) with back-off until the
host accepts it; while it backs off, those behind it have its place. Only items of the same transaction wait for one another.
`Delivered` ends it, and an answer alone does not: a host that knows nothing to undo (25) ends the reversal of a request that it
is not known to have approved, which is watched for a late approval from then on (`core.transactions.late_answers`); one that
refuses is asked again. What was tried or refused often enough, or for long enough, becomes a dead letter (`Shelved`), which is
an exception: it stays owed, those of its transaction wait behind it, and a person, who is told, puts it back (`Retried`) or ends
it (`Resolved`). Nothing is ever dropped. After a restart the queue is rebuilt from the state, and everything in it but dead
letters is sent again: the host knows repeats.
"""

from collections.abc import Callable, Iterable

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.pending import agrees
from switch.core.links.session import HostState
from switch.core.messages.answer_codes import Receipt
from switch.core.party import Hop
from switch.core.records.prices import hop_cost
from switch.core.records.records import (
    ACQUIRER,
    LATE,
    REFUSED,
    REVERSAL,
    UNDELIVERED,
    UNMATCHED,
    Delivered,
    Held,
    Owed,
    Renumbered,
    Resolved,
    Retried,
    Shelved,
)
from switch.core.saf.queue import Item, Queue, Stage
from switch.core.shards import owed_at_once
from switch.wire import EncodeError
from switch.wire.vocabulary import DE, Answer, Document, repeat_of, response_mti

NOT_YET = frozenset({Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION})
"""The switch's own answers that say "not now" to an acquirer's reversal or advice."""
REFUSALS_MAX = 3
"""times a host may refuse an item before it is given up"""
BACKOFF_DOUBLINGS_MAX = 5
TRIES_OF_THE_OLD = 3
"""failures in this process before an item older than `owed_give_up_s` is given up: its host may have been away all the time"""
LOSSES_MAX = 3
"""connections that may end with an item in flight before it backs off: it may be what ends them"""


class Forwarder:
    """The queues of all hosts."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.reverse_after: Callable[[Owed, int], None] = _nothing_follows
        """called before an accepted reversal ends, to owe what must follow it"""
        self.queues: dict[str, Queue] = {name: Queue(host.stans_owed) for name, host in kernel.hosts.items()}
        state = kernel.state
        for entry in state.owed.values():
            self.queues.setdefault(entry.host, Queue()).add(entry, 0, dead=entry.txn in state.shelved)

    def full(self, host: str) -> bool:
        """True when no more may be owed to this host (`limits.owed_per_host`)."""
        return len(self.queues.get(host, ())) >= self._kernel.limits.owed_per_host

    def owe(self, entry: Owed, now: int) -> int:
        """Record the promise and send it as soon as it is durable. Returns the record's position."""
        entry = msgspec.structs.replace(entry, window=self._kernel.window(now))
        self._kernel.history.note(entry, self._kernel.position + 1, self._kernel.state)
        position = self._kernel.record(entry)
        self.enqueue(entry, position, now)
        return position

    def mend(self) -> None:
        """After an error: the queues are made anew of what the state says is owed, and go on where they were."""
        state, position = self._kernel.state, self._kernel.position
        owed: dict[str, list[Owed]] = {name: [] for name in self.queues}
        for entry in state.owed.values():
            owed.setdefault(entry.host, []).append(entry)
        for name, entries in owed.items():
            before, host = self.queues.get(name), self._kernel.hosts.get(name)
            if host is not None:
                host.stans_owed.clear()
            self.queues[name] = queue = Queue(host.stans_owed if host is not None else None)
            for entry in entries:
                queue.add(entry, position, dead=entry.txn in state.shelved)
            if before is not None:
                queue.restore(before.export())

    def enqueue(self, entry: Owed, position: int, now: int) -> None:
        """A promise that the record at `position` has made with something else: sent as soon as that is durable."""
        queue, host = self.queues.setdefault(entry.host, Queue()), self._kernel.hosts.get(entry.host)
        item = queue.add(entry, position)
        if host is None:
            self._shelve(entry.host, queue, item, f"host {entry.host} has left the network file: put it back", now)
        else:
            self.pump(host, now)

    # -- to the host

    def pump(self, host: HostState, now: int) -> None:
        """Send what waits and may go: the host is up and not held, not too much is in flight, and not too fast."""
        kernel, queue = self._kernel, self.queues[host.name]
        if host.name in kernel.state.held:
            return
        room = owed_at_once(kernel.network, host.config)
        while queue.ready and host.up is not None and len(queue.in_flight) < room and queue.may_leave_at(now) <= now:
            item = queue.next()
            if item is not None:
                mark = kernel.mark()
                try:
                    self._send(host, queue, item, now)
                except Exception as error:
                    kernel.contain(error, "sending what is owed", mark, txn=f"{item.txn:x}", host=host.name)
                    item.due_ns = max(item.due_ns, now + host.config.retry_ms * 1_000_000)
                    self._note_failure(host, queue, item, now)

    def _send(self, host: HostState, queue: Queue, item: Item, now: int) -> None:
        kernel, session, config = self._kernel, host.pick(now), host.config
        assert session is not None
        entry = kernel.state.owed[item.txn]
        document: Document = {**entry.message, DE.PAN: kernel.vault.open(entry.sealed)}
        if item.repeats:
            document[DE.MTI] = repeat_of(entry.message[DE.MTI])
        wait_ns = config.retry_ms * 1_000_000
        item.tries += 1
        item.repeats += 1
        item.first_ns = item.first_ns or now
        item.due_ns = now + (wait_ns << min(item.failures, BACKOFF_DOUBLINGS_MAX))
        item.link = session.link
        hop = _hop("hop.sent", entry, document[DE.MTI], session.link, host.route, "", now, item)
        try:
            kernel.transmit(session, document, after=item.position, hop=hop)
        except EncodeError as error:
            self._shelve(host.name, queue, item, f"it cannot be said: {error}", now)
            return
        queue.mark_sent(item, now, wait_ns, 1_000_000_000 // config.owed_per_second)

    # -- from the host

    def acknowledge(self, host: HostState, document: Document, raw: Document, now: int) -> bool:
        """An answer of class 1, 2 or 4 came: True if it was for something owed, which is then settled (or repeated later).

        It is matched on MTI class and DE11: no two items of a host have the same, and hosts stamp DE7 of what they answer anew.
        """
        queue, kernel = self.queues[host.name], self._kernel
        item = queue.by_answer.get((document[DE.MTI][1], document.get(DE.STAN, "")))
        if item is None or item.stage is Stage.BEHIND:
            return False
        entry = kernel.state.owed[item.txn]
        if not agrees(document, entry.message, _CONFIRMED):
            return False
        code = raw.get(DE.RESPONSE_CODE, "")
        session = host.up
        link = session.link if session is not None else host.name
        receipt = host.answers.receipt(code)
        nothing = (receipt is Receipt.NOTHING and _may_know_nothing(entry)) or (
            receipt is Receipt.REFUSED and _only_came_late(entry)
        )
        hop = _hop("hop.received", entry, document[DE.MTI], link, host.route, code, now, item)
        if nothing or receipt is Receipt.ACCEPTED:
            hop = msgspec.structs.replace(hop, cost=hop_cost(entry.priced, host.name if host.config.scheme else ""))
        kernel.effects.append(hop)
        if nothing:
            self._settle(host, queue, item, code, now, nothing=True)
        elif receipt is Receipt.ACCEPTED:
            if entry.kind == REVERSAL:
                self.reverse_after(entry, now)
            self._settle(host, queue, item, code, now)
        elif receipt is Receipt.LATER:
            kernel.log("warning", "owed.refused", txn=f"{item.txn:x}", host=host.name, de39=code, tries=item.tries,
                       next_attempt_ms=max(item.due_ns - now, 0) // 1_000_000)  # fmt: skip
            if item.stage is Stage.IN_FLIGHT:
                self._note_failure(host, queue, item, now)
                self.pump(host, now)
        else:
            self._note_refusal(host, queue, item, code, now)
        return True

    def _settle(self, host: HostState, queue: Queue, item: Item, code: str, now: int, *, nothing: bool = False) -> None:
        """The host has it, or needs not have it (`nothing`)."""
        kernel = self._kernel
        entry = kernel.state.owed[item.txn]
        queue.remove(item, entry)
        kernel.record(Delivered(txn=item.txn, at_us=kernel.wall_us(now), de39=code, nothing=nothing))
        about = {"original": f"{entry.original:x}", "host": host.name, "de39": code, "tries": item.tries}
        if nothing:
            watched = (
                f"the host knows no such payment; what it approves within {kernel.limits.late_s} s (late_s) is undone"
            )
            kernel.log("warning", f"{entry.kind}.nothing_there", txn=f"{item.txn:x}", **about, hint=watched)
        else:
            kernel.log("info", f"{entry.kind}.delivered", txn=f"{item.txn:x}", **about)
        self.pump(host, now)

    def _note_refusal(self, host: HostState, queue: Queue, item: Item, code: str, now: int) -> None:
        """The host says no, or what no table knows: that ends nothing."""
        kernel = self._kernel
        entry = kernel.state.owed[item.txn]
        item.refusals += 1
        kernel.log("warning", "owed.not_accepted", txn=f"{item.txn:x}", host=host.name, kind=entry.kind,
                   de39=code or "absent", refusals=item.refusals,
                   hint=f"repeated, and an exception when refused {REFUSALS_MAX} times")  # fmt: skip
        if item.stage is Stage.DEAD:
            return
        unmatched = not entry.original and entry.kind == REVERSAL and bool(entry.key[ACQUIRER])
        if unmatched or item.refusals >= REFUSALS_MAX:
            why = "its original is not known here, and the host" if unmatched else "the host"
            reason = f"{why} answers DE39={code or 'absent'}"
            self._shelve(host.name, queue, item, reason, now, kind=UNMATCHED if unmatched else REFUSED)
        elif item.stage is Stage.IN_FLIGHT:
            queue.sleep(item)
            self._renumber(host, queue, item, now)
        self.pump(host, now)

    def _renumber(self, host: HostState, queue: Queue, item: Item, now: int) -> None:
        """A reversal that was refused is asked anew: a host that remembers what it answered would only say the same to a repeat.
        An advice keeps its name: under another it might be booked a second time."""
        kernel = self._kernel
        if kernel.state.owed[item.txn].kind == REVERSAL:
            stan, de7 = kernel.next_stan(host.name), kernel.de7(now)
            position = kernel.record(Renumbered(txn=item.txn, at_us=kernel.wall_us(now), stan=stan, sent_at=de7))
            queue.renumber(item, stan, position)

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
        self._shelve(host.name, queue, item, reason, now)

    def _shelve(self, host: str, queue: Queue, item: Item, reason: str, now: int, kind: str = UNDELIVERED) -> None:
        """To the dead letters; an operator is told."""
        kernel = self._kernel
        entry, message = kernel.state.owed[item.txn], kernel.state.owed[item.txn].message
        queue.shelve(item)
        kernel.record(Shelved(txn=item.txn, at_us=kernel.wall_us(now), reason=reason, tries=item.tries, kind=kind))
        kernel.log(
            "error", "owed.dead_letter", txn=f"{item.txn:x}", host=host, kind=entry.kind, exception=kind,
            mti=message[DE.MTI], rrn=message.get(DE.RRN, ""), pan=entry.pan, amount=entry.amount, currency=entry.currency,
            original=f"{entry.original:x}", reason=reason, tries=item.tries, behind_it=len(item.followers),
            hint=f"nothing is dropped: it is kept until `cmi-switch saf retry {item.txn:x}`, or `cmi-switch exceptions resolve "
            f"{item.txn:x} --reason …`; see `cmi-switch exceptions list`",
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
        for host in self._serving():
            queue = self.queues[host.name]
            timer = queue.next_timer()
            if timer is not None:
                due.append(timer)
            if queue.ready and len(queue.in_flight) < owed_at_once(self._kernel.network, host.config):
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
                refused = kernel.state.shelved[txn].kind != UNDELIVERED
                kernel.record(Retried(txn=txn, at_us=kernel.wall_us(now)))
                if refused and entry is not None and entry.host in kernel.hosts:
                    self._renumber(kernel.hosts[entry.host], queue, item, now)
            item.failures = item.refusals = item.losses = 0
            queue.requeue(item)
            changed += 1
        for host in self._serving():
            self.pump(host, now)
        return changed

    def resolve(self, txn: int, reason: str, by: str, now: int) -> bool:
        """A person ends a dead letter: it is owed no more, and what waits behind it may go. False: there is no such one."""
        kernel = self._kernel
        entry = kernel.state.owed.get(txn)
        if entry is None or txn not in kernel.state.shelved:
            return False
        queue = self.queues[entry.host]
        queue.remove(queue.items[txn], entry)
        kernel.record(Resolved(txn=txn, at_us=kernel.wall_us(now), reason=reason, by=by))
        for host in self._serving():
            self.pump(host, now)
        return True

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


_CONFIRMED = (DE.RRN, DE.TERMINAL)
"""What the answer to something owed must have as that has it, if it has it at all."""


def _nothing_follows(entry: Owed, now: int) -> None:
    del entry, now


def _may_know_nothing(entry: Owed) -> bool:
    """True for a reversal of a request that its host is not known to have approved. What an acquirer reverses and nobody here
    knows was approved, for all that is known."""
    return entry.kind == REVERSAL and not entry.approved and bool(entry.original or not entry.key[ACQUIRER])


def _only_came_late(entry: Owed) -> bool:
    """True for the reversal of an approval that came after another one had been accepted: in most cases it only came late."""
    return entry.reason == LATE and not entry.approved


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
