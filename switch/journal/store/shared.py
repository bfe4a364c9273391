"""Which database decides about a journal, and how."""

import secrets
from typing import Self

import msgspec

from switch.core.network import JournalFiles


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
    patroni: tuple[str, ...] = ()
    """addresses of Patroni's REST API, where it runs the database"""
    standby: bool = False
    """wait where another node owns it"""
    holder: str = msgspec.field(default_factory=lambda: secrets.token_hex(8))
    """this process"""

    @classmethod
    def of(cls, files: JournalFiles, journal: str, *, standby: bool = False) -> Self:
        """As the network file says, which names a store."""
        return cls(
            url=files.store,
            journal=journal,
            lease_ms=files.lease_ms,
            replicated=files.replicated,
            patroni=files.patroni,
            standby=standby,
        )

    def options(self) -> dict[str, str | int]:
        """Of the writer's process."""
        return {
            "--store": self.url,
            "--journal": self.journal,
            "--holder": self.holder,
            "--lease-ms": self.lease_ms,
            "--replicated": int(self.replicated),
        }
