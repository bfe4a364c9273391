"""Cards that their issuers have reported lost or stolen, as the journal keeps it."""

from switch.core.records.entry import Entry


class HotListed(Entry, frozen=True, kw_only=True, tag="hot"):
    """A card is on its issuer's stop list from here on, or (`reason` "") no longer. Its acknowledgement waits for this."""

    at_us: int
    txn: int
    """of nothing else: what its PAN is sealed under"""
    card: bytes
    """keyed digest of the PAN"""
    reason: str
    """DE39 that it is answered with while its issuer is away: 41 lost, 43 stolen; "": not listed"""
    issuer: str
    """member"""
    pan: str
    """masked"""
    sealed: bytes
    by: str
    """the link it came on, or `operator`"""
