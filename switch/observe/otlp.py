"""Spans sent to a collector by OTLP over HTTP, in JSON. A writer of our own: the libraries bring a dozen packages and a thread.

What a collector cannot take now (429, 502, 503, 504, or nobody there) is sent again, after as long as it says or twice as long
each time; what it will not take (any other code, or a part of it) is let go, and counted with the reason.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec

from switch.observe.traces import Span, request

AGAIN: Final = frozenset({429, 502, 503, 504})
TRIES_MAX: Final = 6
WAIT_S, WAIT_MAX_S = 0.5, 30.0
TIMEOUT_S: Final = 10.0
ANSWER_MAX: Final = 65_536
BATCH: Final = 512
"""spans of one request"""


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: who is sent elsewhere would take the headers, a token among them, along."""

    def redirect_request(self, *_: object) -> None:
        """None: nobody else is asked."""


_open: Final = urllib.request.build_opener(_Stay).open
_open_here: Final = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({})).open
"""by no proxy of the environment (http_proxy): this machine's own addresses mean another there"""


class Sent(msgspec.Struct):
    """What has become of the spans so far."""

    spans: int = 0
    dropped: int = 0
    why: str = ""
    """of the last that were dropped"""


class Collector:
    """Where spans go. `headers`: its own, such as a token; never said in an error."""

    def __init__(
        self,
        url: str,
        network: str,
        version: str,
        headers: Mapping[str, str],
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """ValueError: `url` is no http or https address."""
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address of a collector: http://HOST:4318, or https://…")
        self.url = url if url.endswith("/v1/traces") else f"{url.rstrip('/')}/v1/traces"
        self.sent = Sent()
        self._network, self._version = network, version
        self._headers = {**headers, "Content-Type": "application/json", "User-Agent": f"cmi-switch/{version}"}
        self._wait = wait
        self._open = _open_here if _is_here(url) else _open

    def send(self, spans: Sequence[Span]) -> None:
        """All of them, in requests of `BATCH`; waits while it is to be tried again."""
        for start in range(0, len(spans), BATCH):
            self._post(spans[start : start + BATCH])

    def _post(self, spans: Sequence[Span]) -> None:
        body = json.dumps(request(spans, self._network, self._version)).encode()
        why, wait_s = "", WAIT_S
        for attempt in range(TRIES_MAX):
            if attempt:
                self._wait(wait_s)
                wait_s = min(wait_s * 2, WAIT_MAX_S)
            asked = urllib.request.Request(self.url, body, dict(self._headers), method="POST")  # noqa: S310 - looked at above
            try:
                with self._open(asked, timeout=TIMEOUT_S) as answer:
                    rejected, said = _partial(answer.read(ANSWER_MAX))
            except urllib.error.HTTPError as error:
                why = f"{self.url} answers {error.code} {error.reason}"
                if error.code not in AGAIN:
                    break
                wait_s = _retry_after(error.headers.get("Retry-After", ""), wait_s)
            except HTTPException as error:
                why = f"{self.url} does not answer as HTTP asks: {type(error).__name__}"
            except OSError as error:
                why = f"{self.url} cannot be reached: {getattr(error, 'reason', error)}"
            else:
                self.sent.spans += len(spans) - rejected
                self._drop(rejected, f"{self.url} does not take them: {said}")
                return
        self._drop(len(spans), why)

    def _drop(self, count: int, why: str) -> None:
        if count:
            self.sent.dropped += count
            self.sent.why = why


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _partial(answer: bytes) -> tuple[int, str]:
    """How many spans a collector that said 200 has not taken, and why."""
    try:
        part = json.loads(answer or b"{}").get("partialSuccess") or {}
        return int(part.get("rejectedSpans", 0)), str(part.get("errorMessage", ""))
    except (ValueError, AttributeError, TypeError):
        return 0, ""


def _retry_after(text: str, default_s: float) -> float:
    return min(float(text), WAIT_MAX_S) if text.isascii() and text.isdecimal() else default_s
