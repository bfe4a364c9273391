"""A buyer without a browser: goes the way of a hosted payment, page by page, over connections that are kept.

In: a shop's form, a card. Out: what the last page said, and the way back to the shop. The one rule: it knows nothing that a
browser would not: it posts the forms that pages hold, and follows redirects. For load and for faults: not for looking at pages.
"""

import html
import re
import ssl
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import trio

_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_BACK: Final = re.compile(r'<form method="(\w+)" action="([^"]*)" class="back"')
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_LOCATION: Final = re.compile(rb"\r\nlocation: *([^\r]+)\r\n", re.IGNORECASE)
_READ: Final = 65_536
ANSWER_S: Final = 40.0
PAGES_MAX: Final = 60


class BuyerError(Exception):
    """An answer that is none, or none in time: the connection is of no use any more."""


class Answer(NamedTuple):
    """What a server said."""

    status: int
    location: str
    text: str


class Way(NamedTuple):
    """The form that leads back to the shop."""

    method: str
    url: str
    fields: list[tuple[str, str]]


class Connection:
    """To one server; opened when it is needed, and again after it has ended."""

    def __init__(self, address: str, context: ssl.SSLContext | None = None) -> None:
        """`address`: `127.0.0.1:8443`. `context`: for HTTPS."""
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._head = f"Host: {address}\r\n"
        self._context = context
        self._stream: trio.abc.Stream | None = None
        self.bytes = 0
        """received"""

    async def ask(self, path: str, form: list[tuple[str, str]] | None = None) -> Answer:
        """GET, or POST of a form. Raises BuyerError."""
        try:
            with trio.fail_after(ANSWER_S):
                return await self._ask(path, form)
        except (trio.TooSlowError, trio.BrokenResourceError, OSError, ValueError) as error:
            await self.close()
            raise BuyerError(f"{path.partition('?')[0]}: {type(error).__name__}") from None

    async def _ask(self, path: str, form: list[tuple[str, str]] | None) -> Answer:
        if self._stream is None:
            plain = await trio.open_tcp_stream(self._host, self._port)
            self._stream = plain
            if self._context is not None:
                self._stream = trio.SSLStream(plain, self._context, server_hostname=self._host, https_compatible=True)
        if form is None:
            request = f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode()
        else:
            body = urlencode(form)
            kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            request = f"POST {path} HTTP/1.1\r\n{self._head}{kind}\r\n{body}".encode()
        await self._stream.send_all(request)
        return await self._read(self._stream)

    async def _read(self, stream: trio.abc.Stream) -> Answer:
        data = b""
        while b"\r\n\r\n" not in data:
            data += await self._more(stream)
        head, _, body = data.partition(b"\r\n\r\n")
        head += b"\r\n"
        length = _LENGTH.search(head)
        wanted = int(length[1]) if length else 0
        while len(body) < wanted:
            body += await self._more(stream)
        if b"\r\nconnection: close\r\n" in head.lower():
            await self.close()
        location = _LOCATION.search(head)
        return Answer(int(head[9:12]), location[1].decode() if location else "", body.decode())

    async def _more(self, stream: trio.abc.Stream) -> bytes:
        data = bytes(await stream.receive_some(_READ))
        if not data:
            raise trio.BrokenResourceError
        self.bytes += len(data)
        return data

    async def close(self) -> None:
        """No more of it."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await trio.aclose_forcefully(stream)


async def open_order(pages: Connection, form: list[tuple[str, str]]) -> str:
    """Post a shop's form; the address of the order's page. Raises BuyerError where it is refused."""
    answer = await pages.ask("/fim/est3Dgate", form)
    if answer.status != 303:
        raise BuyerError(f"the form was answered {answer.status}")
    return answer.location


async def pay(pages: Connection, path: str, card: tuple[str, str, str]) -> Way | None:
    """Type a card (number, MM/YY, CVV2) into an order's page, and wait for the outcome; None: it is declined, another card may be
    tried. What the page shows decides: a card is typed where there is a form for one, and once."""
    typed = False
    for _ in range(PAGES_MAX):
        page = await pages.ask(path)
        back = way_back(page.text)
        if back is not None:
            return back
        if page.status != 200:
            raise BuyerError(f"the order's page was answered {page.status}")
        if 'name="pan"' in page.text:
            if typed and 'class="notice"' in page.text:
                return None
            pan, expiry, cvv2 = card
            answer = await pages.ask(
                path.partition("?")[0], [("pan", pan), ("expiry", expiry), ("cvv2", cvv2), ("lang", "en")]
            )
            typed = True
            if answer.status != 303:
                raise BuyerError(f"the card was answered {answer.status}")
            path = answer.location
        else:
            await trio.sleep(0.5)
    raise BuyerError("there is no outcome")


def way_back(text: str) -> Way | None:
    """The form of a result page; None: it is another."""
    form = _BACK.search(text)
    if form is None:
        return None
    fields = [(html.unescape(name), html.unescape(value)) for name, value in _HIDDEN.findall(text[form.end() :])]
    return Way(form[1], html.unescape(form[2]), fields)


async def go_back(shop: Connection, way: Way) -> Answer:
    """To the shop, with what the page says. Raises BuyerError."""
    parts = urlsplit(way.url)
    path = parts.path or "/"
    return (
        await shop.ask(path, way.fields) if way.method == "post" else await shop.ask(f"{path}?{urlencode(way.fields)}")
    )
