"""The vault gives back what it was given, to nobody else, and never names a card in an error."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.security.vault import ClearVault, KeyVault, VaultError

PANS = st.text("0123456789", min_size=1, max_size=19)
NUMBERS = st.integers(0, 2**64 - 1)
KEY = bytes(range(32))


@given(PANS, NUMBERS)
def test_what_is_sealed_opens_again(pan: str, number: int) -> None:
    vault = KeyVault(KEY, b"abcd")
    sealed = vault.seal(pan, number)
    assert vault.open(sealed) == pan
    assert len(sealed) == len(pan) + 29
    assert ClearVault().open(ClearVault().seal(pan, number)) == pan


def test_a_seal_does_not_show_the_pan() -> None:
    assert b"4000001234567899" not in KeyVault(KEY, b"abcd").seal("4000001234567899", 7)


def test_a_later_process_opens_what_an_earlier_one_sealed(tmp_path: Path) -> None:
    sealed = KeyVault.at(tmp_path / "vault.key").seal("4000001234567899", 1)
    assert KeyVault.at(tmp_path / "vault.key").open(sealed) == "4000001234567899"


def test_a_number_used_again_after_a_crash_does_not_repeat_a_nonce(tmp_path: Path) -> None:
    first = KeyVault.at(tmp_path / "vault.key").seal("4000001234567899", 1)
    second = KeyVault.at(tmp_path / "vault.key").seal("4000001234567899", 1)
    assert first[1:13] != second[1:13]


@given(PANS, st.integers(0, 8 * 30 - 1))
def test_a_changed_bit_is_refused_without_naming_the_pan(pan: str, bit: int) -> None:
    vault = KeyVault(KEY, b"abcd")
    sealed = bytearray(vault.seal(pan, 5))
    bit %= len(sealed) * 8
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(VaultError) as refused:
        vault.open(bytes(sealed))
    assert len(pan) < 6 or pan not in str(refused.value)


def test_another_key_does_not_open_it() -> None:
    sealed = KeyVault(KEY, b"abcd").seal("4000001234567899", 5)
    with pytest.raises(VaultError, match="not sealed with this key"):
        KeyVault(bytes(32), b"abcd").open(sealed)


def test_the_key_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "vault.key"
    before = os.umask(0)
    try:
        KeyVault.at(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_key_file_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    KeyVault.at(path)
    path.chmod(0o640)
    with pytest.raises(VaultError, match=r"mode 0640.*chmod 600"):
        KeyVault.at(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a vault key"),
        ("hello\n", "not a vault key"),
        ("vault-key-1 zz\n", "no hex digits"),
        ("vault-key-1 00ff\n", "has 2 bytes, expected 32"),
    ],
)
def test_a_file_that_is_no_key_is_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "vault.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(VaultError, match=said):
        KeyVault.at(path)


def test_a_place_where_no_key_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultError, match="Not a directory"):
        KeyVault.at(tmp_path / "file" / "vault.key")


@given(PANS, PANS)
def test_a_card_has_one_digest_under_a_key_and_another_under_another(pan: str, other: str) -> None:
    digest = KeyVault(KEY, b"abcd").digest(pan)
    assert digest == KeyVault(KEY, b"wxyz").digest(pan), "over restarts"
    assert digest != KeyVault(bytes(32), b"abcd").digest(pan)
    assert (digest == KeyVault(KEY, b"abcd").digest(other)) == (pan == other)
    assert len(digest) == 16
