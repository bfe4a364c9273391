"""An operator's commands on keys: those that change by message, which sets are in use, and have them change now; and those that
people carry to and from partners, which take two (`core.operator.roles`)."""

import msgspec

from switch.core.kernel import Kernel
from switch.core.link_control.keys import KeyLinks, Party
from switch.core.links.key_place import MAC, PIN
from switch.core.operator.command import Arguments, Command, Unable, unknown
from switch.core.operator.errors import ErrorCode
from switch.security.commands import Reply
from switch.security.key_commands import DestroyKey, ExportKey, ImportKey
from switch.security.module import NO_MODULE

_BY = "operators of the switch, as its audit.log says"
_PURPOSES = {"": MAC + PIN, "mac": MAC, "pin": PIN}


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
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
    """The answer to `keys.list`: each key that changes by message, and its sets."""

    keys: tuple[KeyRow, ...]


class Exchange(Arguments, frozen=True):
    """Whose keys are to change."""

    name: str
    """of a host, or of a member"""
    acquirer: bool = False
    """the member of this name as acquirer, where a host has the same name"""
    purpose: str = ""
    """`mac` or `pin`; "": both, where it has both"""


class Export(Arguments, frozen=True):
    """Which key is to go to a partner."""

    key: str
    under: str
    """the partner's zone master key"""


class Import(Arguments, frozen=True):
    """A partner's key."""

    key: str
    """its name here"""
    under: str
    block: str
    """its key block"""
    check_value: str
    """as the partner says"""


class Destroy(Arguments, frozen=True):
    """Which key is to be forgotten for good."""

    key: str
    check_value: str
    """as the list has it"""


class Carried(msgspec.Struct, frozen=True):
    """What was done with one key."""

    key: str
    check_value: str = ""
    block: str = ""
    """of one that goes to a partner"""


class KeyCommands:
    """`keys.…`"""

    def __init__(self, keys: KeyLinks, kernel: Kernel) -> None:
        self._keys, self._kernel = keys, kernel

    def table(self) -> dict[str, Command]:
        """By name."""
        return {
            "keys.list": Command(Arguments, self.show, changes=False),
            "keys.exchange": Command(Exchange, self.exchange),
            "keys.export": Command(Export, self.export),
            "keys.import": Command(Import, self.take_in, private=("block",)),
            "keys.destroy": Command(Destroy, self.destroy),
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

    # -- keys that people carry

    def export(self, asked: Export, now: int) -> Carried:
        """A key block for a partner."""
        reply = self._ask(ExportKey(asked.key, asked.under, self._kernel.wall_us(now), _BY))
        return Carried(asked.key, block=reply.value.decode())

    def take_in(self, asked: Import, now: int) -> Carried:
        """A partner's key."""
        at_us = self._kernel.wall_us(now)
        reply = self._ask(ImportKey(asked.key, asked.under, asked.block, asked.check_value, at_us, _BY))
        return Carried(asked.key, reply.value.decode())

    def destroy(self, asked: Destroy, now: int) -> Carried:
        """It is no more. Raises Unable for one that a link still uses."""
        network = self._kernel.network
        links = (
            [x.keys for x in network.hosts] + [x.keys for x in network.members] + [x.keys for x in network.listeners]
        )
        if any(asked.key in (keys.mac_key, keys.pin_key, keys.zone_key) for keys in links):
            raise Unable(
                f"key {asked.key} is a link's of the network file",
                "take it out there, and `cmi-switch reload`; then it can be destroyed",
                code=ErrorCode.KEYS_REFUSED,
            )
        reply = self._ask(DestroyKey(asked.key, asked.check_value, self._kernel.wall_us(now), _BY))
        return Carried(asked.key, reply.value.decode())

    def _ask(self, command: ExportKey | ImportKey | DestroyKey) -> Reply:
        (reply,) = (self._kernel.module or NO_MODULE).ask([command])
        if not reply.ok:
            raise Unable(reply.reason, "nothing was changed", code=ErrorCode.KEYS_REFUSED)
        return reply
