"""A failed day, told in few words: what failed, what had gone wrong before, and the way of the payment it is about.

In: a world that has run with its hops kept. Out: text.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from switch.core.party import Hop, Log
from switch.money.currency import CURRENCIES
from switch.observe.lines import HopLine
from switch.observe.waterfall import waterfall
from switch.sim.audit import Failure
from switch.sim.clock import EPOCH_NS
from switch.sim.faults import Fault
from switch.sim.world import World

FAULTS_SHOWN: Final = 40
FAILURES_SHOWN: Final = 5


def story(world: World) -> str:
    """The failures of a day, its faults, and the hops of the first payment that a failure names. The day kept its hops."""
    failures = world.audit.failures
    lines = [f"seed {world.seed}: {len(failures)} failure(s) at rest or before"]
    lines += [f"  {_failure(f)}" for f in failures[:FAILURES_SHOWN]]
    if len(failures) > FAILURES_SHOWN:
        lines.append(f"  … and {len(failures) - FAILURES_SHOWN} more")
    lines += ["", f"{len(world.faults)} fault(s):", *faults_text(world.faults)]
    key = next((f.key for f in failures if f.key), "")
    if key:
        lines += ["", f"the payment {key}:", payment_way(world, key)]
    return "\n".join(lines)


def _failure(failure: Failure) -> str:
    return f"{failure.at_ms:>9,} ms  {failure.sentence}"


def faults_text(faults: Sequence[Fault]) -> list[str]:
    """A line a fault."""
    shown = [f"  {fault}" for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        shown.append(f"  … and {len(faults) - FAULTS_SHOWN} more")
    return shown


def payment_way(world: World, key: str) -> str:
    """Every hop of one payment, its repeats and reversals too: a waterfall a transaction of the switch's."""
    acquirer, terminal, rrn = key.split("/")
    hops = world.switch.hops or []
    txns = dict.fromkeys(hop.txn for hop in hops if hop.rrn.strip() == rrn and _same(world, hop, acquirer, terminal))
    logs = world.switch.logs or []
    offset = EPOCH_NS
    texts = []
    for txn in txns:
        mine = [hop_line(hop, offset) for hop in hops if hop.txn == txn]
        events = [_event(at, log, offset) for at, log in logs if log.fields.get("txn") == f"{txn:x}"]
        texts.append(waterfall(mine, events, world.cast.network.currency))
    return "\n\n".join(texts) or "it never came to the switch"


def _same(world: World, hop: Hop, acquirer: str, terminal: str) -> bool:
    """RRNs repeat between terminals: what the records do not tell is told by the card."""
    key = f"{acquirer}/{terminal}/{hop.rrn.strip()}"
    known = world.audit.payments.get(hop.txn)
    if known is not None:
        return known == key
    cards = {h.pan for h in world.switch.hops or [] if world.audit.payments.get(h.txn) == key}
    return not cards or hop.pan in cards


def hop_line(hop: Hop, offset_ns: int) -> HopLine:
    """As the hop log has it."""
    currency = CURRENCIES[hop.currency].alpha if hop.currency in CURRENCIES else hop.currency
    return HopLine(
        at=_stamp(hop.at_ns + offset_ns), event=hop.event, txn=f"{hop.txn:x}", link=hop.link, direction=hop.event[4:],
        mti=hop.mti, stan=hop.stan, rrn=hop.rrn, pan=hop.pan, amount=hop.amount, currency=currency, route=hop.route,
        de39=hop.de39, elapsed_us=(hop.at_ns - hop.first_ns) // 1_000, cost=hop.cost, note=hop.note,
    )  # fmt: skip


def _event(at: int, log: Log, offset_ns: int) -> dict[str, object]:
    return {"at": _stamp(at + offset_ns), "event": log.event, "level": log.level, **log.fields}


def _stamp(wall_ns: int) -> str:
    return (
        datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{wall_ns % 10**9 // 1000:06d}Z"
    )
