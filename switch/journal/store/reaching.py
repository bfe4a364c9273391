"""Which of a database's servers can be reached: all are asked at once.

libpq asks one after the other, and waits for each machine that is gone as long as it waits for any: a node that takes over has no
such seconds. In: servers, as a connection string names them. Out: those of them that take connections.
"""

import errno
import select
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final

WAIT_S: Final = 1.0
"""for the first to answer"""
MORE_S: Final = 0.1
"""for the others then"""


def reachable(servers: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that answer, in their order; all of them where none does. `servers`: host (or directory of a socket) and port."""
    with ExitStack() as stack:
        waiting: dict[int, int] = {}
        answered: set[int] = set()
        poller = select.poll()
        for at, (host, port) in enumerate(servers):
            with suppress(OSError):
                link = stack.enter_context(_begin(host, port))
                waiting[link.fileno()] = at
                poller.register(link, select.POLLOUT)
        until = time.monotonic() + WAIT_S
        while waiting and (left := until - time.monotonic()) > 0:
            for number, event in poller.poll(left * 1_000):
                poller.unregister(number)
                at = waiting.pop(number)
                if not event & (select.POLLERR | select.POLLHUP):
                    answered.add(at)
                    until = min(until, time.monotonic() + MORE_S)
    return [server for at, server in enumerate(servers) if at in answered or not answered]


def _begin(host: str, port: str) -> socket.socket:
    """A connection on its way. OSError: there is no such host."""
    family: int = socket.AF_UNIX
    address: Any = f"{host}/.s.PGSQL.{port}"
    if not host.startswith("/"):
        family, _, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    link = socket.socket(family, socket.SOCK_STREAM)
    link.setblocking(False)
    code = link.connect_ex(address)
    if code not in (0, errno.EINPROGRESS):
        link.close()
        raise OSError(code, "not reached")
    return link
