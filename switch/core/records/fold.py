"""`apply(state, record)`: the only place where the switch's durable state changes.

A flow decides; `apply` remembers. The state is the fold of the journal's records, so that a restart runs the same code as the
day before did.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from switch.core.limits import Limits
from switch.core.messages.meaning import left_of
from switch.core.records.batch_records import BatchClosed, Batched, BatchUploaded
from switch.core.records.day_records import Cutover, Reconciled
from switch.core.records.devices import ChipCounted, DeviceCounted
from switch.core.records.disputes import Disputed, Disputes
from switch.core.records.horizon import move_horizon
from switch.core.records.merchant_charges import Charged, MerchantCharges
from switch.core.records.outcomes import Outcome, outcome_of
from switch.core.records.prices import UNPRICED, Priced
from switch.core.records.records import (
    ACQUIRER,
    ADVICE,
    ENCODER,
    MTI_CLASS,
    NOTHING,
    REVERSAL,
    TAKEN,
    TRANSMISSION_TIME,
    Abandoned,
    Answered,
    AnyEntry,
    Booted,
    Declined,
    Delivered,
    Excepted,
    Forwarded,
    Held,
    HoldName,
    LateApproval,
    Maintained,
    Owed,
    Renumbered,
    Resolved,
    Retried,
    Shelved,
    Snapshot,
    StoodIn,
    Watched,
)
from switch.core.records.standin_counters import STAND_IN, StandInCounters, Stood
from switch.core.records.state import State
from switch.core.records.stop_lists import HotListed
from switch.core.records.windows import name_of, parts_of
from switch.money.fees import add_up
from switch.wire.vocabulary import ADVICES, APPROVALS, DE, MTI, Answer, request_of


def _remember(state: State, outcome: Outcome, *, named: bool = False) -> None:
    """Put an outcome in `recent`; the oldest leaves for History, and its acquirer's horizon moves up to it."""
    recent = state.recent
    recent[outcome.key] = outcome
    if not named:
        state.names.add(outcome.key, outcome.rrn)
    if len(recent) > state.limits.recent_transactions:
        _forget_oldest(state)


def _forget_oldest(state: State) -> None:
    _, gone = state.recent.popitem(last=False)
    state.names.discard(gone.key, gone.rrn)
    move_horizon(state.horizons, gone.key[ACQUIRER], gone.key[TRANSMISSION_TIME], gone.at_us)


def remember_all(state: State, outcomes: Iterable[Outcome]) -> None:
    """From now on memory holds these, oldest first, and no others."""
    state.recent.clear()
    state.recent.update((outcome.key, outcome) for outcome in outcomes)
    rename(state)


def rename(state: State) -> None:
    """Names anew, of what is open and recent."""
    state.names.clear()
    for outcome in state.recent.values():
        state.names.add(outcome.key, outcome.rrn)
    for request in state.open.values():
        state.names.add(request.key, request.elements.get(DE.RRN, ""))


def limit(state: State, limits: Limits) -> None:
    """From now on other limits hold; what memory has beyond them is History's."""
    state.limits = limits
    state.totals.keep = limits.totals_days
    while len(state.recent) > limits.recent_transactions:
        _forget_oldest(state)


def _forwarded(state: State, r: Forwarded) -> None:
    state.last_txn = r.txn
    state.open[r.txn] = r
    state.names.add(r.key, r.elements.get(DE.RRN, ""))
    state.stans[r.host] = int(r.stan)


def _answered(state: State, r: Answered) -> None:
    request = state.open.pop(r.txn)
    outcome = outcome_of(request, r.de39, r.elements, 0, r.priced, r.window)
    _remember(state, outcome, named=True)
    if r.de39 not in APPROVALS:
        return
    state.totals.approve(request, r, r.window or state.window_at(r.at_us))
    if r.priced is not None and r.priced.unpriced:
        _leave_unpriced(state, request, r.priced, outcome.authorized)
    if request.hold is not None:
        _add(state, request.hold, outcome.authorized)
    if request.gives_back is not None:
        _give_back(state, request.gives_back, outcome.authorized)


def _give_back(state: State, payment: HoldName, amount: int) -> None:
    """A refund of a payment is approved, or (below 0) taken back."""
    outcome = state.recent.get(payment.key)
    if outcome is not None and outcome.txn == payment.txn:
        state.recent[payment.key] = msgspec.structs.replace(outcome, refunded=outcome.refunded + amount)


def _leave_unpriced(state: State, of: Forwarded | Owed, priced: Priced, amount: int) -> None:
    """Nobody knows what it costs: an item of the list of exceptions."""
    elements = of.elements if isinstance(of, Forwarded) else of.message
    if len(state.unpriced) < state.limits.exceptions:
        state.unpriced[of.txn] = Excepted(
            txn=of.txn,
            at_us=of.at_us,
            kind=UNPRICED,
            reason=priced.unpriced,
            host=of.host,
            link=of.link,
            pan=of.pan,
            amount=amount,
            currency=of.currency,
            rrn=elements.get(DE.RRN, ""),
        )


def _declined(state: State, r: Declined) -> None:
    state.last_txn = max(state.last_txn, r.txn)
    undone = 0 if r.came else r.txn
    _remember(
        state,
        Outcome(
            txn=r.txn, key=r.key, mti=r.mti, de39=r.de39, packed=b"", rrn=r.rrn, reversed_by=undone, window=r.window
        ),
    )


def _abandoned(state: State, r: Abandoned) -> None:
    request = state.open.pop(r.txn)
    rrn = request.elements.get(DE.RRN, "")
    _remember(
        state,
        Outcome(txn=r.txn, key=request.key, mti=request.mti, de39=r.de39, packed=b"", rrn=rrn, window=r.window),
    )


_OF_THE_ADVICE: Final = frozenset({DE.MTI, DE.TRANSMISSION_TIME, DE.STAN, DE.FORWARDER, DE.RESPONSE_CODE, DE.ORIGINAL})


def _as_request(r: Owed) -> Forwarded:
    """An advice as a request that its host has been told: what a reversal of it names, and repeats of it."""
    message = r.message
    elements = {de: value for de, value in message.items() if de not in _OF_THE_ADVICE}
    return Forwarded(
        txn=r.txn,
        at_us=r.at_us,
        key=r.key,
        link=r.link,
        host=r.host,
        route="",
        mti=message[DE.MTI],
        stan=message[DE.STAN],
        sent_at=message[DE.TRANSMISSION_TIME],
        pan=r.pan,
        sealed=r.sealed,
        amount=r.amount,
        currency=r.currency,
        elements=elements,
        hold=HoldName(txn=r.original, key=r.undoes) if r.original and r.undoes is not None else None,
    )


def _owed(state: State, r: Owed) -> None:
    """A reversal closes what it undoes: an open original ends as 91, an approved one as reversed, or less of it stands. One that
    was here first ends its original as 91 too, so that it is refused if it comes. After a completion or a tip its own amount
    stands."""
    state.last_txn = max(state.last_txn, r.txn)
    state.owed[r.txn] = r
    state.stans[r.host] = int(r.message[DE.STAN])
    if r.returned:
        state.disputes.restate(r.returned_by, r.returned)
    if r.posts:
        state.totals.follow(r, r.window or state.window_at(r.at_us), state.window_since_us(r.at_us))
    if r.key[ACQUIRER]:
        told = r.kind == ADVICE and r.message.get(DE.RESPONSE_CODE, Answer.APPROVED) in APPROVALS
        _remember(
            state,
            outcome_of(_as_request(r), Answer.APPROVED, {}, 0, r.own_price, r.window)
            if told
            else Outcome(
                txn=r.txn, key=r.key, mti=r.message[DE.MTI], de39=Answer.APPROVED, packed=b"", window=r.window
            ),
        )
    if r.kind != REVERSAL:
        if r.priced is not None and r.priced.unpriced:
            _leave_unpriced(state, r, r.priced, r.amount)
        if r.undoes is not None and r.message[DE.MTI][1] == MTI.FINANCIAL:
            _complete(state, r)
        return
    if not r.original:
        if r.undoes is not None:
            _remember(
                state,
                Outcome(
                    txn=r.txn,
                    key=r.undoes,
                    mti=request_of(r.undoes[MTI_CLASS]),
                    de39=Answer.ISSUER_INOPERATIVE,
                    packed=b"",
                    rrn=r.message.get(DE.RRN, ""),
                    reversed_by=r.txn,
                    window=r.window,
                ),
            )
        return
    request = state.open.pop(r.original, None)
    if request is not None:
        _remember(state, outcome_of(request, Answer.ISSUER_INOPERATIVE, {}, r.txn, window=r.window))
        _watch(state, request, r.txn, r.at_us)
        return
    watched = state.watched.get(r.host, {})
    if r.original in watched:
        watched[r.original] = Watched(request=watched[r.original].request, reversal=r.txn)
    _take_back(state, r)


def _take_back(state: State, r: Owed) -> None:
    """Less of a payment stands, or nothing. Of a completion or a tip, DE95 says what stands of the payment that it follows."""
    left = left_of(r.message)
    if not left:
        state.unpriced.pop(r.original, None)
    change = {"stands": left} if left else {"reversed_by": r.txn}
    before = _follow(state, r, change)
    if left and r.priced is not None and r.priced.unpriced and r.original not in state.unpriced:
        known = before.priced if before is not None else None
        if known is None or not known.unpriced:  # else the payment is on the list itself
            _leave_unpriced(state, r, r.priced, left)
    if before is None or (undone := before.request) is None:
        return
    if undone.gives_back is not None:
        _give_back(state, undone.gives_back, min(left, before.amount) - before.amount)
    if (name := undone.hold) is None:
        return
    if before.mti not in ADVICES:
        _add(state, name, min(0, left - before.amount))
        return
    payment = _follow(state, msgspec.structs.replace(r, original=name.txn, undoes=name.key), change)
    part = before.amount - payment.amount + left if payment is not None and payment.captured else 0
    own = {"stands": part} if part > 0 else {"reversed_by": r.txn}
    state.recent[before.key] = msgspec.structs.replace(before, **own)


def _add(state: State, hold: HoldName, amount: int) -> None:
    """An increment of the hold is approved, or (below 0) taken back. What has been completed stands whatever becomes of it."""
    outcome = state.recent.get(hold.key)
    if outcome is not None and outcome.txn == hold.txn:
        stands = outcome.stands + (amount if outcome.stands >= 0 and not outcome.captured else 0)
        kept = outcome.kept_with(amount)
        added = outcome.added + amount
        state.recent[hold.key] = msgspec.structs.replace(outcome, added=added, stands=stands, kept=kept)


def _watch(state: State, request: Forwarded, reversal: int, at_us: int) -> None:
    """Its host may approve it yet. Remembered for `late_s`, but of more than `late_answers` of a host the newest only."""
    watched = state.watched.setdefault(request.host, {})
    watched[request.txn] = Watched(request=request, reversal=reversal)
    since_us = at_us - state.limits.late_s * 1_000_000
    while watched:
        oldest = next(iter(watched.values()))
        if len(watched) <= state.limits.late_answers and oldest.reversal >= since_us:
            break
        del watched[oldest.request.txn]


def _complete(state: State, r: Owed) -> None:
    """A completion or a tip: what stands from here on; completions of one hold add up."""
    stands = r.stands if r.stands >= 0 else r.amount
    of_hold = r.undoes is not None and r.undoes[MTI_CLASS] == MTI.AUTHORIZATION
    _follow(state, r, {"stands": stands, "captured": stands} if of_hold else {"stands": stands})


def _follow(state: State, r: Owed, change: dict[str, int]) -> Outcome | None:
    """Change what stands, and its fees, of the payment that `r` is about. Returns what it was; None: it is not remembered."""
    key = r.undoes
    outcome = state.recent.get(key) if key is not None else None
    if key is None or outcome is None or outcome.txn != r.original:
        return None
    price = outcome.price
    own = r.own_price
    if own is not None and (priced := outcome.priced) is not None:
        kept = msgspec.structs.replace(priced, direction=own.direction, fees=add_up(priced.fees, own.fees))
        if "captured" in change:  # what is posted of a hold has the rules and the rate of its completion's day
            kept = msgspec.structs.replace(kept, day=own.day, rate=own.rate)
        price = ENCODER.encode(kept)
    if r.kind == REVERSAL:
        change = change | outcome.cut(change.get("stands", 0))
    state.recent[key] = msgspec.structs.replace(outcome, **change, price=price)
    return outcome


def _delivered(state: State, r: Delivered) -> None:
    owed = _end_promise(state, r.txn)
    watched = state.watched.get(owed.host, {}) if owed is not None else {}
    if owed is not None and owed.original in watched and watched[owed.original].reversal == r.txn:
        ended = NOTHING if r.nothing else TAKEN
        watched[owed.original] = msgspec.structs.replace(watched[owed.original], ended=ended)


def _end_promise(state: State, txn: int) -> Owed | None:
    """It is owed no more. Returns what it was; None where it was not owed."""
    owed = state.owed.pop(txn, None)
    state.shelved.pop(txn, None)
    if owed is not None and owed.reason == STAND_IN:
        state.standin_counters.settle(owed.host, owed.amount)
    return owed


def _approved_late(state: State, r: LateApproval) -> None:
    """A reversal of it that is still owed is one of something approved."""
    watched = state.watched.get(r.host, {}).get(r.txn)
    if watched is not None:
        state.totals.approve_late(watched.request, state.window_at(r.at_us))
    owed = state.owed.get(watched.reversal) if watched is not None else None
    if owed is not None:
        state.owed[owed.txn] = msgspec.structs.replace(owed, approved=True, heard_late=True)


def _renumbered(state: State, r: Renumbered) -> None:
    owed = state.owed[r.txn]
    message = {**owed.message, DE.STAN: r.stan, DE.TRANSMISSION_TIME: r.sent_at}
    state.owed[r.txn] = msgspec.structs.replace(owed, message=message)
    state.stans[owed.host] = int(r.stan)


def _excepted(state: State, r: Excepted) -> None:
    state.exceptions[r.txn] = r


def _resolved(state: State, r: Resolved) -> None:
    if r.unpriced:
        state.unpriced.pop(r.txn, None)
        return
    state.exceptions.pop(r.txn, None)
    _end_promise(state, r.txn)


def _shelved(state: State, r: Shelved) -> None:
    if r.txn in state.owed:
        state.shelved[r.txn] = r


def _retried(state: State, r: Retried) -> None:
    state.shelved.pop(r.txn, None)


def _held(state: State, r: Held) -> None:
    if r.held:
        state.held[r.host] = r
    else:
        state.held.pop(r.host, None)


def _device_counted(state: State, r: DeviceCounted) -> None:
    state.devices[r.device] = max(r.counter, state.devices.get(r.device, 0))


def _chip_counted(state: State, r: ChipCounted) -> None:
    state.chips[r.card] = max(r.counter, state.chips.pop(r.card, -1))
    while len(state.chips) > state.limits.chips:
        del state.chips[next(iter(state.chips))]


def _maintained(state: State, r: Maintained) -> None:
    state.maintenance.pop(r.target, None)
    if r.on:
        state.maintenance[r.target] = r.at_us


def _stood_in(state: State, r: StoodIn) -> None:
    _forwarded(state, r.request)
    _answered(state, r.answer)
    _owed(state, r.advice)
    state.standin_counters.count(
        Stood(txn=r.txn, at_us=r.request.at_us, card=r.card, amount=r.request.amount, atc=r.atc), r.request.host
    )


def _hot_listed(state: State, r: HotListed) -> None:
    state.last_txn = max(state.last_txn, r.txn)
    state.hot_cards.pop(r.card, None)
    if r.reason:
        state.hot_cards[r.card] = r


def _cutover(state: State, r: Cutover) -> None:
    state.cutover, state.window = r, name_of(r.day, r.window)
    if r.day != r.closed:
        state.totals.close(r.closed, r.ended)


def _reconciled(state: State, r: Reconciled) -> None:
    state.last_txn = max(state.last_txn, r.txn)
    state.totals.reconcile(r)


def _disputed(state: State, r: Disputed) -> None:
    state.last_txn = max(state.last_txn, r.txn)
    state.disputes.apply(r, state.limits.disputes)


def _batched(state: State, r: Batched) -> None:
    state.batches.take(r, state.limits.batches, state.limits.batch_messages)


def _batch_closed(state: State, r: BatchClosed) -> None:
    state.last_txn = max(state.last_txn, r.txn)
    state.batches.close(r)


def _batch_uploaded(state: State, r: BatchUploaded) -> None:
    state.last_txn = max(state.last_txn, *(one.txn for one in r.payments), 0)
    state.batches.upload(r)


def _charged(state: State, r: Charged) -> None:
    state.last_txn = max(state.last_txn, r.txn)
    state.charges.apply(r)


def _booted(state: State, r: Booted) -> None:
    state.totals.begin(r, parts_of(state.window_at(r.at_us))[1], first=not (state.network or state.last_txn))
    state.network = r.network


def _snapshot(state: State, r: Snapshot) -> None:
    """Where a fold begins. What it does not carry, `recent`, is History's from here on; a running state keeps its own."""
    if state.network:
        return
    state.network, state.last_txn = r.network, r.last_txn
    state.open = {f.txn: f for f in r.open}
    rename(state)
    state.owed = {o.txn: o for o in r.owed}
    state.stans, state.horizons = dict(r.stans), dict(r.horizons)
    state.shelved = {s.txn: s for s in r.shelved}
    state.held = {h.host: h for h in r.held}
    state.maintenance = dict(r.maintenance)
    if r.cutover is not None:
        _cutover(state, r.cutover)
    state.watched = {}
    for watched in r.watched:
        state.watched.setdefault(watched.request.host, {})[watched.request.txn] = watched
    state.exceptions = {e.txn: e for e in r.exceptions}
    state.unpriced = {e.txn: e for e in r.unpriced}
    state.hot_cards = {h.card: h for h in r.hot_cards}
    state.devices = dict(r.devices)
    state.chips = dict(r.chips)
    state.totals.restore(r)
    state.disputes = Disputes()
    for step in r.disputes:
        state.disputes.apply(step, state.limits.disputes)
    state.batches.restore(r.batches)
    state.charges = MerchantCharges.of(r.charged)
    state.standin_counters = StandInCounters.of(r.stood, ((o.host, o.amount) for o in r.owed if o.reason == STAND_IN))


_APPLY: dict[type, Callable[[State, Any], None]] = {
    Booted: _booted, Forwarded: _forwarded, Answered: _answered, Declined: _declined, Owed: _owed,
    Delivered: _delivered, Abandoned: _abandoned, Shelved: _shelved, Retried: _retried, Held: _held, StoodIn: _stood_in,
    Snapshot: _snapshot, Maintained: _maintained, Cutover: _cutover, LateApproval: _approved_late, Excepted: _excepted,
    Renumbered: _renumbered, Resolved: _resolved, HotListed: _hot_listed, Reconciled: _reconciled, Disputed: _disputed,
    Charged: _charged, Batched: _batched, BatchClosed: _batch_closed, BatchUploaded: _batch_uploaded,
    DeviceCounted: _device_counted, ChipCounted: _chip_counted,
}  # fmt: skip


def apply(state: State, entry: AnyEntry) -> None:
    """Fold one record into the state. KeyError: the record answers a transaction that is not open (a corrupt journal)."""
    _APPLY[type(entry)](state, entry)
