"""A small shop to try the gateway with: one page, a signed form, a callback that decides, and what came back.

In: an order's amount, and how its server is to answer. Out: a form for the browser to post; a log of what the shop was told. The
one rule: it believes nothing that has no right hash.
"""

import html
import os
import secrets
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from switch.gateway.demo_story import fees_of, hops_of, line_of
from switch.gateway.protocol import hashes
from switch.gateway.protocol.answers import CAPTURE
from switch.gateway.protocol.fields import Fields
from switch.http.server import App
from switch.journal.log import JournalError

_e = html.escape
ANSWERS: Final = {"capture": CAPTURE, "hold": "APPROVED", "refuse": "FAILURE"}
_KEPT: Final = 20


class Goods(msgspec.Struct, frozen=True):
    """Something to buy."""

    name: str
    what: str
    price: str
    """decimal, as the form has it"""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the book: what a callback has said."""

    oid: str
    code: str
    rrn: str


def _write_down(book: Path, line: bytes) -> None:
    """On the disk when it returns. One write: a kill leaves a whole line or none."""
    handle = os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)


class Store(msgspec.Struct, frozen=True):
    """A shop of a kind that came first to take cards on the web."""

    name: str
    title: str
    about: str
    goods: tuple[Goods, ...]


STORES: Final = (
    Store(
        "souk",
        "Souk Demo",
        "From the cooperatives of Essaouira.",
        (Goods("argan", "Argan oil, 250 ml", "180.00"), Goods("thuya", "A box of thuya wood", "320.00")),
    ),
    Store(
        "airline",
        "Air Toubkal",
        "Tickets, the day before as on the day.",
        (
            Goods("flight", "Casablanca – Dakhla, one way", "1240.50"),
            Goods("paris", "Casablanca – Paris, return", "2890.00"),
        ),
    ),
    Store(
        "insurer",
        "Assurances du Rif",
        "A contract in the time it takes to type a card.",
        (
            Goods("insurance", "Motor insurance, a year", "3899.00"),
            Goods("travel", "Travel insurance, a week", "240.00"),
        ),
    ),
    Store(
        "telecom",
        "Télécom Souss",
        "Credit on your phone before you look up.",
        (Goods("topup", "Phone top-up", "50.00"), Goods("fibre", "Fibre, a month", "400.00")),
    ),
)
GOODS: Final = tuple(goods for store in STORES for goods in store.goods)


class CardShown(NamedTuple):
    """A card to try, as the shop shows it."""

    kind: str
    """`domestic`, `foreign` or `refused`"""
    what: str
    pan: str
    cvv2: str


class Shop:
    """One merchant's shop."""

    def __init__(
        self,
        gateway: str,
        own: str,
        clientid: str,
        key: str,
        cards: Iterable[CardShown],
        book: Path | None = None,
        state: Path | None = None,
    ) -> None:
        """`gateway`, `own`: addresses such as http://127.0.0.1:8443. `cards`: to try.

        `book`: a file to which what callbacks say is added, on the disk before they are answered. `state`: the switch's state
        directory, to show a payment from inside.
        """
        self._state = state
        self._book = book
        self._gateway, self._own, self._clientid, self._key = gateway, own, clientid, key
        self._cards = list(cards)
        self._told: deque[str] = deque(maxlen=_KEPT)
        self._answers: dict[str, str] = {}

    def app(self) -> App:
        """The application."""
        return Starlette(
            routes=[
                Route("/", self.front, methods=["GET"]),
                Route("/shop/{store}", self.front, methods=["GET"]),
                Route("/buy", self.buy, methods=["POST"]),
                Route("/callback", self.callback, methods=["POST"]),
                Route("/paid", self.paid, methods=["POST"]),
                Route("/failed", self.failed, methods=["POST"]),
            ]
        )

    async def front(self, request: Request) -> Response:
        """One shop: its goods, test cards, what its server was told."""
        store = next((each for each in STORES if each.name == request.path_params.get("store")), STORES[0])
        goods = "".join(
            f'<label><input type="radio" name="goods" value="{g.name}"{" checked" if g is store.goods[0] else ""}> '
            f"{_e(g.what)} <b>{g.price} MAD</b></label>"
            for g in store.goods
        )
        cards = "".join(
            f'<tr class="{kind}"><td>{kind}</td><td>{_e(what)}</td><td><code>{pan}</code></td><td>12/31</td><td>{cvv2}</td>'
            f'<td><button type="button" class="copy" data-copy="{pan}">Copy</button></td></tr>'
            for kind, what, pan, cvv2 in self._cards
        )
        told = "".join(f"<li><code>{_e(line)}</code></li>" for line in reversed(self._told)) or "<li>nothing yet</li>"
        others = "".join(
            f'<a href="/shop/{each.name}"{" aria-current=page" if each is store else ""}>{_e(each.title)}</a>'
            for each in STORES
        )
        return _page(
            f'<nav>{others}</nav><h1><a href="/shop/{store.name}">{_e(store.title)}</a></h1><p>{_e(store.about)}</p>'
            f'<form method="post" action="/buy">{goods}<p>Language <select name="lang"><option>fr<option>ar<option>en</select> '
            'Our server answers <select name="answer"><option value="capture">ACTION=POSTAUTH (captures)'
            '<option value="hold">APPROVED (holds)<option value="refuse">FAILURE (is reversed)</select></p>'
            f'<button id="buy">Buy</button></form><h2>Test cards</h2><table>{cards}</table>'
            f"<h2>What our server was told</h2><ul>{told}</ul>{_COPY}"
        )

    async def buy(self, request: Request) -> Response:
        """The signed form, posted by a click."""
        asked = dict(parse_qsl((await request.body()).decode()))
        chosen = next((g for g in GOODS if g.name == asked.get("goods")), GOODS[0])
        oid = f"D{secrets.token_hex(5).upper()}"
        self._answers[oid] = ANSWERS.get(asked.get("answer", ""), CAPTURE)
        while len(self._answers) > 1_000:
            del self._answers[next(iter(self._answers))]
        session = asked.get("sessiontimeout", "")
        fields = self.form(oid, chosen.price, asked.get("lang", "fr"), asked.get("refreshtime", "5"), session)
        hidden = "".join(f'<input type="hidden" name="{_e(name)}" value="{_e(value)}">' for name, value in fields)
        return _page(
            f"<h2>Order {oid}</h2><p>{_e(chosen.what)}: <b>{chosen.price} MAD</b></p>"
            f'<form method="post" action="{_e(self._gateway)}/fim/est3Dgate">{hidden}<button id="pay">Pay by card</button></form>'
        )

    def form(
        self,
        oid: str,
        amount: str,
        language: str = "fr",
        refresh: str = "5",
        session: str = "",
        *,
        callback: bool = True,
    ) -> list[tuple[str, str]]:
        """What is posted to the gateway. `session`: seconds that the page lasts; "": as long as the gateway's pages do.

        Without `callback` a payment is held, and nobody is asked.
        """
        fields = {
            "clientid": self._clientid,
            "storetype": "3D_PAY_HOSTING",
            "TranType": "PreAuth",
            "amount": amount,
            "currency": "504",
            "oid": oid,
            "okUrl": f"{self._own}/paid",
            "failUrl": f"{self._own}/failed",
            "callbackUrl": f"{self._own}/callback" if callback else "",
            "shopurl": f"{self._own}/",
            "lang": language,
            "rnd": secrets.token_hex(8),
            "hashAlgorithm": "ver3",
            "encoding": "UTF-8",
            "refreshtime": refresh,
            "email": "buyer@example.com",
            "BillToName": "Amina Alaoui",
            **({"sessiontimeout": session} if session else {}),
        }
        return [*fields.items(), ("HASH", hashes.make(Fields(fields.items()), self._key))]

    async def callback(self, request: Request) -> Response:
        """The gateway's own call: its answer decides."""
        fields = await self._read(request, "callback")
        if fields is None:
            return PlainTextResponse("FAILURE")
        if self._book is not None:
            told = Told(oid=fields.get("oid"), code=fields.get("ProcReturnCode"), rrn=fields.get("HostRefNum"))
            await trio.to_thread.run_sync(_write_down, self._book, msgspec.json.encode(told) + b"\n")
        return PlainTextResponse(
            self._answers.get(fields.get("oid"), CAPTURE) if fields.get("ProcReturnCode") == "00" else "APPROVED"
        )

    async def paid(self, request: Request) -> Response:
        """The customer is back, having paid."""
        fields = await self._read(request, "browser")
        if fields is None or fields.get("ProcReturnCode") != "00":
            return _page('<h2 id="outcome">Not paid</h2>')
        money = " · ".join(
            f"{name} {_e(fields.get(field))} MAD"
            for name, field in (("captured", "EXTRA.CAPTURED"), ("fees", "EXTRA.FEES"), ("net", "EXTRA.NET"))
            if fields.get(field)
        )
        inside = (
            await trio.to_thread.run_sync(self._inside, fields.get("HostRefNum")) if self._state is not None else ""
        )
        return _page(
            f'<h2 id="outcome">Thank you</h2><p>Order {_e(fields.get("oid"))}, approval {_e(fields.get("AuthCode"))}.</p>'
            f"<p>{money}</p>{inside}"
        )

    def _inside(self, rrn: str) -> str:
        """What the switch has written of the payment."""
        assert self._state is not None
        try:
            hops, fees = hops_of(self._state, rrn, "MAD"), fees_of(self._state, rrn)
        except (OSError, JournalError) as error:
            return f"<p>{_e(str(error))}</p>"
        rows = "".join(f"<tr>{''.join(f'<td>{_e(part)}</td>' for part in line_of(fee, 'MAD'))}</tr>" for fee in fees)
        ways = "".join(f"<pre>{_e(text)}</pre>" for text in hops)
        return f'<h2>Who gets what of it</h2><table id="fees">{rows}</table><h2>Its way</h2><div id="hops">{ways}</div>'

    async def failed(self, request: Request) -> Response:
        """The customer is back, not having paid."""
        fields = await self._read(request, "browser")
        text = fields.get("ErrMsg") if fields is not None else "the hash is not right"
        return _page(f'<h2 id="outcome">Not paid</h2><p>{_e(text)}</p>')

    async def _read(self, request: Request, who: str) -> Fields | None:
        fields = Fields(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        right = hashes.check(fields, self._key) is not None
        self._told.append(
            f"{who}: {fields.get('oid')} {fields.get('Response')} {fields.get('ProcReturnCode')} {fields.get('MaskedPan')} "
            f"{fields.get('ErrMsg')} hash {'right' if right else 'WRONG'}"
        )
        return fields if right else None


_COPY: Final = (
    "<script>for (const b of document.querySelectorAll('.copy')) b.addEventListener('click', () => {"
    " navigator.clipboard.writeText(b.dataset.copy); b.textContent = 'Copied'; });</script>"
)
"""one click, and the card's number is ready to be put into the payment page"""
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:640px;margin:0 auto;padding:16px;color:#222}"
    "h1 a{color:#a24b1e;text-decoration:none}"
    "label{display:block;padding:10px;border:1px solid #ddd;border-radius:8px;margin:6px 0}"
    "button{font:inherit;font-weight:600}"
    "button{background:#a24b1e;color:#fff;border:0;border-radius:8px;padding:12px 24px;cursor:pointer}"
    "nav{display:flex;flex-wrap:wrap;gap:6px 16px}nav a{color:#a24b1e}nav a[aria-current]{font-weight:700;text-decoration:none}"
    "pre{overflow-x:auto;background:#f6f4f0;padding:12px;border-radius:8px;font-size:12px}"
    ".copy{padding:4px 12px;font-size:14px}.refused td:first-child{color:#a4262c}.foreign td:first-child{color:#1a4f8b}"
    "select{font:inherit}td{padding:2px 12px 2px 0}ul{padding:0;list-style:none;overflow-wrap:anywhere}"
)


def _page(body: str) -> Response:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Demo shops</title><style>{_STYLE}</style></head><body>{body}<p><a href="/">The shops</a></p></body></html>',
        headers={"Cache-Control": "no-store"},
    )
