"""A connection that becomes the party's once it is known who is at its other end: what TLS and a TLS edge have in common."""

import socket
from abc import ABC, abstractmethod
from typing import Any, Protocol

from switch.core.party import Certificate, LinkId
from switch.server.connections import Connection


class UnsecuredError(Exception):
    """A connection that cannot be secured, or is no longer: why, and what to change."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class SecuredConnection(Connection, ABC):
    """`begin` or `secure` until one of them says that it is; then it is a connection like any other."""

    __slots__ = ("heard",)

    def __init__(self, sock: socket.socket, link: LinkId) -> None:
        super().__init__(sock, link)
        self.heard = False
        """something has come"""

    @abstractmethod
    def begin(self) -> bool:
        """Say what is to be said first. False: something must come. Raises UnsecuredError."""

    @abstractmethod
    def secure(self) -> bool:
        """Go on with what has arrived. False: more must come. Raises UnsecuredError: it has failed."""

    @abstractmethod
    def certificate(self) -> Certificate:
        """The other end's. Raises UnsecuredError: it is past its date, or unreadable."""

    @abstractmethod
    def log_fields(self) -> dict[str, Any]:
        """For the log: how it is secured."""

    @abstractmethod
    def unsealed(self) -> bytes | None:
        """Plain bytes that came with the last of it; b"" at its end, None where there are none yet."""


class End(Protocol):
    """One end of a link by name, which makes its connections secured ones."""

    @property
    def speaks_first(self) -> bool:
        """True if this side has something to say before anything has come."""

    def secured(self, sock: socket.socket, link: LinkId) -> SecuredConnection:
        """A connection of it."""
