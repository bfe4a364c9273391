"""Store-and-forward: what must arrive does.

Theory of operation. An `Owed` record is the promise; it is in the journal before anything of it leaves. Each host has its own
queue, so that one that is away delays no other. An item is sent, and repeated (x1) with back-off until the host acknowledges
it; an item that is never answered does not hold up those behind it. `Delivered` ends it. After a restart the queue is rebuilt
from the state, and everything in it is sent again: the host knows repeats.
"""

import heapq
from collections import deque

import msgspec

from switch.core.kernel import Kernel
from switch.core.links import HostState
from switch.core.party import Hop
from switch.core.pending import AnswerKey
from switch.core.records import Delivered, Owed
from switch.wire import EncodeError
from switch.wire.vocabulary import DE, Answer, Document, response_mti

NOT_YET = frozenset({Answer.ISSUER_INOPERATIVE, Answer.MALFUNCTION})
"""Answers that say "not now": the item stays owed. Every other answer means that the host has it."""
BACKOFF_DOUBLINGS_MAX = 5


class Item(msgspec.Struct):
    """One thing owed, as far as this process has come with it."""

    txn: int
    position: int
    """of its `Owed` record; 0 when it was durable before this process began"""
    answer_key: AnswerKey
    tries: int = 0
    first_ns: int = 0
    due_ns: int = 0


class Queue:
    """What one host is owed."""

    def __init__(self) -> None:
        self.fresh: deque[Item] = deque()
        self.in_flight: dict[AnswerKey, Item] = {}
        self.repeats: list[tuple[int, int]] = []
        """heap of (due, txn) of those in flight"""
        self.items: dict[int, Item] = {}

    def __len__(self) -> int:
        return len(self.items)


class Forwarder:
    """The queues of all hosts."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.queues: dict[str, Queue] = {name: Queue() for name in kernel.hosts}
        for entry in kernel.state.owed.values():
            self._enqueue(entry, 0)

    def _enqueue(self, entry: Owed, position: int) -> None:
        queue = self.queues.setdefault(entry.host, Queue())
        message = entry.message
        key = (message[DE.MTI][1], message[DE.STAN], message[DE.TRANSMISSION_TIME])
        item = Item(entry.txn, position, key)
        queue.items[entry.txn] = item
        queue.fresh.append(item)

    def full(self, host: str) -> bool:
        """True when no more may be owed to this host (`limits.owed_per_host`)."""
        return len(self.queues[host]) >= self._kernel.limits.owed_per_host

    def owe(self, entry: Owed, now: int) -> int:
        """Record the promise and send it as soon as it is durable. Returns the record's position."""
        position = self._kernel.record(entry)
        self._enqueue(entry, position)
        self.pump(self._kernel.hosts[entry.host], now)
        return position

    def pump(self, host: HostState, now: int) -> None:
        """Send what waits and may go: the host is up, and not too much is in flight."""
        queue = self.queues[host.name]
        room = self._kernel.limits.owed_in_flight - len(queue.in_flight)
        while room > 0 and queue.fresh and host.up is not None:
            self._send(host, queue, queue.fresh.popleft(), now)
            room -= 1

    def _send(self, host: HostState, queue: Queue, item: Item, now: int) -> None:
        kernel, session = self._kernel, host.up
        assert session is not None
        entry = kernel.state.owed[item.txn]
        document: Document = {**entry.message, DE.PAN: kernel.vault.open(entry.sealed)}
        if item.tries:
            document[DE.MTI] = entry.message[DE.MTI][:3] + "1"
        delay_ms = host.config.retry_ms << min(item.tries, BACKOFF_DOUBLINGS_MAX)
        item.tries += 1
        item.first_ns = item.first_ns or now
        item.due_ns = now + delay_ms * 1_000_000
        queue.in_flight[item.answer_key] = item
        heapq.heappush(queue.repeats, (item.due_ns, item.txn))
        hop = _hop("hop.sent", entry, document[DE.MTI], session.link, host.route, "", now, item)
        try:
            kernel.transmit(session, document, after=item.position, hop=hop)
        except EncodeError as error:
            kernel.log(
                "error", "owed.unspeakable", txn=f"{item.txn:x}", host=host.name, reason=str(error),
                hint="it stays owed; mend the dialect of this host and restart",
            )  # fmt: skip

    def acknowledged(self, host: HostState, key: AnswerKey, document: Document, now: int) -> bool:
        """An answer of class 1, 2 or 4 came: True if it was for something owed, which is then settled (or repeated later)."""
        queue = self.queues[host.name]
        item = queue.in_flight.get(key)
        if item is None:
            return False
        kernel = self._kernel
        entry = kernel.state.owed[item.txn]
        de39 = document.get(DE.RESPONSE_CODE, "")
        session = host.up
        link = session.link if session is not None else host.name
        kernel.effects.append(_hop("hop.received", entry, document[DE.MTI], link, host.route, de39, now, item))
        if de39 in NOT_YET:
            kernel.log("warning", "owed.refused", txn=f"{item.txn:x}", host=host.name, de39=de39, tries=item.tries,
                       next_attempt_ms=(item.due_ns - now) // 1_000_000)  # fmt: skip
            return True
        del queue.in_flight[key], queue.items[item.txn]
        kernel.record(Delivered(item.txn, kernel.wall_us(now), de39))
        kernel.log("info" if de39 == Answer.APPROVED else "warning", f"{entry.kind}.delivered", txn=f"{item.txn:x}",
                   original=f"{entry.original:x}", host=host.name, de39=de39, tries=item.tries)  # fmt: skip
        self.pump(host, now)
        return True

    def host_up(self, host: HostState, now: int) -> None:
        """The host is (again) there: what was in flight on its old connection goes first, as repeats."""
        queue = self.queues[host.name]
        again = list(queue.in_flight.values())
        queue.in_flight.clear()
        queue.repeats.clear()
        queue.fresh.extendleft(reversed(again))
        self.pump(host, now)

    def tick(self, now: int) -> None:
        """Repeat what is due, at hosts that are up."""
        for name, queue in self.queues.items():
            host = self._kernel.hosts.get(name)
            if host is None or host.up is None:
                continue
            while queue.repeats and queue.repeats[0][0] <= now:
                _, txn = heapq.heappop(queue.repeats)
                item = queue.items.get(txn)
                if item is not None and item.due_ns <= now:
                    self._send(host, queue, item, now)
            self.pump(host, now)

    def deadline(self) -> int | None:
        """When the next repeat is due, over hosts that are up."""
        due = [
            q.repeats[0][0] for n, q in self.queues.items() if q.repeats and (h := self._kernel.hosts.get(n)) and h.up
        ]
        return min(due) if due else None

    def in_flight(self) -> int:
        """Items sent and awaiting their acknowledgement, over all hosts."""
        return sum(len(queue.in_flight) for queue in self.queues.values())


def _hop(event: str, entry: Owed, mti: str, link: str, route: str, de39: str, now: int, item: Item) -> Hop:
    message = entry.message
    why = f"{entry.kind}: {entry.reason}"
    if entry.original:
        why += f", of {entry.original:x}"
    if item.tries > 1:
        why += f", attempt {item.tries}"
    return Hop(
        event, entry.txn, link, mti if event == "hop.sent" else response_mti(entry.message[DE.MTI]), message[DE.STAN],
        message.get(DE.RRN, ""), entry.pan, entry.amount, entry.currency, route, de39, 0, now,
        item.first_ns, why,
    )  # fmt: skip
