"""A message on its way through a flow."""

import msgspec

from switch.core.links.session import Session
from switch.core.records.records import (
    Key,
)
from switch.wire.vocabulary import Document


class Incoming(msgspec.Struct, kw_only=True):
    """A message on its way through a flow."""

    session: Session
    document: Document
    """in internal format"""
    raw: Document
    """as it came on its link"""
    txn: int
    key: Key
    pan: str
    """"" where neither DE2 nor DE35 has it"""
    masked: str
    amount: int
    """minor units of `currency`"""
    currency: str
    now: int
