"""Settings of a database server by which a journal is entrusted to it, or is not.

In: settings, as the server says them. Out: sentences. Whoever starts asks all of them; the few that a reload of the server can
change under a running switch are asked by each statement that makes something durable, too: `guarded`.
"""

import re
from collections.abc import Mapping
from typing import Final

SETTINGS: Final = (
    "fsync",
    "full_page_writes",
    "synchronous_standby_names",
    "synchronous_commit",
    "server_version_num",
    "transaction_read_only",
    "in_recovery",
    "replayed_s",
)
"""as `ASK` says them; the last: how many seconds ago was committed what a standby has replayed last, "" of none"""
ASK: Final = (
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_standby_names'), "
    "current_setting('synchronous_commit'), current_setting('server_version_num'), current_setting('transaction_read_only'), "
    "pg_is_in_recovery(), "
    "coalesce(greatest(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::bigint::text, '')"
)
VERSION_LEAST: Final = 130_000
_STILL_SAFE: Final = (
    r"(NOT \1::boolean OR current_setting('synchronous_standby_names') <> '') "
    "AND current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'"
)
"""`synchronous_commit` is the session's own, which no reload changes"""
_PLACE: Final = re.compile(r"still_safe\((\$\d+)\)")


def guarded(statement: str) -> str:
    """The statement, with what must hold when something is made durable where it says `still_safe($n)`. `$n`: as `replicated`."""
    return _PLACE.sub(_STILL_SAFE, statement)


def unsafe(settings: Mapping[str, str], *, replicated: bool) -> list[str]:
    """What must be otherwise, a sentence each."""
    found: list[str] = []
    if settings["in_recovery"] == "t":
        ago = settings["replayed_s"]
        behind = f"whose last commit is of {ago} s ago" if ago else "and has replayed nothing yet"
        found.append(f"it is a standby: give all servers in the URL, and target_session_attrs=read-write ({behind})")
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
