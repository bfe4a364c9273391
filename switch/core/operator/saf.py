"""An operator's commands on what is owed to hosts: what there is, send it again, hold it back.

Payments come first: what one command shows or puts back is bounded, however much is owed.
"""

from collections.abc import Iterator
from itertools import chain, islice

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.session import HostState
from switch.core.operator.command import Arguments, Command, Named, Unable, rows_shown, unknown
from switch.core.operator.errors import ErrorCode
from switch.core.saf.forwarder import Forwarder
from switch.core.saf.queue import Item, Stage
from switch.wire.vocabulary import DE

RETRIES_MAX = 1_000
"""put back by one command: each dead letter is a record, and the journal has payments to keep"""


class ListArguments(Arguments, frozen=True):
    """What to show, oldest first."""

    host: str = ""
    """"": every host's"""
    dead: bool = False
    """only dead letters"""
    limit: int = 50
    """0: as many as one command may show"""


class HoldArguments(Named, frozen=True):
    """A host, and why, for the logs."""

    reason: str = ""


class RetryArguments(Arguments, frozen=True):
    """What to send again: one of the first three."""

    txns: tuple[str, ...] = ()
    """as lists show them: hexadecimal"""
    host: str = ""
    """all of this host's that are dead or back off"""
    all: bool = False
    """the same, of every host"""
    reason: str = ""
    """why, for the logs"""


class OwedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One message that is owed."""

    txn: str
    host: str
    kind: str
    """`reversal` or `advice`"""
    reason: str
    """why it is owed: `timeout`, `acquirer` …"""
    mti: str
    amount: int
    """minor units of `currency`"""
    currency: str
    """ISO 4217 numeric"""
    pan: str
    """masked"""
    rrn: str
    original: str
    """what it undoes or follows; "": unknown"""
    age_s: int
    tries: int
    """since the switch started; of a dead letter, when it was given up"""
    state: str
    """`waiting`, `in flight`, `backing off`, `behind` (another of its transaction), `held`, `dead`"""
    behind: str
    """which one; "" where it is behind none"""
    next_ms: int | None
    """until it is sent again; None: nobody can say"""
    note: str
    """why it does not move"""


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One host's queue."""

    host: str
    up: bool
    held: bool
    owed: int
    in_flight: int
    backing_off: int
    dead: int


class SafList(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed."""

    hosts: tuple[QueueRow, ...]
    items: tuple[OwedRow, ...]
    left_out: int
    """more that were asked for and are not shown"""


class RetryResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a retry has done."""

    retried: int
    left: int
    """still dead or backing off, of what was asked for: ask again"""
    held: tuple[str, ...]
    """hosts among them that are held"""
    away: tuple[str, ...]
    """hosts among them that are away"""


class HoldResult(msgspec.Struct, frozen=True, kw_only=True):
    """A host, held or released."""

    host: str
    held: bool
    changed: bool
    """False: it was so already"""
    owed: int


class SafCommands:
    """`saf.…`"""

    def __init__(self, kernel: Kernel, forwarder: Forwarder) -> None:
        self._kernel = kernel
        self._forwarder = forwarder

    def table(self) -> dict[str, Command]:
        """By name."""
        return {
            "saf.list": Command(ListArguments, self.show, changes=False),
            "saf.retry": Command(RetryArguments, self.retry),
            "saf.hold": Command(HoldArguments, lambda given, now: self._hold(given.name, now, held=True)),
            "saf.release": Command(HoldArguments, lambda given, now: self._hold(given.name, now, held=False)),
        }

    def _hosts(self, name: str) -> list[str]:
        """Of the network file, and those that left it and are still owed something. Raises Unable."""
        queues = self._forwarder.queues
        if not name:
            return list(queues)
        if name not in queues:
            raise unknown("host", name, queues)
        return [name]

    # -- look

    def show(self, given: ListArguments, now: int) -> SafList:
        """What is owed, oldest first."""
        names = self._hosts(given.host)
        queues = self._forwarder.queues
        limit = rows_shown(given.limit)
        if given.dead:
            shelved = self._kernel.state.shelved
            found: Iterator[tuple[str, Item]] = (
                (name, item) for name in names for txn in shelved if (item := queues[name].items.get(txn)) is not None
            )
            whole = sum(queues[name].dead for name in names)
        else:
            found = ((name, item) for name in names for item in queues[name].items.values())
            whole = sum(len(queues[name]) for name in names)
        rows = tuple(self._row(name, item, now) for name, item in islice(found, limit))
        return SafList(hosts=tuple(self._queue(name) for name in names), items=rows, left_out=whole - len(rows))

    def _queue(self, name: str) -> QueueRow:
        queue, host = self._forwarder.queues[name], self._kernel.hosts.get(name)
        up = host is not None and host.up is not None
        held = name in self._kernel.state.held
        return QueueRow(
            host=name,
            up=up,
            held=held,
            owed=len(queue),
            in_flight=len(queue.in_flight),
            backing_off=len(queue.asleep),
            dead=queue.dead,
        )

    def _row(self, name: str, item: Item, now: int) -> OwedRow:
        kernel = self._kernel
        entry, shelved = kernel.state.owed[item.txn], kernel.state.shelved.get(item.txn)
        state, note, due_ns = self._standing(name, item)
        return OwedRow(
            txn=f"{item.txn:x}", host=name, kind=entry.kind, reason=entry.reason, mti=entry.message[DE.MTI],
            amount=entry.amount, currency=entry.currency, pan=entry.pan, rrn=entry.message.get(DE.RRN, ""),
            original=f"{entry.original:x}" if entry.original else "",
            age_s=max(0, kernel.wall_us(now) - entry.at_us) // 1_000_000,
            tries=max(item.tries, shelved.tries if shelved is not None else 0),
            state=state, behind=f"{item.after:x}" if item.behind else "",
            next_ms=None if due_ns is None else max(0, due_ns - now) // 1_000_000,
            note=shelved.reason if shelved is not None else note,
        )  # fmt: skip

    def _standing(self, name: str, item: Item) -> tuple[str, str, int | None]:
        """State, why it does not move, and when it next does."""
        kernel = self._kernel
        host = kernel.hosts.get(name)
        if item.stage is Stage.DEAD:
            return item.stage.value, "", None
        if host is None:
            return "held", "its host has left the network file; put it back", None
        if name in kernel.state.held and item.stage is not Stage.IN_FLIGHT:
            return "held", "by an operator", None
        if host.up is None:
            return item.stage.value, "its host is away", None
        if item.stage is Stage.BEHIND:
            return item.stage.value, "in order within its transaction", None
        if item.stage is Stage.READY:
            return item.stage.value, "", self._forwarder.queues[name].may_leave_at(0)
        return item.stage.value, "", item.due_ns

    # -- change

    def retry(self, given: RetryArguments, now: int) -> RetryResult:
        """Send again now what is dead or backs off. Raises Unable."""
        if bool(given.txns) + bool(given.host) + given.all != 1:
            raise Unable(
                "one thing is retried: transactions, all of a host, or all",
                "txns, host or all: one of them",
                code=ErrorCode.COMMAND_ARGUMENTS,
            )
        if given.txns:
            txns = [self._parse_txn(text) for text in given.txns]
            names = sorted({self._kernel.state.owed[txn].host for txn in txns})
            return self._put_back(iter(txns), 0, names, now)
        names = [
            name for name in self._hosts(given.host) if name in self._kernel.hosts and self._forwarder.queues[name]
        ]
        queues = [self._forwarder.queues[name] for name in names]
        shelved = (txn for txn in self._kernel.state.shelved if any(txn in queue.items for queue in queues))
        asleep = chain.from_iterable(queue.asleep for queue in queues)
        left = sum(queue.dead + len(queue.asleep) for queue in queues)
        return self._put_back(chain(shelved, asleep), left, names, now)

    def _put_back(self, txns: Iterator[int], left: int, names: list[str], now: int) -> RetryResult:
        kernel = self._kernel
        retried = self._forwarder.retry(list(islice(txns, RETRIES_MAX)), now)
        away = tuple(name for name in names if (host := kernel.hosts.get(name)) is not None and host.up is None)
        return RetryResult(
            retried=retried,
            left=max(0, left - retried),
            held=tuple(n for n in names if n in kernel.state.held),
            away=away,
        )

    def _parse_txn(self, text: str) -> int:
        """A transaction by its name. Raises Unable."""
        try:
            txn = int(text, 16)
        except ValueError:
            raise Unable(
                f"{text} is no transaction: hexadecimal digits",
                "as `cmi-switch saf list` shows them",
                code=ErrorCode.TXN_UNREADABLE,
            ) from None
        entry = self._kernel.state.owed.get(txn)
        if entry is None:
            hint = f"acknowledged meanwhile? `cmi-switch journal show {txn:x}` tells"
            raise Unable(f"nothing is owed as {txn:x}", hint, code=ErrorCode.TXN_NOT_OWED)
        if entry.host not in self._kernel.hosts:
            raise Unable(
                f"{txn:x} is owed to {entry.host}, which has left the network file",
                "put the host back",
                code=ErrorCode.HOST_GONE,
            )
        return txn

    def _hold(self, name: str, now: int, *, held: bool) -> HoldResult:
        host: HostState | None = self._kernel.hosts.get(name)
        if host is None:
            raise unknown("host", name, self._kernel.hosts)
        changed = self._forwarder.hold(host, now, held=held)
        return HoldResult(host=name, held=held, changed=changed, owed=len(self._forwarder.queues[name]))
