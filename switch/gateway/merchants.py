"""Merchants: who may ask for payments, with which key, from where. Keys and passwords are made here, and shown once.

In: what an operator says of a shop. Out: merchants of the store, and a new key in clear, once. The one rule: a store key is kept
sealed (`gateway.key` in the state directory), an API password as a digest.
"""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

import msgspec

from switch.gateway.orders.beside import STORE_FILE
from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.order import Merchant
from switch.gateway.orders.store import Store
from switch.security.vault import KeyVault, VaultError

KEY_FILE: Final = "gateway.key"
_SALT_BYTES: Final = 16
_EVER_US: Final = 1 << 62


class Registry:
    """The merchants of one gateway."""

    def __init__(self, store: Store, vault: KeyVault) -> None:
        self._store = store
        self._vault = vault

    @classmethod
    def at(cls, state: Path) -> "Registry":
        """Of the gateway whose state is kept there. Raises StoreError, VaultError."""
        store = Store(state / STORE_FILE)
        try:
            return cls(store, KeyVault.at(state / KEY_FILE))
        except BaseException:
            store.close()
            raise

    def check(self) -> None:
        """Can all of it be read? Raises StoreError, VaultError."""
        self._store.check()
        self._check_orders()
        for merchant in self._store.merchants():
            try:
                self.key_of(merchant)
            except VaultError:
                raise VaultError(
                    f"merchant {merchant.clientid}: its store key is sealed with another key than {KEY_FILE} has; put the file "
                    f"back that was there, or give it a fresh key: `cmi-switch merchant rotate-key {merchant.clientid}`"
                ) from None

    def _check_orders(self) -> None:
        """Read those that a gateway goes on with at its start: which cannot be is said before it has begun. Raises StoreError."""
        above = 0
        while orders := self._store.unfinished(_EVER_US, above):
            above = orders[-1].number
        self._store.in_stage(Stage.AUTHENTICATING)

    @property
    def store(self) -> Store:
        """Where they are kept."""
        return self._store

    def add(self, merchant: Merchant, key: str = "") -> str:
        """A new merchant; returns its store key, a fresh one unless `key` is given. Raises TakenError."""
        key = key or secrets.token_urlsafe(18)
        self._store.add_merchant(msgspec.structs.replace(merchant, sealed_key=self._seal(key)))
        return key

    def rotate_key(self, merchant: Merchant) -> str:
        """A fresh store key, in force at once."""
        key = secrets.token_urlsafe(18)
        self._store.change_merchant(msgspec.structs.replace(merchant, sealed_key=self._seal(key)))
        return key

    def renew_page_password(self, merchant: Merchant) -> str:
        """A fresh password of the merchants' pages; who is logged in with the one before is so no more."""
        password = secrets.token_urlsafe(12)
        self._store.change_merchant(msgspec.structs.replace(merchant, page_password=hash_password(password)))
        return password

    def _seal(self, key: str) -> bytes:
        return self._vault.seal(key, self._store.next_number("seal"))

    def key_of(self, merchant: Merchant) -> str:
        """Its store key, for making and checking hashes. Raises VaultError."""
        return self._vault.open(merchant.sealed_key)

    def digest(self, pan: str) -> str:
        """A card, as it is counted: always the same, and of no use without the key."""
        return self._vault.digest(pan).hex()


def hash_password(password: str) -> bytes:
    """What is kept of a password: salt and digest (scrypt), 48 bytes."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return salt + _digest(password, salt)


def check_password(merchant: Merchant, name: str, password: str) -> bool:
    """Is it the merchant's API user with its password?"""
    right = _is_right(merchant.api_password, password)
    return right and hmac.compare_digest(name.encode(), merchant.api_name.encode())


def check_page_password(merchant: Merchant, password: str) -> bool:
    """May it see the merchant's pages?"""
    return _is_right(merchant.page_password, password)


def _is_right(kept: bytes, password: str) -> bool:
    salt = kept[:_SALT_BYTES] or bytes(_SALT_BYTES)
    return hmac.compare_digest(_digest(password, salt), kept[_SALT_BYTES:])


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**12, r=8, p=1, dklen=32)
