"""A browser of the fewest words: one request to an ASGI application, without a socket."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

from switch.http.server import App, Message


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str


async def ask(
    app: App, path: str, pairs: list[tuple[str, str]] | None = None, host: str = "pay.example", **more: Any
) -> Answer:
    """GET, or with `pairs` (or a `body` of this `kind`) POST; `cookie` and `scheme` as browsers send them."""
    body, query = more.get("body", urlencode(pairs or []).encode()), path.partition("?")[2]
    kind = more.get("kind", "application/x-www-form-urlencoded")
    headers = [(b"host", host.encode()), (b"content-type", kind.encode())]
    if more.get("cookie"):
        headers.append((b"cookie", more["cookie"].encode()))
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET" if pairs is None and "body" not in more else "POST",
        "scheme": more.get("scheme", "http"),
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": (more.get("client", "10.0.0.1"), 0),
        "server": None,
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    text = b"".join(message.get("body", b"") for message in sent).decode()
    return Answer(sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, text)
