"""Which database decides about a journal, and how."""

import secrets

import msgspec


def journal_of(network: str, shard: str = "") -> str:
    """What the journal of a network, or of one of its shards, is called in a database."""
    return f"{network}/{shard}" if shard else network


class SharedLog(msgspec.Struct, frozen=True, kw_only=True):
    """A journal that a database decides about."""

    url: str
    journal: str
    """which of those in the database"""
    lease_ms: int
    replicated: bool
    """nothing counts that no standby has"""
    standby: bool = False
    """wait where another node owns it"""
    holder: str = msgspec.field(default_factory=lambda: secrets.token_hex(8))
    """this process"""

    def options(self) -> dict[str, str | int]:
        """Of the writer's process."""
        return {
            "--store": self.url,
            "--journal": self.journal,
            "--holder": self.holder,
            "--lease-ms": self.lease_ms,
            "--replicated": int(self.replicated),
        }
