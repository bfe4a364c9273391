"""The switch, broken on purpose: each mutant drops a promise, or a row of the table of what is durable before what leaves."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest

from switch.core.kernel import Kernel
from switch.core.links import awaited, pending
from switch.core.network import Network
from switch.core.records import day_records, fold, records, snapshots, standin_counters
from switch.core.records.outcomes import History, Outcome
from switch.core.records.records import Booted
from switch.core.records.state import State
from switch.core.records.windows import name_of
from switch.core.saf import forwarder, queue
from switch.core.switch import Switch
from switch.core.transactions import duplicates, incoming, payments, replies, reversals, standin, transaction
from switch.security.vault import Vault
from switch.wire import Dialect

Break = Callable[[pytest.MonkeyPatch], Any]


def _replying(module: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Break:
    """Change how a flow's answers leave."""

    said = replies.reply

    def apply(patch: pytest.MonkeyPatch) -> None:
        def reply(*arguments: Any, **options: Any) -> None:
            said(*arguments, **change(options))

        patch.setattr(module, "reply", reply)

    return apply


def approval_leaves_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    _replying(payments, lambda o: {**o, "after": 0} if o.get("txn") else o)(patch)


def timeout_is_said_before_its_reversal_is_durable(patch: pytest.MonkeyPatch) -> None:
    _replying(payments, lambda o: o if o.get("txn") else {**o, "after": 0})(patch)


def reversal_is_acknowledged_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    _replying(replies, lambda o: {**o, "after": 0})(patch)


def repeat_is_answered_before_what_it_says_is_durable(patch: pytest.MonkeyPatch) -> None:
    _replying(duplicates, lambda o: {**o, "after": 0})(patch)


def reversal_leaves_before_it_is_durable_and_is_forgotten_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    add = queue.Queue.add

    def fresh_only(self: queue.Queue, entry: records.Owed, position: int, *, dead: bool = False) -> None:
        if position:
            add(self, entry, 0, dead=dead)

    patch.setattr(queue.Queue, "add", fresh_only)


def forwarded_is_not_reversed_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    def started(self: Switch, now: int) -> None:
        self.record(Booted(at_us=self.wall_us(now), schema=records.SCHEMA, network=self.network.name))

    patch.setattr(Switch, "started", started)


def repeat_is_forwarded_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payments, "answer_again", lambda kernel, message: False)


def repeat_of_a_reversal_is_taken_again(patch: pytest.MonkeyPatch) -> None:
    handle = reversals.Reversals._handle

    def forgetful(self: reversals.Reversals, message: incoming.Incoming, *, advice: bool) -> None:
        self._kernel.state.recent.pop(message.key, None)
        handle(self, message, advice=advice)

    patch.setattr(reversals.Reversals, "_handle", forgetful)


def approved_is_reversed_twice(patch: pytest.MonkeyPatch) -> None:
    def approved(self: Outcome) -> bool:
        return bool(self.packed)

    patch.setattr(Outcome, "approved", property(approved))


def answers_are_matched_on_stan_alone(patch: pytest.MonkeyPatch) -> None:
    def match(self: pending.PendingTable, key: awaited.AnswerKey, document: Any) -> awaited.Pending | None:
        return next((self.take(other) for other in self.waiting if other[1] == key[1]), None)

    patch.setattr(pending.PendingTable, "match", match)


def answers_are_matched_without_looking_at_the_payment(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pending.PendingTable, "match", lambda self, key, document: self.take(key))


def acquirers_messages_are_told_apart_without_their_terminal(patch: pytest.MonkeyPatch) -> None:
    def take(*arguments: Any) -> incoming.Incoming:
        message = transaction.take(*arguments)
        message.key = (*message.key[:5], "")
        return message

    patch.setattr(payments, "take", take)
    patch.setattr(reversals, "take", take)


def undelivered_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Switch, "undelivered", lambda self, link, txn, now: None)


def nothing_times_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pending.PendingTable, "expired", lambda self, now: [])


def reversal_is_never_repeated(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queue.Queue, "_wake", lambda self, item, at: None)


def later_messages_of_a_transaction_overtake(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(queue, "names_of", lambda entry: iter((entry.txn,)))


def dead_letter_lets_those_behind_it_go(patch: pytest.MonkeyPatch) -> None:
    kill = queue.Queue.shelve

    def freeing(self: queue.Queue, item: queue.Item) -> None:
        kill(self, item)
        for follower in item.followers:
            follower.behind -= 1
            self._make_ready(follower)
        item.followers = ()

    patch.setattr(queue.Queue, "shelve", freeing)


def dead_letter_is_dropped(patch: pytest.MonkeyPatch) -> None:
    def shelved(state: State, record: records.Shelved) -> None:
        state.owed.pop(record.txn, None)

    patch.setitem(fold._APPLY, records.Shelved, shelved)


def original_that_its_reversal_overtook_is_forwarded(patch: pytest.MonkeyPatch) -> None:
    owe = forwarder.Forwarder.owe

    def forgetful(self: forwarder.Forwarder, entry: records.Owed, now: int) -> int:
        return owe(self, msgspec.structs.replace(entry, undoes=None) if not entry.original else entry, now)

    patch.setattr(forwarder.Forwarder, "owe", forgetful)
    patch.setattr(reversals.Reversals, "_refuse_original", lambda self, message, key: None)


def reversal_refused_for_the_moment_is_refused_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reversals, "OF_THE_MOMENT", frozenset())


def memory_is_never_let_go(patch: pytest.MonkeyPatch) -> None:
    def remember(state: State, outcome: Outcome) -> None:
        state.recent[outcome.key] = outcome

    patch.setattr(fold, "_remember", remember)


def memory_forgets_what_the_journal_does_not_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Switch, "journal_full", lambda self: "")


def snapshot_forgets_what_is_owed(patch: pytest.MonkeyPatch) -> None:
    snapshot = records.Snapshot

    def forgetful(**members: Any) -> records.Snapshot:
        return msgspec.structs.replace(snapshot(**members), owed=())

    patch.setattr(snapshots, "Snapshot", forgetful)


def stand_in_is_said_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    _replying(standin, lambda o: {**o, "after": 0})(patch)


def stand_in_is_not_told_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    def stood_in(state: State, r: records.StoodIn) -> None:
        fold._forwarded(state, r.request)
        fold._answered(state, r.answer)
        state.last_txn = r.advice.txn
        state.standin_counters.count(
            standin_counters.Stood(txn=r.txn, at_us=r.request.at_us, card=r.card, amount=r.request.amount),
            r.request.host,
        )

    patch.setitem(fold._APPLY, records.StoodIn, stood_in)
    patch.setattr(forwarder.Forwarder, "enqueue", lambda self, entry, position, now: None)


def stand_in_asks_no_stop_list(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standin, "listed_reason", lambda kernel, pan: "")


def stand_in_counts_no_card(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standin_counters.StandInCounters, "of_card", lambda self, card, now_us: (0, 0))


def stand_in_is_not_counted_over_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(standin_counters.StandInCounters, "of", classmethod(lambda cls, window, unadvised: cls()))


def partial_reversal_takes_back_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reversals, "remaining", lambda message: 0)


class Forgetful(Switch):
    """Begins without the keys of what it has answered."""

    def __init__(
        self,
        network: Network,
        dialects: Mapping[str, Dialect],
        state: State,
        position: int,
        vault: Vault,
        history: History,
    ) -> None:
        state.recent.clear()
        state.horizons.clear()
        super().__init__(network, dialects, state, position, vault, history)


def close_of_a_day_is_said_and_not_recorded(patch: pytest.MonkeyPatch) -> None:
    record = Kernel.record

    def forgetful(self: Kernel, entry: Any) -> int:
        return self.position if isinstance(entry, day_records.Cutover) else record(self, entry)

    patch.setattr(Kernel, "record", forgetful)


def repeat_is_answered_with_the_day_that_it_is(patch: pytest.MonkeyPatch) -> None:
    _replying(duplicates, lambda o: {**o, "window": None})(patch)


def outcome_is_in_the_window_that_its_day_began_with(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Kernel, "window", lambda self, now: name_of(self.business_day(now), 1))
