"""The log: what is written is read; what is torn ends it; what is damaged is named."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.limits import Limits
from switch.core.records.records import ENCODER, SCHEMA, AnyEntry
from switch.core.records.state import State
from switch.journal.log import FORMAT, GENESIS, HEADER, JournalError, Log, NewerJournalError, segments
from switch.journal.recovery import journal_directory, recover, settle
from switch.journal.scan import Scan
from switch.journal.segment_writer import Chunk
from switch.journal.verify import verify
from switch.journal.writer import CHUNK, Inbox
from tests.journal.samples import (
    FailingDisk,
    answered,
    booted,
    day,
    delivered,
    forwarded,
    newest,
    open_writer,
    owed,
    payloads,
    snapshot,
    write,
    written,
)

LIMITS = Limits()


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=40), st.integers(1, 7), st.integers(300, 3_000))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, given_: list[bytes], batch: int, bound: int
) -> None:
    state = tmp_path_factory.mktemp("log")
    writer = open_writer(state, bound=bound)
    for at in range(0, len(given_), batch):
        writer.add(Chunk(at + 1, given_[at : at + batch], snapshot=False))
        writer.flush()
    writer.close()
    log = Log(journal_directory(state), SCHEMA)
    assert [record.payload for _, record in log] == given_
    assert (log.position, log.durable, log.torn) == (len(given_), len(given_), "")
    assert log.chain == (writer.chain_durable if given_ else log.chain)


@given(st.lists(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=5), max_size=6), st.data())
def test_chunks_survive_any_split_of_the_stream(chunks: list[list[bytes]], data: st.DataObject) -> None:
    stream, first = b"", 1
    for each in chunks:
        lengths = struct.pack(f"={len(each)}I", *map(len, each))
        body = lengths + b"".join(each)
        stream += CHUNK.pack(len(body), len(each), first, 0) + body
        first += len(each)
    inbox, found, at = Inbox(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += [chunk.payloads for chunk in inbox.feed(stream[at : at + size])]
        at += size
    assert found == chunks


def test_a_tail_torn_at_any_byte_ends_the_log_before_it(tmp_path: Path) -> None:
    path = written(tmp_path, [booted(), forwarded(1), answered(1)], close=False)
    before = newest(tmp_path).stat().st_size
    whole = path.read_bytes()
    writer_gone_at = whole.rfind(ENCODER.encode(answered(1))) - 36
    for cut in range(writer_gone_at, before):
        path.write_bytes(whole[:cut])
        log = Log(journal_directory(tmp_path), SCHEMA)
        assert len(list(log)) == 2
        assert bool(log.torn) == any(whole[writer_gone_at:cut])  # zeros alone are room laid out ahead
    for cut in range(HEADER.size, writer_gone_at):
        path.write_bytes(whole[:cut])
        assert recover(tmp_path, LIMITS).position < 2


def test_zeros_laid_out_ahead_are_a_clean_end_and_anything_else_is_torn(tmp_path: Path) -> None:
    path = written(tmp_path, [booted(), forwarded(1)], close=False)
    whole = path.read_bytes()
    path.write_bytes(whole + bytes(5_000))
    assert recover(tmp_path, LIMITS).torn == ""
    path.write_bytes(whole + bytes(4_000) + b"\1" + bytes(999))
    found = recover(tmp_path, LIMITS)
    assert found.position == 2
    assert f"{path} at byte {len(whole)}" in found.torn


def test_a_record_torn_inside_the_zeros_is_torn(tmp_path: Path) -> None:
    path = written(tmp_path, [booted(), forwarded(1)], close=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-50] + bytes(1_000))
    assert recover(tmp_path, LIMITS).position == 1


def test_damage_that_later_records_show_to_have_been_durable_is_no_torn_tail(tmp_path: Path) -> None:
    path = written(tmp_path, [booted(), forwarded(1), answered(1)], close=False)
    data = bytearray(path.read_bytes())
    data[data.find(b"TERM0001")] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match=r"later records say 2 was durable"):
        recover(tmp_path, LIMITS)


def test_a_record_read_while_it_is_written_is_read_again_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, [booted(), forwarded(1), answered(1)], close=False)
    whole = path.read_bytes()
    half = bytearray(whole)
    half[half.find(b"TERM0001") :] = bytes(len(half) - half.find(b"TERM0001"))
    path.write_bytes(half)
    looked_beyond = Scan.durable_beyond

    def meanwhile(scan: Scan) -> int:
        path.write_bytes(whole)
        return looked_beyond(scan)

    monkeypatch.setattr(Scan, "durable_beyond", meanwhile)
    directory = journal_directory(tmp_path)
    assert [record.sequence for _, record in Log(directory, SCHEMA)] == [1, 2, 3]


def test_a_hole_in_the_last_batch_is_a_torn_tail(tmp_path: Path) -> None:
    """A power cut may keep a later page of one unfinished write and lose an earlier one."""
    path = written(tmp_path, [booted(), forwarded(1), answered(1)], batch=3, close=False)
    data = bytearray(path.read_bytes())
    data[data.find(b"TERM0001")] ^= 1
    path.write_bytes(data)
    assert recover(tmp_path, LIMITS).position == 1


def test_a_torn_tail_ends_the_last_segment_only(tmp_path: Path) -> None:
    written(tmp_path, day(40), bound=2_000)
    first = min(Path(journal_directory(tmp_path)).glob("*.log"))
    first.write_bytes(first.read_bytes()[:-3])
    with pytest.raises(JournalError) as refused:
        recover(tmp_path, LIMITS)
    assert str(first) in str(refused.value)
    assert "at byte" in str(refused.value)
    assert "missing" in str(refused.value)


def test_a_missing_segment_is_said(tmp_path: Path) -> None:
    written(tmp_path, day(40), bound=2_000)
    paths = sorted(Path(journal_directory(tmp_path)).glob("*.log"))
    assert len(paths) > 3
    paths[1].unlink()
    with pytest.raises(JournalError, match="missing"):
        recover(tmp_path, LIMITS)
    assert "missing" in verify(tmp_path).damage[0]


def test_a_newer_schema_or_format_is_refused(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, schema=SCHEMA + 1)
    writer.add(Chunk(1, [b"new"], snapshot=False))
    writer.close()
    with pytest.raises(NewerJournalError, match=f"schema {SCHEMA + 1}.*use the newer release"):
        recover(tmp_path, LIMITS)
    path = newest(tmp_path)
    data = bytearray(path.read_bytes())
    data[9] = FORMAT + 1
    path.write_bytes(data)
    with pytest.raises(NewerJournalError, match=rf"format {FORMAT + 1}.*use the newer release"):
        recover(tmp_path, LIMITS)


def test_recovery_begins_at_the_newest_whole_snapshot(tmp_path: Path) -> None:
    entries: list[AnyEntry] = [
        booted(),
        forwarded(1),
        answered(1),
        forwarded(2),
        snapshot(2, [forwarded(2)]),
        answered(2),
        forwarded(3),
    ]
    written(tmp_path, entries)
    found = recover(tmp_path, LIMITS)
    assert (found.position, found.folded) == (7, 3)
    assert found.state.open == {3: forwarded(3)}
    assert found.state.last_txn == 3
    path = newest(tmp_path)
    path.write_bytes(path.read_bytes()[: HEADER.size + 50])  # the snapshot itself is torn
    found = recover(tmp_path, LIMITS)
    assert (found.position, found.folded) == (4, 4)
    assert found.state.open == {2: forwarded(2)}


def test_the_state_is_the_fold_wherever_snapshots_fall(tmp_path: Path) -> None:
    entries = day(30)
    written(tmp_path / "a", entries)
    plain = recover(tmp_path / "a", LIMITS).state
    at = 41
    written(tmp_path / "b", entries[:at])
    half = recover(tmp_path / "b", LIMITS).state
    shot = snapshot(half.last_txn, half.open.values(), half.owed.values())
    written(tmp_path / "c", [*entries[:at], shot, *entries[at:]])
    found = recover(tmp_path / "c", LIMITS).state
    assert (found.open, found.owed, found.last_txn) == (plain.open, plain.owed, plain.last_txn)


def test_an_empty_journal_recovers_to_nothing(tmp_path: Path) -> None:
    found = recover(tmp_path, LIMITS)
    assert (found.position, found.network, found.tail, found.chain) == (0, "", [], GENESIS)
    assert found.state == State(LIMITS, open={}, owed={}, stans={}, horizons={})


def test_a_record_that_ends_what_is_not_open_is_refused(tmp_path: Path) -> None:
    written(tmp_path, [booted(), answered(9)])
    with pytest.raises(JournalError, match=r"record 2 ends transaction 9 that is not open"):
        recover(tmp_path, LIMITS)


def test_a_record_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    writer = open_writer(tmp_path)
    writer.add(Chunk(1, [b"\x92\xa3new\x01"], snapshot=False))
    writer.close()
    with pytest.raises(JournalError, match="record 1 is none this release knows"):
        recover(tmp_path, LIMITS)


def test_a_failed_flush_gives_the_segment_up_and_loses_nothing_acknowledged(tmp_path: Path) -> None:
    disk = FailingDisk()
    writer = open_writer(tmp_path, disk=disk)
    write(writer, [booted(), forwarded(1)])
    disk.fail_sync_in = 1
    with pytest.raises(JournalError, match=r"fdatasync failed: Input/output error \(errno 5\)"):
        write(writer, [answered(1)])
    syncs = disk.syncs
    again = open_writer(tmp_path, writer.durable, writer.chain_durable, disk)
    write(again, [answered(1), forwarded(2)])
    assert disk.syncs == syncs + 3, "the failed segment was not flushed again"
    disk.power_cut()
    assert payloads(tmp_path) == [ENCODER.encode(e) for e in (booted(), forwarded(1), answered(1), forwarded(2))]
    assert verify(tmp_path).damage == []


def test_what_a_failed_flush_left_in_the_page_cache_is_written_again_at_recovery(tmp_path: Path) -> None:
    disk = FailingDisk()
    writer = open_writer(tmp_path, disk=disk)
    write(writer, [booted(), forwarded(1)])
    disk.fail_sync_in = 1
    with pytest.raises(JournalError):
        write(writer, [answered(1)])
    found = recover(tmp_path, LIMITS)  # the switch was killed, and reads what the cache shows
    assert (found.position, found.durable) == (3, 2)
    settle(tmp_path, "morocco", found, disk)
    assert (found.durable, found.tail) == (3, [])
    write(open_writer(tmp_path, found.position, found.chain, disk), [forwarded(2)])
    disk.power_cut()
    assert recover(tmp_path, LIMITS).position == 4
    assert verify(tmp_path).damage == []


def test_a_recovery_cut_short_while_it_writes_again_loses_nothing(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(1), answered(1)], close=False)
    for attempt in range(1, 6):
        disk = FailingDisk()
        found = recover(tmp_path, LIMITS)
        assert found.position == 3
        disk.fail_sync_in = attempt
        try:
            settle(tmp_path, "morocco", found, disk)
        except JournalError:
            assert recover(tmp_path, LIMITS).position == 3
    assert recover(tmp_path, LIMITS).position == 3


@pytest.mark.parametrize("room", [0, 50, 111, 300, 700])
def test_a_full_disk_is_said_and_space_again_goes_on(tmp_path: Path, room: int) -> None:
    disk = FailingDisk()
    writer = open_writer(tmp_path, disk=disk)
    write(writer, [booted(), forwarded(1)])
    disk.room = room
    with pytest.raises(JournalError, match="No space left on device"):
        write(writer, [forwarded(n) for n in range(2, 9)])
    durable, chain = writer.durable, writer.chain_durable
    disk.room = 60
    with pytest.raises(JournalError, match="No space left on device"):
        open_writer(tmp_path, durable, chain, disk)
    assert recover(tmp_path, LIMITS).position >= durable
    disk.room = 1 << 60
    write(open_writer(tmp_path, durable, chain, disk), [forwarded(n) for n in range(durable, 9)])
    disk.power_cut()
    assert recover(tmp_path, LIMITS).position == 9
    assert verify(tmp_path).damage == []


def test_a_later_segment_supersedes_what_was_written_but_not_acknowledged(tmp_path: Path) -> None:
    writer = open_writer(tmp_path, bound=400)
    write(writer, [booted(), forwarded(1)])
    durable, chain = writer.durable, writer.chain_durable
    write(writer, [forwarded(n) for n in range(2, 6)])  # in segments of their own; their acknowledgement was lost
    assert len(segments(journal_directory(tmp_path))) > 2
    write(open_writer(tmp_path, durable, chain), [answered(1), forwarded(7)])
    assert payloads(tmp_path) == [ENCODER.encode(e) for e in (booted(), forwarded(1), answered(1), forwarded(7))]
    assert verify(tmp_path).damage == []


def test_a_bit_changed_anywhere_is_found(tmp_path: Path) -> None:
    entries: list[AnyEntry] = [booted(), forwarded(1), answered(1), forwarded(3), owed(4, 3), snapshot(3), delivered(4)]
    written(tmp_path, entries)
    sound = verify(tmp_path)
    assert (sound.damage, sound.notes, sound.records, sound.segments) == ([], [], 7, 2)
    for path in Path(journal_directory(tmp_path)).glob("*.log"):
        whole = path.read_bytes()
        for bit in range(0, len(whole) * 8, 7):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            path.write_bytes(changed)
            try:
                damage = verify(tmp_path).damage
            except NewerJournalError as error:
                damage = [str(error)]
            assert damage, f"bit {bit} of {path.name}"
            assert str(path) in damage[0], f"bit {bit} of {path.name}: {damage}"
        path.write_bytes(whole)


def test_a_record_replaced_by_one_with_a_right_crc_is_found_by_the_chain(tmp_path: Path) -> None:
    written(tmp_path / "a", [booted(), forwarded(1), answered(1), forwarded(2)])
    written(tmp_path / "b", [booted(), forwarded(1), answered(1, "05"), forwarded(2)])
    ours, theirs = newest(tmp_path / "a"), newest(tmp_path / "b").read_bytes()
    at = theirs.find(ENCODER.encode(answered(1, "05"))) - 36
    size = 36 + len(ENCODER.encode(answered(1)))
    whole = ours.read_bytes()
    ours.write_bytes(whole[:at] + theirs[at : at + size] + whole[at + size :])
    (damage,) = verify(tmp_path / "a").damage
    assert f"at byte {at + size}: record 4 is not the one that was written (chain)" in damage


def test_a_segment_replaced_whole_is_found_by_the_chain(tmp_path: Path) -> None:
    for name, de39 in (("a", "00"), ("b", "05")):
        written(tmp_path / name, [booted(), forwarded(1), answered(1, de39), snapshot(1), forwarded(2)])
    first = min(Path(journal_directory(tmp_path / "b")).glob("*.log"))
    (Path(journal_directory(tmp_path / "a")) / first.name).write_bytes(first.read_bytes())
    (damage,) = verify(tmp_path / "a").damage
    assert "the chain does not go on from record 3" in damage
