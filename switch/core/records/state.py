"""What the switch knows durably: the fold of its records (`core.records.fold`). Values only."""

from collections import OrderedDict

import msgspec

from switch.core.limits import Limits
from switch.core.records.batches import Batches
from switch.core.records.day_records import Cutover
from switch.core.records.disputes import Disputes
from switch.core.records.merchant_charges import MerchantCharges
from switch.core.records.names import Names
from switch.core.records.outcomes import Outcome
from switch.core.records.records import (
    Excepted,
    Forwarded,
    Held,
    Key,
    Owed,
    Shelved,
    Watched,
)
from switch.core.records.standin_counters import StandInCounters
from switch.core.records.stop_lists import HotListed
from switch.core.records.totals import Totals
from switch.core.records.windows import name_of
from switch.wire.dates import DAY_US, day_of


class State(msgspec.Struct):
    """The fold of the records. Bounded: what has ended leaves `recent` oldest first and is then History's."""

    limits: Limits
    last_txn: int = 0
    network: str = ""
    open: dict[int, Forwarded] = {}
    """forwarded, no outcome yet"""
    owed: dict[int, Owed] = {}
    """not yet acknowledged, oldest first"""
    recent: OrderedDict[Key, Outcome] = msgspec.field(default_factory=OrderedDict)
    names: Names = msgspec.field(default_factory=Names)
    """of what is open or recent"""
    stans: dict[str, int] = {}
    """last DE11 used towards a host"""
    horizons: dict[str, str] = {}
    """per acquirer, DE7 up to which memory has let go of outcomes"""
    shelved: dict[int, Shelved] = {}
    """of what is owed: dead letters"""
    held: dict[str, Held] = {}
    """hosts that nothing owed is sent to"""
    maintenance: dict[str, int] = {}
    """what an operator keeps from payments (`Maintained.target`) -> since when, wall-clock microseconds"""
    cutover: Cutover | None = None
    """the last one, which began the window that it is"""
    window: str = ""
    """that (`records.windows`); "": there has been no cutover, and it is the calendar's day"""
    standin_counters: StandInCounters = msgspec.field(default_factory=StandInCounters)
    """what has been approved in issuers' place"""
    watched: dict[str, dict[int, Watched]] = {}
    """by host and transaction: requests given up whose late approval would be undone, oldest first"""
    exceptions: dict[int, Excepted] = {}
    """open ones, beside the dead letters (`shelved`), which are exceptions too; oldest first"""
    unpriced: dict[int, Excepted] = {}
    """approvals and advices whose price nobody has found, open until a person says what became of it, or all of the payment is
    taken back; oldest first, and no more than limit `exceptions`"""
    devices: dict[str, int] = {}
    """terminals that derive a key a transaction (DUKPT) -> the highest counter that was taken"""
    chips: dict[bytes, int] = {}
    """cards by digest -> the highest counter that their chips have proved on their issuers' behalf; used longest ago first"""
    hot_cards: dict[bytes, HotListed] = {}
    """cards that their issuers have reported lost or stolen, by digest, oldest first"""
    totals: Totals = msgspec.field(default_factory=lambda: Totals(keep=Limits().totals_days))
    """what was approved and taken back, by business day"""
    disputes: Disputes = msgspec.field(default_factory=Disputes)
    charges: MerchantCharges = msgspec.field(default_factory=MerchantCharges)
    """what merchants have been charged without a payment"""
    batches: Batches = msgspec.field(default_factory=Batches)
    """of classic terminals"""

    def __post_init__(self) -> None:
        self.totals.keep = self.limits.totals_days

    def window_at(self, at_us: int) -> str:
        """The window (`records.windows`) of what is recorded at wall-clock µs."""
        return self.window or name_of(day_of(at_us).isoformat(), 1)

    def window_since_us(self, at_us: int) -> int:
        """When that began."""
        return self.cutover.at_us if self.cutover is not None else at_us - at_us % DAY_US
