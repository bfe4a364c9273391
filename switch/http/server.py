"""An ASGI server over h11 under Trio, for pages and forms: no WebSocket, no upload, no streaming in.

In: an ASGI application, connections. Out: its answers. The one rule: nothing a client sends, or fails to send, costs more than
its own connection, and each costs no more than `HttpLimits` says, in bytes, in time and in number.

How. A connection is one task. A request is read whole, headers and body, within its bounds, before the application hears of it.
An upgrade is not taken: such a request is answered as any other, and the connection ends with its answer, so that what follows it
is never read as anything. A body that was not read to its end, and an error, end the connection too.
"""

import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import h11
import msgspec
import trio

from switch.http.https_end import why_unsecured

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
Stream = trio.abc.Stream
Report = Callable[[str, dict[str, object]], None]
"""an event's name and its fields"""

TOKEN_CHARS_MIN: Final = 24
"""of a token in an address: a part of a path that is shorter is none"""
_READ_BYTES: Final = 16_384
_REASONS: Final = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
}


class HttpLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one server, one client and one request may take."""

    header_bytes: int = 16_384
    body_bytes: int = 65_536
    request_s: float = 10.0
    """from the first byte of a request to its last; before it, for the first byte of the first request"""
    idle_s: float = 20.0
    """between two requests of a connection"""
    handshake_s: float = 5.0
    answer_s: float = 60.0
    """for the application, with what it asks of others"""
    write_s: float = 10.0
    """for a client to take an answer"""
    requests: int = 200
    """of a connection, then it ends"""
    connections: int = 512
    per_client: int = 64
    """connections of one address"""


class _BadRequestError(Exception):
    """What cannot be taken. `status` is answered, and the connection ends."""

    def __init__(self, status: int) -> None:
        super().__init__(_REASONS[status])
        self.status = status


class Server:
    """Serves one application on any number of sockets."""

    def __init__(self, app: App, report: Report, limits: HttpLimits | None = None) -> None:
        self.limits = limits or HttpLimits()
        self._app = app
        self._report = report
        self._clients: Counter[str] = Counter()
        self._age = 0
        self._idle: set[trio.CancelScope] = set()

    def end_connections(self) -> None:
        """Those there are end: at once between two requests, else with the answer to theirs."""
        self._age += 1
        for waiting in self._idle:
            waiting.cancel()

    async def serve(self, stream: Stream, client: str, *, secure: bool) -> None:
        """One connection, from its first byte to its end. Raises nothing but cancellation. `client`: its address."""
        if self._clients.total() >= self.limits.connections or self._clients[client] >= self.limits.per_client:
            self._report("http.refused", {"client": client, "reason": "too many connections"})
            await trio.aclose_forcefully(stream)
            return
        self._clients[client] += 1
        try:
            await self._talk(stream, client, secure=secure)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            pass  # gone, or too slow: its own loss
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
            with trio.move_on_after(self.limits.write_s), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.aclose()

    async def _talk(self, stream: Stream, client: str, *, secure: bool) -> None:
        begun = self._age
        if isinstance(stream, trio.SSLStream):
            await self._secure(stream, client)
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=self.limits.header_bytes)
        for number in range(self.limits.requests):
            try:
                request, body = await self._read(connection, stream, first=number == 0)
            except _BadRequestError as error:
                await self._refuse(connection, stream, error.status)
                return
            if request is None or (number == 0 and begun != self._age):
                return
            exchange = _Exchange(connection, stream, self.limits, request, body)
            if number + 1 == self.limits.requests or begun != self._age:
                exchange.last = True  # said, so that nothing is sent after it
            try:
                with trio.move_on_after(self.limits.answer_s) as answering:
                    scope = {**_scope(request, client, secure=secure), **_peer(stream)}
                    await self._app(scope, exchange.receive, exchange.send)
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                raise
            except Exception as error:  # one request's, whatever it is: its connection ends, and nothing else
                self._report(
                    "http.failed", {"path": _path(request), "error": type(error).__name__, "at": place_of(error)}
                )
            if answering.cancelled_caught:
                why = f"no whole answer within {self.limits.answer_s:g} s"
                self._report("http.failed", {"path": _path(request), "error": "TooSlowError", "at": why})
                if exchange.begun:
                    return  # cut off in the middle: what followed would be read as the rest of it
            if not exchange.done:
                await self._refuse(connection, stream, 500)
                return
            done = connection.our_state is h11.DONE and connection.their_state is h11.DONE
            if exchange.last or begun != self._age or not done:
                return
            connection.start_next_cycle()

    async def _secure(self, stream: "trio.SSLStream[trio.SocketStream]", client: str) -> None:
        """The handshake. Of one that fails where certificates are asked for an operator is told why: of browsers nobody is."""
        try:
            with trio.fail_after(self.limits.handshake_s):
                await stream.do_handshake()
        except (trio.BrokenResourceError, trio.TooSlowError) as error:
            if stream.context.verify_mode != ssl.CERT_NONE:
                self._report("http.unsecured", {"client": client, "reason": why_unsecured(error)})
            raise

    async def _read(
        self, connection: h11.Connection, stream: Stream, *, first: bool
    ) -> tuple[h11.Request | None, bytes]:
        """The next request, whole; None: the client has no more. Raises _BadRequestError."""
        try:
            if not first and not connection.trailing_data[0]:
                with trio.move_on_after(self.limits.idle_s) as idle:
                    self._idle.add(idle)
                    try:
                        connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
                    finally:
                        self._idle.discard(idle)
                if idle.cancelled_caught:
                    return None, b""
            with trio.fail_after(self.limits.request_s):
                return await self._read_whole(connection, stream)
        except trio.TooSlowError:
            raise _BadRequestError(408) from None
        except h11.RemoteProtocolError as error:
            raise _BadRequestError(error.error_status_hint if error.error_status_hint in _REASONS else 400) from None

    async def _read_whole(self, connection: h11.Connection, stream: Stream) -> tuple[h11.Request | None, bytes]:
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    await stream.send_all(
                        connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                    )
                connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self.limits.body_bytes:
                    raise _BadRequestError(413)
            else:  # EndOfMessage, ConnectionClosed, or PAUSED (an upgrade, which is not taken)
                return request, bytes(body)

    async def _refuse(self, connection: h11.Connection, stream: Stream, status: int) -> None:
        """A sentence and the end, where an answer can still be begun."""
        if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        text = f"{status} {_REASONS[status]}\n".encode()
        head = h11.Response(
            status_code=status,
            headers=[("content-type", "text/plain"), ("content-length", str(len(text))), ("connection", "close")],
        )
        with trio.move_on_after(self.limits.write_s), suppress(h11.LocalProtocolError):
            parts = (head, h11.Data(data=text), h11.EndOfMessage())
            await stream.send_all(b"".join(connection.send(part) or b"" for part in parts))


class _Exchange:
    """One request and its answer, as ASGI has them."""

    def __init__(
        self, connection: h11.Connection, stream: Stream, limits: HttpLimits, request: h11.Request, body: bytes
    ) -> None:
        self._connection, self._stream, self._limits = connection, stream, limits
        self._body: bytes | None = body
        self._head = request.method == b"HEAD"
        self._head_due: Message | None = None
        self.begun = False
        """something of the answer may have left"""
        self.done = False
        self.last = connection.their_state is not h11.DONE
        """the connection ends with the answer: an upgrade was asked for, or the client closes"""

    async def receive(self) -> Message:
        """The body, once; then that the client has gone."""
        await trio.lowlevel.checkpoint()
        body, self._body = self._body, None
        if body is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        """A part of the answer; the head leaves with the first piece of the body."""
        if message["type"] == "http.response.start":
            self._head_due = message
            return
        data = b""
        if self._head_due is not None:
            headers = [*self._head_due["headers"], *([(b"connection", b"close")] if self.last else [])]
            data += self._connection.send(h11.Response(status_code=self._head_due["status"], headers=headers)) or b""
            self._head_due = None
        if message.get("body") and not self._head:
            data += self._connection.send(h11.Data(data=message["body"])) or b""
        if not message.get("more_body"):
            data += self._connection.send(h11.EndOfMessage()) or b""
            self.done = True
        self.begun = True
        with trio.fail_after(self._limits.write_s):
            await self._stream.send_all(data)


def _scope(request: h11.Request, client: str, *, secure: bool) -> Scope:
    target, _, query = _in_origin_form(request.target).partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.http_version.decode(),
        "method": request.method.decode(),
        "scheme": "https" if secure else "http",
        "path": _percent_decoded(target),
        "raw_path": target,
        "query_string": query,
        "root_path": "",
        "headers": list(request.headers),
        "client": (client, 0),
        "server": None,
    }


def _in_origin_form(target: bytes) -> bytes:
    """A path. Who believes to ask a proxy names the whole address, and is answered all the same (RFC 9112, 3.2.2)."""
    if not target.lower().startswith((b"http://", b"https://")):
        return target
    _, slash, path = target.partition(b"://")[2].partition(b"/")
    return slash + path or b"/"


def _peer(stream: Stream) -> Scope:
    """Has the client shown a certificate that was asked for? As ASGI's extension `tls` says it, so far as that is needed."""
    shown = isinstance(stream, trio.SSLStream) and bool(stream.getpeercert())
    return {"extensions": {"tls": {"client_cert_name": "" if shown else None}}}


def _percent_decoded(target: bytes) -> str:
    return unquote_to_bytes(target).decode("utf-8", "replace")


def _path(request: h11.Request) -> str:
    """For a log: without its query, and without what is as long as a page's token, by which whoever reads it would get there."""
    path = request.target.partition(b"?")[0].decode("ascii", "replace")
    return "/".join(part if len(part) < TOKEN_CHARS_MIN else "…" for part in path.split("/"))[:80]


def place_of(error: BaseException) -> str:
    """File and line of the innermost frame; values are in neither."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{at.tb_frame.f_code.co_filename.rpartition('/')[2]}:{at.tb_lineno}" if at is not None else ""
