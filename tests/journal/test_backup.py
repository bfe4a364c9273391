"""A backup is the journal's own beginning, whole whenever it ends."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.limits import Limits
from switch.core.records.records import ENCODER, SCHEMA, AnyEntry
from switch.journal import backup as backup_module
from switch.journal import copying
from switch.journal.backup import backup, read_manifest
from switch.journal.disk import RealDisk
from switch.journal.feed import Feed
from switch.journal.keys import audit_witness_path
from switch.journal.log import JournalError, segments
from switch.journal.recovery import journal_directory, recover
from switch.journal.reports import Filters, Reports
from switch.journal.restore import restore
from switch.journal.segment_writer import Home, SegmentWriter
from switch.journal.verify import verify
from switch.security.vault import KeyVault
from tests.journal.samples import (
    START_US,
    answered,
    booted,
    day,
    forwarded,
    newest,
    open_writer,
    payloads,
    wait_durable,
    write,
    written,
)
from tests.journal.test_feed import append

LIMITS = Limits()


def sound(state: Path) -> bool:
    found = verify(state)
    return not found.damage


def keyed(place: Path, state: Path) -> Path:
    place.mkdir(exist_ok=True)
    shutil.copy2(state / "vault.key", place / "vault.key")
    return place


def with_pans_of(state: Path, count: int = 30) -> list[AnyEntry]:
    """Records whose PANs are sealed under the state's own key."""
    vault = KeyVault.at(state / "vault.key")
    return [booted(), *(e for n in range(1, count) for e in (forwarded(n, vault), answered(n)))]


def test_while_the_switch_writes_a_backup_is_the_beginning_of_the_journal(state: Path, target: Path) -> None:
    feed = Feed(state, "morocco", LIMITS, segment_bytes=4_000)
    entries = day(60)
    feed.open()
    try:
        for at in range(0, len(entries), 20):
            append(feed, entries[at : at + 20], at + 1)
            wait_durable(feed, min(at + 20, len(entries)))
            made = backup(state, target, START_US)
            assert made.manifest.last.last == min(at + 20, len(entries))
            assert sound(target)
            assert payloads(target) == [ENCODER.encode(e) for e in entries[: at + 20]]
            assert made.manifest.last.chain == recover(state, LIMITS).chain.hex()
    finally:
        feed.close()
    assert sound(state)


def test_what_is_half_written_is_left_out(state: Path, target: Path) -> None:
    path = written(state, day(5), close=False)
    path.write_bytes(path.read_bytes()[:-7] + bytes(5_000))
    assert backup(state, target, START_US).manifest.last.last == len(day(5)) - 1
    assert sound(target)


def test_closed_segments_are_copied_once(state: Path, target: Path) -> None:
    writer = open_writer(state, bound=3_000)
    write(writer, day(40))
    first = backup(state, target, START_US)
    assert len(first.copied) == len(segments(journal_directory(state))) > 4
    write(writer, day(10, first=81))
    second = backup(state, target, START_US + 1)
    assert {p.name for p in second.copied} == {p.name for p in second.manifest.parts[len(first.copied) - 1 :]}
    write(writer, [])
    assert [p.name for p in backup(state, target, START_US + 2).copied] == [second.manifest.last.name]
    assert payloads(target) == payloads(state)


def test_a_manifest_says_what_is_in_it(state: Path, target: Path) -> None:
    written(state, day(20))
    backup(state, target, START_US + 77)
    manifest = read_manifest(target)
    found = verify(state)
    assert (manifest.network, manifest.made_us, manifest.parts[0].first) == ("morocco", START_US + 77, 1)
    assert (manifest.last.last, manifest.last.chain) == (found.last, found.chain.hex())
    assert manifest.last_at_us == START_US + 39
    assert {p.stat().st_mode & 0o777 for p in target.rglob("*") if p.is_file()} == {0o600}


def test_a_backup_can_be_verified_and_listed_like_a_journal(state: Path, target: Path) -> None:
    written(state, day(20), bound=3_000)
    backup(state, target, START_US)
    assert verify(target).chain == verify(state).chain
    ours, theirs = Reports(state), Reports(target)
    assert theirs.transactions(Filters(), 5)[0].txn == ours.transactions(Filters(), 5)[0].txn
    ours.close()
    theirs.close()
    backup(state, target, START_US)  # and it stays a backup


class CutError(Exception):
    """Power is lost here."""


@pytest.mark.parametrize(
    ("room", "name"),
    [
        (backup_module, "put"), (backup_module, "give_names"), (backup_module, "clear"), (copying, "sync_directory"),
        (os, "replace"), (os, "fsync"), (os, "unlink"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_cut_short_anywhere_it_is_the_backup_before_or_the_new_one(
    room: object, name: str, state: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(state, bound=3_000)
    entries = with_pans_of(state)
    write(writer, entries[:20])
    backup(state, target, START_US, with_key=True)
    write(writer, entries[20:])
    for nth in range(1, 40):
        here = tmp_path / f"here{nth}"
        shutil.copytree(target, here)
        (Path(journal_directory(here)) / "left-over.log.part").write_bytes(b"of a backup cut short before")
        real, left = getattr(room, name), nth

        def cut(*arguments: object, real: Callable[..., object] = real, **more: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise CutError
            real(*arguments, **more)

        with monkeypatch.context() as patch:
            patch.setattr(room, name, cut)
            try:
                backup(state, here, START_US + 1)
            except CutError:
                pass
            else:
                break
        restored = tmp_path / f"restored{nth}"
        made = restore(here, restored)
        assert made.manifest.last.last in (20, len(entries))
        assert payloads(restored) == payloads(state)[: made.manifest.last.last]
        backup(state, here, START_US + 2)
        assert payloads(here) == payloads(state)
    assert nth > 1, f"{name} was never reached"


def test_a_damaged_journal_is_not_copied_over_a_sound_backup(state: Path, target: Path) -> None:
    writer = open_writer(state)
    write(writer, day(10))
    before = backup(state, target, START_US).manifest
    write(writer, day(5, first=21))
    path = newest(state)
    data = bytearray(path.read_bytes())
    data[data.find(b"TERM0001")] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match="durable"):
        backup(state, target, START_US)
    assert read_manifest(target) == before
    assert sound(target)


def test_a_record_replaced_by_one_with_a_right_crc_is_not_copied(state: Path, target: Path, tmp_path: Path) -> None:
    written(state, [booted(), forwarded(1), answered(1), forwarded(2)])
    written(tmp_path / "b", [booted(), forwarded(1), answered(1, "05"), forwarded(2)])
    ours, theirs = newest(state), newest(tmp_path / "b").read_bytes()
    at, size = theirs.find(ENCODER.encode(answered(1, "05"))) - 36, 36 + len(ENCODER.encode(answered(1)))
    whole = ours.read_bytes()
    ours.write_bytes(whole[:at] + theirs[at : at + size] + whole[at + size :])
    with pytest.raises(JournalError, match=r"record 4 is not the one that was written \(chain\)"):
        backup(state, target, START_US)
    with pytest.raises(JournalError, match="never finished"):
        read_manifest(target)


@pytest.mark.parametrize("cut_at", range(3))
def test_what_a_failed_writer_left_is_written_again_and_the_backup_goes_on(
    cut_at: int, state: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(state, bound=1_000)
    write(writer, day(5))
    durable, chain = writer.durable, writer.chain_durable
    write(writer, day(5, first=11))
    backup(state, target, START_US)
    before = payloads(target)
    again = open_writer(state, durable, chain)  # acknowledgements after `durable` never arrived
    write(again, day(10, first=11))
    if cut_at:
        real, left = os.replace, cut_at

        def cut(path: str, to: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise CutError
            real(path, to)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", cut)
            with pytest.raises(CutError):
                backup(state, target, START_US)
        restore(target, tmp_path / "meanwhile", without_key=True)
        assert payloads(tmp_path / "meanwhile") == before
    made = backup(state, target, START_US)
    assert payloads(target) == payloads(state)
    assert sound(target)
    assert {p.name for p in Path(journal_directory(target)).glob("*.log")} == {p.name for p in made.manifest.parts}
    assert [p.name for p in backup(state, target, START_US).copied] == [made.manifest.last.name]
    restore(target, tmp_path / "elsewhere", without_key=True)
    assert payloads(tmp_path / "elsewhere") == payloads(state)


def test_a_journal_that_was_restored_and_went_another_way_is_refused(state: Path, target: Path, tmp_path: Path) -> None:
    writer = open_writer(state)
    write(writer, with_pans_of(state)[:30])
    backup(state, tmp_path / "early", START_US, with_key=True)
    write(writer, day(5, first=101))
    backup(state, target, START_US)
    before = payloads(target)
    restore(tmp_path / "early", tmp_path / "again")
    found = recover(tmp_path / "again", LIMITS)
    with pytest.raises(JournalError, match=r"holds records up to \d+, the journal ends at 30"):
        backup(tmp_path / "again", target, START_US)
    other = open_writer(tmp_path / "again", found.position, found.chain)
    write(other, day(40, first=201))
    with pytest.raises(JournalError, match=r"backup of another journal .*record 31 differs.*another directory"):
        backup(tmp_path / "again", target, START_US)
    assert payloads(target) == before


def test_another_journal_or_network_is_refused(state: Path, target: Path, tmp_path: Path) -> None:
    written(state, day(10))
    backup(state, target, START_US)
    written(tmp_path / "other", day(20, first=3))
    with pytest.raises(JournalError, match="is the backup of another journal"):
        backup(tmp_path / "other", target, START_US)
    os.makedirs(journal_directory(tmp_path / "oman"))
    writer = SegmentWriter(Home(journal_directory(tmp_path / "oman"), "oman", SCHEMA), 0, bytes(16), RealDisk())
    write(writer, day(20))
    with pytest.raises(JournalError, match="backup of network 'morocco', not of 'oman'"):
        backup(tmp_path / "oman", target, START_US)
    assert payloads(target) == payloads(state)


def test_a_directory_with_anything_else_is_refused(state: Path, target: Path) -> None:
    written(state, day(5))
    target.mkdir()
    (target / "thesis.doc").write_text("do not lose")
    with pytest.raises(JournalError, match=r"holds thesis\.doc and no backup\.json"):
        backup(state, target, START_US)
    with pytest.raises(JournalError, match="holds"):
        backup(state, state, START_US)


def test_two_at_once_are_refused(state: Path, target: Path) -> None:
    written(state, day(5))
    target.mkdir()
    with copying.locked(target), pytest.raises(JournalError, match="another backup or restore is at work"):
        backup(state, target, START_US)


def test_the_key_is_copied_only_when_asked_for(state: Path, target: Path) -> None:
    written(state, day(5))
    assert not backup(state, target, START_US).key
    assert not (target / "vault.key").exists()
    assert backup(state, target, START_US, with_key=True).key
    assert (target / "vault.key").read_bytes() == (state / "vault.key").read_bytes()
    (state / "vault.key").unlink()
    KeyVault.at(state / "vault.key")
    with pytest.raises(JournalError, match="another vault key"):
        backup(state, target, START_US, with_key=True)


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_the_commands_say_what_they_did(state: Path, target: Path, elsewhere: Path) -> None:
    written(state, with_pans_of(state))
    code, text = run("backup", target, "--state", state)
    assert code == 0
    chain = verify(state).chain.hex()
    assert (
        f"{target}: records 1 to 59 of network morocco, the last of 2025-11-25T12:00:00Z; 1 of 1 segments copied"
        in text
    )
    assert f"chain {chain} at 59" in text
    assert f"keep a copy of {state}/vault.key elsewhere" in text
    code, text = run("restore", target, "--state", elsewhere)
    assert (code, "no vault key" in text) == (1, True)
    code, text = run("backup", target, "--state", state, "--with-key", "--json")
    assert (code, json.loads(text)["chain"], json.loads(text)["key"]) == (0, chain, True)
    code, text = run("restore", target, "--state", elsewhere)
    assert code == 0
    assert "Everything after 2025-11-25T12:00:00Z is lost to this switch: reconcile" in text
    assert "audit" not in text
    shutil.rmtree(elsewhere)
    witness = audit_witness_path(elsewhere)
    witness.parent.mkdir(exist_ok=True)
    witness.write_text('{"number":1,"chain":"x"}')
    code, text = run("restore", target, "--state", elsewhere)
    assert (code, f"bring audit.log back into {elsewhere}, or move {witness} away" in text) == (0, True)
    assert run("backup", target, "--state", elsewhere / "none")[0] == 1


# -- how windows were instructed
