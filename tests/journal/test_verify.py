"""What `verify` finds: bytes changed (test_log.py), and records or segments missing, moved, doubled or cut.

Whoever edits a journal with care makes every CRC right; the hash chain is what they cannot make right without the rest.
"""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest

from switch.core.records.records import SCHEMA
from switch.journal.head import head_path
from switch.journal.index import Index
from switch.journal.log import HEADER, JournalError, Log, segments
from switch.journal.recovery import journal_directory
from switch.journal.scan import HEAD, REST
from switch.journal.verify import verify
from tests.journal.samples import abandoned, answered, booted, day, forwarded, snapshot, written


def records_of(path: Path) -> list[tuple[int, int]]:
    """(first byte, end) of each record of the only or oldest segment in this journal, its mark not counted."""
    starts = [r.offset for s, r in Log(str(path.parent), SCHEMA) if s.path == str(path)]
    ends = [*starts[1:], starts[-1] + 36 + int.from_bytes(path.read_bytes()[starts[-1] + 4 :][:4], "big")]
    return list(zip(starts, ends, strict=True))


def damage(state: Path) -> str:
    found = verify(state).damage
    assert found, "nothing was found"
    return found[0]


def paths(state: Path) -> list[Path]:
    return [Path(s.path) for s in segments(journal_directory(state))]


def test_a_journal_as_it_was_written_is_sound(tmp_path: Path) -> None:
    written(tmp_path, day(40), bound=2_000)
    found = verify(tmp_path)
    assert (found.damage, found.notes, found.records, found.first, found.last) == (
        [],
        [],
        len(day(40)),
        1,
        len(day(40)),
    )


def test_a_directory_whose_name_is_no_utf8_is_one_as_well(tmp_path: Path) -> None:
    state = tmp_path / os.fsdecode(b"\xe9tat")
    written(state, day(5))
    with closing(Index(state)) as index:
        index.catch_up()
    assert verify(state).damage == []


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_record_taken_out_is_missed(tmp_path: Path, nth: int) -> None:
    path = written(tmp_path, day(10))
    start, end = records_of(path)[nth]
    whole = path.read_bytes()
    path.write_bytes(whole[:start] + whole[end:])
    assert f"{path} at byte {start}: record {nth + 2} where {nth + 1} belongs" in damage(tmp_path)


def test_a_record_taken_out_and_the_rest_numbered_anew_is_found_by_the_chain(tmp_path: Path) -> None:
    """As one would who knows the format: numbers and CRCs right, hashes kept."""
    path = written(tmp_path, day(10))
    whole, (gone, *later) = path.read_bytes(), records_of(path)[5:]
    rest = b""
    for start, end in later:
        _, length, sequence, lag, chain = HEAD.unpack_from(whole, start)
        tail = REST.pack(length, sequence - 1, lag, chain) + whole[start + HEAD.size : end]
        rest += crc32(tail).to_bytes(4, "big") + tail
    path.write_bytes(whole[: gone[0]] + rest)
    assert f"at byte {gone[0]}: record 6 is not the one that was written (chain)" in damage(tmp_path)


@pytest.mark.parametrize("nth", range(1, 8))
def test_two_records_that_changed_places_are_found(tmp_path: Path, nth: int) -> None:
    path = written(tmp_path, day(10))
    (a, b), (_, c) = records_of(path)[nth : nth + 2]
    whole = path.read_bytes()
    path.write_bytes(whole[:a] + whole[b:c] + whole[a:b] + whole[c:])
    assert f"at byte {a}: record {nth + 2} where {nth + 1} belongs" in damage(tmp_path)


def test_a_record_said_twice_is_found(tmp_path: Path) -> None:
    path = written(tmp_path, day(10))
    a, b = records_of(path)[4]
    whole = path.read_bytes()
    path.write_bytes(whole[:b] + whole[a:b] + whole[b:])
    assert f"at byte {b}: record 5 where 6 belongs" in damage(tmp_path)


@pytest.mark.parametrize("nth", range(4))
def test_a_segment_taken_out_is_missed(tmp_path: Path, nth: int) -> None:
    written(tmp_path, day(40), bound=3_000)
    gone = segments(journal_directory(tmp_path))[nth]
    assert gone.end, "not the last one"
    Path(gone.path).unlink()
    assert "missing" in damage(tmp_path)
    assert f"{gone.first} to {gone.end - 1}" in damage(tmp_path)


@pytest.mark.parametrize("named", [True, False], ids=["contents", "names and headers"])
def test_two_segments_that_changed_places_are_found(tmp_path: Path, named: bool) -> None:
    written(tmp_path, [e for n in range(1, 40) for e in (forwarded(n), abandoned(n))], bound=3_000)
    first, second = paths(tmp_path)[1:3]
    a, b = first.read_bytes(), second.read_bytes()
    if named:
        first.write_bytes(b)
        second.write_bytes(a)
        assert "the header says" in damage(tmp_path)
        assert "the file was renamed" in damage(tmp_path)
    else:
        first.write_bytes(a[: HEADER.size] + b[HEADER.size :])
        second.write_bytes(b[: HEADER.size] + a[HEADER.size :])
        assert f"{first} at byte {HEADER.size}: record" in damage(tmp_path)


CUTS: list[Callable[[int], int]] = [
    lambda size: HEADER.size,
    lambda size: size // 2,
    lambda size: size - 1,
    lambda size: 50,
]


@pytest.mark.parametrize("cut", CUTS, ids=["after its header", "in the middle", "by a byte", "in its header"])
def test_a_segment_in_the_middle_cut_short_is_found(tmp_path: Path, cut: Callable[[int], int]) -> None:
    written(tmp_path, day(40), bound=3_000)
    path = paths(tmp_path)[2]
    whole = path.read_bytes()
    path.write_bytes(whole[: cut(len(whole))])
    said = damage(tmp_path)
    assert str(path) in said
    assert "missing" in said or "cut short" in said
    with pytest.raises(JournalError, match=r"missing|cut short"):
        list(Log(journal_directory(tmp_path), SCHEMA))


def test_the_end_cut_off_with_its_head_is_told_by_the_hash_kept_elsewhere(tmp_path: Path) -> None:
    """Without head and index a journal cannot know what it has not got: the number and hash that `verify` prints can."""
    path = written(tmp_path, day(10))
    before = verify(tmp_path)
    Path(head_path(str(path.parent))).unlink()
    path.write_bytes(path.read_bytes()[: records_of(path)[-3][0]])
    after = verify(tmp_path)
    assert (after.damage, after.last) == ([], before.last - 3)
    assert after.chain != before.chain


def test_a_snapshot_taken_out_with_its_segment_is_missed(tmp_path: Path) -> None:
    written(tmp_path, [booted(), forwarded(1), answered(1), snapshot(1), forwarded(2), abandoned(2), snapshot(2)])
    paths(tmp_path)[1].unlink()
    assert "records 4 to 6 are missing" in damage(tmp_path)
