"""What the demo shop shows of a payment from inside the switch: its hops, and who got what of it.

In: the switch's state directory, a payment's RRN. Out: waterfalls as text, fee lines. The one rule: only what the switch has
written; a real shop sees neither.
"""

from pathlib import Path

from switch.core.records.records import Owed
from switch.journal.recovery import entries_of
from switch.money.currency import format_amount
from switch.money.fee_line import Fee
from switch.observe import HOP_LOG
from switch.observe.transaction import read_reference
from switch.observe.waterfall import waterfall
from switch.wire.vocabulary import DE


def hops_of(state: Path, rrn: str, currency: str) -> list[str]:
    """One waterfall a transaction: the authorization's, the completion's. Raises OSError."""
    found = read_reference(state / HOP_LOG, rrn)
    return [waterfall(hops, events, currency) for hops, events in found.values()]


def fees_of(state: Path, rrn: str) -> list[Fee]:
    """The lines of its completion, as the journal has them. Raises OSError."""
    fees: list[Fee] = []
    for entry in entries_of(state):
        if isinstance(entry, Owed) and entry.message.get(DE.RRN) == rrn and entry.priced is not None:
            fees += entry.priced.fees
    return fees


def line_of(fee: Fee, currency: str) -> tuple[str, str, str]:
    """What for, who pays whom, how much."""
    tax = f" and {format_amount(fee.vat, currency)} tax" if fee.vat else ""
    return fee.kind, f"{fee.payer} → {fee.payee}", f"{format_amount(fee.amount, currency)}{tax}"
