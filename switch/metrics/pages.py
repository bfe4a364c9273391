"""`/metrics`, `/healthz` and `/readyz`, as a WSGI application; it knows no socket.

| path | status |
|---|---|
| `/metrics` | 200, in the form that who asks accepts: Prometheus's text, or OpenMetrics |
| `/healthz` | 200 where the switch answers within a second, else 503 |
| `/readyz` | 200 where it takes payments, else 503 |

Each of the last two says why in plain text. What is not well and not critical stands there with 200: payments go on.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from switch.metrics.collector import HealthAnswer

PATHS: Final = ("/metrics", "/healthz", "/readyz")
PLAIN: Final = "text/plain; charset=utf-8"
SERVER: Final = "cmi-switch"
"""what it says it is: its parts and their versions are nobody's affair"""
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Pages:
    """The WSGI application: the metrics and the two probes."""

    def __init__(self, registry: CollectorRegistry, look: Callable[[], HealthAnswer]) -> None:
        """`look`: asks the switch."""
        self._registry = registry
        self._look = look

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if method not in ("GET", "HEAD"):
            status, kind, body = "405 Method Not Allowed", PLAIN, b"GET or HEAD\n"
        elif path == "/metrics":
            encode, kind = choose_encoder(environ.get("HTTP_ACCEPT", ""))
            status, body = "200 OK", encode(self._registry)
        elif path in PATHS:
            said = self._look()
            fine = said.live if path == "/healthz" else said.ready
            status, kind = "200 OK" if fine else "503 Service Unavailable", PLAIN
            body = "".join(f"{line}\n" for line in said.lines()).encode()
        else:
            status, kind, body = "404 Not Found", PLAIN, f"there are {', '.join(PATHS)}\n".encode()
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Server", SERVER),
        ]
        start(status, [*headers, ("Allow", "GET, HEAD")] if status.startswith("405") else headers)
        return [b"" if method == "HEAD" else body]
