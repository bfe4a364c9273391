"""A database, or the cluster that it is one of, is refused where what a journal is entrusted to is not as it must be.

In: a connection, and what the network file says. Out: sentences. How its cluster is run the server cannot say: `patroni` asks who
runs it.
"""

from switch.journal.store.port import StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog


def refuse_unsafe(store: PostgreSQL, shared: SharedLog) -> str:
    """Raises StoreError unless the server is set up as it must be, and the cluster that Patroni keeps of it.

    Returns who of Patroni's members answers, for people; "" where the network file names none.
    """
    if not store.is_direct():
        raise StoreError(
            "a pooler (pgbouncer or the like) stands before the journal's database: it may give the next statement to another "
            "session, and hides that a writer is gone. Name the servers themselves in [journal] store"
        )
    found = store.unsafe()
    said = ""
    if shared.patroni:
        from switch.journal.store import patroni  # noqa: PLC0415 - the writer has no need of it

        cluster = patroni.cluster_at(shared.patroni)
        wrong = patroni.unsafe(cluster, _identifier_of(store))
        found += wrong
        said = "" if wrong else patroni.summary(cluster)
    if found:
        raise StoreError(f"the journal's database is not safe: {'; '.join(found)}")
    return said


def _identifier_of(store: PostgreSQL) -> str:
    """What a database and all copies of it are told from others by."""
    return (store.ask("SELECT system_identifier FROM pg_control_system()").get_value(0, 0) or b"").decode()
