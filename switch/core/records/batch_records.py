"""Records about the batches of classic terminals, beside `records`: what they hold, and how they were settled."""

from typing import TypeAlias

import msgspec

from switch.core.records.entry import Entry

Name: TypeAlias = tuple[str, str, str, str, str, str]
"""A key (`records.Key`)"""
Sums: TypeAlias = tuple[int, int, int, int]
"""Of a classic terminal: number and amount (minor units) of sales, number and amount of refunds"""


class Said(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What a classic terminal's message has said beside what is recorded of its payment."""

    mark: str = ""
    """a digest of its elements but DE11 and the card's: one that has another is not the same message. "": not known"""
    invoice: str = ""
    """DE62, where that is a number"""
    card: str = ""
    """masked; of a payment that never came, as its reversal says it. "": not said"""
    amount: int = 0
    """minor units, likewise"""


class Batched(Entry, frozen=True, kw_only=True, tag="bat"):
    """A classic terminal's message was taken under this key, with this DE37. Recorded before what becomes of it."""

    at_us: int
    key: Name
    rrn: str
    said: Said = Said()


class BatchClosed(Entry, frozen=True, kw_only=True, tag="bcl"):
    """A classic terminal has settled: what it and the switch have counted."""

    at_us: int
    txn: int
    acquirer: str
    terminal: str
    number: str
    """of the batch, as the terminal says (DE60); "": it does not"""
    stan: str
    """DE11 of the 0500 that ended it"""
    result: str
    """1 they agree, 2 they differ"""
    theirs: Sums
    ours: Sums
    uploaded: int = 0
    """messages of the batch that it has uploaded"""
    newest: tuple[Name, str, Said] | None = None
    """the last payment of the terminal that was settled, its DE37, and what it said: a repeat of it may yet come"""


class Uploaded(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One payment as a terminal has it, uploaded after totals that differ."""

    stan: str
    """by which a payment uploaded again is known: what its 0320 says of it (DE11, DE37, card, amount), else the DE11 of that;
    that of its row where a 0320 has several"""
    txn: int
    """its own, by which an exception about it is known"""
    key: Name | None
    """of the payment that it means here; None: it never came"""
    amount: int
    """minor units of the home currency"""
    direction: int
    """1 a sale, -1 a refund, 0 neither"""
    pan: str
    """masked"""
    link: str
    voided: bool = False
    """a sale that has been voided, or its void: on both sides, and no matter"""


class BatchUploaded(Entry, frozen=True, kw_only=True, tag="bup"):
    """A classic terminal uploads its batch. Recorded before it hears that a payment was taken."""

    at_us: int
    acquirer: str
    terminal: str
    anew: bool
    """what it has uploaded before does not count: it begins"""
    payments: tuple[Uploaded, ...] = ()


class KeptUpload(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An upload in a snapshot."""

    acquirer: str
    terminal: str
    payments: tuple[Uploaded, ...]


class KeptBatch(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A batch in a snapshot."""

    keys: tuple[tuple[Name, str], ...]
    dropped: int
    said: tuple[tuple[Name, Said], ...] = ()


class KeptBatches(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """All batches of classic terminals in a snapshot."""

    open: tuple[KeptBatch, ...] = ()
    """longest unused first"""
    closed: tuple[BatchClosed, ...] = ()
    """of each terminal the last; oldest first"""
    uploads: tuple[KeptUpload, ...] = ()
    """longest unused first"""
