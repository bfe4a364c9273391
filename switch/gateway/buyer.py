"""A buyer without a browser: goes the way of a hosted payment, page by page, over connections that are kept.

In: a shop's form, a card. Out: what the last page said, and the way back to the shop. The one rule: it knows nothing that a
browser would not: it posts the forms that pages hold, follows redirects, and reads the codes of its banks on the page that stands
for a telephone. For load and for faults: not for looking at pages.
"""

import html
import re
import ssl
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import trio

from switch.core.addresses import parse_address

_HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_BACK: Final = re.compile(r'<form method="(\w+)" action="([^"]*)" class="back"')
_ONWARD: Final = re.compile(r'<form method="post" action="([^"]*)" class="onward">')
_CODE_FORM: Final = re.compile(r'<form method="post" action="(/challenge/[^"]*)"')
_PAID_AT: Final = re.compile(r"<bdi>([^<]*)</bdi>")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_LOCATION: Final = re.compile(rb"\r\nlocation: *([^\r]+)\r\n", re.IGNORECASE)
_READ: Final = 65_536
ANSWER_S: Final = 40.0
PAGES_MAX: Final = 60
UNAVAILABLE: Final = 503
"""the card could not be sent to anybody"""
CODES_MAX: Final = 6
"""that are typed or asked for at a bank, before it is given up"""


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
        self._at = parse_address(address)
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
            plain = await trio.open_tcp_stream(self._at.host, self._at.port)
            self._stream = plain
            if self._context is not None:
                self._stream = trio.SSLStream(
                    plain, self._context, server_hostname=self._at.host, https_compatible=True
                )
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


async def pay(pages: Connection, path: str, card: tuple[str, str, str], reading_s: float = 0.0) -> Way | None:
    """Type a card (number, MM/YY, CVV2) into an order's page, and wait for the outcome; None: it is declined, or could not be
    sent: a card may be tried. What the page shows decides: a card is typed where there is a form for one, and once. `reading_s`:
    what a bank's code takes to be read on a telephone."""
    typed = False
    for _ in range(PAGES_MAX):
        page = await pages.ask(path)
        back = way_back(page.text)
        if back is not None:
            return back
        to_bank = onward(page.text)
        if to_bank is not None:
            path = (await _post(pages, await authenticate(to_bank, reading_s))).location
            continue
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
            if answer.status == UNAVAILABLE:
                return None
            if answer.status != 303:
                raise BuyerError(f"the card was answered {answer.status}")
            path = answer.location
        else:
            await trio.sleep(0.5)
    raise BuyerError("there is no outcome")


async def authenticate(to_bank: Way, reading_s: float) -> Way:
    """Go to the card's bank, type the code that it sends, and come away with what leads back. Raises BuyerError."""
    bank = Connection(urlsplit(to_bank.url).netloc)
    try:
        page = await _post(bank, to_bank)
        for _ in range(CODES_MAX):
            back, form = onward(page.text), _CODE_FORM.search(page.text)
            if back is not None:
                return back
            if form is None:
                raise BuyerError(f"the bank's page was answered {page.status}")
            await trio.sleep(reading_s)
            code = _code_for(page.text, (await bank.ask("/phone")).text)
            said = [("code", code), ("do", "confirm")] if code else [("do", "again")]
            page = await bank.ask(form[1], said)
        raise BuyerError("the bank takes no code")
    finally:
        await bank.close()


def _code_for(page: str, phone: str) -> str:
    """The newest code that was sent for what the page says is paid; "": none."""
    for paid in _PAID_AT.findall(page):
        found = re.search(rf"(\d{{6}}) confirms {re.escape(paid)} to ", phone)
        if found is not None:
            return found[1]
    return ""


async def _post(server: Connection, way: Way) -> Answer:
    return await server.ask(urlsplit(way.url).path, way.fields)


def onward(text: str) -> Way | None:
    """The form that takes a browser on to the next server, to the bank or back from it; None: there is none."""
    form = _ONWARD.search(text)
    return _way(text, form.end(), "post", form[1]) if form is not None else None


def way_back(text: str) -> Way | None:
    """The form of a result page; None: it is another."""
    form = _BACK.search(text)
    if form is None:
        return None
    return _way(text, form.end(), form[1], form[2])


def _way(text: str, begins: int, method: str, url: str) -> Way:
    within = text[begins : text.index("</form>", begins)]
    fields = [(html.unescape(name), html.unescape(value)) for name, value in _HIDDEN.findall(within)]
    return Way(method, html.unescape(url), fields)


async def go_back(shop: Connection, way: Way) -> Answer:
    """To the shop, with what the page says. Raises BuyerError."""
    parts = urlsplit(way.url)
    path = parts.path or "/"
    return (
        await shop.ask(path, way.fields) if way.method == "post" else await shop.ask(f"{path}?{urlencode(way.fields)}")
    )
