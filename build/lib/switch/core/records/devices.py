"""A terminal's key was used: what the switch must not forget of DUKPT: a recorded PIN must not be taken again."""

from switch.core.records.entry import Entry


class DeviceCounted(Entry, frozen=True, kw_only=True, tag="ksn"):
    """A PIN of a device that derives a key a transaction (DUKPT) was taken; only higher counters of it are from here on."""

    at_us: int
    device: str
    """key serial number without its counter, hex: key set and device"""
    counter: int
