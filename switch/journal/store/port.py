"""What a journal asks of the database that holds it, and what it is told.

In: claims and batches of records. Out: who owns the journal, and whether a batch is durable. Errors are sentences without a
password.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple, Protocol

from switch.journal.log import GENESIS, JournalError

RELEASED: Final = "-infinity"
"""`Owner.until` of a journal that its owner has given back"""
_PLACE: Final = Struct(">QI")


class StoreError(JournalError):
    """The database does not answer, does not say what it should, or must not be used as it is set up."""


class FencedError(StoreError):
    """Another node, or another process of this one, owns the journal: this process must end."""

    fenced = True


class Owner(NamedTuple):
    """Whose journal it is, and how far it goes."""

    node: str
    """stable name of the node; "": no node has it yet"""
    holder: str
    """the process of it, drawn anew by each"""
    epoch: int
    """how often it was claimed"""
    last: int
    """the last record; 0: there is none"""
    chain: bytes = GENESIS
    """after the batch that ends with it"""
    check: bytes = b""
    """key check value of the chain's key"""
    until: str = ""
    """end of the lease, as the database writes it: to be compared only"""


class Batch(NamedTuple):
    """Records that were made durable together: `first`, `first` + 1 …"""

    first: int
    payloads: Sequence[bytes]
    chain: bytes
    """of all batches up to this one"""
    epoch: int
    """of the owner that appended it"""
    snapshot: bool = False
    """it is one snapshot, with which a reader may begin"""

    @property
    def last(self) -> int:
        """The last record."""
        return self.first + len(self.payloads) - 1


class Claim(NamedTuple):
    """What a process claims with."""

    node: str
    holder: str
    check: bytes
    """key check value: of a journal that is begun"""
    lease_ms: int
    unmoved: str = ""
    """`Owner.until` of a lease that was not renewed for longer than any lasts: it may be taken, whatever the database's clock
    says, which somebody may have put back"""


class Store(Protocol):
    """One journal in a database. Methods block; a StoreError leaves the outcome unknown, and the connection of no more use."""

    def claim(self, claim: Claim) -> Owner | None:
        """Own the journal if its lease has run out, or it is this node's: one commit, replicated when it returns.

        None: another node owns it.
        """

    def reclaim(self, holder: str, lease_ms: int) -> Owner | None:
        """Own it again, under a new epoch: what this process has under way elsewhere can come to nothing any more, and what has
        come to something is seen. None: it is not this process's."""

    def mark(self, claim: Claim, last: int, chain: bytes) -> bool:
        """A node that owns nothing has read up to record `last`. True: that is replicated, and so is what it has read."""

    def append(self, batch: Batch, after: int, lease_ms: int) -> bool:
        """Append after record `after` as the owner of `batch.epoch`. True: durable. False: nothing was done."""

    def renew(self, epoch: int, lease_ms: int) -> bool:
        """Go on owning it. False: it is another's."""

    def begin_at(self, epoch: int, last: int) -> None:
        """A journal without records is to go on after record `last`, which it will never have."""

    def together(self) -> AbstractContextManager[None]:
        """What is asked within is one commit, replicated at its end; nothing of it is, where an exception leaves it."""

    def release(self, epoch: int) -> None:
        """Another node may claim it at once."""

    def look(self) -> Owner | None:
        """Who owns it now, as far as this connection sees; None: it was never claimed."""

    def unsafe(self) -> list[str]:
        """What must be otherwise of the settings by which it makes things durable, a sentence each."""

    def snapshot_before(self, record: int) -> int:
        """The newest snapshot's record up to this one; 0: none."""

    def batches(self, after: int) -> Iterator[Batch]:
        """Those that end after record `after`, in order. What another owner appends meanwhile may be missing."""

    def close(self) -> None:
        """Part from the database."""


def chain_of(before: bytes, first: int, payloads: Sequence[bytes], secret: bytes) -> bytes:
    """The chain after a batch: BLAKE2b under the journal's key, over the chain before and what the batch holds."""
    running = blake2b(before, digest_size=len(GENESIS), key=secret)
    running.update(_PLACE.pack(first, len(payloads)))
    for payload in payloads:
        running.update(len(payload).to_bytes(4, "big"))
        running.update(payload)
    return running.digest()


def said(message: bytes) -> str:
    """What a server or its library said, on one line."""
    return " ".join(message.decode("utf-8", "replace").split()) or "no reason was given"
