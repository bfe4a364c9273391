"""A node's segments and the database: brought together where they are one journal, and refused where they are not."""

from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from switch.core.limits import Limits
from switch.core.records.records import ENCODER, SCHEMA, Booted
from switch.journal.disk import RealDisk
from switch.journal.log import GENESIS, ChainKey, Log
from switch.journal.recovery import journal_directory, recover
from switch.journal.segment_writer import Chunk, Home, SegmentWriter
from switch.journal.store.catching_up import PAGE, Copy, OwnEnd
from switch.journal.store.fencing import Owned
from switch.journal.store.opening import OPENING_MS, check_key, claimed
from switch.journal.store.port import RELEASED, Claim, Owner, StoreError
from switch.security.files import make_private_directory
from tests.journal.store.model import Database, MemoryStore

KEY = ChainKey(bytes(range(32)), b"8 bytes.")
CLAIM = Claim("b", "b-1", KEY.check, 1_000)
FOLLOWING = Claim("c", "c-1", KEY.check, 1_000)


def record(number: int) -> bytes:
    return ENCODER.encode(Booted(at_us=number, network="morocco", schema=SCHEMA))


def home(state: Path) -> Home:
    make_private_directory(Path(journal_directory(state)))
    return Home(journal_directory(state), "morocco", SCHEMA, KEY)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(Database(Random(1)))


def owned_by(store: MemoryStore) -> Owner:
    return claimed(store, CLAIM, None, tell=print)


def appending(store: MemoryStore) -> Owned:
    return Owned(store, owned_by(store), KEY.secret, 1_000, lambda: 0.0)


def fill(store: MemoryStore, *batches: int) -> Owner:
    """The database has batches of so many records; whose it is now."""
    owned = appending(store)
    for count in batches:
        owned.append([record(owned.last + 1 + number) for number in range(count)])
    return owned_by(store)


def segments_of(state: Path, count: int) -> OwnEnd:
    """The node has so many records in files."""
    writer = SegmentWriter(home(state), 0, GENESIS, RealDisk())
    if count:
        writer.add(Chunk(1, [record(number) for number in range(1, count + 1)], snapshot=False))
    writer.close()
    return OwnEnd(home=home(state), last=count, chain=writer.chain_durable)


def copy_of(place: OwnEnd, handed: list[bytes] | None = None) -> Copy:
    """`handed`: gets what the segments get."""
    return Copy(place, lambda _, payloads: handed.extend(payloads) if handed is not None else None)


def finish(copy: Copy, store: MemoryStore, owner: Owner) -> int:
    with closing(copy):
        return copy.finish(store, owner)


def held(state: Path) -> list[bytes]:
    return [found.payload for _, found in Log(journal_directory(state), SCHEMA)]


@pytest.mark.parametrize("there", [0, 1, 3, 7, 10])
def test_a_node_has_afterwards_all_that_the_database_has(tmp_path: Path, store: MemoryStore, there: int) -> None:
    owner = fill(store, 3, 4, 3)
    place = segments_of(tmp_path, there)
    assert finish(copy_of(place), store, owner) == 10 - there
    assert held(tmp_path) == [record(number) for number in range(1, 11)]
    assert recover(tmp_path, Limits()).position == 10


def test_an_empty_node_begins_with_the_newest_snapshot(tmp_path: Path, store: MemoryStore) -> None:
    owned = appending(store)
    owned.append([record(1), record(2)])
    owned.append([record(3)], snapshot=True)
    owned.append([record(4)])
    place = OwnEnd(home=home(tmp_path), last=0, chain=GENESIS)
    assert finish(copy_of(place), store, owned_by(store)) == 2
    assert held(tmp_path) == [record(3), record(4)]


def test_a_database_that_ends_before_the_segments_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 5)
    with pytest.raises(StoreError, match=r"ends at record 5, and .* at 6: a server was promoted that lacks"):
        finish(copy_of(segments_of(tmp_path, 6)), store, owner)
    assert len(held(tmp_path)) == 6


def test_a_database_with_other_records_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    appending(store).append([record(1), record(99), record(3)])
    with pytest.raises(StoreError, match="record 2 of the database is another one"):
        finish(copy_of(segments_of(tmp_path, 3)), store, owned_by(store))


def test_a_hole_in_the_database_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 2, 2, 2)
    del store.database.log[1]
    with pytest.raises(StoreError, match="records 3 to 4 are missing in the database"):
        finish(copy_of(segments_of(tmp_path, 0)), store, owner)


def test_a_changed_record_in_the_database_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 2, 2)
    log = store.database.log
    log[1] = log[1]._replace(payloads=[record(3), record(5)])
    with pytest.raises(StoreError, match=r"records 3 to 4 .* not those that were appended"):
        finish(copy_of(segments_of(tmp_path, 0)), store, owner)


def test_an_end_that_is_cut_off_in_the_database_is_refused(tmp_path: Path, store: MemoryStore) -> None:
    owner = fill(store, 2, 2)
    del store.database.log[-1]
    with pytest.raises(StoreError, match="end with 2, and its owner's row says 4"):
        finish(copy_of(segments_of(tmp_path, 0)), store, owner)


def test_a_journal_of_files_is_taken_into_an_empty_database(tmp_path: Path, store: MemoryStore) -> None:
    place = segments_of(tmp_path, 1_234)
    assert finish(copy_of(place), store, owned_by(store)) == 1_234
    assert [payload for batch in store.batches(0) for payload in batch.payloads] == held(tmp_path)


def test_who_does_not_stand_by_is_told_whose_it_is(store: MemoryStore) -> None:
    fill(store, 1)
    with pytest.raises(StoreError, match=r"owned by node b, .* --standby"):
        claimed(store, CLAIM._replace(node="c"), None, tell=print)


def test_another_key_is_refused(store: MemoryStore) -> None:
    fill(store, 1)
    with pytest.raises(StoreError, match="begun with the vault key of check value"):
        check_key(owned_by(store), CLAIM._replace(check=b"another."))


# -- who stands by follows


def test_who_stands_by_has_what_the_owner_appends_before_it_owns_anything(tmp_path: Path, store: MemoryStore) -> None:
    handed: list[bytes] = []
    copy = copy_of(segments_of(tmp_path, 2), handed)
    owned = appending(store)
    owned.append([record(1), record(2), record(3)])
    for number in (4, 5):
        assert copy.follow(store, FOLLOWING) is False
        assert handed == [record(each) for each in range(3, number)]
        owned.append([record(number)])
    assert finish(copy, store, owned_by(store)) == 1
    assert handed == [record(number) for number in (3, 4, 5)]
    assert held(tmp_path) == [record(number) for number in range(1, 6)]
    assert recover(tmp_path, Limits()).chain == copy.chain


def test_an_empty_node_that_stands_by_begins_with_the_newest_snapshot(tmp_path: Path, store: MemoryStore) -> None:
    owned = appending(store)
    owned.append([record(1), record(2)])
    owned.append([record(3)], snapshot=True)
    copy = copy_of(OwnEnd(home=home(tmp_path), last=0, chain=GENESIS))
    copy.follow(store, FOLLOWING)
    owned.append([record(4)])
    finish(copy, store, owned_by(store))
    assert held(tmp_path) == [record(3), record(4)]


def test_more_than_a_page_is_taken_page_by_page(tmp_path: Path, store: MemoryStore) -> None:
    fill(store, *[1] * (2 * PAGE + 1))
    copy = copy_of(segments_of(tmp_path, 0))
    assert [copy.follow(store, FOLLOWING) for _ in range(3)] == [True, True, False]
    assert copy.last == 2 * PAGE + 1


def test_what_is_not_known_to_be_on_a_standby_is_not_written(tmp_path: Path, store: MemoryStore) -> None:
    """Others see a record whose commit was cancelled: it may go with its server, and the witness would refuse the next one."""
    fill(store, 3)
    copy = copy_of(segments_of(tmp_path, 1))
    store.database.faults = 1.0
    with pytest.raises(StoreError):
        copy.follow(store, FOLLOWING)
    assert (copy.last, held(tmp_path)) == (1, [record(1)])
    store.database.faults = 0.0
    copy.follow(store, FOLLOWING)
    assert copy.last == 3


def test_who_follows_notices_another_journal_before_it_owns_it(tmp_path: Path, store: MemoryStore) -> None:
    owned = appending(store)
    owned.append([record(1)])
    copy = copy_of(segments_of(tmp_path, 0))
    copy.follow(store, FOLLOWING)
    store.database.log[0] = store.database.log[0]._replace(chain=bytes(16))
    owned.append([record(2)])
    store.database.log[1] = store.database.log[1]._replace(chain=bytes(16))
    with pytest.raises(StoreError, match="not those that were appended"):
        claimed(store, FOLLOWING, copy, tell=print)
    ahead = copy_of(segments_of(tmp_path / "ahead", 9))
    with pytest.raises(StoreError, match="a server was promoted that lacks"):
        claimed(store, FOLLOWING, ahead, tell=print)
    assert store.look() is not None
    assert store.database.owner is not None
    assert store.database.owner.node == "b", "who must not own it has not claimed it"


def test_a_node_with_another_key_claims_nothing(store: MemoryStore) -> None:
    fill(store, 1)
    store.database.now_ms += 60_000
    with pytest.raises(StoreError, match="begun with the vault key of check value"):
        claimed(store, FOLLOWING._replace(check=b"another."), None, tell=print)
    assert store.database.owner is not None
    assert store.database.owner.node == "b"


@pytest.mark.parametrize("renews", [True, False])
def test_a_database_whose_clock_is_put_back_a_day_keeps_no_lease_for_a_day(store: MemoryStore, renews: bool) -> None:
    """The lease of an owner that is gone ends by the time of who waits, while one that is renewed does not."""
    owned = appending(store)
    owned.append([record(1)])
    database = store.database
    database.off_ms = -86_400_000
    waits = FOLLOWING._replace(lease_ms=OPENING_MS)

    def sleep(seconds: float) -> None:
        database.now_ms += round(seconds * 1_000)
        if renews:
            owned.renew()
        assert database.now_ms < 30_000, "still waiting"

    def take() -> Owner:
        copy = copy_of(OwnEnd(home=Home("nowhere", "morocco", SCHEMA, KEY), last=1, chain=GENESIS))
        copy.follow = lambda *_: False  # type: ignore[method-assign]
        return claimed(store, waits, copy, tell=print, clock=lambda: database.now_ms / 1_000, sleep=sleep)

    if renews:
        with pytest.raises(AssertionError, match="still waiting"):
            take()
        return
    assert take().epoch == 2
    assert OPENING_MS <= database.now_ms < OPENING_MS + 1_000


@pytest.mark.parametrize("owner", ["gone", "back", "gave it back"])
def test_after_the_database_was_away_its_owner_has_a_lease_to_come_back_in(store: MemoryStore, owner: str) -> None:
    owned = appending(store)
    owned.append([record(1)])
    database = store.database
    database.now_ms += 2_400  # away, and with it the lease
    if owner == "gave it back":
        look = store.look
        store.look = lambda: there._replace(until=RELEASED) if (there := look()) else None  # type: ignore[method-assign]

    def sleep(seconds: float) -> None:
        database.now_ms += round(seconds * 1_000)
        if owner == "back" and database.now_ms < 6_000:
            owned.renew()

    copy = copy_of(OwnEnd(home=Home("nowhere", "morocco", SCHEMA, KEY), last=1, chain=GENESIS))
    copy.follow = lambda *_: False  # type: ignore[method-assign]
    claimed(store, FOLLOWING, copy, tell=print, grace_s=1.0, clock=lambda: database.now_ms / 1_000, sleep=sleep)
    least, most = {"gone": (3_400, 3_700), "back": (6_900, 7_500), "gave it back": (2_400, 2_400)}[owner]
    assert least <= database.now_ms <= most
