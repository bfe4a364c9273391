"""A TLS socket that an epoll set can be asked about: it says "not now" as plain sockets do, and leaves nothing read behind."""

import socket
import ssl
from collections.abc import Callable
from typing import Any

from switch.core.network import Address
from switch.server.tls import TlsEnd, explain

RECORD_BYTES = 16_384


class _Socket(ssl.SSLSocket):
    def recv(self, buflen: int = RECORD_BYTES, flags: int = 0) -> bytes:
        """All of the record that has come. Raises BlockingIOError: none has, whole."""
        try:
            data = super().recv(min(buflen, RECORD_BYTES), flags)
            while rest := self.pending():  # what OpenSSL holds, no epoll tells of; what the kernel holds, it does
                data += super().recv(rest, flags)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        return data

    def send(self, data: Any, flags: int = 0) -> int:
        """See socket.send. Raises BlockingIOError: there is no room."""
        try:
            return super().send(data, flags)
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None


def securing(end: TlsEnd, address: Address) -> Callable[[socket.socket], socket.socket]:
    """What makes a connected socket one with TLS. It raises OSError, with what to change."""
    end.context.sslsocket_class = _Socket

    def secure(sock: socket.socket) -> socket.socket:
        try:
            return end.context.wrap_socket(sock, server_hostname=end.side.asks_for or None)
        except ssl.SSLError as error:
            raise OSError(0, f"{address}: {'; '.join(filter(None, explain(error, end.side)))}") from None

    return secure
