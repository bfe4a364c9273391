"""What a switch asks of a security module: the list of commands, and what comes back.

Callers name keys, or hand over key blocks; never a clear key, and a clear PIN only where a cardholder has just typed it
(`EncryptPin`, which is for terminals and tests). The commands are plain values, so that a batch of them goes to another process
as it stands. Rule: a module answers each command of a batch by itself; one refused stops no other.
"""

from typing import Final, TypeAlias

import msgspec

from switch.security.key_commands import (
    AwaitChanges,
    DestroyKey,
    DropKey,
    ExportKey,
    ImportKey,
    OfferKey,
    ShowKeys,
    TakeKey,
    UseKey,
)

PREVIOUS: Final = ".previous"
"""behind a key's name: the one before its rotation, which still proves what comes in"""
OFFERED: Final = ".offered"
"""a successor made here and sent to the other end of a link, which has not accepted it yet"""
RECEIVED: Final = ".received"
"""a successor that the other end has sent, and that has not been seen in use yet"""
OF_SET: Final = "#"
"""between a key's name and the number of one of its sets: `atlas-zak#07`, whatever that one is called now"""

UNKNOWN_KEY: Final = "unknown-key"
NOT_PERMITTED: Final = "not-permitted"
"""the key's usage, algorithm or mode says no"""
BAD_BLOCK: Final = "pin-block"
"""no PIN block under this key, in this format, for this PAN: never a wrong PIN"""
BAD_REQUEST: Final = "bad-request"
WRONG: Final = "wrong"
"""all was in order, and the value is not the right one: a MAC, a PIN, a card value, a cryptogram"""
UNREACHABLE: Final = "unreachable"
"""the module did not answer; nothing was decided"""


class MakeMac(msgspec.Struct, frozen=True, tag="make-mac", array_like=True):
    """A MAC over `data`. Which algorithm, the key's usage says (M1, M3, M6, M7); `padding` is ISO 9797-1's, of M1 and M3."""

    key: str
    data: bytes
    padding: int = 1
    size: int = 8
    """bytes wanted, of those the algorithm makes"""


class CheckMac(msgspec.Struct, frozen=True, tag="check-mac", array_like=True):
    """Whether `mac` (4 bytes or more) is that of `data` under one of the keys: two are valid while they change. The answer's
    `value` names the key, where it is not the first."""

    keys: tuple[str, ...]
    data: bytes
    mac: bytes
    padding: int = 1


class MakeDeviceMac(msgspec.Struct, frozen=True, tag="make-device-mac", array_like=True):
    """A MAC under the key of one transaction of a terminal (DUKPT): `key` is a base derivation key. ISO 9797-1 algorithm 3 where
    that is triple DES, CMAC where it is AES."""

    key: str
    ksn: bytes
    data: bytes
    response: bool
    """of an answer to the terminal; False: of what the terminal sends"""
    padding: int = 1
    size: int = 8


class CheckDeviceMac(msgspec.Struct, frozen=True, tag="check-device-mac", array_like=True):
    """Whether `mac` is that."""

    key: str
    ksn: bytes
    data: bytes
    mac: bytes
    response: bool
    padding: int = 1


class EncryptPin(msgspec.Struct, frozen=True, tag="encrypt-pin", array_like=True):
    """A PIN block of a PIN that was typed."""

    key: str
    pin: str
    pan: str
    format: int = 0
    ksn: bytes = b""
    """of a terminal whose key is a base derivation key"""


class TranslatePin(msgspec.Struct, frozen=True, tag="translate-pin", array_like=True):
    """A PIN block under another zone's key, for the same PAN."""

    from_key: str
    to_key: str
    block: bytes
    pan: str
    from_format: int = 0
    to_format: int = 0
    ksn: bytes = b""
    """where `from_key` is a base derivation key"""
    others: tuple[str, ...] = ()
    """keys that the block may be under if it is none under `from_key`: of the sets that are valid while they change"""


class PinReference(msgspec.Struct, frozen=True, array_like=True):
    """What an issuer keeps of a card's PIN: nothing of which the PIN could be told without the key."""

    method: str
    """`pvv` or `ibm3624`"""
    value: str
    """the PVV, or the offset"""
    key_index: str = "1"
    """of a PVV"""
    table: str = "0123456789012345"
    """this and all below of IBM 3624"""
    begin: int = 0
    """where in the PAN its validation data begin, and how many digits they are"""
    length: int = 12
    pad: str = "F"
    template: str = ""
    """instead: digits, with an N where the last five of the PAN before its check digit go"""


class VerifyPin(msgspec.Struct, frozen=True, tag="verify-pin", array_like=True):
    """Whether the PIN in a block is the card's."""

    key: str
    verification_key: str
    block: bytes
    pan: str
    reference: PinReference
    format: int = 0


class MakePinReference(msgspec.Struct, frozen=True, tag="make-pin-reference", array_like=True):
    """The PVV or offset of the PIN in a block, for an issuer that makes cards. `like`: all of it but its value."""

    key: str
    verification_key: str
    block: bytes
    pan: str
    like: PinReference
    format: int = 0


class MakeCardValue(msgspec.Struct, frozen=True, tag="make-card-value", array_like=True):
    """A CVV, iCVV or CVV2: three digits. `expiry` as it goes in (YYMM, or MMYY where the scheme has it so)."""

    key: str
    pan: str
    expiry: str
    service_code: str


class CheckCardValue(msgspec.Struct, frozen=True, tag="check-card-value", array_like=True):
    """Whether three digits are a card's."""

    key: str
    pan: str
    expiry: str
    service_code: str
    value: str


class MakeDynamicValue(msgspec.Struct, frozen=True, tag="make-dynamic-value", array_like=True):
    """dCVV or (Mastercard) CVC3 of a chip's track 2: three digits."""

    key: str
    scheme: str
    sequence: str
    track: str
    """PAN, D, expiry, service code, discretionary data, with zeros for what changes"""
    atc: int
    unpredictable: str
    """digits of the terminal's number"""


class CheckDynamicValue(msgspec.Struct, frozen=True, tag="check-dynamic-value", array_like=True):
    """Whether three digits are those that would be made so."""

    made: MakeDynamicValue
    value: str


class CheckCryptogram(msgspec.Struct, frozen=True, tag="check-cryptogram", array_like=True):
    """Whether a chip's ARQC (tag 9F26 among `tags`) holds; the answer's `value` is what goes back in tag 91. `option`: how the
    card's key is derived, A or B; "": as its cryptogram version has it."""

    key: str
    scheme: str
    pan: str
    sequence: str
    tags: dict[str, bytes]
    code: bytes = b"00"
    """the response code the ARPC is made of, 2 bytes"""
    option: str = ""


class MakeCryptogram(msgspec.Struct, frozen=True, tag="make-cryptogram", array_like=True):
    """The ARQC a card's chip makes of these tags: for test cards, whose issuer's key says so (mode N). The reply's `value`."""

    key: str
    scheme: str
    pan: str
    sequence: str
    tags: dict[str, bytes]
    option: str = ""


class MakeCavv(msgspec.Struct, frozen=True, tag="make-cavv", array_like=True):
    """Visa's CAVV, usage 3, version 0: 20 bytes."""

    key: str
    pan: str
    atn: str
    results_code: str
    second_factor: str
    key_indicator: str = "01"


class CheckCavv(msgspec.Struct, frozen=True, tag="check-cavv", array_like=True):
    """Whether a CAVV of version 0 is this card's."""

    key: str
    pan: str
    cavv: bytes


class MakeAav(msgspec.Struct, frozen=True, tag="make-aav", array_like=True):
    """Mastercard's AAV (SPA 1): 20 bytes. `merchant`: its name, hashed into it; `number`: the authentication's, 4 bytes."""

    key: str
    pan: str
    merchant: str
    control: int  # 8C: the cardholder was authenticated; 86: an attempt
    number: bytes
    acs: int = 1
    method_and_key: int = 0x11


class CheckAav(msgspec.Struct, frozen=True, tag="check-aav", array_like=True):
    """Whether an AAV of SPA 1 is this card's."""

    key: str
    pan: str
    aav: bytes


Command: TypeAlias = (
    MakeMac
    | CheckMac
    | MakeDeviceMac
    | CheckDeviceMac
    | EncryptPin
    | TranslatePin
    | VerifyPin
    | MakePinReference
    | MakeCardValue
    | CheckCardValue
    | MakeDynamicValue
    | CheckDynamicValue
    | CheckCryptogram
    | MakeCryptogram
    | MakeCavv
    | CheckCavv
    | MakeAav
    | CheckAav
    | OfferKey
    | TakeKey
    | UseKey
    | DropKey
    | ExportKey
    | ImportKey
    | DestroyKey
    | AwaitChanges
    | ShowKeys
)


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What a module says to one command."""

    ok: bool
    """done; of a check: it holds"""
    value: bytes = b""
    """what was made (digits as ASCII)"""
    code: str = ""
    """why not, of the codes above; "" where `ok`"""
    reason: str = ""
    """the same for people: which key or value, and what to do; no key, no PIN, no PAN in it"""
