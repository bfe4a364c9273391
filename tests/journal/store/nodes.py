"""Nodes of a journal in a database, as tests need them: connections, owners, feeds and what they write."""

from pathlib import Path

from switch.bench.servers import Cluster
from switch.core.limits import Limits
from switch.core.records.records import SCHEMA, Booted
from switch.journal.feed import Feed
from switch.journal.log import ChainKey
from switch.journal.store.fencing import Owned
from switch.journal.store.port import Claim
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog
from switch.journal.store.writing import boot_clock
from tests.e2e.stage import wait_for

KEY = ChainKey(bytes(range(32)), b"8 bytes.")
LEASE_MS = 1_000
LIMITS = Limits()


def connect(servers: Cluster, journal: str, answer_s: float = 2.0) -> PostgreSQL:
    store = PostgreSQL(servers.primary.url, journal, answer_s=answer_s)
    store.make_tables()
    return store


def own(store: PostgreSQL, node: str, lease_ms: int = LEASE_MS) -> Owned:
    owner = store.claim(Claim(node, f"{node}-1", KEY.check, lease_ms))
    assert owner is not None
    return Owned(store, owner, KEY.secret, lease_ms, boot_clock)


def feed_of(servers: Cluster, journal: str, state: Path, lease_ms: int = LEASE_MS, *, standby: bool = False) -> Feed:
    shared = SharedLog(url=servers.primary.url, journal=journal, lease_ms=lease_ms, replicated=True, standby=standby)
    return Feed(state, journal, LIMITS, key=KEY, shared=shared)


def booted(number: int, journal: str) -> Booted:
    return Booted(at_us=number, network=journal, schema=SCHEMA)


def write(feed: Feed, journal: str, first: int, count: int) -> None:
    for number in range(first, first + count):
        feed.append(number, booted(number, journal))
    feed.push()
    wait_for(lambda: feed.acknowledged() == first + count - 1)
