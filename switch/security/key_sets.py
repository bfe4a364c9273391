"""How the keys of a link change by message: which sets of a key there are, and every move between them. Pure.

Theory of operation. A key has up to four sets, each in a slot of its own: in use (`NAME`), before it (`NAME.previous`), offered
to the other end (`NAME.offered`), received from it (`NAME.received`). A set's number, two digits, is its key block's version.

    (none) ──OfferKey──> offered ──┐
    (none) ──TakeKey──> received ──┴──UseKey──> in use ──UseKey of another──> previous ──DropKey──> destroyed

Rules. Each move is one change of the store, durable before it is answered, so that a crash leaves the one or the other and a
command asked again finds it done. A successor is of its key's own use, algorithm and length; what has been in use does not come
back: a recorded offer that is sent again brings no old key.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final, Protocol, TypeAlias

import msgspec

from switch.security import check_values, des
from switch.security.commands import (
    BAD_REQUEST,
    NOT_PERMITTED,
    OF_SET,
    OFFERED,
    PREVIOUS,
    RECEIVED,
    UNKNOWN_KEY,
    WRONG,
    Reply,
)
from switch.security.key_blocks import (
    SHA256,
    Header,
    KeyBlock,
    KeyBlockError,
    OptionalBlock,
    padding_bytes,
    unwrap,
    without_scheme,
    wrap,
)
from switch.security.key_commands import DropKey, KeyOffer, KeySet, KeySets, OfferKey, ShowKeys, TakeKey, UseKey
from switch.security.key_kinds import single_des, too_strong
from switch.security.key_source import KeySource, Random, RefusedError

SLOTS: Final = ("", PREVIOUS, OFFERED, RECEIVED)
CHECK_DIGITS: Final = 6
"""of a check value in a message: 3 bytes, as hosts show them whatever the algorithm"""
FORMS: Final = ("block", "ecb")
_SETS: Final = 99
_ECB_SCHEMES: Final = {16: ("", "X"), 24: ("", "Y")}
"""by a key's bytes: letters that payShields put before a key encrypted by ECB (ANSI X9.17)"""
_VARIANTS: Final = (
    "says that its parts are encrypted under variants of the zone master key, which no public page describes"
)
_SCHEMES_REFUSED: Final = {
    "U": _VARIANTS,
    "T": _VARIANTS,
    "Z": "says that it is a single DES key, which is no key for a link",
}

A_LINK: Final = "a link"
"""who changes keys by message, in the audit log"""

Change: TypeAlias = Mapping[str, KeyBlock | None]
"""slot names -> the key that is there from now on; None: none"""

encode_offer = msgspec.msgpack.Encoder().encode
decode_offer = msgspec.msgpack.Decoder(KeyOffer).decode
encode_sets = msgspec.msgpack.Encoder().encode
decode_sets = msgspec.msgpack.Decoder(list[KeySets]).decode


class KeyStore(KeySource, Protocol):
    """Where keys that change are kept."""

    def turn(self) -> AbstractContextManager[None]:
        """Nobody else's change while this goes on; what others have changed before is seen."""

    def change(self, act: str, name: str, change: Change, at_us: int, note: str, by: str = A_LINK) -> None:
        """Make it so, in one step, durably, with a row in the audit log. Raises KeyStoreError."""

    def since_us(self, name: str) -> int:
        """When the key in this slot came there; 0: not known."""


class KeyStoreError(Exception):
    """A change that cannot be kept: says why."""


def name_mistake(name: str) -> str:
    """What is wrong with the name of a key; "": nothing."""
    good = name.replace("-", "").replace("_", "").replace(".", "")
    if good.isascii() and good.isalnum() and len(name) < 40 and not name.endswith(SLOTS[1:]):
        return ""
    return f"{name!r} is no name for a key: letters, digits, `-`, `_`, `.`; at most 39"


def of_set(source: KeySource, name: str) -> KeyBlock | None:
    """The key of `NAME#SET`, in whatever slot it is; None: there is none."""
    base, _, number = name.partition(OF_SET)
    for slot in SLOTS:
        found = source.find(base + slot)
        if found is not None and set_of(found) == number:
            return found
    return None


def set_of(block: KeyBlock) -> str:
    """The number of a key's set: two digits; 00 where its block says nothing of it."""
    version = block.header.key_version
    return version if version.isdecimal() else "00"


def value_of(block: KeyBlock) -> str:
    """A key's check value, in hex."""
    return check_values.check_value(block.header.algorithm, block.key).hex().upper()


class ChangingKeys:
    """What a module does about keys that change by message, in a store."""

    def __init__(self, store: KeyStore, random: Random) -> None:
        self._store = store
        self._random = random

    def show(self, command: ShowKeys) -> Reply:
        """See ShowKeys."""
        return Reply(True, encode_sets([self._sets(name) for name in command.keys]))

    def _sets(self, name: str) -> KeySets:
        in_use, previous, offered, received = (self._shown(name + slot) for slot in SLOTS)
        return KeySets(key=name, in_use=in_use, previous=previous, offered=offered, received=received)

    def _shown(self, slot: str) -> KeySet | None:
        found = self._store.find(slot)
        if found is None:
            return None
        also = check_values.other_check_value(found.header.algorithm, found.key).hex().upper()
        return KeySet(set_of(found), value_of(found), self._store.since_us(slot), also)

    # -- moves; each within `turn`

    def offer(self, command: OfferKey) -> Reply:
        """See OfferKey."""
        with self._store.turn():
            key, parent = self._key(command.key), zone_master_key(self._store, command.under)
            made = self._store.find(command.key + OFFERED)
            if made is None:
                made = self._successor(command.key, key)
                self._store.change(
                    "offer", command.key, {command.key + OFFERED: made}, command.at_us, f"set {set_of(made)}"
                )
            not_stronger(command.key, made, command.under, parent)
            return Reply(True, encode_offer(self._wrapped(made, parent, command.form)))

    def _successor(self, name: str, key: KeyBlock) -> KeyBlock:
        taken = {set_of(found) for slot in SLOTS if (found := self._store.find(name + slot)) is not None}
        number = int(set_of(key))
        while f"{number:02d}" in taken or not number:
            number = number % _SETS + 1
        drawn = self._random(len(key.key))
        if key.header.algorithm == "T":
            drawn = des.with_odd_parity(drawn)
        return KeyBlock(msgspec.structs.replace(key.header, key_version=f"{number:02d}"), drawn)

    def _wrapped(self, made: KeyBlock, parent: KeyBlock, form: str) -> KeyOffer:
        value = value_of(made)[:CHECK_DIGITS]
        if form == "ecb":
            _only_tdes(made, parent)
            return KeyOffer(set_of(made), des.ecb_encryptor(parent.key)(made.key).hex().upper(), value)
        return KeyOffer(set_of(made), block_of(made, parent, "N", self._random), value)

    def take(self, command: TakeKey) -> Reply:
        """See TakeKey."""
        name, offer = command.key, command.offer
        with self._store.turn():
            key, parent = self._key(name), zone_master_key(self._store, command.under)
            came = _unwrapped(offer, key, parent, command.form, name)
            value = value_of(came)
            if not check_values.is_check_value(came.header.algorithm, came.key, offer.check_value):
                said = offer.check_value or "none"
                raise RefusedError(WRONG, f"the key that came has check value {value}, and the message says {said}")
            _fits(name, key, came)
            not_stronger(name, came, command.under, parent)
            if came.key in (key.key, _key_of(self._store.find(name + RECEIVED))):
                return Reply(True, value.encode())
            before = self._store.find(name + PREVIOUS)
            if came.key == _key_of(before) or set_of(came) in (set_of(key), set_of(before) if before else ""):
                raise RefusedError(
                    WRONG, f"set {set_of(came)} of key {name!r} was in use before: what has been does not come back"
                )
            # a set that was offered at the same time gives way: who decides that has asked for this one
            change = {name + RECEIVED: came, name + OFFERED: None}
            self._store.change("receive", name, change, command.at_us, f"set {set_of(came)}")
            return Reply(True, value.encode())

    def use(self, command: UseKey) -> Reply:
        """See UseKey."""
        name = command.key
        with self._store.turn():
            key = self._key(name)
            if set_of(key) == command.set_id:
                return Reply(True)
            for slot in (RECEIVED, OFFERED):
                successor = self._store.find(name + slot)
                if successor is not None and set_of(successor) == command.set_id:
                    change = {name: successor, name + PREVIOUS: key, name + OFFERED: None, name + RECEIVED: None}
                    note = f"set {command.set_id} in the place of {set_of(key)}"
                    self._store.change("use", name, change, command.at_us, note)
                    return Reply(True)
            raise RefusedError(UNKNOWN_KEY, f"key {name!r} has no successor of set {command.set_id}")

    def drop(self, command: DropKey) -> Reply:
        """See DropKey."""
        name = command.key
        with self._store.turn():
            for slot in SLOTS[1:]:
                found = self._store.find(name + slot)
                if found is not None and set_of(found) == command.set_id:
                    note = f"set {command.set_id}: {command.why}"
                    self._store.change("destroy", name, {name + slot: None}, command.at_us, note)
            return Reply(True)

    # -- authority

    def _key(self, name: str) -> KeyBlock:
        found = self._store.find(name)
        if found is None:
            raise RefusedError(UNKNOWN_KEY, f"there is no key {name!r}: `cmi-switch keys list` shows those there are")
        if found.header.usage[0] not in "MP":
            said = "only keys of links, for MACs and PINs, change by message"
            raise RefusedError(NOT_PERMITTED, f"key {name!r} has usage {found.header.usage}: {said}")
        return found


def zone_master_key(store: KeySource, name: str) -> KeyBlock:
    """The key called so, which carries others. Raises RefusedError."""
    found = store.find(name)
    if found is None:
        raise RefusedError(UNKNOWN_KEY, f"there is no zone master key {name!r}")
    if found.header.usage not in ("K0", "K1"):
        raise RefusedError(NOT_PERMITTED, f"key {name!r} has usage {found.header.usage}: it carries no other keys")
    return found


def block_of(key: KeyBlock, parent: KeyBlock, exportability: str, random: Random) -> str:
    """A key for the other end, as a key block under a zone master key: D where that is AES, B where it is triple DES."""
    version = "D" if parent.header.algorithm == "A" else "B"
    hashed = (OptionalBlock("HM", SHA256),) if key.header.algorithm == "H" else ()
    header = msgspec.structs.replace(key.header, version=version, exportability=exportability, blocks=hashed)
    padding = random(padding_bytes(version, header.algorithm, len(key.key)))
    return wrap(parent.key, header, key.key, padding)


def _key_of(block: KeyBlock | None) -> bytes:
    return block.key if block is not None else b""


def _only_tdes(key: KeyBlock, parent: KeyBlock) -> None:
    if key.header.algorithm != "T" or parent.header.algorithm != "T":
        raise RefusedError(NOT_PERMITTED, "without a key block only triple DES keys travel, under a triple DES key")


def _unwrapped(offer: KeyOffer, key: KeyBlock, parent: KeyBlock, form: str, name: str) -> KeyBlock:
    """The key of an offer, with the attributes that it will have here."""
    if not (len(offer.set_id) == 2 and offer.set_id.isascii() and offer.set_id.isdecimal()):
        raise RefusedError(BAD_REQUEST, f"set {offer.set_id!r}: two digits are expected")
    kept: Header = msgspec.structs.replace(key.header, key_version=offer.set_id)
    if form == "ecb":
        _only_tdes(key, parent)
        return KeyBlock(kept, _by_ecb(offer.data, len(key.key), parent, name))
    try:
        read = unwrap(parent.key, without_scheme(offer.data))
    except KeyBlockError as error:
        raise RefusedError(WRONG, f"key {name!r}: {error}") from None
    h = read.header
    if (h.usage, h.algorithm) != (key.header.usage, key.header.algorithm):
        said = f"usage {h.usage} {h.algorithm}, and {name!r} has {key.header.usage} {key.header.algorithm}"
        raise RefusedError(NOT_PERMITTED, f"the key that came has {said}")
    if h.key_version.isdecimal() and h.key_version not in ("00", offer.set_id):
        raise RefusedError(WRONG, f"the key block says set {h.key_version}, and the message {offer.set_id}")
    return KeyBlock(kept, read.key)


def _by_ecb(data: str, key_bytes: int, parent: KeyBlock, name: str) -> bytes:
    """A key that travels bare, as hosts write it: before its digits a payShield's letter of how it is encrypted, behind them
    its check value, and zeros or blanks to the end of its element (as the Nigerian centre's DE53)."""
    data = data.strip()
    scheme, digits = (data[:1], data[1:]) if data[:1].isalpha() and data[:1] not in "ABCDEFabcdef" else ("", data)
    if scheme not in _ECB_SCHEMES[key_bytes]:
        said = _SCHEMES_REFUSED.get(scheme, "is none that is known here for a key of this length")
        raise RefusedError(
            BAD_REQUEST, f"key {name!r}: {scheme!r} before it {said}; X (16 bytes), Y (24), or none, is read"
        )
    shown, behind = digits[: 2 * key_bytes], digits[2 * key_bytes :]
    try:
        encrypted = bytes.fromhex(shown)
        bytes.fromhex(behind + "0" * (len(behind) % 2))
    except ValueError:
        encrypted = b""
    if len(encrypted) != key_bytes:
        raise RefusedError(BAD_REQUEST, f"key {name!r}: {2 * key_bytes} hex digits are expected")
    key = des.ecb_decryptor(parent.key)(encrypted)
    if behind.strip("0") and not _begins_with_check_value(behind, key):
        value = check_values.check_value("T", key).hex().upper()
        said = f"behind it stands the check value {behind[:CHECK_DIGITS]}, and it has {value}"
        raise RefusedError(WRONG, f"key {name!r}: {said}")
    return key


def _begins_with_check_value(behind: str, key: bytes) -> bool:
    return check_values.is_check_value(
        "T", key, behind[: check_values.FIELD_DIGITS].ljust(check_values.FIELD_DIGITS, "0")
    )


def _fits(name: str, key: KeyBlock, came: KeyBlock) -> None:
    if len(came.key) != len(key.key):
        said = f"the key that came has {8 * len(came.key)} bits, and {name!r} {8 * len(key.key)}"
        raise RefusedError(NOT_PERMITTED, said)
    if said := single_des(name, key.header.algorithm, came.key):
        raise RefusedError(WRONG, said)


def not_stronger(name: str, key: KeyBlock, under: str, parent: KeyBlock) -> None:
    """Raises RefusedError for a key that would travel under a weaker one."""
    if said := too_strong(name, key, under, parent):
        raise RefusedError(NOT_PERMITTED, said)
