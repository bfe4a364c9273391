"""The addresses of a console, and who may see them. An ASGI application.

In: requests. Out: pages, redirects, streams. The one rules: nobody sees anything without a session; what changes something is
a form with the session's own token, from a page of this console (`Sec-Fetch-Site`, `Origin`), and is answered with a redirect.
"""

import hmac
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from switch.console.accounts import PASSWORD_MOST, AccountsError
from switch.console.desk import Desk
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.gateway.orders.database import StoreError
from switch.gateway.pace import Pace
from switch.http.forms import Form, read_form
from switch.http.server import App, Report
from switch.http.sessions import LONGEST_S
from switch.journal.log import JournalError
from switch.ledger.netting import UnknownPartyError
from switch.server.asking import NotAnsweredError

TRIES_PER_NAME, TRIES_PER_CLIENT, PACE_S = 10, 40, 1_800.0
"""PCI DSS 4.0, 8.3.4: ten tries, then half an hour"""

TROUBLES: Final = (NotAnsweredError, JournalError, StoreError, UnknownPartyError, OSError, sqlite3.Error)
"""what a page says in place of what it would show: a switch that is silent, files that cannot be read or written, a party of the
ledger that the network file does not name"""
Show = Callable[[Request, Session], Awaitable[Response | App]]
Act = Callable[[Request, Session, Form], Awaitable[Response]]


class Screen(NamedTuple):
    """One address: `show` answers GET, `act` a form."""

    path: str
    show: Show | None = None
    act: Act | None = None


class Web:
    """Each address with who may see it: login first, then a screen's handler."""

    def __init__(
        self, desk: Desk, screens: list[Screen], report: Report, *, key: str = "", name: str = "console"
    ) -> None:
        """`key`: logs in whoever has it, as the user who started the console; "": nobody. `name`: of the cookie."""
        self._desk = desk
        self._screens = screens
        self._report = report
        self._key, self._cookie = key, name
        self._names = Pace(TRIES_PER_NAME, PACE_S)
        self._clients = Pace(TRIES_PER_CLIENT, PACE_S)
        self._checking = trio.CapacityLimiter(1)

    def app(self) -> App:
        """The application."""
        routes = [
            Route("/login", self.login_page, methods=["GET"]),
            Route("/login", self.login, methods=["POST"]),
            Route("/static/{name}", self.static, methods=["GET"]),
        ]
        screens = [*self._screens, Screen("/logout", act=self.logout)]
        for screen in screens:
            if screen.show is not None:
                routes.append(Route(screen.path, self._shown(screen.show), methods=["GET"]))
            if screen.act is not None:
                routes.append(Route(screen.path, self._acted(screen.act), methods=["POST"]))
        return Starlette(routes=routes, exception_handlers={404: self._nothing})

    # -- who

    def _session(self, request: Request, *, touch: bool = True) -> Session | None:
        return self._desk.session(request.cookies.get(self._cookie, ""), touch=touch)

    async def _current(self, request: Request) -> Session | None:
        """Of a person who does something, by what the switch now says of who may."""
        if self._session(request) is None:
            return None
        await self._desk.look()
        return self._session(request, touch=False)

    def _shown(self, show: Show) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            streams = request.url.path.startswith("/stream/")
            session = self._session(request, touch=False) if streams else await self._current(request)
            if session is None:
                return Response("log in\n", 401) if streams else see_other(_login_path(request))
            try:
                return await show(request, session)  # type: ignore[return-value]  # a stream is an ASGI application, too
            except TROUBLES as error:
                return self._page("trouble.html", request, session, status=503, error=error, posted=False)

        return handler

    def _acted(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            session = await self._current(request)
            if session is None:
                return see_other("/login")
            form = await read_form(request)
            if not _own(request) or not hmac.compare_digest(form.get("csrf", "").encode(), session.csrf.encode()):
                self._report(
                    "form.refused", {"client": client_of(request), "user": session.user, "path": request.url.path}
                )
                session.said.append(
                    ("bad", "That form was not of this page, or of an older session. Nothing was done.")
                )
                return see_other("/")
            try:
                return await act(request, session, form)
            except TROUBLES as error:
                return self._page("trouble.html", request, session, status=503, error=error, posted=True)

        return handler

    async def _nothing(self, request: Request, _: Exception) -> Response:
        session = self._session(request)
        if session is None:
            return see_other("/login")
        return self._page("nothing.html", request, session, status=404)

    def _page(self, template: str, request: Request, session: Session, *, status: int, **values: object) -> Response:
        return self._desk.renderer.page(template, request, session, status=status, **values)

    # -- in and out

    async def login_page(self, request: Request) -> Response:
        """The form; with the key that the console printed at its start, the way in."""
        key = request.query_params.get("key", "")
        if self._key and hmac.compare_digest(key.encode(), self._key.encode()):
            return self._begin(request, self._desk.starter, _safe(request.query_params.get("next", "")))
        if self._session(request) is not None:
            return see_other("/")
        return self._form(request)

    def _form(self, request: Request, problem: str = "", *, status: int = 200, name: str = "") -> Response:
        onward = _safe(request.query_params.get("next", ""))
        return self._desk.renderer.page(
            "login.html", request, None, status=status, problem=problem, name=name, onward=onward
        )

    async def login(self, request: Request) -> Response:
        """A name and a password."""
        form, client = await read_form(request), client_of(request)
        name, now = form.get("user", "").strip()[:64], trio.current_time()
        if not _own(request):
            return self._form(request, "That form was not of this page.", status=403)
        if not self._names.take(name, now) or not self._clients.take(client, now):
            tried: dict[str, object] = {
                "client": client,
                "user": self._said(name),
                "reason": "too many tries in half an hour",
            }
            self._report("login.refused", tried)
            return self._form(request, "Too many tries. Wait half an hour, or ask a supervisor.", status=429)
        await self._desk.look()  # who is an operator is as the switch has it now
        try:
            self._desk.accounts.follow()
            given = name, form.get("password", "")[: PASSWORD_MOST + 1], form.get("code", "")[:64], self._desk.wall()
            proof = await trio.to_thread.run_sync(self._desk.accounts.check, *given, limiter=self._checking)
        except AccountsError as error:
            return self._form(request, str(error), status=500)
        if not proof or not self._desk.role_of(name):
            tried = {"client": client, "user": self._said(name), "reason": "wrong name, password or code"}
            self._report("login.refused", tried)
            return self._form(request, "That is not a name, its password and its code.", status=403, name=name)
        return self._begin(request, name, _safe(form.get("next", "")), proof)

    def _said(self, name: str) -> str:
        """As the log has it: what nobody is called may be a password, typed in the wrong field."""
        known = name in self._desk.accounts.names or (self._desk.named and self._desk.role_of(name))
        return name if known else "nobody's name"

    def _begin(self, request: Request, user: str, onward: str, proof: bytes = b"") -> Response:
        session = self._desk.sessions.begin(user, trio.current_time(), proof)
        self._report("login.done", {"client": client_of(request), "user": user})
        answer = see_other(onward)
        secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith(
            "https://"
        )  # a proxy's TLS
        answer.set_cookie(
            self._cookie, session.token, max_age=int(LONGEST_S), httponly=True, secure=secure, samesite="strict"
        )
        return answer

    async def logout(self, request: Request, session: Session, _: Form) -> Response:
        """Out."""
        self._desk.sessions.end(session)
        self._report("logout.done", {"client": client_of(request), "user": session.user})
        answer = see_other("/login")
        answer.delete_cookie(self._cookie, httponly=True, samesite="strict")
        return answer

    async def static(self, request: Request) -> Response:
        """The style, the script, the icon."""
        return self._desk.renderer.asset(request.path_params["name"])


def client_of(request: Request) -> str:
    """The address that a request came from."""
    return request.client.host if request.client is not None else ""


def _own(request: Request) -> bool:
    """True unless a browser says that another site's page has sent it. It says so itself (`Sec-Fetch-Site`, which no page can
    set), whatever host a proxy between asks by; of one that does not, its `Origin` is compared."""
    site, origin = request.headers.get("sec-fetch-site", ""), request.headers.get("origin", "")
    if site:
        return site in ("same-origin", "none")
    return not origin or urlsplit(origin).netloc == request.headers.get("host", "")


def _safe(path: str) -> str:
    """A path of this console; anything else is its first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/login", "/stream")) else "/"


def _login_path(request: Request) -> str:
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login" if asked == "/" else f"/login?next={quote(asked, safe='')}"
