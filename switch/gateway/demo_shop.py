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
from urllib.parse import parse_qsl

import msgspec
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from switch.gateway.protocol import hashes
from switch.gateway.protocol.answers import CAPTURE
from switch.gateway.protocol.fields import Fields
from switch.http.server import App

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


GOODS: Final = (
    Goods("argan", "Argan oil, 250 ml", "180.00"),
    Goods("flight", "Flight Casablanca – Dakhla", "1240.50"),
    Goods("insurance", "Motor insurance, a year", "3899.00"),
    Goods("topup", "Phone top-up", "50.00"),
)


class Shop:
    """One merchant's shop."""

    def __init__(
        self,
        gateway: str,
        own: str,
        clientid: str,
        key: str,
        cards: Iterable[tuple[str, str, str]],
        book: Path | None = None,
    ) -> None:
        """`gateway`, `own`: addresses such as http://127.0.0.1:8443. `cards`: what each shows, number and CVV2 of test cards.

        `book`: a file to which what callbacks say is added, on the disk before they are answered.
        """
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
                Route("/buy", self.buy, methods=["POST"]),
                Route("/callback", self.callback, methods=["POST"]),
                Route("/paid", self.paid, methods=["POST"]),
                Route("/failed", self.failed, methods=["POST"]),
            ]
        )

    async def front(self, request: Request) -> Response:
        """Goods, test cards, what the shop was told."""
        del request
        goods = "".join(
            f'<label><input type="radio" name="goods" value="{g.name}"{" checked" if g is GOODS[0] else ""}> '
            f"{_e(g.what)} <b>{g.price} MAD</b></label>"
            for g in GOODS
        )
        cards = "".join(
            f"<tr><td>{_e(what)}</td><td><code>{pan}</code></td><td>12/31</td><td>{cvv2}</td></tr>"
            for what, pan, cvv2 in self._cards
        )
        told = "".join(f"<li><code>{_e(line)}</code></li>" for line in reversed(self._told)) or "<li>nothing yet</li>"
        return _page(
            f'<form method="post" action="/buy">{goods}<p>Language <select name="lang"><option>fr<option>ar<option>en</select> '
            'Our server answers <select name="answer"><option value="capture">ACTION=POSTAUTH (captures)'
            '<option value="hold">APPROVED (holds)<option value="refuse">FAILURE (is reversed)</select></p>'
            f'<button id="buy">Buy</button></form><h2>Test cards</h2><table>{cards}</table>'
            f"<h2>What our server was told</h2><ul>{told}</ul>"
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
        return _page(
            f'<h2 id="outcome">Thank you</h2><p>Order {_e(fields.get("oid"))}, approval {_e(fields.get("AuthCode"))}.</p>'
        )

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


_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:640px;margin:0 auto;padding:16px;color:#222}"
    "h1 a{color:#a24b1e;text-decoration:none}"
    "label{display:block;padding:10px;border:1px solid #ddd;border-radius:8px;margin:6px 0}"
    "button{font:inherit;font-weight:600}"
    "button{background:#a24b1e;color:#fff;border:0;border-radius:8px;padding:12px 24px;cursor:pointer}"
    "select{font:inherit}td{padding:2px 12px 2px 0}ul{padding:0;list-style:none;overflow-wrap:anywhere}"
)


def _page(body: str) -> Response:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Souk Demo</title><style>{_STYLE}</style></head><body><h1><a href="/">Souk Demo</a></h1>{body}</body></html>',
        headers={"Cache-Control": "no-store"},
    )
