"""Counters that must not be forgotten: of terminals' keys (DUKPT) and of chips. What was recorded must not be taken again."""

from switch.core.records.entry import Entry


class DeviceCounted(Entry, frozen=True, kw_only=True, tag="ksn"):
    """A PIN of a device that derives a key a transaction (DUKPT) was taken; only higher counters of it are from here on."""

    at_us: int
    device: str
    """key serial number without its counter, hex: key set and device"""
    counter: int


class ChipCounted(Entry, frozen=True, kw_only=True, tag="atc"):
    """A cryptogram was proved on its issuer's behalf; only higher counters of its chip are from here on."""

    at_us: int
    card: bytes
    """digest of the PAN"""
    counter: int
