"""What the ledger knows of each payment, from its first record on, as it is kept from one batch of records to the next.

In: names and amounts as records have them. Out: one `Payment`, which all that follows it changes. Whoever folds batches keeps
payments as bytes, and gives them back when they are asked for (`Recall`); in one batch, or in memory, there is nothing to recall.
"""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

Recall = Callable[[int], bytes | None]
"""txn -> what an earlier batch kept of it; None: nothing"""


class Holds(msgspec.Struct, kw_only=True):
    """What a window's records have changed of the holds of an acquirer's cards of an issuer, in one currency."""

    count: int = 0
    """holds begun, less those that have ended"""
    amount: int = 0


class Terms(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """How the network of a payment settles it."""

    network: str
    currency: str
    """numeric; another one than the payment's"""
    code: str
    """numeric: the currency that the payment had when this was said; one in another later is none of it"""
    rate: str
    """DE9: what one major unit of that buys of the network's"""
    asked: int
    """minor units of it that `settled` was said for"""
    settled: int
    """DE5"""
    stands: dict[str, int]
    """by kind: what the member is owed by the network, minor units of `code`"""


class Payment(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """What is known of one payment."""

    txn: int
    asked: int
    """minor units"""
    currency: str
    direction: int
    """1: the cardholder pays; -1: a refund; 0: an inquiry"""
    hold: bool
    cash: bool
    acquirer: str
    issuer: str
    merchant: str
    scheme: str = ""
    ended: int = 0
    """sequence of the record that has answered it; 0: it is open"""
    stands: int = 0
    """signed minor units that are posted"""
    held: int = 0
    """minor units that are held"""
    sequence: int = 0
    """of its first entry; 0: nothing is posted of it"""
    day: str = ""
    """business day of that"""
    adds_to: int = 0
    """of an increment: txn of the hold that it adds to, which then holds both"""
    through: str = ""
    """the network that it went to; "": none"""
    abroad: Terms | None = None
    """how that settles it, where that is in another currency"""

    @property
    def open(self) -> bool:
        """Not answered yet."""
        return not self.ended


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Payment | int)
"""an int: the txn of the payment that this one follows"""


def nothing(_txn: int) -> None:
    """A `Recall` where nothing was kept."""


class Payments:
    """The payments that a batch of records is about."""

    def __init__(self, recall: Recall = nothing) -> None:
        self.known: dict[int, Payment] = {}
        """by txn, and by that of each advice that follows one"""
        self._gone: set[int] = set()
        self._recall = recall

    def find(self, txn: int) -> Payment | None:
        """The payment of this txn, or which this one follows; None: nothing is known of it, or it has come to nothing."""
        found = self.known.get(txn)
        if found is not None or not txn or txn in self._gone:
            return found
        kept = self._recall(txn)
        if kept is None:
            return None
        decoded = _DECODER.decode(kept)
        payment = self.find(decoded) if isinstance(decoded, int) else decoded
        if payment is not None:
            self.known[txn] = payment
        return payment

    def drop(self, txn: int) -> None:
        """It has come to nothing: no later record can change that."""
        self.known.pop(txn, None)
        self._gone.add(txn)

    def kept(self) -> Iterator[tuple[int, int | None, bytes]]:
        """What is to be kept of this batch: txn; `ended`, None while it is open; bytes for `Recall`."""
        for txn, payment in self.known.items():
            yield txn, payment.ended or None, _ENCODER.encode(payment if payment.txn == txn else payment.txn)

    def packed(self) -> Iterator[tuple[int, bytes]]:
        """As `kept`, without `ended`."""
        encode = _ENCODER.encode
        for txn, payment in self.known.items():
            yield txn, encode(payment if payment.txn == txn else payment.txn)

    def gone(self) -> Iterator[int]:
        """Txns of which nothing is to be kept any more."""
        return iter(self._gone - self.known.keys())
