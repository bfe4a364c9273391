"""What a message that leaves out DE37 or DE41 says of its payment, and the reversals that a host has dealt with and not kept.

Such a message names its payment by the rest: DE32, DE41 and DE37 as far as it has them, the payment's local time (DE12 and DE13),
its card and its amount. Knows documents in internal format.
"""

from switch.simulators.payment_key import payment_key
from switch.wire.vocabulary import DE, Document

_NAMES = (DE.ACQUIRER, DE.TERMINAL, DE.RRN, DE.LOCAL_TIME, DE.LOCAL_DATE)


def is_whole(message: Document) -> bool:
    """True if it names its payment by its whole payment key."""
    return DE.RRN in message and DE.TERMINAL in message and DE.ACQUIRER in message


def may_mean(message: Document, payment: Document) -> bool:
    """True if nothing that `message` says of its payment tells it from `payment`, which is of the same card and of as much, or of
    half of it (`minds.Mind.approves_less`)."""
    amount = int(message.get(DE.AMOUNT, "0"))
    if message.get(DE.PAN) != payment.get(DE.PAN) or int(payment.get(DE.AMOUNT, "0")) not in (amount, amount // 2):
        return False
    return all(not (said := message.get(de, "").strip()) or said == payment.get(de, "").strip() for de in _NAMES)


class Dismissals:
    """Reversals that were accepted and forgotten, or answered 25 (`minds`): which payments they were about."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._others: list[Document] = []
        """that do not name their payment by its whole key"""

    def add(self, reversal: Document) -> None:
        """Remember a reversal that was dealt with and is kept nowhere."""
        if is_whole(reversal):
            self._keys.add(payment_key(reversal))
        else:
            self._others.append(reversal)

    def has(self, request: Document) -> bool:
        """True if one of them was about this request."""
        return payment_key(request) in self._keys or any(may_mean(other, request) for other in self._others)
