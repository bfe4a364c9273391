"""What a security module is asked about keys themselves: those that change by message, and those that people carry.

Rule: each change is durable in the module before it is answered.
"""

from typing import Final

import msgspec


class OfferKey(msgspec.Struct, frozen=True, tag="offer-key", array_like=True):
    """A successor of `key` for the other end of a link, under the zone master key `under`: the one offered before, if it has
    not been accepted, else a new one. The answer's `value` is a `KeyOffer`."""

    key: str
    under: str
    form: str
    """`block` (X9.143) or `ecb`: the bare key under the zone master key"""
    at_us: int
    """wall clock"""


class TakeKey(msgspec.Struct, frozen=True, tag="take-key", array_like=True):
    """A successor of `key` that the other end offers. The same one again is taken again; `WRONG`: its check value is another
    key's, or it is no successor."""

    key: str
    under: str
    form: str
    offer: "KeyOffer"
    at_us: int


class UseKey(msgspec.Struct, frozen=True, tag="use-key", array_like=True):
    """From here on the successor with this set number is `key`; the one before is `key.previous`. Done once, and answered alike
    however often it is asked."""

    key: str
    set_id: str
    at_us: int


class DropKey(msgspec.Struct, frozen=True, tag="drop-key", array_like=True):
    """Destroy one set of a key that is not the one in use: the previous one once its time is over, a successor that is not to
    be. One that is not there is dropped already."""

    key: str
    set_id: str
    at_us: int
    why: str


class ExportKey(msgspec.Struct, frozen=True, tag="export-key", array_like=True):
    """A key for a partner, as a key block under the zone master key `under`: the answer's `value`. Only one made to leave."""

    key: str
    under: str
    at_us: int
    by: str
    """who has it done, for the audit log"""


class ImportKey(msgspec.Struct, frozen=True, tag="import-key", array_like=True):
    """A partner's key, from its key block under `under`, by a name that is new here. `WRONG`: its check value is another's. The
    answer's `value` is its check value."""

    key: str
    under: str
    block: str
    check_value: str
    at_us: int
    by: str


class DestroyKey(msgspec.Struct, frozen=True, tag="destroy-key", array_like=True):
    """Forget a key, and all sets of it, for good. `check_value`: as who does it read it in the list."""

    key: str
    check_value: str
    at_us: int
    by: str


class AwaitChanges(msgspec.Struct, frozen=True, tag="await-changes", array_like=True):
    """Nothing but an answer, once every change of a key that was asked for before has one."""


class ShowKeys(msgspec.Struct, frozen=True, tag="show-keys", array_like=True):
    """Which sets of these keys there are. The answer's `value` is a list of `KeySets`, in order."""

    keys: tuple[str, ...]


class KeyOffer(msgspec.Struct, frozen=True, array_like=True):
    """A key as it goes to the other end of a link."""

    set_id: str
    """two digits"""
    data: str
    """key block, or hex of the encrypted key"""
    check_value: str
    """its first 3 bytes, in hex; 2 to 8 of them where the other end says it"""


class KeySet(msgspec.Struct, frozen=True, array_like=True):
    """One set of a key, as far as anybody may know it."""

    set_id: str
    check_value: str
    since_us: int
    """wall clock: when it was made, taken in, or came into use; 0: not known"""
    also: str = ""
    """what others may say of it in the check value's place (X9.143 and older modules have two ways); "": nothing else"""


class KeySets(msgspec.Struct, frozen=True, kw_only=True):
    """All sets of a key."""

    key: str
    in_use: KeySet | None = None
    """None: there is no such key"""
    previous: KeySet | None = None
    offered: KeySet | None = None
    received: KeySet | None = None


KEY_CHANGES: Final[frozenset[type]] = frozenset(
    {OfferKey, TakeKey, UseKey, DropKey, ExportKey, ImportKey, DestroyKey, AwaitChanges}
)
"""what a module keeps durably before it answers, and so after a disk; each is asked for alone"""
