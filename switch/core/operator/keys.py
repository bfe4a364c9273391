"""An operator's commands on keys that change by message: which sets are in use, and have them change now."""

import msgspec

from switch.core.link_control.keys import KeyLinks, Party
from switch.core.links.key_place import MAC, PIN
from switch.core.operator.command import Arguments, Command, Unable, unknown
from switch.core.operator.errors import ErrorCode

_PURPOSES = {"": MAC + PIN, "mac": MAC, "pin": PIN}


class KeyRow(msgspec.Struct, frozen=True):
    """One key of a link that changes by message."""

    party: str
    """the host's name, or the member's"""
    acquirer: bool
    """it is the member's, of its acquiring host"""
    key: str
    purpose: str
    """`mac` or `pin`"""
    set: str
    """number of the one in use, two digits; "": the security module says nothing of it"""
    check_value: str
    since_us: int
    """wall clock, since when it is in use (or was made); 0: not known"""
    age_s: int
    """-1: not known"""
    coming: str
    """number of a set that is offered or received and not in use yet; "": none"""
    previous: str
    """number of the set before, still valid for what comes; "": none"""
    changing: bool
    failed: str
    """why its last change did not come about; "": it did, or there was none"""


class KeyRows(msgspec.Struct, frozen=True):
    """All of them."""

    keys: tuple[KeyRow, ...]


class Exchange(Arguments, frozen=True):
    """Whose keys are to change."""

    name: str
    """of a host, or of a member"""
    acquirer: bool = False
    """the member of this name as acquirer, where a host has the same name"""
    purpose: str = ""
    """`mac` or `pin`; "": each key it has"""


class KeyCommands:
    """`keys.…`"""

    def __init__(self, keys: KeyLinks) -> None:
        self._keys = keys

    def table(self) -> dict[str, Command]:
        """By name."""
        return {
            "keys.list": Command(Arguments, self.show, changes=False),
            "keys.exchange": Command(Exchange, self.exchange),
        }

    def show(self, _: Arguments, now: int) -> KeyRows:
        """Every key that changes by message."""
        return KeyRows(self.rows(now))

    def rows(self, now: int) -> tuple[KeyRow, ...]:
        """The same, for whoever shows them beside something else."""
        return tuple(row for party in self._keys.parties for row in self._of(party, now))

    @staticmethod
    def _of(party: Party, now: int) -> list[KeyRow]:
        rows = []
        for purpose, key in party.exchange.keys.items():
            sets = party.valid.known(key)
            used, coming = sets.in_use, sets.received or sets.offered
            rows.append(
                KeyRow(
                    party=party.name,
                    acquirer=not party.host,
                    key=key,
                    purpose="mac" if purpose == MAC else "pin",
                    set=used.set_id if used is not None else "",
                    check_value=used.check_value if used is not None else "",
                    since_us=used.since_us if used is not None else 0,
                    age_s=max(0, party.wall_us(now) - used.since_us) // 1_000_000 if used and used.since_us else -1,
                    coming=coming.set_id if coming is not None else "",
                    previous=sets.previous.set_id if sets.previous is not None else "",
                    changing=party.exchange.busy,
                    failed=party.exchange.failed,
                )
            )
        return rows

    def exchange(self, asked: Exchange, now: int) -> KeyRows:
        """Begin to change them; the other end's answers are awaited by nobody here."""
        if asked.purpose not in _PURPOSES:
            raise Unable(f"{asked.purpose} is no purpose of a key", "mac, or pin", code=ErrorCode.COMMAND_ARGUMENTS)
        named = [party for party in self._keys.parties if party.name == asked.name]
        found = [party for party in named if party.host != asked.acquirer] or named
        if not found:
            if not self._keys.knows(asked.name):
                raise unknown("host or member", asked.name, {party.name for party in self._keys.parties})
            raise Unable(
                f"the keys of {asked.name} do not change by message",
                "`zone_key` of its [[host]] or [[member]] in the network file has them do so",
                code=ErrorCode.KEYS_FIXED,
            )
        party = found[0]
        party.exchange.begin(now, _PURPOSES[asked.purpose])
        return KeyRows(tuple(self._of(party, now)))
