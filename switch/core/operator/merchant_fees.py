"""As a business day is closed, merchants are charged what they owe without a payment: each contract once, or once a month.

In: the network file's `[[merchant_fee]]` rows, and what has been charged before, which is a part of the state. Out: records
before the cutover, so of the day that ends. One that a crash has parted from its cutover stands, and is not charged again.
"""

from switch.core.kernel import Kernel
from switch.core.records.merchant_charges import Charged
from switch.money.merchant_fees import contracts, due


class MerchantCharging:
    """Charges the contracts that are due as a day ends, each once."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._rules = kernel.network.merchant_fees

    def charge(self, day: str, now: int) -> None:
        """Charge what is due as this business day ends."""
        if not self._rules:
            return
        kernel, made, amount, left_out = self._kernel, 0, 0, 0
        last, most = kernel.state.charges.last, kernel.limits.merchant_contracts
        for contract, rule in contracts(self._rules, day):
            before = last.get(contract)
            if before is None and len(last) >= most:
                left_out += 1
                continue
            number = before.number if before is not None else 0
            for one in due(self._rules, contract, rule, day, before.month if before is not None else None):
                number += 1
                fee = one.rule.fee(one.merchant, number)
                kernel.record(
                    Charged(
                        txn=kernel.next_txn(now),
                        at_us=kernel.wall_us(now),
                        day=day,
                        acquirer=one.rule.acquirer,
                        merchant=one.merchant,
                        month=one.month,
                        number=number,
                        fee=fee,
                        window=kernel.window(now),
                    )
                )
                made, amount = made + 1, amount + fee.amount
        if made:
            kernel.log("info", "merchants.charged", business_day=day, charges=made, amount=amount)
        if left_out:
            hint = f"{left_out} merchants are charged nothing: raise merchant_contracts in [limits] of the network file"
            kernel.log("error", "limit.reached", limit="merchant_contracts", value=most, times=left_out, hint=hint)
