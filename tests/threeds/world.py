"""A 3DS server, a directory server and an access control server without sockets, and a browser of sorts."""

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from itertools import count
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
import trio

from switch.config.load import parse_network
from switch.core.network import Network
from switch.http.client import CallError, NoAnswerError
from switch.http.server import App, Message, Scope
from switch.shipped import shipped
from switch.threeds.acs import Acs, Outside
from switch.threeds.challenges import Challenge, ChallengeLimits
from switch.threeds.directory import Directory, Passed
from switch.threeds.keeping import KeepingError
from switch.threeds.protocol.encoding import from_form, to_form
from switch.threeds.proving import Prover
from switch.threeds.requests import Browser, Purchase, Requestor, make_areq, make_creq
from switch.threeds.server import ThreeDsServer

SERVER, BACK = "http://127.0.0.1:7000", "http://127.0.0.1:7000/back"
RULES = """
[threeds]
address = "127.0.0.1:8450"

[[acs]]
name = "atlas"
address = "127.0.0.1:8461"
issuers = ["atlas", "mastercard"]
asks = "above 500.00 MAD"

[[acs.range]]
range = "4550 4101"
asks = "always"

[[acs.range]]
range = "4550 4111"
asks = "reject"

[[acs.range]]
range = "5250 4101"
asks = "attempt"

[[acs.range]]
range = "9504 0190-9504 0199"
asks = "not-enrolled"

[[acs]]
name = "rif"
address = "127.0.0.1:8462"
issuers = ["rif"]
asks = "refuse"
method = false

[[acs.range]]
range = "5250 4102"
asks = "unavailable"
"""
PLAIN, CHALLENGED, REJECTED = "9504010000000019", "4550410100000015", "4550411100000013"
ATTEMPTED, OUTSIDE, PREPAID = "5250410100000019", "4147000000000019", "9504019000000011"
REFUSED, UNAVAILABLE = "9504020000000018", "5250410200000018"
FOUND = {"browserColorDepth": "24", "browserScreenHeight": "900", "browserScreenWidth": "1440", "browserTZ": "-60"}


@cache
def network() -> Network:
    """The shipped one, with other servers."""
    text = (shipped("networks") / "morocco.toml").read_text()
    return parse_network(re.sub(r"\n\[threeds\].*(?=\n# ---- Tariffs)", "", text, flags=re.DOTALL) + RULES, "x")


async def call(app: App, method: str, path: str, body: bytes = b"", client: str = "127.0.0.1") -> tuple[int, str]:
    """Status and text of one request."""
    plain, _, query = path.partition("?")
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"h")],
        "client": (client, 0),
        "server": None,
        "extensions": {"tls": {"client_cert_name": None}},
    }
    said: list[Message] = []
    asked = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        await trio.lowlevel.checkpoint()
        return asked.pop() if asked else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        await trio.lowlevel.checkpoint()
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(m.get("body", b"") for m in said[1:]).decode()


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page))


T = TypeVar("T")


class Kept(Generic[T]):
    """Keeps what a file would, as bytes, for the World after a crash."""

    def __init__(self, kind: type[T]) -> None:
        self.rows: dict[str, bytes] = {}
        self.full = False
        self._kind = kind

    def read(self) -> list[T]:
        return [msgspec.json.decode(row, type=self._kind) for row in self.rows.values()]

    async def put(self, key: str, value: T) -> None:
        row = msgspec.json.encode(value)
        await trio.lowlevel.checkpoint()
        if self.full:
            raise KeepingError("x.sqlite: cannot be written: disk is full")
        self.rows[key] = row

    async def drop(self, keys: Sequence[str]) -> None:
        await trio.lowlevel.checkpoint()
        for key in keys:
            self.rows.pop(key, None)


class World:
    """All parts. `trouble`: what happens to a call to an address, instead of or before it."""

    def __init__(self, limits: ChallengeLimits | None = None, before: "World | None" = None) -> None:
        """`before`: the one whose servers were killed, and whose files these find."""
        self.challenges: list[Kept[Challenge]] = (
            [Kept(Challenge) for _ in network().acs] if before is None else before.challenges
        )
        self.passed: Kept[Passed] = Kept(Passed) if before is None else before.passed
        self.network = network()
        self.log: list[tuple[str, dict[str, object]]] = []
        self.texts: list[str] = []
        self.calls: list[tuple[str, str]] = []
        self.results: list[dict[str, Any]] = []
        self.trouble: dict[str, Callable[[bytes], Awaitable[bytes | None]]] = {}
        self.answer = "01"
        ids, drawn = count(1), count(1)

        def new_id() -> str:
            return f"00000000-0000-4000-8000-{next(ids):012x}"

        def report(event: str, fields: dict[str, object]) -> None:
            self.log.append((event, fields))

        async def results(told: dict[str, Any]) -> str:
            await trio.lowlevel.checkpoint()
            self.results.append(told)
            return self.answer

        self.directory = Directory(self.network, self.post, new_id, report, self.passed)
        outside = Outside(post=self.post, report=report, new_id=new_id, sms=self.texts.append, clock=trio.current_time)
        self.servers = [
            Acs(
                self.network,
                acs,
                Prover(acs, None, lambda most: next(drawn) * 104_729 % most),
                outside,
                kept,
                style=b"",
                limits=limits,
            )
            for acs, kept in zip(self.network.acs, self.challenges, strict=True)
        ]
        self.acs = self.servers[0]
        self.server = ThreeDsServer("http://127.0.0.1:8450", SERVER, self.post, new_id, results, report)
        self.apps = {"7000": self.server.app(), "8450": self.directory.app()}
        self.apps |= {
            acs.url.rpartition(":")[2]: one.app() for acs, one in zip(self.network.acs, self.servers, strict=True)
        }

    async def post(self, url: str, body: bytes, seconds: float) -> bytes:
        port, _, path = url.rpartition(":")[2].partition("/")
        self.calls.append((port, re.findall(r'"messageType":"(\w+)"', body.decode())[0]))
        with trio.move_on_after(seconds):
            made = await self.trouble[port](body) if port in self.trouble else None
            if made is not None:
                return made
            status, text = await call(self.apps[port], "POST", f"/{path}", body)
            if status != 200:
                raise CallError(f"answered {status}, expected 200")
            return text.encode()
        raise NoAnswerError(f"no whole answer within {seconds:g} s")

    def areq(self, pan: str, amount: int = 100_00, **changes: Any) -> dict[str, Any]:
        who = Requestor(
            id="600000001",
            name="Souk & Co",
            url="http://127.0.0.1:7000/",
            acquirer="504101",
            category="5999",
            country="504",
        )
        what = Purchase(pan=pan, expiry="3112", amount=amount, currency="504", exponent=2, at="20261127120000")
        browser = Browser(accept="text/html", agent="Test", language="en-GB", address="10.0.0.1", found=FOUND)
        made = make_areq(
            self.server.new_id(), who, what, browser, server_url=self.server.url, notification_url=BACK, comp="U"
        )
        return {**made, **changes}

    async def browse(self, path: str, **fields: str) -> str:
        """A page of the access control server's: posted to with fields, else fetched."""
        method = "POST" if fields else "GET"
        _, page = await call(self.apps["8461"], method, path, urlencode(fields).encode())
        return page

    async def begin(self, answer: dict[str, Any], session: str = "") -> str:
        """The challenge's page."""
        creq = make_creq(answer["threeDSServerTransID"], answer["acsTransID"])
        more = {"threeDSSessionData": session} if session else {}
        return await self.browse("/challenge", creq=to_form(creq), **more)


def page_path(page: str) -> str:
    (found,) = set(re.findall(r'action="(/challenge/[^"]+)"', page))
    return str(found)


def cres_of(page: str) -> dict[str, Any]:
    return from_form(hidden(page)["cres"])
