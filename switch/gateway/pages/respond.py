"""How pages leave: headers that let nobody frame, keep or add to them; and what a request says of who asks.

The one rule: a page's forms go to the gateway, and to the shop or bank that it leads to; its scripts and styles are the
gateway's own files, and nothing else runs or loads.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from switch.gateway.protocol.requests import LANGUAGES


def respond(
    request: Request,
    body: str,
    *,
    status: int = 200,
    forms_to: Iterable[str] = (),
    frames: bool = False,
    leaves: bool = False,
) -> Response:
    """A page. `forms_to`: addresses of others that its forms may go to.

    `frames`: it has a frame, in which those are shown. `leaves`: its form takes the customer away, to a shop or a bank, whose
    server may redirect to any other of its own: Chromium asks `form-action` of redirects, too, and who has paid would stay here.
    """
    targets = sorted({f" {parts.scheme}://{parts.netloc}" for parts in map(urlsplit, forms_to)})
    framed = f"frame-src 'self'{''.join(targets)}; " if frames else ""
    further = f" https:{' http:' if request.url.scheme == 'http' else ''}" if leaves else ""
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; {framed}"
        f"form-action 'self'{''.join(targets)}{further}; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if request.url.scheme == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return HTMLResponse(body, status, headers=headers)


def redirect(path: str, status: int = 303) -> Response:
    """To a page that may be loaded again: nothing is repeated by that."""
    return RedirectResponse(path, status, headers={"Cache-Control": "no-store"})


def client_of(request: Request) -> str:
    """The address it came from."""
    return request.client.host if request.client is not None else ""


def language_of(request: Request, otherwise: str, form: dict[str, str] | None = None) -> str:
    """As the form, or the address, asks for it."""
    asked = (form or {}).get("lang") or request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else otherwise
