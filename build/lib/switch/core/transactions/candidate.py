"""A payment that a message may mean (`core.transactions.originals`)."""

import msgspec

from switch.core.links.awaited import Pending
from switch.core.records.outcomes import Outcome
from switch.core.records.records import (
    Forwarded,
    Key,
)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that may be meant: still waiting at its host, or ended."""

    key: Key
    request: Forwarded | None
    """None: it never left here"""
    pending: Pending | None = None
    outcome: Outcome | None = None

    @property
    def stands(self) -> bool:
        """True if there is something of it to take back, as far as is known."""
        return self.pending is not None or (self.outcome is not None and self.outcome.approved)
