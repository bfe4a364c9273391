"""Keys that people carry to and from partners, by a module that somebody else than they runs. Pure.

In: names, key blocks, who has it done. Out: key blocks, check values. Rules: a key leaves only if it was made to, and never under
a weaker one; each act is in the audit log, durably, with what it changes. That it takes two people is seen to by who asks.
"""

from typing import Final

import msgspec

from switch.security.check_values import is_check_value
from switch.security.commands import NOT_PERMITTED, UNKNOWN_KEY, WRONG, Reply
from switch.security.key_blocks import KeyBlock, KeyBlockError, unwrap, without_scheme
from switch.security.key_commands import DestroyKey, ExportKey, ImportKey
from switch.security.key_kinds import KINDS, single_des
from switch.security.key_sets import (
    CHECK_DIGITS,
    SLOTS,
    KeyStore,
    block_of,
    name_mistake,
    not_stronger,
    value_of,
    zone_master_key,
)
from switch.security.key_source import Random, RefusedError

_USAGES: Final = frozenset({"M0", "V0", *(kind.usage for kind in KINDS.values())})


class CarriedKeys:
    """What a module does about them, in a store."""

    def __init__(self, store: KeyStore, random: Random) -> None:
        self._store, self._random = store, random

    def export(self, command: ExportKey) -> Reply:
        """See ExportKey."""
        with self._store.turn():
            key, parent = self._there(command.key), zone_master_key(self._store, command.under)
            if key.header.exportability == "N":
                said = f"key {command.key!r} is not exportable (N): it was made to stay here"
                raise RefusedError(NOT_PERMITTED, said)
            not_stronger(command.key, key, command.under, parent)
            block = block_of(key, parent, key.header.exportability, self._random)
            self._store.change("export", command.key, {}, command.at_us, f"under {command.under}", command.by)
            return Reply(True, block.encode())

    def take_in(self, command: ImportKey) -> Reply:
        """See ImportKey."""
        name, under = command.key, command.under
        with self._store.turn():
            if mistake := name_mistake(name):
                raise RefusedError(NOT_PERMITTED, mistake)
            if self._store.find(name) is not None:
                raise RefusedError(NOT_PERMITTED, f"there is a key {name!r} already")
            parent = zone_master_key(self._store, under)
            try:
                read = unwrap(parent.key, without_scheme(command.block))
            except KeyBlockError as error:
                raise RefusedError(WRONG, f"key {name!r} under {under!r}: {error}") from None
            if read.header.usage not in _USAGES:
                raise RefusedError(NOT_PERMITTED, f"usage {read.header.usage} is none that this module has a use for")
            not_stronger(name, read, under, parent)
            if said := single_des(name, read.header.algorithm, read.key):
                raise RefusedError(WRONG, said)
            value, wanted = value_of(read), command.check_value.upper()
            if len(wanted) < CHECK_DIGITS or not is_check_value(read.header.algorithm, read.key, wanted):
                raise RefusedError(WRONG, f"key {name!r} has check value {value}, not {wanted or 'none'}: not taken in")
            kept = KeyBlock(msgspec.structs.replace(read.header, version="D", blocks=()), read.key)
            self._store.change("import", name, {name: kept}, command.at_us, f"under {under}", command.by)
            return Reply(True, value.encode())

    def destroy(self, command: DestroyKey) -> Reply:
        """See DestroyKey."""
        with self._store.turn():
            value = value_of(self._there(command.key))
            if value != command.check_value.upper():
                said = f"key {command.key!r} has check value {value}, not {command.check_value.upper()}: not destroyed"
                raise RefusedError(WRONG, said)
            gone = {command.key + slot: None for slot in SLOTS}
            self._store.change("destroy", command.key, gone, command.at_us, "", command.by)
            return Reply(True, value.encode())

    def _there(self, name: str) -> KeyBlock:
        found = self._store.find(name)
        if found is None:
            raise RefusedError(UNKNOWN_KEY, f"there is no key {name!r}: `cmi-switch keys list` shows those there are")
        return found
