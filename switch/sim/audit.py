"""What must hold, while a day goes on and when it has come to rest. Reads everything, changes nothing.

In: records as they become durable, states before and after a crash, the switch now and then, everyone's books at rest. Out:
failures, each a sentence with the payment it is about.
"""

import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from switch.core.limits import Limits
from switch.core.messages.meaning import left_of
from switch.core.network import HostLink
from switch.core.records.day_records import Cutover
from switch.core.records.fold import apply
from switch.core.records.lifecycle import Status, status_after
from switch.core.records.records import (
    ACQUIRER,
    LATE,
    REVERSAL,
    TERMINAL,
    Abandoned,
    Answered,
    AnyEntry,
    Declined,
    Delivered,
    Forwarded,
    Key,
    Owed,
    StoodIn,
)
from switch.core.records.standin_counters import WINDOW_US
from switch.core.records.state import State
from switch.core.switch import Switch
from switch.core.transactions.taken_back import posted
from switch.sim.dates import Dates
from switch.sim.own_books import disagreements
from switch.sim.ports import Surroundings, SwitchProcess
from switch.simulators.issuer import Issuer
from switch.simulators.network import CardNetwork
from switch.simulators.reconciliation import journal_rows, reconcile
from switch.wire.vocabulary import DE

_What = TypeVar("_What", Key, int)

ENOUGH = 20
"""failures; then a day is given up"""


class Failure(msgspec.Struct, frozen=True):
    """One thing that must not be."""

    sentence: str
    at_ms: int
    """virtual"""
    key: str = ""
    """of the payment (DE32/DE41/DE37), where it is about one"""


class Audit:
    """Keeps the books of one day as they must be, and compares."""

    def __init__(self, limits: Limits, hosts: Iterable[HostLink] = ()) -> None:
        """`hosts`: whose stand-in is held to its limits."""
        self.failures: list[Failure] = []
        self._limits = limits
        self._shadow = State(limits, open={}, owed={}, stans={}, horizons={})
        """fold of what is durable: what any switch that starts now must know"""
        self._folded = 0
        self._statuses: dict[int, Status] = {}
        self._forwarded: dict[Key, int] = {}
        self._promised: dict[Key, int] = {}
        self._reversals: dict[int, int] = {}
        """original -> the reversal that undoes it"""
        self._hosts = {host.name: host for host in hosts}
        self._stood: dict[bytes, list[tuple[int, int]]] = {}
        """card -> when and how much the switch has approved itself"""
        self._unadvised: dict[int, tuple[str, int]] = {}
        """advice -> host and amount"""
        self.said: Counter[int] = Counter()
        """transaction -> answers that the switch has given, delivered or not, since it started"""
        self._unheard: Counter[int] = Counter()
        self.payments: dict[int, str] = {}
        """transaction -> payment key, as the records say"""
        self.heard_late: dict[int, int] = {}
        """transactions whose late answer the switch has read -> the position by which it has recorded what it makes of it"""
        self.now = 0
        self._dates = Dates()

    @property
    def failed(self) -> bool:
        """True once enough is known."""
        return len(self.failures) >= ENOUGH

    def fail(self, sentence: str, now: int, key: str = "") -> None:
        """Note it."""
        self.failures.append(Failure(sentence, now // 1_000_000, key))

    def raised(self, error: Exception, now: int) -> None:
        """A party raised what it must not."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = frame.filename.rpartition("/switch/")[2]
        self.fail(f"{type(error).__name__} in {where}:{frame.lineno} ({frame.name}): {error}", now)

    # -- records

    def durable(self, entries: Sequence[AnyEntry], position: int) -> None:
        """Records up to `position` are on the disk: each must be a move of `lifecycle.MOVES`, and none may be made twice."""
        for n in range(self._folded, position):
            self._move(entries[n])
            if wrong := self._dates.fold(entries[n]):
                self.fail(wrong, self.now)
            apply(self._shadow, entries[n])
        self._folded = max(self._folded, position)

    def _move(self, entry: AnyEntry) -> None:
        if isinstance(entry, Forwarded | Owed):
            self.payments[entry.txn] = _key(entry)
        elif isinstance(entry, StoodIn):
            self.payments[entry.txn] = self.payments[entry.advice.txn] = _key(entry.request)
        try:
            self._move_status(entry)
        except ValueError as error:
            self.fail(f"journal: {error} ({entry!r:.200})", self.now, _key(entry))
        if isinstance(entry, Forwarded):
            self._once(self._forwarded, entry.key, entry.txn, "was forwarded twice", _key(entry))
        elif isinstance(entry, StoodIn):
            self._counted(entry)
            self._once(
                self._forwarded, entry.key, entry.txn, "was forwarded or stood in for twice", _key(entry.request)
            )
        elif isinstance(entry, Owed):
            if entry.key[ACQUIRER]:
                self._once(self._promised, entry.key, entry.txn, "was taken twice", _key(entry))
            whole = entry.kind == REVERSAL and entry.original and not left_of(entry.message)
            if whole and entry.reason != LATE:
                self._once(self._reversals, entry.original, entry.txn, "was reversed twice", _key(entry))
        elif isinstance(entry, Cutover):
            self._check_close(entry)
        elif isinstance(entry, Delivered):
            self._unadvised.pop(entry.txn, None)
            if entry.txn not in self._shadow.owed:
                self.fail(f"journal: {entry.txn:x} was delivered and not owed", self.now)

    def _check_close(self, entry: Cutover) -> None:
        """Windows follow one another, and each is closed once."""
        before = self._shadow.cutover
        ended, begins = (entry.closed, entry.ended), (entry.day, entry.window)
        follows = begins == (entry.closed, entry.ended + 1) or (entry.closed < entry.day and entry.window == 1)
        if not follows or (before is not None and (before.day, before.window) != ended):
            self.fail(f"journal: {ended} was closed for {begins}, on {before}", self.now)

    def _move_status(self, entry: AnyEntry) -> None:
        """Raises ValueError for a move that there is not. What an advice tells of has happened: it can be taken back."""
        if isinstance(entry, Forwarded | Declined | Answered | Abandoned | StoodIn):
            self._statuses[entry.txn] = status_after(self._statuses.get(entry.txn, Status.RECEIVED), entry)
        elif isinstance(entry, Owed) and entry.kind == "advice":
            self._statuses[entry.txn] = status_after(Status.RECEIVED, entry)
        elif isinstance(entry, Owed) and entry.original:
            before = self._statuses.get(entry.original, Status.RECEIVED)
            self._statuses[entry.original] = status_after(before, entry)

    def _counted(self, entry: StoodIn) -> None:
        """Stand-in keeps to its limits: counted here from the records alone."""
        request, host = entry.request, self._hosts[entry.request.host]
        rule = next(rule for rule in host.standin if rule.product == entry.product)
        past = self._stood.setdefault(entry.card, [])
        past.append((request.at_us, request.amount))
        amounts = [amount for at_us, amount in past if at_us > request.at_us - WINDOW_US]
        self._unadvised[entry.advice.txn] = (host.name, request.amount)
        if entry.card in self._shadow.hot_cards:
            self.fail(
                f"journal: {request.pan} was stood in for, and is on its issuer's stop list", self.now, _key(request)
            )
        self._bound(f"per_card_count of {rule.product}", len(amounts), rule.per_card_count)
        self._bound(f"per_card_amount of {rule.product}", sum(amounts), rule.per_card_amount)
        unadvised = sum(amount for name, amount in self._unadvised.values() if name == host.name)
        self._bound(f"standin_total of {host.name}", unadvised, host.standin_total)

    def _once(self, seen: dict[_What, int], what: _What, txn: int, said: str, key: str) -> None:
        first = seen.setdefault(what, txn)
        if first != txn:
            self.fail(f"{what} {said}: as {first:x} and as {txn:x}", self.now, key)

    # -- crashes

    def before_crash(self, node: SwitchProcess) -> None:
        """A switch whose every record is durable must hold what the records make."""
        self.said.clear()
        self._unheard.clear()
        if node.party is not None and node.party.position == node.disk.durable:
            self._same(node.party.state, "the running switch", "the fold of its records")

    def restarted(self, entries: Sequence[AnyEntry], state: State) -> None:
        """A new switch must know what was durable (the disk may have kept more)."""
        self.durable(entries, len(entries))
        self.heard_late = {txn: position for txn, position in self.heard_late.items() if position <= len(entries)}
        self._same(state, "the restarted switch", "the fold of what was durable")

    def host_restarted(self, before: Issuer, after: Issuer, now: int) -> None:
        """A host that is made again from its records must be what it was."""
        same = before.book() == after.book() and before.ledger.holdings.answers == after.ledger.holdings.answers
        if isinstance(before, CardNetwork) and isinstance(after, CardNetwork):
            same = (
                same
                and before.acquirer_records.book("") == after.acquirer_records.book("")
                and before.acquirer_records.open == after.acquirer_records.open
            )
        if not same:
            self.fail(f"host {before.name} and the fold of its records differ", now)

    def _same(self, state: State, whose: str, other: str) -> None:
        shadow = self._shadow
        for name in (
            "open",
            "owed",
            "stans",
            "shelved",
            "held",
            "standin_counters",
            "maintenance",
            "cutover",
            "unpriced",
            "hot_cards",
            "totals",
            "disputes",
        ):
            if getattr(state, name) != getattr(shadow, name):
                self.fail(f"{whose} and {other} differ in {name}", self.now)
        for key, outcome in state.recent.items():
            known = shadow.recent.get(key)
            if known is not None and known != outcome:
                self.fail(f"{whose} has {outcome!r:.120} where {other} has {known!r:.120}", self.now)

    # -- the running switch

    def note_undelivered(self, switch: Switch, txn: int) -> None:
        """The switch has been told that an answer of this transaction was not delivered."""
        self._unheard[txn] += 1
        if self._unheard[txn] < self.said[txn]:
            return
        for outcome in reversed(switch.state.recent.values()):
            if outcome.txn == txn:
                if outcome.approved:
                    key = self.payments.get(txn, "")
                    self.fail(f"the approval of {txn:x} was not delivered, and is not reversed", self.now, key)
                return

    def note_owed_sent(self, switch: Switch, txn: int) -> None:
        """Something owed goes to its host: whatever it was owed before, of the same payment, it must have acknowledged."""
        owed = switch.state.owed
        mine = owed.get(txn)
        key = _key(mine) if mine is not None else "/"
        if mine is None or key.endswith("/"):
            return
        for other, entry in owed.items():
            if other == txn:
                return
            if entry.host == mine.host and self.payments.get(other) == key:
                sentence = (
                    f"{mine.message[DE.MTI]} {txn:x} leaves for {mine.host} before {entry.message[DE.MTI]} {other:x}"
                )
                self.fail(f"{sentence} of the same payment is acknowledged", self.now, key)

    def look(self, switch: Switch, now: int) -> None:
        """Bounds and deadlines."""
        self.now = now
        limits, state = self._limits, switch.state
        waiting = 0
        for host in switch.hosts.values():
            waiting += len(host.pending)
            deadline = host.pending.deadline()
            if deadline is not None and deadline < now - 1_000_000:
                self.fail(f"a request to {host.name} is pending {(now - deadline) / 1e9:.3f} s after its deadline", now)
            self._bound(f"max_pending of {host.name}", len(host.pending), host.config.max_pending)
            self._bound("late_answers", len(host.pending._late), limits.late_answers)
        self._bound("pending", len(switch.pending), limits.pending)
        self._bound("recent_transactions", len(state.recent), limits.recent_transactions)
        for name, queue in switch.forwarder.queues.items():
            self._bound(f"owed_in_flight of {name}", len(queue.in_flight), limits.owed_in_flight)
            self._bound(f"owed_per_host of {name}", len(queue), limits.owed_per_host + limits.pending)
        if waiting != len(switch.pending) or len(state.open) != waiting:
            self.fail(
                f"the switch counts {len(switch.pending)} waiting in all, {waiting} by host and {len(state.open)} open",
                now,
            )

    def _bound(self, name: str, value: int, limit: int) -> None:
        if value > limit:
            self.fail(f"limit {name}={limit} is exceeded: {value}", self.now)

    # -- rest

    def _beyond_anyone(self, world: Surroundings) -> set[str]:
        """Payments that a host has taken after it had dealt with their reversal (forgotten, or answered 25), and whose approval
        never reached the switch: by no message could anyone else know. Reconciliation finds them."""
        heard = {self.payments.get(txn, "") for txn in self.heard_late}
        issuers = (world.nodes[name].party for name in world.hosts)
        beyond: set[str] = set()
        for issuer in issuers:
            if isinstance(issuer, Issuer):
                forgotten = issuer.forgotten - heard
                holds = issuer.ledger.holdings.increments
                beyond |= forgotten | {holds[key] for key in forgotten & holds.keys()}
        return beyond

    def _check_disputes(self) -> None:
        """Of no payment is more in dispute, or given back, than stands of it."""
        committed: Counter[int] = Counter()
        for dispute in self._shadow.disputes.last.values():
            committed[dispute.original] += dispute.amount if dispute.open else dispute.given_back
        stands = {outcome.txn: posted(outcome) for outcome in self._shadow.recent.values() if outcome.txn in committed}
        for txn, amount in committed.items():
            if amount > stands.get(txn, amount):
                self.fail(f"{amount} of {txn:x} is in dispute, and {stands[txn]} of it stand", self.now)

    def at_rest(self, world: Surroundings) -> None:
        """Everyone's books, compared."""
        self.now = world.clock.now
        node = world.switch
        self.before_crash(node)
        entries = node.disk.entries[: node.disk.durable]
        issuers = [n.party.book() for n in map(world.nodes.__getitem__, world.hosts) if n.party is not None]  # type: ignore[attr-defined]  # hosts are Issuers
        differences = reconcile(
            [t.book() for t in world.terminals], [n.abroad_book() for n in world.networks], issuers, journal_rows(entries),
            declines_lost=bool(node.crashes or node.failures or node.events["limit.reached"]),
        )  # fmt: skip
        for node_of in map(world.nodes.__getitem__, world.hosts):
            if isinstance(node_of.party, Issuer) and node_of.party.days_closed and self._shadow.cutover is None:
                self.fail(f"{node_of.name} was told that the day is closed, and the journal has no cutover", self.now)
        self._check_disputes()
        for sentence in world.claims.disagreements(entries, world.cast.network.currency):
            self.fail(sentence, self.now)
        beyond = self._beyond_anyone(world)
        for sentence in () if beyond else disagreements(world, self._shadow.totals):
            self.fail(sentence, self.now)
        for difference in differences:
            if difference.key not in beyond:
                self.fail(difference.sentence, self.now, difference.key)
        for terminal in world.terminals:
            for sentence in (*terminal.contradictions, *self._dates.differing(terminal.name, terminal.dated)):
                self.fail(sentence, self.now)
        if node.party is not None:
            self.look(node.party, self.now)
            live = set(node.ends)
            if node.party.sessions.keys() != live:
                self.fail(f"sessions without a connection: {sorted(node.party.sessions.keys() ^ live)}", self.now)


def _key(entry: AnyEntry) -> str:
    """The payment key of an entry, as far as it says."""
    if isinstance(entry, Forwarded):
        return f"{entry.elements.get(DE.ACQUIRER, '')}/{entry.key[TERMINAL].strip()}/{entry.elements.get(DE.RRN, '')}"
    if isinstance(entry, Owed):
        message = entry.message
        return f"{message.get(DE.ACQUIRER, '')}/{message.get(DE.TERMINAL, '').strip()}/{message.get(DE.RRN, '')}"
    return ""
