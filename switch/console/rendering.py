"""Pages made of templates, and the files they load: one style, one script, one icon, all our own.

In: a template's name, values, a session. Out: answers with the headers that a browser keeps to. The one rule: whatever comes from
elsewhere is escaped by the template engine, and no page loads, runs or frames anything of anybody else's: the policy has no
`unsafe-…`, and the script's and the style's hashes stand in the page (PCI DSS 4.0, 6.4.3).
"""

import hashlib
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from switch.console.sessions import Session
from switch.core.network import Network
from switch.gateway.orders.lifecycle import GOOD, UNDER_WAY, Stage
from switch.ledger.entries import PAYMENT
from switch.ledger.netting import Netted
from switch.money.currency import currency, format_amount
from switch.simulators.cards import grouped
from switch.wire.describe import describe_mti
from switch.wire.vocabulary import ANSWER_NAMES

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TYPES: Final = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file that pages load."""

    body: bytes
    path: str
    """changes with its contents, so that it may be kept for ever"""
    integrity: str
    """as an attribute has it"""


class Renderer:
    """Templates and an answer's values in, a page out."""

    def __init__(self, common: dict[str, Any]) -> None:
        """`common`: what every page may show."""
        self._environment = Environment(
            loader=PackageLoader("switch.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        static = files("switch.console").joinpath("static")
        self.assets = {name: _asset(name, static.joinpath(name).read_bytes()) for name in TYPES}
        self._environment.globals.update(common, assets=self.assets, csrf=_csrf)
        self._environment.filters.update(FILTERS)

    def show_menu(self, menu: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        """What every page leads to: groups of addresses and names."""
        self._environment.globals["menu"] = menu

    def show_network(self, network: Network) -> None:
        """The network as its file says now."""
        self._environment.globals["network"] = network

    def text(self, template: str, **values: Any) -> str:
        """A part of a page."""
        return self._environment.get_template(template).render(**values)

    def page(
        self, template: str, request: Request, session: Session | None, *, status: int = 200, **values: Any
    ) -> Response:
        """A whole page; what was to be told of the last request is told."""
        said: list[tuple[str, str]] = []
        if session is not None:
            said, session.said = session.said, []
        path, query = request.url.path, request.query_params.get("q", "")
        body = self.text(template, session=session, said=said, path=path, query=query, **values)
        return HTMLResponse(body, status, headers=HEADERS)

    def asset(self, name: str) -> Response:
        """A file."""
        found = self.assets.get(name)
        if found is None:
            return Response("no such file\n", 404, media_type="text/plain")
        kept = {"Cache-Control": "max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        return Response(found.body, media_type=TYPES[name], headers=kept)


@pass_context
def _csrf(context: Context) -> Markup:
    """What a form that changes something has."""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(context["session"].csrf)


def see_other(path: str) -> Response:
    """Look there now: going back or loading again repeats nothing."""
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


def _asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha384(body).digest()
    return Asset(
        body=body, path=f"/static/{name}?v={digest.hex()[:16]}", integrity=f"sha384-{b64encode(digest).decode()}"
    )


# -- how values are said


def ms(us: float) -> str:
    """`14.2 ms`, `1.25 s`."""
    if us >= 1_000_000:
        return f"{us / 1e6:,.2f} s"
    return f"{us / 1000:,.1f} ms" if us >= 10_000 else f"{us / 1000:,.2f} ms"


def span(seconds: float) -> str:
    """`5 s`, `12 min`, `3 h`, `4 d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:,.0f} {unit}"
    return f"{seconds:,.0f} s"


def moment(at_us: int) -> str:
    """`2026-11-27 22:55:06`, UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S") if at_us else "–"


def clock(at: str) -> str:
    """`22:55:06.303` of a hop log's time."""
    return at[11:23]


def day_and_clock(at: str) -> str:
    """`22:55:06` of a hop log's time, of another day `27 Nov 22:55`."""
    try:
        found = datetime.fromisoformat(at)
        return found.strftime("%H:%M:%S" if found.date() == datetime.now(UTC).date() else "%d %b %H:%M")
    except ValueError:
        return at


def share(part: float, whole: float) -> str:
    """`97.4 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def count(number: float) -> str:
    """`12,345`."""
    return f"{number:,.0f}"


def meaning(de39: str) -> str:
    """A code of the 1987 form in words."""
    return ANSWER_NAMES.get(de39, "unknown code")


def mti(text: str) -> str:
    """`0200 request`, in words."""
    said = describe_mti(text)
    return f"{text} {said}" if said else text


def look(status: str) -> str:
    """How a status of the journal is coloured."""
    if status in ("approved", "delivered"):
        return "good"
    return "bad" if status in ("declined", "refused", "dead", "abandoned") else "warn"


def stage(name: str) -> str:
    """How an order's stage is coloured."""
    if name in GOOD:
        return "good"
    return "bad" if name in (Stage.DECLINED, Stage.REVERSED) else "warn" if name in UNDER_WAY else ""


def kinds(netted: Netted) -> list[str]:
    """What positions are made of, payments first."""
    return sorted({kind for p in netted.positions for kind, _ in p.kinds}, key=lambda k: (k != PAYMENT, k))


def ago(at_us: int) -> str:
    """`5 s ago`."""
    return f"{span(max(0.0, time.time() - at_us / 1e6))} ago"


def code(text: str) -> Markup:
    """Text whose `back-ticked` parts are set as code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in enumerate(parts))


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "ago": ago,
    "amount": format_amount,
    "clock": clock,
    "code": code,
    "count": count,
    "day_and_clock": day_and_clock,
    "currency": lambda numeric: currency(numeric).alpha,
    "dict": dict,
    "grouped": grouped,
    "hour": lambda said: said[11:16],
    "kinds": kinds,
    "look": look,
    "meaning": meaning,
    "moment": moment,
    "ms": ms,
    "mti": mti,
    "share": share,
    "span": span,
    "stage": stage,
}
