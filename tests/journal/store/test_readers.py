"""Who reads a journal's database for long, as backups do, and who moves its rows."""

import time

import pytest

from switch.bench.servers import Cluster
from switch.journal.store.fencing import Owned
from tests.journal.store.nodes import connect, own

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


def test_who_reads_for_an_hour_makes_appends_no_dearer(servers: Cluster, journal: str) -> None:
    """A backup or a long query keeps all versions of the owner's row: the newest is found without looking through them. It is
    found again where somebody has moved it."""
    store, reader = connect(servers, journal), connect(servers, journal)
    owned = own(store, "a", 60_000)
    reader.ask("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.ask("SELECT count(*) FROM cmi_switch_owner")
    for _ in range(600):
        owned.append([b"one"])
    before = blocks_read(servers, owned)
    for _ in range(100):
        owned.append([b"one"])
    assert (blocks_read(servers, owned) - before) / 100 < 8, "versions of the owner's row are looked through"
    reader.ask("COMMIT")
    servers.primary.ask("VACUUM FULL cmi_switch_owner")
    owned.append([b"two"])
    owned.renew()
    owned.append([b"three"])
    assert [payload for batch in store.batches(700) for payload in batch.payloads] == [b"two", b"three"]
    reader.close()
    store.close()


def blocks_read(servers: Cluster, owned: Owned) -> int:
    """Of the owners' table, by all sessions, once they have said so: one that is busy says it once a second, as it commits."""
    time.sleep(1.1)
    owned.renew()
    asked = "SELECT heap_blks_read + heap_blks_hit FROM pg_statio_user_tables WHERE relname = 'cmi_switch_owner'"
    return int(servers.primary.ask(asked))
