"""The HTTP side: a thread a connection, for the few who ask every few seconds. It belongs on loopback or a monitoring network."""

import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any, Final
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from switch.metrics.pages import SERVER, Pages

SLOW_S: Final = 10
"""whoever says or reads nothing for so long is cut off"""
CLIENTS_MAX: Final = 64
"""at once; one more is cut off at once"""


class _Handler(WSGIRequestHandler):
    timeout = SLOW_S
    server_version, sys_version = SERVER, ""

    def get_environ(self) -> dict[str, Any]:
        """Of a request by a path: who believes to ask a proxy names the whole address (RFC 9112, 3.2.2)."""
        if self.path.lower().startswith(("http://", "https://")):
            self.path = urlsplit(self.path).path or "/"
        return super().get_environ()

    def log_message(self, *_: Any) -> None:
        """Nothing: who asks every few seconds is no news."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """Serves `Pages` on one address."""

    daemon_threads = True

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        """Raises OSError: it cannot listen there."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._clients, self._counting = 0, threading.Lock()
        super().__init__((host, port), _Handler)
        self.set_app(pages)

    @property
    def port(self) -> int:
        """The one it has, where it asked for any."""
        return int(self.server_address[1])

    def server_bind(self) -> None:
        """Listen, and ask no name server what this host is called."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def verify_request(self, *_: Any) -> bool:
        """True while there is room for one more."""
        return self._clients < CLIENTS_MAX

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for it. It counts from now on: many that come at once are let in before any of their threads has run."""
        with self._counting:
            self._clients += 1
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread to be had
            with self._counting:
                self._clients -= 1
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._counting:
                self._clients -= 1

    def handle_error(self, *_: Any) -> None:
        """Nothing: a client that went away is no news."""
