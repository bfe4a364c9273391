"""A journal of every earlier schema is read, checked, reported and continued, for ever; one of a newer schema is refused.

`schema1` and `schema3` were written by the last releases of those schemas, with every kind of record they had, a snapshot, and
PANs sealed under the key beside them. Their files are never to be made again: they are what lies on the disks of who ran them.
"""

import os
import shutil
from pathlib import Path

import msgspec
import pytest

from switch.core.limits import Limits
from switch.core.party import Record
from switch.core.records.entry import Entry
from switch.core.records.records import SCHEMA, Answered, Booted, Owed, Snapshot, StoodIn
from switch.core.switch import Switch
from switch.journal.feed import Feed
from switch.journal.history import IndexHistory
from switch.journal.index import VERSION, Index
from switch.journal.keys import chain_key, open_vault
from switch.journal.log import HEADER, JournalError, Log, segments
from switch.journal.recovery import decode, journal_directory, recover
from switch.journal.reports import Filters, Reports
from switch.journal.verify import verify
from switch.security.vault import KeyVault
from switch.server.serving import dialects_of
from tests.core.scripts import morocco
from tests.journal.samples import PAN, START_US, catch_up, key

LIMITS = Limits()
SCHEMA_1 = Path(__file__).parent / "schema1"
CHAIN = "652946fcbbc3521eb7bb033e96784beb"

MEMBERS_1 = {
    "boot": "at_us schema network",
    "fwd": "txn at_us key link host route mti stan sent_at pan sealed amount currency elements",
    "ans": "txn at_us de39 elements cost",
    "dec": "txn at_us key link mti pan amount currency rrn de39 reason",
    "owe": "txn at_us kind reason host original key link pan sealed amount currency message undoes",
    "dlv": "txn at_us de39",
    "abn": "txn at_us de39 reason",
    "snp": "at_us schema network last_txn open owed stans horizons",
}

SCHEMA_3 = Path(__file__).parent / "schema3"
CHAIN_3 = "0a27c304d29d54fb6d8029abe16c56ab"
MEMBERS_3 = MEMBERS_1 | {
    "owe": f"{MEMBERS_1['owe']} approved heard_late stands",
    "dlv": f"{MEMBERS_1['dlv']} nothing",
    "dec": f"{MEMBERS_1['dec']} came",
    "lat": "txn at_us host de39",
    "shl": "txn at_us reason tries kind",
    "num": "txn at_us stan sent_at",
    "exc": "txn at_us kind reason host link pan amount currency rrn",
    "res": "txn at_us reason by",
    "rty": "txn at_us",
    "hld": "host at_us held",
    "mnt": "at_us target on",
    "std": "request de39 elements advice card product",
    "cut": "at_us day closed by",
    "hot": "at_us txn card reason issuer pan sealed by",
    "snp": f"{MEMBERS_1['snp']} shelved held maintenance stood cutover watched exceptions hot_cards",
}


@pytest.fixture
def old_3(tmp_path: Path) -> Path:
    """A state directory as the last release of schema 3 left it."""
    state = tmp_path / "state"
    shutil.copytree(SCHEMA_3, state)
    for path in (state / "vault.key", *(state / "journal").iterdir()):
        os.chmod(path, 0o600)  # a checkout does not keep it
    return state


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A state directory as the last release of schema 1 left it."""
    state = tmp_path / "state"
    shutil.copytree(SCHEMA_1, state)
    os.chmod(state / "vault.key", 0o600)  # a checkout does not keep it
    return state


def entries(state: Path) -> list[Entry]:
    return [decode(segment, record) for segment, record in Log(journal_directory(state), SCHEMA)]


def test_members_are_only_added_at_the_end_with_a_default() -> None:
    kinds = {kind.__struct_config__.tag: kind for kind in Entry.__subclasses__()}
    for tag, members in [*MEMBERS_1.items(), *MEMBERS_3.items()]:
        fields = msgspec.structs.fields(kinds[tag])
        names = [f.name for f in fields]
        assert names[: len(members.split())] == members.split()
        assert all(not f.required for f in fields[len(members.split()) :]), f"{tag}: a new member has a default"


def test_schema_3_is_read_indexed_and_continued(old_3: Path) -> None:
    before = entries(old_3)
    assert {type(e).__struct_config__.tag for e in before} == MEMBERS_3.keys()
    assert [e.priced for e in before if isinstance(e, Answered | Owed | StoodIn)] == [None] * 14
    found = verify(old_3)
    assert (found.damage, found.notes, found.records, found.keyed, found.chain.hex()) == ([], [], 43, True, CHAIN_3)
    reports = Reports(old_3)
    told = {r.txn: (r.status, r.de39) for r in reports.transactions(Filters())}
    assert [told[n][0] for n in (1, 2, 9, 21, 41)] == ["approved", "declined", "approved", "approved", "approved"]
    reports.close()
    history = IndexHistory(old_3)
    payment = history.find(key(9))
    assert payment is not None
    assert (payment.amount, payment.priced) == (4_000, None)
    history.close()
    feed = Feed(old_3, "morocco", LIMITS, key=chain_key(open_vault(old_3)))
    position = feed.open().position
    feed.append(position + 1, Booted(at_us=START_US, schema=SCHEMA, network="morocco"))
    feed.close()
    assert verify(old_3).damage == []
    assert {type(e) for e in entries(old_3)[43:]} == {Booted}


def test_it_holds_every_kind_of_record(old: Path) -> None:
    assert {type(e).__struct_config__.tag for e in entries(old)} == MEMBERS_1.keys()
    assert [s.schema for s in entries(old) if isinstance(s, Booted | Snapshot)] == [1, 1]


def test_it_is_sound(old: Path) -> None:
    found = verify(old)
    assert (found.damage, found.notes, found.segments, found.records) == ([], [], 2, 49)
    assert found.chain.hex() == CHAIN


def test_it_is_recovered(old: Path) -> None:
    found = recover(old, LIMITS)
    assert (found.position, found.folded, found.chain.hex()) == (49, 26, CHAIN)
    state = found.state
    assert (state.network, state.last_txn, state.stans) == ("morocco", 55, {"atlas": 55})
    assert [(f.txn, f.host, f.amount, f.elements["37"]) for f in state.open.values()] == [
        (55, "atlas", 12_345, "000000000055")
    ]
    assert [(o.txn, o.kind, o.original, o.undoes) for o in state.owed.values()] == [
        (8, "reversal", 7, key(7)),
        (48, "reversal", 47, key(47)),
        (52, "advice", 31, None),
        (53, "reversal", 0, key(54)),
    ]


def test_its_sealed_pans_open(old: Path) -> None:
    vault = KeyVault.at(old / "vault.key")
    sealed = [e.sealed for e in entries(old) if hasattr(e, "sealed")]
    assert len(sealed) > 20
    assert {vault.open(each) for each in sealed} == {PAN}


def test_it_is_indexed_and_reported(old: Path) -> None:
    reports = Reports(old)
    told = {r.txn: (r.status, r.de39, r.original, r.reversed_by) for r in reports.transactions(Filters())}
    assert told[1] == ("refused", "15", 0, 0)
    assert told[3] == ("abandoned", "91", 0, 0)
    assert told[5] == ("reversed", "91", 0, 6)
    assert told[7] == ("reversed", "00", 0, 8)
    assert told[9] == ("declined", "51", 0, 0)
    assert told[21] == ("approved", "00", 0, 0)
    assert told[52] == ("owed", "", 31, 0)
    assert told[55] == ("open", "", 0, 0)
    row, records = reports.transaction(7) or pytest.fail("transaction 7 is there")
    assert [type(e).__name__ for _, e in records] == ["Forwarded", "Answered", "Owed"]
    assert row.at_us == START_US + 7
    reports.close()


@pytest.mark.parametrize("indexed", [False, True])
def test_its_outcomes_are_found(old: Path, indexed: bool) -> None:
    if indexed:
        catch_up(old)
    history = IndexHistory(old)
    found = {n: history.find(key(n)) for n in (7, 9, 21, 55, 777)}
    history.close()
    assert [(n, o.de39, o.reversed_by) for n, o in found.items() if o] == [
        (7, "00", 8), (9, "51", 0), (21, "00", 0), (55, "", 0)
    ]  # fmt: skip
    assert found[777] is None


def test_it_is_continued_by_todays_switch(old: Path) -> None:
    feed = Feed(old, "morocco", LIMITS)
    found = feed.open()
    network = morocco()
    vault = KeyVault.at(old / "vault.key")
    switch = Switch(network, dialects_of(network), found.state, found.position, vault, IndexHistory(old))
    switch.wall_offset_ns = (START_US + 60_000_000) * 1000
    switch.started(0)
    for effect in switch.effects:
        if isinstance(effect, Record):
            feed.append(effect.position, effect.entry)
    feed.close()
    assert feed.unacknowledged == 0
    assert verify(old).damage == []
    boot, owed = entries(old)[49:]
    assert isinstance(boot, Booted)
    assert boot.schema == SCHEMA
    assert isinstance(owed, Owed)
    assert (owed.original, owed.reason, vault.open(owed.sealed)) == (55, "restart", PAN)
    newest = segments(journal_directory(old))[-1]
    assert HEADER.unpack(Path(newest.path).read_bytes()[: HEADER.size])[2] == SCHEMA
    assert recover(old, LIMITS).state.open == {}


def test_a_release_of_schema_1_refuses_what_todays_has_continued(old: Path) -> None:
    feed = Feed(old, "morocco", LIMITS)
    found = feed.open()
    feed.append(found.position + 1, Booted(at_us=START_US, schema=SCHEMA, network="morocco"))
    feed.close()
    with pytest.raises(
        JournalError, match=f"record schema {SCHEMA}; this release reads up to 1: use the newer release"
    ):
        list(Log(journal_directory(old), 1))


def test_an_index_of_other_tables_is_built_anew_from_it(old: Path) -> None:
    index = Index(old)
    index.catch_up()
    index.database.execute(f"PRAGMA user_version = {VERSION - 1}")
    index.database.execute("DROP TABLE transactions")
    index.close()
    again = Index(old)
    assert again.place() is None
    assert again.catch_up() == 49
    again.close()
