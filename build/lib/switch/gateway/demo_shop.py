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
from typing import Final
from urllib.parse import parse_qsl, urlencode

import msgspec
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from switch.gateway.cards_shown import CardShown
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
        console: str = "",
    ) -> None:
        """`gateway`, `own`: addresses such as http://127.0.0.1:8443. `cards`: to try.

        `book`: a file to which what callbacks say is added, on the disk before they are answered. `state`: the switch's state
        directory, to show a payment from inside. `console`: address of the switch's console; "": there is none.
        """
        self._console = console.rstrip("/")
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
            f'<label class="goods"><input type="radio" name="goods" value="{g.name}"{" checked" if g is store.goods[0] else ""}> '
            f"{_e(g.what)} <b>{g.price} MAD</b></label>"
            for g in store.goods
        )
        cards = "".join(
            f'<tr class="{card.kind}"><td>{card.kind}</td><td>{_e(card.what)}</td><td><code>{card.pan}</code></td>'
            f"<td>{card.expiry}</td><td>{card.cvv2}</td></tr>"
            for card in self._cards
        )
        told = "".join(f"<li><code>{_e(line)}</code></li>" for line in reversed(self._told)) or "<li>nothing yet</li>"
        others = "".join(
            f'<a href="/shop/{each.name}"{" aria-current=page" if each is store else ""}>{_e(each.title)}</a>'
            for each in STORES
        )
        return _page(
            f'<nav>{others}</nav><h1><a href="/shop/{store.name}">{_e(store.title)}</a></h1><p>{_e(store.about)}</p>'
            f'<form method="post" action="/buy">{goods}<p class="choices"><span><label for="lang">Language</label> '
            '<select id="lang" name="lang"><option>fr<option>ar<option>en</select></span>'
            '<span><label for="answer">Our server answers</label> <select id="answer" name="answer">'
            '<option value="capture">ACTION=POSTAUTH (captures)<option value="hold">APPROVED (holds)'
            '<option value="refuse">FAILURE (is reversed)</select></span></p>'
            '<button id="buy">Buy</button></form>'
            "<h2>Test cards</h2><p>The payment page of a test network fills each in with one click.</p>"
            f'<div class="wide" tabindex="0"><table>{cards}</table></div><h2>What our server was told</h2><ul>{told}</ul>'
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
            f"<h1>Order {oid}</h1><p>{_e(chosen.what)}: <b>{chosen.price} MAD</b></p>"
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
            return _page('<h1 id="outcome">Not paid</h1>')
        money = " · ".join(
            f"{name} {_e(fields.get(field))} MAD"
            for name, field in (("captured", "EXTRA.CAPTURED"), ("fees", "EXTRA.FEES"), ("net", "EXTRA.NET"))
            if fields.get(field)
        )
        inside = (
            await trio.to_thread.run_sync(self._inside, fields.get("HostRefNum")) if self._state is not None else ""
        )
        return _page(
            f'<h1 id="outcome">Thank you</h1><p>Order {_e(fields.get("oid"))}, approval {_e(fields.get("AuthCode"))}.</p>'
            f"<p>{money}</p>{_proof(fields)}{self._links(fields)}{inside}"
        )

    def _links(self, fields: Fields) -> str:
        """Where the very payment is seen by others: the merchant's own pages, the switch's operators."""
        links = [
            (
                f"{self._gateway}/merchant/orders?{urlencode({'lang': 'en', 'q': fields.get('oid')})}",
                "The shop's own page of it",
            )
        ]
        if self._console:
            found = urlencode({"q": fields.get("HostRefNum")})
            links.append((f"{self._console}/find?{found}", "Its way through the switch, hop by hop, with its fees"))
            found = urlencode({"q": fields.get("oid")})
            links.append((f"{self._console}/find?{found}", "The order, its 3-D Secure messages and its callbacks"))
        return '<ul id="links">' + "".join(f'<li><a href="{_e(url)}">{text}</a></li>' for url, text in links) + "</ul>"

    def _inside(self, rrn: str) -> str:
        """What the switch has written of the payment."""
        assert self._state is not None
        try:
            hops, fees = hops_of(self._state, rrn, "MAD"), fees_of(self._state, rrn)
        except (OSError, JournalError) as error:
            return f"<p>{_e(str(error))}</p>"
        rows = "".join(f"<tr>{''.join(f'<td>{_e(part)}</td>' for part in line_of(fee, 'MAD'))}</tr>" for fee in fees)
        ways = "".join(f'<pre tabindex="0">{_e(text)}</pre>' for text in hops)
        shares = f'<h2>Who gets what of it</h2><div class="wide" tabindex="0"><table id="fees">{rows}</table></div>'
        return f'{shares}<h2>Its way</h2><div id="hops">{ways}</div>'

    async def failed(self, request: Request) -> Response:
        """The customer is back, not having paid."""
        fields = await self._read(request, "browser")
        text = fields.get("ErrMsg") if fields is not None else "the hash is not right"
        return _page(f'<h1 id="outcome">Not paid</h1><p>{_e(text)}</p>')

    async def _read(self, request: Request, who: str) -> Fields | None:
        fields = Fields(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        right = hashes.check(fields, self._key) is not None
        self._told.append(
            f"{who}: {fields.get('oid')} {fields.get('Response')} {fields.get('ProcReturnCode')} {fields.get('MaskedPan')} "
            f"{fields.get('ErrMsg')} hash {'right' if right else 'WRONG'}"
        )
        return fields if right else None


def _proof(fields: Fields) -> str:
    """How far the cardholder was authenticated, as shops are told."""
    parts = [
        (name, fields.get(field))
        for name, field in (("ECI", "eci"), ("mdStatus", "mdStatus"), ("liability", "EXTRA.LIABILITY"))
    ]
    said = " · ".join(f"{name} {_e(value)}" for name, value in parts if value)
    return f'<p id="proof">3-D Secure: {said}</p>' if said else ""


_STYLE: Final = (
    ":root{color-scheme:light dark;--ink:#222;--ground:#fff;--line:#d9d4cc;--soft:#f6f4f0;--clay:#a24b1e;"
    "--bad:#a4262c;--far:#1a4f8b}"
    "@media(prefers-color-scheme:dark){:root{--ink:#ece7e0;--ground:#171411;--line:#443c34;--soft:#221d18;--clay:#f0a070;"
    "--bad:#ff9a9d;--far:#9cc4f5}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:760px;margin:0 auto;padding:16px}"
    "body{color:var(--ink);background:var(--ground)}a{color:var(--clay)}h1 a{text-decoration:none}"
    "h2{margin:28px 0 8px;font-size:1.2rem}"
    ".goods{display:flex;gap:10px;padding:12px;border:1px solid var(--line);border-radius:8px;margin:8px 0}"
    ".goods b{margin-inline-start:auto;white-space:nowrap}.choices{display:flex;flex-wrap:wrap;gap:8px 20px}"
    "button{font:inherit;font-weight:600;background:#a24b1e;color:#fff;border:0;border-radius:8px;padding:12px 24px}"
    "nav{display:flex;flex-wrap:wrap;gap:6px 16px}nav a[aria-current]{font-weight:700;text-decoration:none}"
    "pre{overflow-x:auto;background:var(--soft);padding:12px;border-radius:8px;font-size:12px}"
    ".refused td:first-child,.rejected td:first-child{color:var(--bad)}.foreign td:first-child{color:var(--far)}"
    ".wide{overflow-x:auto}.wide td:nth-child(2){min-width:13em}.wide td:last-child{white-space:nowrap}"
    "select{font:inherit}td{padding:3px 14px 3px 0;vertical-align:top}"
    "ul{padding:0;list-style:none;overflow-wrap:anywhere}"
)


def _page(body: str) -> Response:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Demo shops</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f'<body><main>{body}<p><a href="/">The shops</a></p></main></body></html>',
        headers={"Cache-Control": "no-store"},
    )
