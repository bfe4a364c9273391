"""A journal and the vault key it was written with belong together: another one is refused, and nobody else writes the chain."""

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import pytest

from switch.core.limits import Limits
from switch.core.records.records import SCHEMA, AnyEntry
from switch.journal.backup import backup
from switch.journal.feed import Feed
from switch.journal.head import head_path
from switch.journal.integrity import accept_end, begin_head
from switch.journal.keys import chain_key, key_check, open_vault, vault_key_path
from switch.journal.log import HEADER, NO_KEY, JournalError, Log, chain_start, segments
from switch.journal.recovery import journal_directory, recover
from switch.journal.restore import restore
from switch.journal.scan import HEAD
from switch.journal.verify import verify
from switch.security.vault import KeyVault, VaultError
from tests.journal.samples import answered, booted, day, forwarded, newest, written

LIMITS = Limits()


def append(state: Path, entries: Sequence[AnyEntry]) -> KeyVault:
    """As a switch does: the vault first, then the journal keyed with it."""
    vault = open_vault(state)
    feed = Feed(state, "morocco", LIMITS, key=chain_key(vault))
    found = feed.open()
    for position, entry in enumerate(entries, found.position + 1):
        feed.append(position, entry)
    feed.close()
    return vault


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a keyed journal of two segments."""
    state = tmp_path / "state"
    append(state, day(20))
    append(state, day(20, first=41))
    return state


def test_a_journal_says_which_key_it_was_written_with_and_nothing_about_it(state: Path) -> None:
    vault = open_vault(state)
    listed = segments(journal_directory(state))
    assert key_check(listed) == vault.check_value
    assert len(vault.check_value) == 8
    secrets = (vault.chain_secret, bytes.fromhex(vault_key_path(state).read_text().split()[1]))
    assert not any(secret in Path(s.path).read_bytes() for s in listed for secret in secrets)
    found = verify(state)
    assert (found.damage, found.notes, found.keyed) == ([], [], True)


def test_a_missing_key_is_refused_and_none_is_made(state: Path) -> None:
    vault_key_path(state).unlink()
    with pytest.raises(
        VaultError, match=r"vault.key is missing, and the journal beside it was written with one .*bring back"
    ):
        open_vault(state)
    assert not vault_key_path(state).exists()
    found = verify(state)
    assert found.damage == []
    assert "no vault key" in found.notes[0]


def test_another_key_is_refused_and_named_by_its_check_value(state: Path) -> None:
    vault_key_path(state).unlink()
    other = KeyVault.at(vault_key_path(state))
    with pytest.raises(VaultError, match=f"key check value is {other.check_value.hex()}"):
        open_vault(state)
    assert "is not the key" in verify(state).damage[0]


@pytest.mark.parametrize("lost", [True, False], ids=["missing", "another"])
def test_beside_an_older_journal_the_key_is_tried_on_a_sealed_pan(tmp_path: Path, lost: bool) -> None:
    vault = open_vault(tmp_path)
    written(tmp_path, [booted(), forwarded(1, vault), answered(1)])
    open_vault(tmp_path)
    vault_key_path(tmp_path).unlink()
    if not lost:
        KeyVault.at(vault_key_path(tmp_path))
    with pytest.raises(VaultError, match="is missing, and the journal" if lost else "is not the key"):
        open_vault(tmp_path)


def test_an_older_journal_is_gone_on_with_in_keyed_segments(tmp_path: Path) -> None:
    vault = open_vault(tmp_path)
    written(tmp_path, [booted(), forwarded(1, vault), answered(1)])
    append(tmp_path, day(5, first=101))
    found = verify(tmp_path)
    assert (found.damage, found.notes, found.keyed, found.segments) == ([], [], True, 2)
    assert recover(tmp_path, LIMITS).position == found.last


def rewritten(path: Path, state: Path, secret: bytes = b"") -> None:
    """The last record of the segment replaced, with the CRC and the hash that whoever has `secret` can make."""
    *before, last = [r for s, r in Log(journal_directory(state), SCHEMA) if s.path == str(path)]
    data = path.read_bytes()
    running = chain_start(data[: HEADER.size], secret)
    for record in before:
        running.update(record.payload)
    payload = last.payload[:-1] + bytes([last.payload[-1] ^ 1])
    running.update(payload)
    rest = HEAD.pack(0, len(payload), last.sequence, last.sequence - last.durable - 1, running.digest())[4:]
    path.write_bytes(data[: last.offset] + crc32(rest + payload).to_bytes(4, "big") + rest + payload)


def test_whoever_rewrites_a_record_cannot_make_its_hash_right(state: Path) -> None:
    rewritten(newest(state), state)
    assert "is not the one that was written (chain)" in verify(state).damage[0]


def test_nor_a_head_that_agrees(state: Path) -> None:
    newest(state).unlink()
    found = recover(state, LIMITS)
    begin_head(journal_directory(state), found.position, found.chain, NO_KEY)
    with pytest.raises(JournalError, match="damaged, or written under another vault key"):
        append(state, [])
    Path(head_path(journal_directory(state))).unlink()
    with pytest.raises(JournalError, match="head is missing"):
        append(state, [])
    accept_end(state)
    append(state, [])


@pytest.mark.parametrize("with_key", [True, False])
def test_a_backup_is_checked_under_the_key_and_restored_with_it(state: Path, tmp_path: Path, with_key: bool) -> None:
    kept, restored = tmp_path / "kept", tmp_path / "restored"
    backup(state, kept, 0, with_key=with_key)
    assert verify(kept).damage == []
    restore(kept, restored, without_key=not with_key)
    if with_key:
        append(restored, day(5, first=901))
        assert verify(restored).damage == []
    else:
        with pytest.raises(VaultError, match="is missing"):
            open_vault(restored)


def test_a_rewritten_record_goes_into_no_backup(state: Path, tmp_path: Path) -> None:
    rewritten(newest(state), state)
    with pytest.raises(JournalError, match="is not the one that was written"):
        backup(state, tmp_path / "kept", 0)
