"""A restore continues from a backup or does not happen; how windows were instructed comes back with it."""

from pathlib import Path

import pytest

from switch.journal.backup import MANIFEST, backup
from switch.journal.feed import Feed
from switch.journal.log import JournalError, segments
from switch.journal.recovery import journal_directory, recover
from switch.journal.restore import restore
from switch.journal.verify import verify
from switch.security.vault import KeyVault
from tests.journal.samples import (
    START_US,
    day,
    forwarded,
    snapshot,
    written,
)
from tests.journal.test_backup import LIMITS, keyed, sound, with_pans_of
from tests.journal.test_feed import append


def test_a_restored_journal_is_the_same_and_goes_on(state: Path, target: Path, elsewhere: Path) -> None:
    entries = [
        *with_pans_of(state),
        snapshot(29),
        *day(10, first=101),
        forwarded(500, KeyVault.at(state / "vault.key")),
    ]
    written(state, entries, bound=3_000)
    backup(state, target, START_US, with_key=True)
    restore(target, elsewhere)
    assert verify(elsewhere).chain == verify(state).chain
    assert recover(elsewhere, LIMITS).state == recover(state, LIMITS).state
    feed = Feed(elsewhere, "morocco", LIMITS)
    found = feed.open()
    assert found.position == len(entries)
    append(feed, day(10, first=601), found.position + 1)
    feed.close()
    assert sound(elsewhere)
    assert backup(elsewhere, target, START_US).manifest.last.last == len(entries) + len(day(10, first=601))


def test_a_restore_wants_a_place_without_a_journal(state: Path, target: Path, elsewhere: Path) -> None:
    written(state, with_pans_of(state))
    backup(state, target, START_US, with_key=True)
    with pytest.raises(JournalError, match="has a journal: a backup is restored into an empty directory"):
        restore(target, state)
    Feed(elsewhere, "morocco", LIMITS).close()
    restore(target, elsewhere)
    with pytest.raises(JournalError, match="has a journal"):
        restore(target, elsewhere)


def test_what_is_left_of_a_journal_is_not_restored_over(state: Path, target: Path, elsewhere: Path) -> None:
    """Who removes the segments to make room for a backup leaves the head, which knows what that lacks."""
    written(state, with_pans_of(state))
    backup(state, target, START_US, with_key=True)
    home = Path(journal_directory(elsewhere))
    home.mkdir(parents=True)
    head = Path(journal_directory(state), "head").read_bytes()
    (home / "head").write_bytes(head)
    with pytest.raises(JournalError, match=r"has head, left of a journal whose segments are gone: move it away"):
        restore(target, elsewhere)
    assert (home / "head").read_bytes() == head
    assert [path.name for path in elsewhere.iterdir()] == ["journal"]


def test_without_its_key_a_restore_is_refused_unless_that_is_said(state: Path, target: Path, tmp_path: Path) -> None:
    written(state, with_pans_of(state))
    backup(state, target, START_US)
    with pytest.raises(JournalError, match=r"no vault key.*copy the one this journal was written with"):
        restore(target, tmp_path / "a")
    assert not segments(journal_directory(tmp_path / "a"))
    assert not restore(target, tmp_path / "a", without_key=True).key
    assert restore(target, keyed(tmp_path / "b", state)).key
    KeyVault.at(tmp_path / "c" / "vault.key")
    with pytest.raises(JournalError, match="is not the key this journal was written with"):
        restore(target, tmp_path / "c")
    assert not segments(journal_directory(tmp_path / "c"))


def test_a_bit_changed_anywhere_in_a_backup_is_found_before_anything_is_restored(
    state: Path, target: Path, elsewhere: Path
) -> None:
    written(state, [*with_pans_of(state, 4), snapshot(3), *day(2, first=11)])
    backup(state, target, START_US, with_key=True)
    for path in Path(journal_directory(target)).glob("*.log"):
        whole = path.read_bytes()
        for bit in range(0, len(whole) * 8, 97):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            with pytest.raises(JournalError):
                restore(target, elsewhere)
            assert not segments(journal_directory(elsewhere)), f"bit {bit} of {path.name}"
        path.write_bytes(whole)
    restore(target, elsewhere)


@pytest.mark.parametrize(
    "wrong", ["{", "[]", '{"format": 9, "network": "m", "made_us": 0, "last_at_us": 0, "parts": []}']
)
def test_a_manifest_that_is_none_is_refused(wrong: str, state: Path, target: Path, elsewhere: Path) -> None:
    written(state, day(5))
    backup(state, target, START_US)
    (target / MANIFEST).write_text(wrong)
    with pytest.raises(JournalError, match=r"manifest|newer release"):
        restore(target, elsewhere)
    with pytest.raises(JournalError, match=r"manifest|newer release"):
        backup(state, target, START_US)


def instruct(state: Path, window: str, text: str = "pacs.029\nabc  2026-11-27-1.MAD.pacs.029.xml\n") -> Path:
    (state / "settlement").mkdir(exist_ok=True)
    mark = state / "settlement" / f"{window}.instructed"
    mark.write_text(text)
    return mark


def test_how_windows_were_instructed_goes_with_the_journal_and_comes_back_with_it(
    state: Path, target: Path, tmp_path: Path
) -> None:
    written(state, day(2))
    mark = instruct(state, "2026-11-27-1")
    assert backup(state, target, START_US).marks == 1
    instruct(state, "2026-11-27-2")
    (state / "settlement" / ".2026-11-27-3.instructed.x.part").write_text("a draft")
    assert backup(state, target, START_US).marks == 2
    home = tmp_path / "again"
    assert restore(target, home, without_key=True).marks == 2
    assert (home / "settlement" / mark.name).read_text() == mark.read_text()
    assert sorted(path.name for path in (home / "settlement").iterdir()) == [
        "2026-11-27-1.instructed",
        "2026-11-27-2.instructed",
    ]


def test_a_mark_that_says_otherwise_is_refused_before_the_journal_counts(
    state: Path, target: Path, tmp_path: Path
) -> None:
    written(state, day(2))
    instruct(state, "2026-11-27-1")
    backup(state, target, START_US)
    home = tmp_path / "again"
    home.mkdir()
    instruct(home, "2026-11-27-1", "pacs.009\n")
    with pytest.raises(JournalError, match="instructed otherwise"):
        restore(target, home, without_key=True)
    assert segments(journal_directory(home)) == []
    instruct(state, "2026-11-27-1", "pacs.009\n")
    with pytest.raises(JournalError, match="find out which was"):
        backup(state, target, START_US)
