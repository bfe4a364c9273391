"""Links: who is connected, how they answer, what proves them; out of use and in again, with a reason."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from switch.console.board import HOST, Sums
from switch.console.desk import Desk
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.stream import Stream
from switch.console.web import Screen
from switch.core.credentials import Tls
from switch.core.network import HostLink, LinkKeys
from switch.http.forms import Form
from switch.security.key_file import KeyRingError, read_entries
from switch.server.asking import NotAnsweredError

LATELY_MIN: Final = 4
"""whole minutes, and the one that is under way"""
ACTS: Final = {"signoff": "signed off", "drain": "draining", "resume": "in use again"}
SESSIONS_SHOWN: Final = 200


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One host, as the page has it."""

    row: dict[str, Any]
    """of `links.list`"""
    echo_s: int
    timeout_ms: int
    sums: Sums
    heard_ms: int | None
    """since anything came on the connection that heard last; None: there is none"""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate or key of a link."""

    link: str
    what: str
    name: str
    when: str
    """until when, or since when"""
    days: int | None
    """left, or old; None: not known"""
    warns: bool


class LinksScreen:
    """Answers `/links`, and changes of links from its forms."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/links", self.show, self.act), Screen("/stream/links", self.stream)]

    async def show(self, request: Request, session: Session) -> Response:
        """The page."""
        values = await self._values()
        network = self._desk.network
        names = [h.name for h in network.hosts] + [x.name for x in network.listeners]
        members = [m.name for m in network.members]
        return self._desk.renderer.page(
            "links.html", request, session, names=names, members=members, proofs=self._proofs(), **values
        )

    async def stream(self, _: Request, session: Session) -> Any:
        """Its tables, as they change."""

        async def parts() -> dict[str, str]:
            self._desk.want()
            render = self._desk.renderer.text
            try:
                values = await self._values()
            except NotAnsweredError:  # a restart: the tables stand, and the health says so
                return {"health": render("health.html")}
            return {"links": render("links_tables.html", **values), "health": render("health.html")}

        return Stream(parts, self._desk.goes_on(session))

    async def act(self, _request: Request, session: Session, form: Form) -> Response:
        """Sign off, drain, resume."""
        what, target, reason = form.get("what", ""), form.get("name", ""), form.get("reason", "").strip()
        if what not in ACTS or not target:
            session.said.append(("bad", "Say what is to be done, and to which link."))
        elif not reason:
            session.said.append(("bad", "Say why: it stands in the audit log."))
        else:
            kind, _, name = target.rpartition(":")
            more = {"acquirer": True} if kind == "acquirer" else {}
            await self._desk.do(session, f"links.{what}", f"{name}: {ACTS[what]}.", name=name, reason=reason, **more)
        return see_other("/links")

    async def _values(self) -> dict[str, Any]:
        said = await self._desk.shared("links.list")
        now = self._desk.now()
        heard: dict[str, int] = {}
        for one in said["sessions"]:
            if one["role"] == "host" and one["peer"]:
                heard[one["peer"]] = min(one["heard_ms"], heard.get(one["peer"], one["heard_ms"]))
        configured = {host.name: host for host in self._desk.network.hosts}
        hosts = [self._host(row, configured.get(row["host"]), heard, now) for row in said["hosts"]]
        maintenance = [(*target.partition(":")[::2], since) for target, since in said["maintenance"].items()]
        sessions = said["sessions"]
        return {
            "hosts": hosts,
            "sessions": sessions[:SESSIONS_SHOWN],
            "left_out": max(0, len(sessions) - SESSIONS_SHOWN),
            "maintenance": maintenance,
        }

    def _host(self, row: dict[str, Any], config: HostLink | None, heard: dict[str, int], now: int) -> Host:
        return Host(
            row=row,
            echo_s=config.echo_s if config is not None else 0,
            timeout_ms=config.timeout_ms if config is not None else 0,
            sums=self._desk.board.lately(HOST + row["host"], LATELY_MIN, now),
            heard_ms=heard.get(row["host"]),
        )

    # -- what proves them

    def _proofs(self) -> list[Proof]:
        network, found = self._desk.network, list[Proof]()
        made: dict[str, str] = {}
        if network.security.keys:
            try:
                made = {name: entry.made for name, entry in read_entries(Path(network.security.keys)).items()}
            except KeyRingError:
                made = {}
        for host in network.hosts:
            found += [*self._certificate(host.name, host.tls), *self._keys(host.name, host.keys, made)]
        for listener in network.listeners:
            found += [*self._certificate(listener.name, listener.tls), *self._keys(listener.name, listener.keys, made)]
        for member in network.members:
            found += self._keys(member.name, member.keys, made)
        return found

    def _certificate(self, link: str, tls: Tls | None) -> list[Proof]:
        if tls is None:
            return []
        days = (tls.expires_us // 1_000_000 - self._desk.now()) // 86_400 if tls.expires_us else None
        when = datetime.fromtimestamp(tls.expires_us / 1e6, UTC).strftime("until %Y-%m-%d") if tls.expires_us else ""
        name = tls.subject or tls.certificate
        return [
            Proof(link=link, what="certificate", name=name, when=when, days=days, warns=days is not None and days < 30)
        ]

    def _keys(self, link: str, keys: LinkKeys, made: dict[str, str]) -> list[Proof]:
        found = []
        for what, name in (("MAC key", keys.mac_key), ("PIN key", keys.pin_key)):
            if name:
                since, days = made.get(name, ""), None
                if since:
                    began = datetime.fromisoformat(since).replace(tzinfo=UTC)
                    days = (datetime.fromtimestamp(self._desk.now(), UTC) - began).days
                when = f"since {since[:10]}" if since else "in the security module"
                found.append(
                    Proof(link=link, what=what, name=name, when=when, days=days, warns=days is not None and days > 365)
                )
        return found
