"""Values of the table of what waits (`core.links.pending`): a request awaiting its answer, one given up, one answered."""

from typing import TypeAlias

import msgspec

from switch.core.party import LinkId
from switch.core.records.records import Key
from switch.core.routing.decision import Decision
from switch.wire.vocabulary import Document

AnswerKey: TypeAlias = tuple[str, str]
"""MTI class and DE11, as the switch sent them."""


class Pending(msgspec.Struct, kw_only=True):
    """One request on its way: what is needed to answer the acquirer. In memory only; the journal has `Forwarded`."""

    txn: int
    key: Key
    link: LinkId
    """where the request came from, and its answer goes"""
    request: Document
    """in internal format"""
    raw: Document
    """as it came on its link; the answer's header and private elements are made from it"""
    host_link: LinkId
    answer_key: AnswerKey
    sent_at: str
    """DE7 as the switch sent it"""
    decision: Decision
    pan: str
    """masked"""
    amount: int
    first_ns: int
    deadline_ns: int
    found: Document = {}
    """what was checked on its issuer's behalf: elements of an approval that has none of them"""
    alone: bool = False
    """it adds to no hold and gives no payment back, so that its approval needs to be held against none"""
    losses: int = 0
    """connections that ended while it waited on them"""


class GivenUp(msgspec.Struct, frozen=True, kw_only=True):
    """A request no longer waited for: what a late answer is told from."""

    txn: int
    reason: str
    at_ns: int
    sent_at: str = ""
    """DE7 as the switch sent it"""
    money: bool = True
    """False: an inquiry, of which nothing is to be undone"""


class AnsweredOnce(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has its answer: what a second one is told from."""

    txn: int
    key: Key
    """the acquirer's"""
    sent_at: str


class KeptTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table, as one switch leaves it to the next."""

    waiting: tuple[Pending, ...]
    late: tuple[tuple[AnswerKey, GivenUp], ...]
    answered: tuple[tuple[AnswerKey, AnsweredOnce], ...]
    """oldest first"""
