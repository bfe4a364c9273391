"""Which sets of each key are valid now, as the security module has it: asked once, and kept until one changes.

In: key names. Out: under which name to send, and under which what comes may be: two sets are valid while a key changes, and the
new ones that are on their way. Rule: the module's word is the durable one; what is kept here is a copy of it.
"""

from collections.abc import Callable

import msgspec

from switch.core.links.key_place import MAC, NO_SET, PIN, KeyPlace
from switch.core.network import LinkKeys
from switch.security.commands import OF_SET, PREVIOUS
from switch.security.key_commands import KeySet, KeySets, ShowKeys
from switch.security.key_sets import decode_sets
from switch.security.module import SecurityModule
from switch.wire.vocabulary import DE, Document


class Valid(msgspec.Struct, frozen=True, kw_only=True):
    """A key's sets as the module has them, and which of them messages are sent and taken under."""

    sets: KeySets
    set_id: str
    """of the one in use"""
    sending: str
    """its name, whatever slot it moves to"""
    receiving: tuple[str, ...]
    """that one first, then those coming, then the one before"""


class ValidSets:
    """What is known of each key's sets, and how often each key was used."""

    def __init__(self, module: SecurityModule) -> None:
        self.module = module
        self._known: dict[str, Valid] = {}
        self._uses: dict[str, int] = {}
        self.seen: Callable[[str], None] = _ignore
        """told of each message under a set that is not in use yet, by its name (`atlas-zak#08`)"""

    def of(self, key: str) -> Valid:
        """The valid sets of a key. While the module says nothing of it, those that a key has without any exchange."""
        known = self._known.get(key)
        return known if known is not None else self.refresh(key)

    def known(self, key: str) -> KeySets:
        """Its sets as far as they are known, without asking for them."""
        known = self._known.get(key)
        return known.sets if known is not None else KeySets(key=key)

    def refresh(self, key: str) -> Valid:
        """As `of`, and the module is asked again."""
        (reply,) = self.module.ask([ShowKeys((key,))])
        sets = decode_sets(reply.value)[0] if reply.ok else KeySets(key=key)
        if sets.in_use is None:
            self._known.pop(key, None)
            return Valid(sets=sets, set_id=NO_SET, sending=key, receiving=(key, key + PREVIOUS))
        order = (sets.in_use, sets.received, sets.offered, sets.previous)
        names = tuple(key + OF_SET + one.set_id for one in order if one is not None)
        made = Valid(sets=sets, set_id=sets.in_use.set_id, sending=names[0], receiving=names)
        self._known[key] = made
        return made

    def count(self, key: str, times: int = 1) -> None:
        """The set in use of this key was used: a MAC made or checked, a PIN translated to or from it."""
        self._uses[key] = self._uses.get(key, 0) + times

    def begin_count(self, key: str) -> None:
        """Another set of this key has come into use."""
        self._uses[key] = 0

    def uses(self, key: str) -> int:
        """How often this process has used the key since it started, or since `begin_count`."""
        return self._uses.get(key, 0)

    def coming(self, name: str) -> KeySet | None:
        """The set of this name (`atlas-zak#08`), if it is one that is to follow and not in use; None else."""
        key, _, number = name.partition(OF_SET)
        sets = self.of(key).sets
        return next((one for one in (sets.received, sets.offered) if one is not None and one.set_id == number), None)


class LinkSets:
    """What the messages of one link say of their key sets."""

    __slots__ = ("_place", "keys", "valid")

    def __init__(self, keys: LinkKeys, place: KeyPlace, valid: ValidSets) -> None:
        self.keys = keys
        self._place, self.valid = place, valid

    def with_sets(self, document: Document) -> Document:
        """A message with DE53 as its keys are: the MAC's where it has one, the PIN's where it has a PIN."""
        keys, sets = self.keys, {}
        if keys.mac_key:
            sets[MAC] = self.valid.of(keys.mac_key).set_id
        if keys.pin_key and DE.PIN in document:
            sets[PIN] = self.valid.of(keys.pin_key).set_id
        return self._place.with_sets(document, sets) if sets else document

    def of_pin(self, document: Document) -> tuple[str, tuple[str, ...]]:
        """The key that the PIN of a message that came is under, and others that it may be under where the message says nothing
        of it."""
        key = self.keys.pin_key
        valid, number = self.valid.of(key), self._place.set_in(document, PIN)
        name = key + OF_SET + number
        if not number or name not in valid.receiving:
            return valid.sending, valid.receiving[1:]
        if name != valid.sending and self.valid.coming(name) is not None:
            self.valid.seen(name)
        return name, ()

    def knows(self, document: Document) -> bool:
        """False where a message says that its MAC is of a set that is not known here."""
        number, key = self._place.set_in(document, MAC), self.keys.mac_key
        return not number or key + OF_SET + number in self.valid.of(key).receiving


def _ignore(name: str) -> None:
    del name
