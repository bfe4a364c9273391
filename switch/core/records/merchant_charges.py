"""What merchants are charged without a payment, as records: a set-up fee once, a subscription each month.

Rule: a contract is charged once, or once a month. `Kernel.record` asks `may` before every charge, so that a day which is closed
twice, or once more after a crash, charges nobody twice.
"""

from collections.abc import Iterable

import msgspec

from switch.core.records.entry import Entry
from switch.money.fee_line import MERCHANT_ACCOUNT, Fee
from switch.money.merchant_fees import Contract


class Charged(Entry, frozen=True, kw_only=True, tag="chg"):
    """A merchant owes a fee: at the close of a business day, before its cutover."""

    txn: int
    """of nothing else"""
    at_us: int
    day: str
    """business day that is closed (YYYY-MM-DD)"""
    acquirer: str
    """member: the merchant's bank"""
    merchant: str
    """DE42"""
    month: str
    """that it is for, YYYY-MM; "": it is charged once"""
    number: int
    """the how manyth time"""
    fee: Fee
    window: str = ""

    @property
    def contract(self) -> Contract:
        """What is charged once, or once a month."""
        return Contract(self.fee.kind, self.fee.payee, self.fee.payer.removeprefix(MERCHANT_ACCOUNT))


class MerchantCharges(msgspec.Struct, kw_only=True):
    """The fold of the charges: of each contract, the newest. Above `limits.merchant_contracts` none is begun."""

    last: dict[Contract, Charged] = {}

    @classmethod
    def of(cls, charged: Iterable[Charged]) -> "MerchantCharges":
        """As a snapshot has them."""
        return cls(last={one.contract: one for one in charged})

    def may(self, entry: Charged) -> bool:
        """False: it has been charged before."""
        before = self.last.get(entry.contract)
        return before is None or bool(entry.month and entry.month > before.month)

    def apply(self, entry: Charged) -> None:
        """Take a charge in."""
        self.last[entry.contract] = entry
