"""A console over a journal and a hop log made for it, and a browser that keeps its cookie."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import trio

from switch.console.desk import Desk
from switch.console.following import keep
from switch.console.running import all_screens, menu_of
from switch.console.web import Web
from switch.core.network import Network
from switch.core.records.records import AnyEntry
from switch.http.server import App, Message
from switch.observe.follow import Follower
from switch.server.asking import NotAnsweredError
from switch.server.health import Health, judge
from tests.core.scripts import morocco
from tests.journal.samples import day, written
from tests.observe.samples import START_NS, an_afternoon

KEY = "the key that the console printed"
WELL = {**msgspec.to_builtins(Health(hosts_up=("atlas", "rif"), hosts_away=("visa",))), "grade": "warning"}


class Page:
    """What came back."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body
        self.text = body.decode()

    @property
    def csrf(self) -> str:
        """Of its first form that changes something."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found is not None, "no form here changes anything"
        return found[1]


class Browser:
    """One, without a network."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.cookie = ""
        self.headers: dict[str, str] = {}

    async def get(self, path: str) -> Page:
        """A page, as it is."""
        return await self._ask("GET", path, b"")

    async def post(self, path: str, **fields: str) -> Page:
        """A form."""
        return await self._ask("POST", path, urlencode(fields).encode())

    async def submit(self, path: str, of: str = "/health", **fields: str) -> Page:
        """A form of a page, and the page that it leads to."""
        token = (await self.get(of)).csrf
        answer = await self.post(path, csrf=token, **fields)
        assert answer.status == 303, answer.text
        return await self.get(answer.headers["location"])

    async def log_in(self, key: str = KEY) -> "Browser":
        """With the key of the start."""
        assert (await self.get(f"/login?key={key}")).status == 303
        return self

    async def _ask(self, method: str, path: str, body: bytes) -> Page:
        where, _, query = path.partition("?")
        sent = {"host": "console.test", "cookie": self.cookie, **self.headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": where,
            "raw_path": where.encode(),
            "query_string": query.replace(" ", "+").encode(),
            "root_path": "",
            "client": ("10.0.0.1", 0),
            "server": None,
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        heard: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            heard.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in heard[0]["headers"]}
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
        return Page(heard[0]["status"], headers, b"".join(message.get("body", b"") for message in heard[1:]))


SAMPLED = ("100001", "bank-a")
"""who takes part in the sample journal's payments, and in no shipped network"""


class Scene:
    """A switch's files, a console beside them, and what the switch says, which the test decides."""

    def __init__(
        self, directory: Path, network: Network | None = None, entries: Iterable[AnyEntry] = (), state: str = "state"
    ) -> None:
        self.state = directory / state
        written(self.state, entries or day(20), batch=100)
        self.log = an_afternoon(self.state / "hops.jsonl")
        of = network or msgspec.structs.replace(morocco(), test=True)
        self.network = msgspec.structs.replace(of, payees={**of.payees, **dict.fromkeys(SAMPLED, "")})
        self.wall = START_NS / 1e9 + 60
        self.desk = Desk(
            self.network, self.state, self.log, starter="root", reread=lambda: self.network, wall=lambda: self.wall
        )
        self.desk.ask = self.ask  # type: ignore[method-assign]
        self.answers: dict[str, Any] = {
            "health": {**WELL, "problems": msgspec.to_builtins(judge(Health(hosts_up=("atlas",))))}
        }
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.events: list[tuple[str, dict[str, object]]] = []
        self.follow()
        self.desk.renderer.show_menu(menu_of(self.network))
        self.desk.behind = False

    def follow(self) -> None:
        """What the log has now, at once."""
        follower = Follower(self.log, older=True)
        while lines := follower.poll():
            self.desk.board.feed(lines)
        follower.close()
        keep(self.desk)

    async def ask(self, command: str, session: Any = None, **arguments: Any) -> dict[str, Any]:
        """As Desk.ask."""
        await trio.lowlevel.checkpoint()
        self.asked.append((command, session.user if session is not None else "", arguments))
        said = self.answers.get(command)
        if said is None:
            raise NotAnsweredError("no switch runs here", "start it with `cmi-switch serve`", code="switch.absent")
        if isinstance(said, NotAnsweredError):
            raise said
        return dict(said) if not isinstance(said, Callable) else said(**arguments)  # type: ignore[arg-type]

    def browser(self) -> Browser:
        """A fresh one."""
        web = Web(self.desk, all_screens(self.desk), lambda name, fields: self.events.append((name, fields)), key=KEY)
        return Browser(web.app())

    def close(self) -> None:
        """No more."""
        self.desk.close()
