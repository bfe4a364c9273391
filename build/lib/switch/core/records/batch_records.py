"""Records about the batches of classic terminals, beside `records`: what they hold, and how they were settled."""

from typing import TypeAlias

import msgspec

from switch.core.records.entry import Entry

Name: TypeAlias = tuple[str, str, str, str, str, str]
"""A key (`records.Key`)"""
Sums: TypeAlias = tuple[int, int, int, int]
"""Of a classic terminal: number and amount (minor units) of sales, number and amount of refunds"""


class Batched(Entry, frozen=True, kw_only=True, tag="bat"):
    """A classic terminal's message was taken under this key, with this DE37. Recorded before what becomes of it."""

    at_us: int
    key: Name
    rrn: str


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


class KeptBatch(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A batch in a snapshot."""

    keys: tuple[tuple[Name, str], ...]
    dropped: int


class KeptBatches(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """All batches of classic terminals in a snapshot."""

    open: tuple[KeptBatch, ...] = ()
    """longest unused first"""
    closed: tuple[BatchClosed, ...] = ()
    """of each terminal the last; oldest first"""
