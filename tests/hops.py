"""Hops for tests that look at a few of their fields."""

from typing import Any

import msgspec

from switch.core.party import Hop

_BARE = Hop(
    event="hop.received", txn=1, link="peers#1", mti="0200", stan="", rrn="", pan="", amount=0, currency="", route="",
    de39="", cost=0, at_ns=0, first_ns=0,
)  # fmt: skip


def bare_hop(**fields: Any) -> Hop:
    """A hop of which only these fields say anything."""
    return msgspec.structs.replace(_BARE, **fields)
