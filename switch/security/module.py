"""The security module: keys and PINs stay in it, callers hold names.

In: a batch of commands (`switch.security.commands`). Out: a reply each, in order. `SoftwareModule` computes in this process;
`remote.RemoteModule` asks one that is a process of its own; `simulated.SimulatedModule` says the same yes and no for nothing.

Rule: what a key may be used for is in its block, and is asked before anything is computed: a PIN key makes no MAC, a key that
verifies makes nothing. This is software: for test networks and development. Real PINs need a hardware module.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import Final, Protocol

from switch.security import dukpt, pin_blocks, pins
from switch.security.card_commands import CardCommands
from switch.security.carried_keys import CarriedKeys
from switch.security.commands import (
    BAD_BLOCK,
    BAD_REQUEST,
    NOT_PERMITTED,
    OF_SET,
    UNKNOWN_KEY,
    UNREACHABLE,
    WRONG,
    CheckDeviceMac,
    CheckMac,
    Command,
    EncryptPin,
    MakeDeviceMac,
    MakeMac,
    MakePinReference,
    PinReference,
    Reply,
    TranslatePin,
    VerifyPin,
)
from switch.security.des import Transform
from switch.security.device_macs import BASES, DeviceMacs, device_key
from switch.security.key_blocks import KeyBlock
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
from switch.security.key_kinds import USAGES
from switch.security.key_sets import A_LINK, Change, ChangingKeys, KeyStore, KeyStoreError, of_set
from switch.security.key_source import Random, RefusedError
from switch.security.macs import (
    AES_CMAC,
    ALGORITHM_1,
    ALGORITHM_3,
    HMAC_SHA256,
    MAC_BYTES_MIN,
    TDES_CMAC,
    agrees,
    mac_maker,
)
from switch.security.pin_blocks import PinBlockError, PinCipher

_MAC_ALGORITHMS: Final = {
    ("M0", "T"): ALGORITHM_1,
    ("M1", "T"): ALGORITHM_1,
    ("M1", "D"): ALGORITHM_1,
    ("M3", "T"): ALGORITHM_3,
    ("M6", "A"): AES_CMAC,
    ("M6", "T"): TDES_CMAC,
    ("M7", "H"): HMAC_SHA256,
}
_HOLDS: Final = Reply(True)
MAC_USAGES: Final = ("M0", "M1", "M3", "M6", "M7")


class SecurityModule(Protocol):
    """What a switch asks. One call, one batch."""

    @property
    def far(self) -> bool:
        """True where a call is a way to another process, so that callers better ask for much at once."""

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """A reply to each command, in order. Never raises: what cannot be done is refused, in words."""


class SoftwareModule:
    """Computes in this process. Keeps contexts of the keys it has used."""

    far = False

    make_mac = staticmethod(mac_maker)
    """what turns (algorithm, key, padding) into a maker of MACs"""
    tdes_cipher = staticmethod(pin_blocks.tdes_cipher)
    aes_cipher = staticmethod(pin_blocks.aes_cipher)

    def __init__(self, keys: KeyStore, random: Random) -> None:
        self._keys = keys
        self._random = random
        self._macs: dict[tuple[str, int, str], Transform] = {}
        self._ciphers: dict[tuple[str, str], PinCipher] = {}
        self._does: dict[type, Callable[..., Reply]] = {
            MakeMac: self._make_mac,
            CheckMac: self._check_mac,
            EncryptPin: self._encrypt_pin,
            TranslatePin: self._translate_pin,
            VerifyPin: self._verify_pin,
            MakePinReference: self._make_pin_reference,
        }
        devices = DeviceMacs(self._base, self.make_mac)
        self._does |= {MakeDeviceMac: devices.make, CheckDeviceMac: devices.check, **CardCommands(self._key).does}
        changing, carried = ChangingKeys(keys, random), CarriedKeys(keys, random)
        self._does[ShowKeys] = changing.show
        self._does[AwaitChanges] = lambda _: _HOLDS
        moves: dict[type, Callable[..., Reply]] = {
            OfferKey: changing.offer,
            TakeKey: changing.take,
            UseKey: changing.use,
            DropKey: changing.drop,
            ExportKey: carried.export,
            ImportKey: carried.take_in,
            DestroyKey: carried.destroy,
        }
        for kind, move in moves.items():
            self._does[kind] = partial(self._change, move)

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """See SecurityModule."""
        return [self._answer(command) for command in commands]

    def _answer(self, command: Command) -> Reply:
        try:
            return self._does[type(command)](command)
        except RefusedError as refused:
            return refused.reply
        except PinBlockError as error:
            return Reply(False, b"", BAD_BLOCK, str(error))
        except (ValueError, TypeError) as error:
            return Reply(False, b"", BAD_REQUEST, str(error))

    def _change(self, move: Callable[..., Reply], command: Command) -> Reply:
        try:
            return move(command)
        except KeyStoreError as error:
            raise RefusedError(UNREACHABLE, str(error)) from None
        finally:
            self.forget()

    def forget(self) -> None:
        """Keep no context any longer: keys have changed."""
        self._macs.clear()
        self._ciphers.clear()

    # -- authority

    def _find(self, name: str) -> KeyBlock | None:
        return of_set(self._keys, name) if OF_SET in name else self._keys.find(name)

    def _key(self, name: str, usages: Sequence[str], modes: str, what: str) -> KeyBlock:
        """The key, if it may do this. `modes`: those letters of which its mode must be one; N is no limit."""
        found = self._find(name)
        called = name if len(name) < 40 else "in the block given"
        if found is None:
            raise RefusedError(UNKNOWN_KEY, f"there is no key {called!r}: `cmi-switch keys list` shows those there are")
        header = found.header
        if header.usage not in usages:
            is_a = USAGES.get(header.usage, "key of another use")
            raise RefusedError(NOT_PERMITTED, f"key {called!r} is a {is_a} ({header.usage}): it does not {what}")
        if header.mode not in modes + "N":
            raise RefusedError(NOT_PERMITTED, f"key {called!r} has mode {header.mode}: it does not {what}")
        return found

    # -- MACs

    def _maker(self, name: str, padding: int, modes: str, what: str) -> Transform:
        maker = self._macs.get((name, padding, modes))
        if maker is None:
            found = self._key(name, MAC_USAGES, modes, what)
            algorithm = _MAC_ALGORITHMS.get((found.header.usage, found.header.algorithm))
            if algorithm is None:
                pair = f"{found.header.usage} with algorithm {found.header.algorithm}"
                raise RefusedError(NOT_PERMITTED, f"key {name!r}: {pair} is no MAC that this module makes")
            maker = self._macs[name, padding, modes] = self.make_mac(algorithm, found.key, padding)
        return maker

    def _make_mac(self, command: MakeMac) -> Reply:
        made = self._maker(command.key, command.padding, "GC", "make a MAC")(command.data)
        if not MAC_BYTES_MIN <= command.size <= len(made):
            raise RefusedError(
                BAD_REQUEST, f"a MAC of this key has {MAC_BYTES_MIN} to {len(made)} bytes, not {command.size}"
            )
        return Reply(True, made[: command.size])

    def _check_mac(self, command: CheckMac) -> Reply:
        if len(command.mac) < MAC_BYTES_MIN:
            raise RefusedError(
                BAD_REQUEST, f"a MAC of {len(command.mac)} bytes proves nothing: at least {MAC_BYTES_MIN}"
            )
        for number, name in enumerate(command.keys):
            if number and (name, command.padding, "VC") not in self._macs and self._find(name) is None:
                continue  # the key before a rotation, of one that was never rotated
            made = self._maker(name, command.padding, "VC", "check a MAC")(command.data)
            if agrees(made[: len(command.mac)], command.mac):
                return Reply(True, name.encode()) if number else _HOLDS
        return Reply(
            False, b"", WRONG, "the MAC does not hold: another key, other bytes covered, or changed on the way"
        )

    # -- PINs

    def _cipher(self, name: str, modes: str, what: str, ksn: bytes = b"") -> PinCipher:
        cipher = self._ciphers.get((name, modes)) if not ksn else None
        if cipher is not None:
            return cipher
        found = self._key(name, BASES if ksn else ("P0",), "X" if ksn else modes, what)
        if ksn:
            return self._dukpt_cipher(found, ksn)
        make = self.aes_cipher if found.header.algorithm == "A" else self.tdes_cipher
        cipher = self._ciphers[name, modes] = make(found.key)
        return cipher

    def _dukpt_cipher(self, base: KeyBlock, ksn: bytes) -> PinCipher:
        make = self.aes_cipher if base.header.algorithm == "A" else self.tdes_cipher
        return make(device_key(base, ksn, dukpt.PIN, dukpt.PIN_ENCRYPTION))

    def _base(self, name: str) -> KeyBlock:
        return self._key(name, BASES, "X", "derive MAC keys of terminals")

    def _encrypt_pin(self, command: EncryptPin) -> Reply:
        cipher = self._cipher(command.key, "EB", "encrypt a PIN", command.ksn)
        return Reply(True, pin_blocks.encrypt_pin(cipher, command.format, command.pin, command.pan, self._random(14)))

    def _translate_pin(self, command: TranslatePin) -> Reply:
        for key in (command.from_key, *command.others)[:-1]:
            with suppress(
                PinBlockError
            ):  # under another set, perhaps: a block of a wrong key does not pass for one of this
                return self._translated(command, key)
        return self._translated(command, command.others[-1] if command.others else command.from_key)

    def _translated(self, command: TranslatePin, from_key: str) -> Reply:
        source = self._cipher(from_key, "DB", "decrypt a PIN", command.ksn)
        target = self._cipher(command.to_key, "EB", "encrypt a PIN")
        formats = command.from_format, command.to_format
        random = b"" if formats == (0, 0) else self._random(14)
        made = pin_blocks.translate(source, formats[0], command.block, command.pan, target, formats[1], random)
        return Reply(True, made)

    def _verify_pin(self, command: VerifyPin) -> Reply:
        wanted = command.reference
        made, pin_digits = self._reference(command, wanted)
        # a PVV is of four digits, so that a longer PIN that begins with them is another
        kept = wanted.value if wanted.method == "pvv" else pins.bare_offset(wanted.value)
        right = pins.same(made, kept) and (wanted.method != "pvv" or pin_digits == pins.PVV_DIGITS)
        return Reply(True) if right else Reply(False, b"", WRONG, "the PIN is not the card's")

    def _make_pin_reference(self, command: MakePinReference) -> Reply:
        return Reply(True, self._reference(command, command.like)[0].encode())

    def _reference(self, command: VerifyPin | MakePinReference, wanted: PinReference) -> tuple[str, int]:
        """PVV or offset of the PIN in the block, and how many digits the PIN has."""
        if wanted.method not in ("pvv", "ibm3624"):
            raise RefusedError(BAD_REQUEST, f"PINs are verified by pvv or ibm3624, not by {wanted.method!r}")
        cipher = self._cipher(command.key, "DB", "decrypt a PIN")
        usage = "V2" if wanted.method == "pvv" else "V1"
        modes = "VC" if isinstance(command, VerifyPin) else "GC"
        found = self._key(command.verification_key, (usage, "V0"), modes, f"verify PINs by {wanted.method}")
        pin = pin_blocks.decrypt_pin(cipher, command.format, command.block, command.pan)
        if wanted.method == "pvv":
            return pins.pvv(found.key, wanted.key_index, pin, command.pan), len(pin)
        if wanted.template:
            data = pins.validation_template(command.pan, wanted.template, wanted.pad)
        else:
            data = pins.validation_data(command.pan, wanted.begin, wanted.length, wanted.pad)
        return pins.offset_of(pin, pins.natural_pin(found.key, wanted.table, data, len(pin))), len(pin)


class NoModule:
    """Where no module is: everything is refused."""

    far = False

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        """See SecurityModule."""
        why = "this process has no keys: `[security]` of the network file names a module, or a key file"
        return [Reply(False, b"", UNREACHABLE, why)] * len(commands)


NO_MODULE: Final = NoModule()


class ClearKeys:
    """Keys in clear, by name: for simulations and tests, where nothing is to be protected."""

    def __init__(self, keys: Mapping[str, KeyBlock]) -> None:
        self._by_name = dict(keys)
        self._since: dict[str, int] = {}

    def find(self, name: str) -> KeyBlock | None:
        """See KeySource."""
        return self._by_name.get(name)

    def turn(self) -> AbstractContextManager[None]:
        """See KeyStore."""
        return nullcontext()

    def change(self, act: str, name: str, change: Change, at_us: int, note: str, by: str = A_LINK) -> None:
        """See KeyStore."""
        del act, name, note, by
        for slot, key in change.items():
            if key is None:
                self._by_name.pop(slot, None)
            else:
                self._by_name[slot] = key
                self._since[slot] = at_us

    def since_us(self, name: str) -> int:
        """See KeyStore."""
        return self._since.get(name, 0)
