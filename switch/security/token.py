"""A master key in a token that is asked by PKCS#11: a hardware module's partition, a smart card, or SoftHSM.

In: an address (RFC 7512), `pkcs11:token=cmi;object=lmk?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/run/cmi/pin`. Out:
what blocks of version D are made with, which the token has derived: X9.143 derives those two keys by CMACs alone.

Rule: the master key is made in the token, and never leaves it; one that could is not used. What a PIN is needed for is done at
once, and the session closed. The token itself is reached by the package python-pkcs11 (the extra `pkcs11`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from switch.security.lmk import Lmk, LmkError, lmk_elsewhere, read_lmk, read_secret

SCHEME: Final = "pkcs11:"
AskPin = Callable[[], str]
KEY_BITS: Final = 256
_READ: Final = {"token": "token", "serial": "serial", "object": "object"}
_WAYS: Final = {"module-path": "module_path", "pin-source": "pin_source"}
_EXAMPLE: Final = "pkcs11:token=cmi;object=lmk?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/run/cmi/pin"


class TokenAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Which key of which token, and how it is reached."""

    object: str
    """the key's label"""
    module_path: str
    """the library that reaches the token"""
    token: str = ""
    """its label …"""
    serial: str = ""
    """… or its serial number, where several have one label"""
    pin_source: str = ""
    """the file of its PIN; "": who starts this is asked"""

    def __str__(self) -> str:
        return f"token {self.token or self.serial}, key {self.object!r}"


def in_token(place: str) -> bool:
    """Whether a master key is said to be in a token, and not in a file."""
    return place.startswith(SCHEME)


def read_address(place: str) -> TokenAddress:
    """The address, checked. Raises LmkError: what of it is not understood."""
    path, _, query = place.removeprefix(SCHEME).partition("?")
    said: dict[str, str] = {}
    for text, separator, known in ((path, ";", _READ), (query, "&", _WAYS)):
        for part in filter(None, text.split(separator)):
            name, _, value = part.partition("=")
            if name == "pin-value":
                raise LmkError(
                    "pin-value: a PIN here is read by everybody; put it in a file of mode 600, pin-source=FILE"
                )
            if (name, value) == ("type", "secret-key"):
                continue
            if name not in known or known[name] in said:
                raise LmkError(f"{SCHEME} {name!r} is not read there, or stands twice; expected, as in {_EXAMPLE}")
            said[known[name]] = unquote(value)
    said["pin_source"] = said.get("pin_source", "").removeprefix("file:")
    if not (said.get("object") and said.get("module_path") and (said.get("token") or said.get("serial"))):
        raise LmkError(f"{SCHEME} token, object and module-path are needed, as in {_EXAMPLE}")
    return msgspec.convert(said, TokenAddress)


def open_lmk(place: str) -> Lmk:
    """The master key in the file or the token that a network file names: nobody is asked for anything. Raises LmkError."""
    return read_token_lmk(read_address(place)) if in_token(place) else read_lmk(Path(place))


def witness_place(place: str, key_file: Path) -> Path | None:
    """Where it is said how far the audit log of a key file has come: beside its master key's file, which is kept elsewhere than
    the log; a file for each key file under it. None: the master key is in a token, or of a passphrase, and has no such place."""
    if not place or in_token(place):
        return None
    which = blake2b(str(key_file.resolve()).encode(), digest_size=4).hexdigest()
    return Path(f"{place}.{key_file.name}.{which}.head")


def read_token_lmk(address: TokenAddress, ask: AskPin | None = None) -> Lmk:
    """What the token derives of the key there. Raises LmkError."""
    with _session(address, ask, write=False) as session:
        key = _found(session, address)
        if key is None:
            raise LmkError(f"{address}: there is no such key; `cmi-switch keys generate` makes one there")
        return _derived(key, address)


def make_token_lmk(address: TokenAddress, ask: AskPin | None = None) -> tuple[Lmk, bool]:
    """That of the key that is there, or of a new one that the token draws; True: it is new. Raises LmkError."""
    with _session(address, ask, write=True) as session:
        pkcs11, key = _package(), _found(session, address)
        if key is not None:
            return _derived(key, address), False
        made = session.generate_key(
            pkcs11.KeyType.AES,
            KEY_BITS,
            label=address.object,
            store=True,
            capabilities=pkcs11.MechanismFlag.SIGN,
            template={pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False},
        )
        return _derived(made, address), True


def _derived(key: Any, address: TokenAddress) -> Lmk:
    pkcs11 = _package()
    if key[pkcs11.Attribute.EXTRACTABLE] or not key[pkcs11.Attribute.SENSITIVE]:
        raise LmkError(f"{address}: this key can leave its token: one that was made there, and cannot, is needed")
    if key.key_length != KEY_BITS:
        raise LmkError(f"{address}: a key of {key.key_length} bits, AES of {KEY_BITS} is needed")
    return lmk_elsewhere(lambda data: bytes(key.sign(data, mechanism=pkcs11.Mechanism.AES_CMAC)))


def _found(session: Any, address: TokenAddress) -> Any:
    pkcs11 = _package()
    secret, aes = pkcs11.ObjectClass.SECRET_KEY, pkcs11.KeyType.AES
    try:
        return session.get_key(object_class=secret, key_type=aes, label=address.object)
    except pkcs11.exceptions.NoSuchKey:
        return None
    except pkcs11.exceptions.MultipleObjectsReturned:
        raise LmkError(f"{address}: several keys are called so: give each a label of its own") from None


def _package() -> Any:
    try:
        return import_module("pkcs11")
    except ImportError:
        raise LmkError("a master key in a token needs python-pkcs11: pip install 'cmi-switch[pkcs11]'") from None


@contextmanager
def _session(address: TokenAddress, ask: AskPin | None, *, write: bool) -> Iterator[Any]:
    """The token, logged in to. What it says of a failure is said in words."""
    pkcs11 = _package()
    if not Path(address.module_path).is_file():
        raise LmkError(f"{address.module_path}: there is no such library (module-path); the token's maker ships one")
    pin = _pin(address, ask)
    which = {"token_label": address.token or None, "token_serial": address.serial.encode() or None}
    try:
        with pkcs11.lib(address.module_path).get_token(**which).open(rw=write, user_pin=pin) as session:
            yield session
    except pkcs11.exceptions.PKCS11Error as error:
        raise LmkError(f"{address}: {_said(error)}") from None
    except RuntimeError as error:  # a library that cannot be loaded
        raise LmkError(f"{address.module_path}: {error}") from None


def _pin(address: TokenAddress, ask: AskPin | None) -> str:
    if address.pin_source:
        return read_secret(
            Path(address.pin_source), "the token's PIN", "there is no file of the token's PIN (pin-source)"
        )
    if ask is None:
        raise LmkError(
            f"{address}: its PIN is asked of nobody here: pin-source=FILE names a file of mode 600 that has it"
        )
    return ask()


def _said(error: Exception) -> str:
    """PKCS#11's return value, as a sentence."""
    words = {
        "NoSuchToken": "there is no such token; `softhsm2-util --show-slots` or its maker's tool shows those there are",
        "MultipleTokensReturned": "several tokens are called so: name it by its serial=",
        "PinIncorrect": "its PIN is another; a token locks itself after some wrong ones",
        "PinLenRange": "its PIN is another; a token locks itself after some wrong ones",
        "PinInvalid": "its PIN is another; a token locks itself after some wrong ones",
        "PinLocked": "it has locked itself after wrong PINs: its security officer unlocks it",
        "MechanismInvalid": "it makes no CMACs (CKM_AES_CMAC): another token, or a master key in a file",
        "TokenNotPresent": "it is not there: is it plugged in, or within reach?",
    }
    name = type(error).__name__
    return words.get(name, f"the token says {name}{f' ({error})' if str(error) else ''}")
