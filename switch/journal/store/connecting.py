"""A connection to the one of a database's servers that takes writes: all are asked at once, and the first that is it is taken.

libpq asks one after the other, and waits for each that is gone, or takes connections and stands still, as long as for any: a node
that takes over has no such seconds. In: a connection string. Out: a connection. Servers are told apart by address: a name may
stand for several.
"""

import select
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from psycopg import Error, conninfo, pq

from switch.journal.store.port import StoreError, said

if TYPE_CHECKING:
    from psycopg.pq import abc

WAIT_S: Final = 3.0
"""for the first that takes writes"""
AGAIN_S: Final = 0.25
"""until one that has refused is asked again"""
_PORT: Final = "5432"
_OURS: Final = {"application_name": "cmi-switch"}


def connect(url: str) -> "abc.PGconn":
    """A connection. Raises StoreError: there is none to be had; a sentence without a password.

    Never by libpq's own waiting, which would hold up all threads.
    """
    try:
        asked = conninfo.conninfo_to_dict(url)
        servers = servers_of(asked)
        wanted = (
            {} if len(servers) == 1 or asked.get("target_session_attrs") else {"target_session_attrs": "read-write"}
        )
        each = [conninfo.make_conninfo(url, **_OURS, **server, **wanted).encode() for server in servers]
    except Error as error:
        raise StoreError(said(str(error).encode())) from None
    return _first(each)


def servers_of(asked: Mapping[str, Any]) -> list[dict[str, str]]:
    """`host`, `port` and `hostaddr` of each server that a connection string names, as far as it has them. One without any of
    them: libpq knows better."""
    hosts, known = (str(asked.get(name) or "").split(",") for name in ("host", "hostaddr"))
    ports = str(asked.get("port") or _PORT).split(",")
    count = max(len(hosts), len(known))
    hosts, known, ports = (every * count if len(every) == 1 else every for every in (hosts, known, ports))
    if not len(hosts) == len(known) == len(ports) or not any((*hosts, *known)):
        return [{}]
    found: list[dict[str, str]] = []
    for host, address, port in zip(hosts, known, ports, strict=True):
        server = {"host": host, "port": port or _PORT}
        found += [server | {"hostaddr": one} for one in ([address] if address else _addresses(host, server["port"]))]
    return found


def _addresses(host: str, port: str) -> Sequence[str]:
    """Those of a name; "" where libpq is to look, as for a socket's directory, or to say that there is none."""
    if not host or host[0] in "/@":
        return ("",)
    try:
        return tuple(
            dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM))
        )
    except (OSError, ValueError):
        return ("",)


def _first(strings: Sequence[bytes]) -> "abc.PGconn":
    """The connection that is open first. Those that refuse are asked again while others are still waited for: one of them may be
    promoted just now. Raises StoreError: none is, with what each has said."""
    began = time.monotonic()
    trying = {pq.PGconn.connect_start(string): string for string in strings}
    wants = dict.fromkeys(trying, pq.PollingStatus.WRITING)
    reasons: dict[bytes, str] = {}
    resting: dict[bytes, float] = {}
    while (now := time.monotonic()) < began + WAIT_S:
        for db in [db for db in trying if wants[db] == pq.PollingStatus.FAILED or db.status == pq.ConnStatus.BAD]:
            string = trying.pop(db)
            reasons[string], resting[string] = said(db.error_message), now + AGAIN_S
            db.finish()
        if not trying:
            break
        for string in [string for string, until in resting.items() if until <= now]:
            del resting[string]
            db = pq.PGconn.connect_start(string)
            trying[db], wants[db] = string, pq.PollingStatus.WRITING
        ready = _wait(trying, wants, min([began + WAIT_S, *resting.values()]) - now)
        for db in ready:
            wants[db] = pq.PollingStatus(db.connect_poll())
            if wants[db] == pq.PollingStatus.OK:
                for other in trying:
                    if other is not db:
                        other.finish()
                return db
    silent = (_silent(db, time.monotonic() - began) for db, string in trying.items() if string not in reasons)
    sentences = [*(reasons[string] for string in strings if string in reasons), *silent]
    for db in trying:
        db.finish()
    raise StoreError("; ".join(sentences))


def _wait(
    trying: Mapping["abc.PGconn", bytes], wants: Mapping["abc.PGconn", pq.PollingStatus], seconds: float
) -> list["abc.PGconn"]:
    """Those that can go on."""
    reading = {db.socket: db for db in trying if wants[db] == pq.PollingStatus.READING}
    writing = {db.socket: db for db in trying if wants[db] == pq.PollingStatus.WRITING}
    readable, writable, _ = select.select(reading, writing, [], max(0.0, seconds))
    return [*(reading[fd] for fd in readable), *(writing[fd] for fd in writable)]


def _silent(db: "abc.PGconn", waited_s: float) -> str:
    host, port = (part.decode() for part in (db.host, db.port))
    return f'connection to server at "{host}", port {port} failed: no answer for {waited_s:.1f} s'
