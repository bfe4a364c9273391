"""The limit of open files: raised as far as it may be, and what of it connections may have."""

import errno
import resource
from typing import Final

import msgspec

from switch.core.network import Network
from switch.core.party import Log
from switch.server.connections import ListenError
from switch.server.places import dials_of

SPARE_FILES: Final = 96
"""Descriptors that no connection gets: journal and its writer's restart, index, hop log, capture, `CLIENTS_MAX` operators."""


class OpenFiles(msgspec.Struct, frozen=True):
    """What the limit of open files lets this process have."""

    connections_max: int
    too_few: Log | None
    """an event, where the network file allows more connections"""


def raise_soft_limit() -> int:
    """Let this process open as many files as its hard limit, which is returned, allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def raise_open_files(network: Network) -> OpenFiles:
    """Raise this process's limit of open files as far as it may be.

    Raises ListenError: it cannot even hold the hosts' connections.
    """
    hard = raise_soft_limit()
    connections, reserved = network.limits.connections, SPARE_FILES + len(network.listeners)
    needed = connections + reserved
    if hard == resource.RLIM_INFINITY or hard >= needed:
        return OpenFiles(connections, None)
    left, dialled = hard - reserved, len(dials_of(network))
    if left <= dialled:
        raise ListenError(errno.EMFILE, (
            f"{hard} open files are too few: the switch needs {reserved} for itself and {dialled} for connections with hosts; "
            "raise the hard limit of open files (ulimit -Hn)"
        ))  # fmt: skip
    return OpenFiles(left, Log("warning", "limit.open_files", {
        "value": hard, "needed": needed, "connections": connections, "connections_max": left,
        "hint": f"no more than {left} connections are held: raise the hard limit of open files (ulimit -Hn), "
                "or lower connections in [limits] of the network file",
    }))  # fmt: skip
