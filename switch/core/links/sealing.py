"""MACs of one link: what its messages are proved by, and how what leaves gets its own.

Asked of the security module for a whole batch: on the way in by `core.link_control.macs`, on the way out by the outbox, which
takes all messages of a batch that want a MAC (`party.Seal`) at once. Both ends of a link are served: the switch, and simulators.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec

from switch.core.links.key_place import place_of
from switch.core.links.key_serials import find, put
from switch.core.links.valid_sets import LinkSets, ValidSets
from switch.core.network import LinkKeys, Network
from switch.core.party import Seal
from switch.security.commands import PREVIOUS, UNREACHABLE, CheckDeviceMac, CheckMac, MakeDeviceMac, MakeMac, Reply
from switch.security.module import NO_MODULE, SecurityModule
from switch.wire import DecodeError, Dialect
from switch.wire.letters import decode_anyway
from switch.wire.mac_place import MacPlace
from switch.wire.vocabulary import Document

Parties: TypeAlias = dict[str, tuple[str, LinkKeys]]
"""DE32 -> whose it is, and its keys"""
_Party: TypeAlias = tuple[str, LinkKeys, tuple[str, ...]]


class Verdict(msgspec.Struct, frozen=True):
    """What was found of the MAC of one message that came."""

    good: bool
    reason: str = ""
    """why not, for people"""
    missing: bool = False
    key: str = ""
    """the key that it is proved by, where it is not the one in use"""
    ksn: bytes = b""
    """key serial number of the terminal's transaction that it is proved by (DUKPT)"""
    asked: bool = True
    """False: the module did not answer, so that nothing is known of who sent it"""


GOOD: Final = Verdict(True)
MISSING: Final = Verdict(False, "it has no MAC in its last element, DE64 or DE128", missing=True)


class Sealing:
    """Makes and checks the MACs of one link, or of all links with one speech and one key."""

    __slots__ = ("_key", "_keys", "_module", "_padding", "_place", "_size", "_valid", "sets")

    def __init__(
        self,
        module: SecurityModule,
        keys: LinkKeys,
        dialect: Dialect,
        valid: ValidSets | None = None,
        sets: LinkSets | None = None,
    ) -> None:
        """`keys.mac_key` is not empty. `valid`, `sets`: where the link's keys change by message. Raises NoMacPlaceError:
        messages of this dialect have no room for a MAC."""
        self._valid, self.sets = valid, sets
        self._module = module
        self._key = keys.mac_key
        self._keys = (keys.mac_key, keys.mac_key + PREVIOUS)
        self._padding = keys.mac_padding
        self._size = keys.mac_bytes
        self._place = MacPlace(dialect, keys.mac_bytes)

    def check(self, frames: Sequence[bytes]) -> list[Verdict]:
        """A verdict on each message, in one question to the module."""
        found = [self._place.find(frame) for frame in frames]
        keys = self._keys if self._valid is None else self._valid.of(self._key).receiving
        asked = [CheckMac(keys, place[0], place[1], self._padding) for place in found if place is not None]
        if self._valid is not None:
            self._valid.count(self._key, len(asked))
        replies = iter(self._module.ask(asked))
        return [MISSING if place is None else verdict_of(next(replies)) for place in found]

    def readable(self, frame: bytes) -> bytes:
        """A message that is proved, as its dialect can read it."""
        return self._place.readable(frame)

    def seal(
        self, dialect: Dialect, document: Document, frame: Callable[[bytes], bytes], reference: Document | None = None
    ) -> Seal:
        """What is left to do to a message in the link's form. `reference`: the request it answers. Raises EncodeError."""
        del reference
        place, key = self._place, self._key
        if self._valid is not None and self.sets is not None:
            # the set is named in the message, so that it is this one's MAC whatever changes before it leaves
            self._valid.count(key)
            key, document = self._valid.of(key).sending, self.sets.with_sets(document)
        message = dialect.encode(place.reserve(document))
        command = MakeMac(key, place.covered(message), self._padding, self._size)
        return Seal(self._module, command, lambda mac: frame(place.put(message, mac)))


NO_SERIAL: Final = Verdict(False, "it has no key serial number in the place that `ksn` names", missing=True)


class DeviceSealing(Sealing):
    """The same for a port whose terminals derive a key a transaction (DUKPT): each message names its own, and its answer names
    it again.

    Both ends are served: the switch answers under the serial number of the request, a terminal takes the next one of its own.
    What has none is not proved."""

    __slots__ = ("_dialect", "_next", "_serial_at")

    def __init__(
        self,
        module: SecurityModule,
        keys: LinkKeys,
        dialect: Dialect,
        next_serial: Callable[[Document], str] | None = None,
    ) -> None:
        """`next_serial`: at a terminal, the serial number of its next message, in hex. Raises NoMacPlaceError."""
        super().__init__(module, keys, dialect)
        self._dialect, self._serial_at, self._next = dialect, keys.ksn, next_serial

    def check(self, frames: Sequence[bytes]) -> list[Verdict]:
        """A verdict on each message, in one question to the module."""
        asked: list[CheckDeviceMac] = []
        verdicts: list[Verdict | None] = []
        for frame in frames:
            place, serial = self._place.find(frame), self._serial_in(frame)
            if place is None or not serial:
                verdicts.append(MISSING if place is None else NO_SERIAL)
                continue
            verdicts.append(None)
            response = self._next is not None
            asked.append(CheckDeviceMac(self._key, serial, place[0], place[1], response, self._padding))
        replies = iter(zip(self._module.ask(asked), (one.ksn for one in asked), strict=True))
        return [verdict_of(*next(replies)) if found is None else found for found in verdicts]

    def _serial_in(self, frame: bytes) -> bytes:
        try:
            return bytes.fromhex(find(decode_anyway(self._dialect, frame), self._serial_at))
        except (DecodeError, ValueError):
            return b""

    def seal(
        self, dialect: Dialect, document: Document, frame: Callable[[bytes], bytes], reference: Document | None = None
    ) -> Seal:
        """See Sealing. Without a serial number no MAC is made, and nothing leaves."""
        if self._next is not None:
            serial = find(document, self._serial_at) or self._next(document)
        else:
            serial = find(reference, self._serial_at) if reference else ""
        if serial:
            document = put(document, self._serial_at, serial)
        place = self._place
        message = dialect.encode(place.reserve(document))
        response = self._next is None
        covered = place.covered(message)
        command = MakeDeviceMac(self._key, _bytes(serial), covered, response, self._padding, self._size)
        return Seal(self._module, command, lambda mac: frame(place.put(message, mac)))


class Sealings:
    """The `Sealing` of each link, by whose it is; made when it is first asked for."""

    def __init__(self, network: Network, module: SecurityModule | None, valid: ValidSets | None = None) -> None:
        """`module`: None where the network file has no keys. `valid`: which of its sets are, where somebody else keeps that."""
        self._module = module
        self._made: dict[tuple[LinkKeys, str], Sealing] = {}
        self._sets: dict[tuple[LinkKeys, str], LinkSets | None] = {}
        self.valid = valid or ValidSets(module or NO_MODULE)
        """which sets of keys that change by message are valid"""
        members: list[_Party] = [(m.name, m.keys, (m.institution, *m.institutions)) for m in network.members]
        hosts: list[_Party] = [(h.name, h.keys, (h.institution,)) for h in network.hosts if h.connect is None]
        self.members = _by_institution(members)
        """acquirers whose messages have MACs: DE32 -> name and keys"""
        self.hosts_in = _by_institution(hosts)
        """the same of hosts that connect in"""

    def of(self, keys: LinkKeys, dialect: Dialect) -> Sealing | None:
        """What proves messages of a link with these keys; None where they have no MAC. Raises NoMacPlaceError."""
        if not keys.mac_key:
            return None
        made = self._made.get((keys, dialect.name))
        if made is None:
            sets = self.sets_of(keys, dialect)
            valid = self.valid if sets is not None else None
            module = self._module or NO_MODULE
            made = DeviceSealing(module, keys, dialect) if keys.ksn else Sealing(module, keys, dialect, valid, sets)
            self._made[keys, dialect.name] = made
        return made

    def sets_of(self, keys: LinkKeys, dialect: Dialect) -> LinkSets | None:
        """What messages of a link with these keys say of their sets; None where its keys do not change by message."""
        if not keys.zone_key:
            return None
        made = self._sets.get((keys, dialect.name))
        if made is None:
            place = place_of(dialect)
            made = LinkSets(keys, place, self.valid) if place is not None else None
            self._sets[keys, dialect.name] = made
        return made


def _by_institution(parties: list[_Party]) -> Parties:
    return {
        institution.lstrip("0"): (name, keys)
        for name, keys, institutions in parties
        if keys.mac_key
        for institution in institutions
    }


def whole(seal: Seal) -> bytes:
    """A message with its MAC, by itself. Raises ValueError, in the module's words, where it makes none."""
    (reply,) = seal.module.ask([seal.command])
    if not reply.ok:
        raise ValueError(reply.reason)
    return seal.finish(reply.value)


def verdict_of(reply: Reply, ksn: bytes = b"") -> Verdict:
    """What a module's reply means. `ksn`: of a terminal's transaction."""
    if reply.ok:
        return Verdict(True, key=reply.value.decode(), ksn=ksn) if reply.value or ksn else GOOD
    return Verdict(False, reply.reason, asked=reply.code != UNREACHABLE)


def _bytes(serial: str) -> bytes:
    try:
        return bytes.fromhex(serial)
    except ValueError:
        return b""
