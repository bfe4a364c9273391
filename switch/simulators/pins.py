"""Whether a request's PIN is the cardholder's, as a simulated issuer asks its security module; and how often it was not.

In: a PIN block under the key of the issuer's link, the card's account. Out: why the request is declined, or nothing. What the
issuer keeps of a PIN is its PVV or offset, made when the card is first used. Rule: wrong tries are in a record before they are
answered: a host that is killed forgets none. Three are allowed; a right one begins anew, and comes too late after three.
"""

from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from switch.core.links.key_serials import put
from switch.core.links.sealing import DeviceSealing, Sealing
from switch.core.links.valid_sets import LinkSets
from switch.core.network import LinkKeys, PinRules
from switch.security.commands import NOT_PERMITTED, WRONG, EncryptPin, MakePinReference, PinReference, Reply, VerifyPin
from switch.security.dukpt import AES_ONES_MAX, TDES_KSN_BYTES, TDES_ONES_MAX, next_counter, serial_of
from switch.security.module import NO_MODULE, SecurityModule
from switch.simulators.card_file import Account
from switch.simulators.cards import TestCard
from switch.simulators.postings import PinTries
from switch.wire import Dialect
from switch.wire.vocabulary import DE, Answer, Document

TRIES_MAX: Final = 3
AES_FORMAT: Final = 4


class Refusal(NamedTuple):
    """Why a request is declined."""

    de39: str
    reason: str


class PinDesk:
    """Of one issuer. Without a `pvv_key` it asks for no PIN, and takes any."""

    def __init__(
        self,
        module: SecurityModule = NO_MODULE,
        keys: LinkKeys = LinkKeys(),  # noqa: B008
        pvv_key: str = "",
        sets: LinkSets | None = None,
        rules: PinRules = PinRules(),  # noqa: B008
    ) -> None:
        """`keys`: of the issuer's link; `sets`: where they change by message. `pvv_key`: what its PINs are verified with, by PVV
        or IBM 3624 as its use says; `rules`: how."""
        table, data = rules.decimalization_table, rules.validation_data
        self._methods = (
            PinReference("pvv", "", key_index=rules.pvki),
            PinReference("ibm3624", "", table=table, template=data),
        )
        self._sets = sets
        self._module = module
        self._keys = keys
        self._pvv_key = pvv_key
        self._references: dict[str, PinReference] = {}
        self._tries: PinTries | None = None

    def take_tries(self) -> PinTries | None:
        """What the last `judge` has changed, once."""
        tries, self._tries = self._tries, None
        return tries

    def judge(self, account: Account, document: Document) -> Refusal | None:
        """None: the request has no PIN, or the right one."""
        block = document.get(DE.PIN)
        if block is None or not self._pvv_key:
            return None
        if account.pin_tries >= TRIES_MAX:
            return Refusal(Answer.PIN_TRIES, f"{account.pin_tries} wrong PINs before this one")
        reference = self._reference(account.card)
        if isinstance(reference, Refusal):
            return reference
        key, encrypted = self._keys, _bytes(block)
        under = key.pin_key if self._sets is None else self._sets.of_pin(document)[0]
        asked = VerifyPin(under, self._pvv_key, encrypted, account.card.pan, reference, key.pin_format)
        (reply,) = self._module.ask([asked])
        if reply.ok:
            if account.pin_tries:
                self._tries = PinTries(account.card.name, 0)
            return None
        if reply.code != WRONG:
            return Refusal(Answer.MALFUNCTION, f"its PIN cannot be verified: {reply.reason}")
        self._tries = PinTries(account.card.name, account.pin_tries + 1)
        return Refusal(Answer.INCORRECT_PIN, f"wrong PIN, {account.pin_tries + 1} of {TRIES_MAX}")

    def _reference(self, card: TestCard) -> PinReference | Refusal:
        """What is kept of a card's PIN, made from the PIN that it was given."""
        made = self._references.get(card.name)
        if made is not None:
            return made
        keys = self._keys
        (reply,) = self._module.ask([EncryptPin(keys.pin_key, card.pin, card.pan, keys.pin_format)])
        block = reply.value
        for like in self._methods if reply.ok else ():
            asked = MakePinReference(keys.pin_key, self._pvv_key, block, card.pan, like, keys.pin_format)
            (reply,) = self._module.ask([asked])
            if reply.ok:
                made = msgspec.structs.replace(like, value=reply.value.decode())
                self._references[card.name] = made
                return made
            if reply.code != NOT_PERMITTED:
                break
        return Refusal(Answer.MALFUNCTION, f"no PIN can be verified: {reply.reason}")


class Fleet:
    """Terminals that derive a key a transaction (DUKPT): each is a device of this fleet, new with it, and counts from 1."""

    def __init__(self, keys: LinkKeys, number: int = 0) -> None:
        """`keys`: of the port. Triple DES with PIN formats 0 and 3, AES with format 4. `number`: other fleets have others."""
        self._keys, self._number = keys, number
        self._counters: dict[str, int] = {}

    def next(self, document: Document) -> str:
        """The serial number of the next message of a terminal (DE41), in hex."""
        number = crc32(f"{document.get(DE.TERMINAL, '')}/{self._number}".encode())
        aes = self._keys.pin_format == AES_FORMAT
        device = f"A15E0001{number:08X}" if aes else f"FFFF{number:08X}".ljust(2 * TDES_KSN_BYTES, "0")
        before = self._counters.get(device, 0)
        counter = self._counters[device] = next_counter(before, AES_ONES_MAX if aes else TDES_ONES_MAX)
        return serial_of(device, counter).hex().upper()

    def sealing(self, dialect: Dialect, module: SecurityModule | None) -> Sealing | None:
        """What its terminals' messages are proved by, where the port has MACs of this kind. Raises NoMacPlaceError."""
        if not (self._keys.ksn and self._keys.mac_key):
            return None
        return DeviceSealing(module or NO_MODULE, self._keys, dialect, self.next)


class PinPad:
    """Where cardholders type: of one acquirer's terminals."""

    def __init__(
        self, module: SecurityModule | None, keys: LinkKeys, sets: LinkSets | None = None, fleet: Fleet | None = None
    ) -> None:
        """`keys`: of the acquirer's link, with a `pin_key`; `sets`: where they change by message. `fleet`: where it is a base
        derivation key (`keys.ksn`)."""
        self._module, self._keys, self._sets, self._fleet = module or NO_MODULE, keys, sets, fleet or Fleet(keys)

    def type(self, document: Document, card: TestCard, pin: str = "") -> tuple[Document, Reply]:
        """The request with its PIN ("": the card's own), and what the module says; as it was where that made none."""
        keys = self._keys
        under = keys.pin_key if self._sets is None else self._sets.valid.of(keys.pin_key).sending
        serial = self._fleet.next(document) if keys.ksn else ""
        asked = EncryptPin(under, pin or card.pin, card.pan, keys.pin_format, bytes.fromhex(serial))
        (reply,) = self._module.ask([asked])
        if not reply.ok:
            return document, reply
        typed = {**document, DE.PIN: reply.value.hex().upper()}
        return (put(typed, keys.ksn, serial) if serial else typed), reply


def _bytes(block: str) -> bytes:
    try:
        return bytes.fromhex(block)
    except ValueError:
        return b""  # no PIN block, as the module will say
