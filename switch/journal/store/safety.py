"""How a database must be set up that a journal is entrusted to, and why: what is not so is refused when the switch starts.

In: settings, as the server says them. Out: sentences. How its cluster is run the server cannot say: `patroni` asks who runs it.
"""

from collections.abc import Mapping
from typing import Final

from switch.journal.store.port import StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.shared import SharedLog

SETTINGS: Final = (
    "fsync",
    "full_page_writes",
    "synchronous_standby_names",
    "synchronous_commit",
    "server_version_num",
    "transaction_read_only",
)
_ASK: Final = (
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_standby_names'), "
    "current_setting('synchronous_commit'), current_setting('server_version_num'), current_setting('transaction_read_only'), "
    "pg_is_in_recovery()"
)
VERSION_LEAST: Final = 130_000


def settings_of(store: PostgreSQL) -> dict[str, str]:
    """What the server says, and `in_recovery`: `t` or `f`. Raises StoreError."""
    found = store.ask(_ASK)
    names = (*SETTINGS, "in_recovery")
    return {name: (found.get_value(0, at) or b"").decode() for at, name in enumerate(names)}


def unsafe(settings: Mapping[str, str], *, replicated: bool) -> list[str]:
    """What must be otherwise, a sentence each."""
    found: list[str] = []
    if settings["in_recovery"] == "t":
        found.append("it is a standby: give all servers in the URL, and target_session_attrs=read-write")
    elif settings["transaction_read_only"] == "on":
        found.append(
            "default_transaction_read_only is on, for this role, this database, or by a provider whose disk is full: set it off"
        )
    if int(settings["server_version_num"]) < VERSION_LEAST:
        found.append(f"its version is {settings['server_version_num']}: at least {VERSION_LEAST} is needed")
    if settings["fsync"] != "on":
        found.append("fsync is off: a power cut takes what was acknowledged")
    if settings["full_page_writes"] != "on":
        found.append("full_page_writes is off: a power cut leaves half-written pages")
    if settings["synchronous_commit"] not in ("on", "remote_apply"):
        found.append(f"synchronous_commit stays {settings['synchronous_commit']}: commits would not wait for a standby")
    if replicated and not settings["synchronous_standby_names"]:
        found.append(
            "synchronous_standby_names is empty: what was acknowledged is lost with the server. Set ANY 1 (…), or say "
            "replicated = false in [journal] where that may be"
        )
    return found


def refuse_unsafe(store: PostgreSQL, shared: SharedLog) -> str:
    """Raises StoreError unless the server is set up as it must be, and the cluster that Patroni keeps of it.

    Returns who of Patroni's members answers, for people; "" where the network file names none.
    """
    if not store.is_direct():
        raise StoreError(
            "a pooler (pgbouncer or the like) stands before the journal's database: it may give the next statement to another "
            "session, and hides that a writer is gone. Name the servers themselves in [journal] store"
        )
    found = unsafe(settings_of(store), replicated=shared.replicated)
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
