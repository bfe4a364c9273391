"""What is pushed to a page that is open: server-sent events (WHATWG HTML, 9.2), as an ASGI answer.

In: pieces of the page, as they change. Out: events, each a JSON object of element id -> its new contents. The one rule: an answer
ends by itself before the server's bound for answers, and the browser comes again: so no stream outlives what it may see by more.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import trio

from switch.console.rendering import HEADERS
from switch.http.server import Message, Scope

LASTS_S: Final = 45.0
"""below `HttpLimits.answer_s`"""
EVERY_S: Final = 1.0
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AGAIN_MS: Final = 400


class Stream:
    """One answer."""

    def __init__(self, parts: Callable[[], Awaitable[dict[str, str]]], goes_on: Callable[[], bool]) -> None:
        """`parts`: by id, as they are now. `goes_on`: False once whoever looks may look no more."""
        self._parts = parts
        self._goes_on = goes_on

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """See ASGI. Only what has changed is sent; a line is, each second, so that one who has left is noticed."""
        headers = {**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        if scope.get("method") == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        known: dict[str, str] = {}
        ends = trio.current_time() + LASTS_S
        data = f"retry: {AGAIN_MS}\n\n"
        while self._goes_on() and trio.current_time() < ends:
            now = await self._parts()
            changed = {name: text for name, text in now.items() if known.get(name) != text}
            known = now
            data += f"data: {msgspec.json.encode(changed).decode()}\n\n" if changed else ": still here\n\n"
            await send({"type": "http.response.body", "body": data.encode(), "more_body": True})
            data = ""
            await trio.sleep(EVERY_S)
        last = "" if self._goes_on() else "event: over\ndata: over\n\n"
        await send({"type": "http.response.body", "body": last.encode()})
