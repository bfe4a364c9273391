"""A node's segments and the database: brought together where they are one journal, and refused where they are not."""

from pathlib import Path
from random import Random

import pytest

from switch.core.limits import Limits
from switch.core.records.records import ENCODER, SCHEMA, Booted
from switch.journal.disk import RealDisk
from switch.journal.log import GENESIS, ChainKey, Log
from switch.journal.recovery import journal_directory, recover
from switch.journal.store.fencing import Owned
from switch.journal.store.opening import Place, catch_up, check_key, claimed
from switch.journal.store.port import Claim, Owner, StoreError
from switch.journal.writer import Chunk, Home, SegmentWriter
from switch.security.files import make_private_directory
from tests.journal.store.model import Database, MemoryStore

KEY = ChainKey(bytes(range(32)), b"8 bytes.")
CLAIM = Claim("b", "b-1", KEY.check, 1_000)


def record(number: int) -> bytes:
    return ENCODER.encode(Booted(at_us=number, network="morocco", schema=SCHEMA))


def home(state: Path) -> Home:
    make_private_directory(Path(journal_directory(state)))
    return Home(journal_directory(state), "morocco", SCHEMA, KEY)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(Database(Random(1)))


def owned_by(store: MemoryStore) -> Owner:
    return claimed(store, CLAIM, standby=False, tell=print)


def appending(store: MemoryStore) -> Owned:
    return Owned(store, owned_by(store), KEY.secret, 1_000, lambda: 0.0)


def fill(store: MemoryStore, *batches: int) -> Owner:
    """The database has batches of so many records; whose it is now."""
    owned = appending(store)
    for count in batches:
        owned.append([record(owned.last + 1 + number) for number in range(count)])
    return owned_by(store)


def segments_of(state: Path, count: int) -> Place:
    """The node has so many records in files."""
    writer = SegmentWriter(home(state), 0, GENESIS, RealDisk())
    if count:
        writer.add(Chunk(1, [record(number) for number in range(1, count + 1)], snapshot=False))
    writer.close()
    return Place(home=home(state), last=count, chain=writer.chain_durable)


def held(state: Path) -> list[bytes]:
    return [found.payload for _, found in Log(journal_directory(state), SCHEMA)]


@pytest.mark.parametrize("there", [0, 1, 3, 7, 10])
def test_a_node_has_afterwards_all_that_the_database_has(tmp_path: Path, store: MemoryStore, there: int) -> None:
    owner = fill(store, 3, 4, 3)
    place = segments_of(tmp_path, there)
    assert catch_up(store, owner, place) == 10 - there
    assert held(tmp_path) == [record(number) for number in range(1, 11)]
    assert recover(tmp_path, Limits()).position == 10


def test_an_empty_node_begins_with_the_newest_snapshot(tmp_path: Path, store: MemoryStore) -> None:
    owned = appending(store)
    owned.append([record(1), record(2)])
    owned.append([record(3)], snapshot=True)
    owned.append([record(4)])
    place = Place(home=home(tmp_path), last=0, chain=GENESIS)
    assert catch_up(store, owned_by(store), place) == 2
    assert held(tmp_path) == [record(3), record(4)]


def test_a_database_that_ends_before_the_segments_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 5)
    with pytest.raises(StoreError, match=r"ends at record 5, and .* at 6: a server was promoted that lacks"):
        catch_up(store, owner, segments_of(tmp_path, 6))
    assert len(held(tmp_path)) == 6


def test_a_database_with_other_records_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    appending(store).append([record(1), record(99), record(3)])
    with pytest.raises(StoreError, match="record 2 of the database is another one"):
        catch_up(store, owned_by(store), segments_of(tmp_path, 3))


def test_a_hole_in_the_database_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 2, 2, 2)
    del store.database.log[1]
    with pytest.raises(StoreError, match="records 3 to 4 are missing in the database"):
        catch_up(store, owner, segments_of(tmp_path, 0))


def test_a_changed_record_in_the_database_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 2, 2)
    log = store.database.log
    log[1] = log[1]._replace(payloads=[record(3), record(5)])
    with pytest.raises(StoreError, match=r"records 3 to 4 .* not those that were appended"):
        catch_up(store, owner, segments_of(tmp_path, 0))


def test_an_end_that_is_cut_off_in_the_database_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 2, 2)
    del store.database.log[-1]
    with pytest.raises(StoreError, match="end with 2, and its owner's row says 4"):
        catch_up(store, owner, segments_of(tmp_path, 0))


def test_a_journal_of_files_is_taken_into_an_empty_database(tmp_path: Path, store: MemoryStore) -> None:
    place = segments_of(tmp_path, 1_234)
    assert catch_up(store, owned_by(store), place) == 1_234
    assert [payload for batch in store.batches(0) for payload in batch.payloads] == held(tmp_path)


def test_who_does_not_stand_by_is_told_whose_it_is(store: MemoryStore) -> None:
    fill(store, 1)
    with pytest.raises(StoreError, match=r"owned by node b, .* --standby"):
        claimed(store, CLAIM._replace(node="c"), standby=False, tell=print)


def test_another_key_is_refused(store: MemoryStore) -> None:
    fill(store, 1)
    with pytest.raises(StoreError, match="begun with the vault key of check value"):
        check_key(owned_by(store), CLAIM._replace(check=b"another."))
