"""The snapshot of a state: all that is open and owed, so that a start folds only what follows."""

from switch.core.records.horizon import move_horizon
from switch.core.records.records import ACQUIRER, SCHEMA, TRANSMISSION_TIME, Snapshot
from switch.core.records.state import State


def snapshot_of(state: State, network: str, last_txn: int, at_us: int) -> Snapshot:
    """All of it. `last_txn`: the newest transaction, which may have left no record."""
    horizons = dict(state.horizons)
    for outcome in state.recent.values():
        move_horizon(horizons, outcome.key[ACQUIRER], outcome.key[TRANSMISSION_TIME], outcome.at_us)
    return Snapshot(
        at_us=at_us,
        schema=SCHEMA,
        network=network,
        last_txn=last_txn,
        open=tuple(state.open.values()),
        owed=tuple(state.owed.values()),
        stans=dict(state.stans),
        horizons=horizons,
        shelved=tuple(state.shelved.values()),
        held=tuple(state.held.values()),
        maintenance=dict(state.maintenance),
        stood=tuple(state.standin_counters.window.values()),
        cutover=state.cutover,
        watched=tuple(one for host in state.watched.values() for one in host.values()),
        exceptions=tuple(state.exceptions.values()),
        hot_cards=tuple(state.hot_cards.values()),
        totals=state.totals.rows(),
        totals_not_whole=state.totals.not_whole,
        totals_dropped=state.totals.dropped,
        totals_last=dict(state.totals.last),
        reconciled=tuple(state.totals.asked.values()),
        disputes=tuple(state.disputes.last.values()),
        unpriced=tuple(state.unpriced.values()),
        charged=tuple(state.charges.last.values()),
        batches=state.batches.kept(),
        devices=dict(state.devices),
        chips=tuple(state.chips.items()),
    )
