"""What one process of a switch leaves to the next: its sockets, and its memory of what goes on over them.

In, at the end of one process: a driver that stands still. Out, at the beginning of the next: the same listening sockets,
connections and unsent bytes, and a `Memory`. It passes through memory alone (a memfd), never through a file: requests under way
have their PIN blocks in it.
"""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from switch.core.handover.memory import MEMORY_VERSION, Memory
from switch.core.network import Address, Network
from switch.core.party import LinkId

ENVIRONMENT: Final = "CMI_SWITCH_HANDOVER"
"""`PID:FD`: process PID is to read its handover from descriptor FD. `ask`: say what you could take over, and end"""
ASK: Final = "ask"
CHILDREN_S: Final = 10.0


class KeptConnection(msgspec.Struct, frozen=True):
    """A connection, as the driver has it."""

    link: LinkId
    fd: int
    unsent: bytes
    txns: tuple[tuple[int, int], ...]
    closing: str


class KeptListener(msgspec.Struct, frozen=True):
    """A listening socket, and where it was to listen."""

    name: str
    address: Address
    fd: int


class _NetworkOfMemory(msgspec.Struct, frozen=True):
    """What of the memory is needed before the rest."""

    network: Network


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """All that one process leaves to the next. New members go to the end, with a default: an older or newer release reads what
    it knows."""

    version: int
    """of `memory`: `core.handover.memory.MEMORY_VERSION`"""
    memory: msgspec.Raw
    """empty: only sockets are left"""
    listeners: tuple[KeptListener, ...] = msgspec.field(name="doors")
    """a release from before the field had this name reads and writes `doors`"""
    connections: tuple[KeptConnection, ...]
    dialled: tuple[tuple[str, Address, int, LinkId], ...]
    """links this side made: name, address, which of several to it, the connection there is"""
    counts: dict[str, int]
    """connections so far, by name"""
    children: tuple[int, ...]
    """processes that end with the one before, to be waited for by the next"""
    restarts: int
    """how many this process makes, since the first"""
    stopped_ns: int
    """monotonic: nothing was read since"""
    by: str
    """who asked"""

    def recall(self) -> Memory:
        """The memory. Raises ValueError where it is none this release can read."""
        if self.version != MEMORY_VERSION:
            raise ValueError(
                f"the memory left is of version {self.version}, this release reads version {MEMORY_VERSION}"
            )
        try:
            return msgspec.msgpack.decode(self.memory, type=Memory)
        except msgspec.MsgspecError as error:
            raise ValueError(f"the memory left cannot be read: {error}") from None

    def network(self) -> Network | None:
        """What the switch before ran by, with hosts that were leaving; None where this release cannot read its memory."""
        try:
            return (
                msgspec.msgpack.decode(self.memory, type=_NetworkOfMemory).network
                if self.version == MEMORY_VERSION
                else None
            )
        except msgspec.MsgspecError:
            return None

    def sockets(self) -> dict[LinkId, socket.socket]:
        """The connections' sockets, this process's own from now on."""
        return {kept.link: _own(kept.fd) for kept in self.connections}

    def listening_sockets(self) -> dict[str, socket.socket]:
        """The listening ones."""
        return {kept.name: _own(kept.fd) for kept in self.listeners}

    def wait_for_children(self, wait_s: float = CHILDREN_S) -> None:
        """Wait until the children of the program before have ended: its journal's writer has the journal until then."""
        give_up = time.monotonic() + wait_s
        for pid in self.children:
            with suppress(ChildProcessError):
                while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < give_up:
                    time.sleep(0.001)


def _own(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    sock = socket.socket(fileno=fd)
    sock.setblocking(False)
    return sock


def leave(handover: Handover) -> int:
    """Write `handover` to a memfd; the descriptors it names are inherited from now on. Returns the memfd's descriptor."""
    fd = os.memfd_create("handover", 0)
    with open(fd, "wb", closefd=False) as file:
        file.write(msgspec.msgpack.encode(handover))
    os.lseek(fd, 0, os.SEEK_SET)
    keep_over_exec(handover, keep=True)
    return fd


def keep_over_exec(handover: Handover, *, keep: bool) -> None:
    """Whether the next program in this process has the sockets."""
    for fd in (*(kept.fd for kept in handover.listeners), *(kept.fd for kept in handover.connections)):
        os.set_inheritable(fd, keep)


def inherit(environment: Mapping[str, str], pid: int) -> Handover | None:
    """What the process before has left; None where there was none. Call it before anything else is opened.

    What cannot be read at all is closed whole, so that peers see it and come again: as after a crash.
    """
    owner, _, fd_text = environment.get(ENVIRONMENT, "").partition(":")
    if owner != str(pid):
        return None
    fd = int(fd_text)
    with open(fd, "rb") as file:
        packed = file.read()
    try:
        return msgspec.msgpack.decode(packed, type=Handover)
    except msgspec.MsgspecError:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        return None
