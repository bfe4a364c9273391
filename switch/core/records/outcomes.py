"""How transactions ended, as repeats and reversals need to know it, and where what memory has let go is asked for."""

from typing import Protocol

import msgspec

from switch.core.messages.meaning import is_inquiry
from switch.core.records.prices import Priced
from switch.core.records.records import ENCODER, Forwarded, Key
from switch.core.records.windows import UNKNOWN, name_of
from switch.wire.vocabulary import APPROVALS, DE, Document


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How a transaction ended, as repeats and reversals need to know it.

    Tens of thousands are kept, and few are ever looked at again: what was asked and answered is packed into one piece of
    memory instead of forty, and unpacked by who asks. Make them with `outcome_of`.
    """

    txn: int
    key: Key
    mti: str
    de39: str
    """"" while it is open"""
    packed: bytes
    """request and answer's elements, msgpack; b"": it never left here"""
    rrn: str = ""
    """DE37"""
    reversed_by: int = 0
    """txn of the `Owed` reversal of all of it; 0: none"""
    stands: int = -1
    """minor units, after a completion or a partial reversal; -1: what was approved"""
    captured: int = 0
    """of a hold: minor units completed so far"""
    price: bytes = b""
    """`Priced` of what stands, msgpack; b"": it has none"""
    added: int = 0
    """to a hold: minor units of its increments that were approved and not taken back"""
    refunded: int = 0
    """minor units that refunds which name it have given back"""
    kept: int = -1
    """minor units that a reversal in part has left of what was approved, of a hold while nothing of it was completed; -1: all"""
    window: str = ""
    """that it ended in (`records.windows`), which every answer to it says; "": not known, or it is open"""

    @property
    def at_us(self) -> int:
        """When it came, wall-clock microseconds: a transaction is numbered by it (`Kernel.next_txn`)."""
        return self.txn

    @property
    def request(self) -> Forwarded | None:
        """As it was forwarded; None: it never left here."""
        return UNPACK.decode(self.packed)[0] if self.packed else None

    @property
    def elements(self) -> Document:
        """What the answer added."""
        return UNPACK.decode(self.packed)[1] if self.packed else {}

    @property
    def priced(self) -> Priced | None:
        """What decided its price, and the fees of what stands."""
        return UNPACK_PRICE.decode(self.price) if self.price else None

    @property
    def approved(self) -> bool:
        """True where money moved and has not been given back."""
        if self.de39 not in APPROVALS or not self.packed or self.reversed_by:
            return False
        return not is_inquiry(UNPACK.decode(self.packed)[0].elements)

    @property
    def authorized(self) -> int:
        """Minor units that were approved: what was asked, or less of it (DE39=10), and what increments have added."""
        request, said = UNPACK.decode(self.packed)
        return (int(said[DE.AMOUNT]) if DE.AMOUNT in said else request.amount) + self.added

    @property
    def may_stand(self) -> int:
        """Minor units that a completion or a tip may make of it, before any tolerance: what was approved, and not given up."""
        return self.kept if self.kept >= 0 else self.authorized

    def kept_with(self, added: int) -> int:
        """`kept`, once an increment has added so much, or (below 0) was taken back."""
        return max(0, self.kept + added) if self.kept >= 0 else -1

    def cut(self, left: int) -> dict[str, int]:
        """What a reversal down to `left` changes besides what stands. What it gives back of a completion may be completed."""
        kept = self.kept if self.captured or left >= self.amount else min(left, self.may_stand)
        return {"captured": min(self.captured, left), "kept": kept}

    @property
    def amount(self) -> int:
        """Minor units that stand of it."""
        return 0 if not self.approved else self.stands if self.stands >= 0 else self.authorized


UNPACK = msgspec.msgpack.Decoder(tuple[Forwarded, Document])
UNPACK_PRICE = msgspec.msgpack.Decoder(Priced)


def outcome_of(
    request: Forwarded,
    de39: str,
    elements: Document,
    reversed_by: int = 0,
    priced: Priced | None = None,
    window: str = "",
) -> Outcome:
    """The outcome of a request that was forwarded; DE39 "": it is still open."""
    if not window and priced is not None:  # of an older journal, which knows the day alone
        window = name_of(priced.day, UNKNOWN)
    return Outcome(
        txn=request.txn,
        key=request.key,
        mti=request.mti,
        de39=de39,
        packed=ENCODER.encode((request, elements)),
        rrn=request.elements.get(DE.RRN, ""),
        reversed_by=reversed_by,
        price=ENCODER.encode(priced) if priced is not None else b"",
        window=window,
    )


class History(Protocol):
    """What memory has let go, asked of the journal's index (production) or of a dict (simulation)."""

    def find(self, key: Key) -> Outcome | None:
        """The outcome of the transaction with this key, or None. Must see every record older than memory's own."""

    def find_named(self, acquirer: str, name: str) -> list[Outcome]:
        """The outcomes of this acquirer's transactions with this DE37 or (six digits) DE11; newest first, a few at most."""
