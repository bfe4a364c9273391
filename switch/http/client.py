"""The one way by which others' servers are called: a form of a merchant's, to where it may go; a message, to a peer's server.

In: an address, what to post, the hosts that a merchant has listed. Out: the answer's status and text, or a CallError that says
why there is none. The one rule: for a merchant it connects to an address it has looked at. A host that is not listed, a name that
leads to a private address, a redirect, an answer too long or too late are refused, so that no merchant's form can make the
gateway call what only the gateway can reach.
"""

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

import h11
import msgspec
import trio

from switch.exception_groups import first_of
from switch.http.listening import is_loopback

ANSWER_BYTES: Final = 65_536
CALL_S: Final = 15.0
NEXT_S: Final = 3.0
"""for one of several addresses of a name, before the next is tried"""
_READ_BYTES: Final = 16_384
_IN_ITS_END: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))
"""NAT64 (RFC 6052), and a form that was given up (RFC 4291): the last four bytes are an IPv4 address"""


class CallError(Exception):
    """No answer, or none that counts. One sentence."""


class NoAnswerError(CallError):
    """Nothing, or no whole answer, in time."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a server said."""

    status: int
    text: str


def check_target(url: str, hosts: Iterable[str]) -> SplitResult:
    """An address that a customer may be sent to, or a callback: of a listed host, by HTTPS or on loopback. Raises CallError."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    host = f"[{host}]" if ":" in host else host
    listed = {name.lower() for name in hosts}
    usual = port == (443 if parts.scheme == "https" else 80)
    if f"{host}:{port}" not in listed and not (usual and host in listed):
        where = host if usual else f"{host}:{port}"
        raise CallError(
            f"{where}: is not among the merchant's hosts; add it with `cmi-switch merchant change --host {where}`"
        )
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise CallError(f"{host}: expected https; plain http is for loopback only")
    return parts


async def post_form(
    url: str,
    pairs: Iterable[tuple[str, str]],
    hosts: Iterable[str],
    context: ssl.SSLContext,
    seconds: float = CALL_S,
    charset: str = "utf-8",
) -> Reply:
    """Post and read the answer. Raises CallError."""
    body = urlencode(list(pairs), encoding=charset, errors="xmlcharrefreplace").encode()
    post = _Post(check_target(url, hosts), "application/x-www-form-urlencoded", body, ANSWER_BYTES, False)
    return await _call(post, context, seconds)


async def post_json(url: str, body: bytes, context: ssl.SSLContext, seconds: float, answer_bytes: int) -> Reply:
    """Post a message to a peer's server, whose address an operator has given: by HTTPS, or on loopback. Raises CallError."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise CallError(f"{parts.hostname}: expected https; plain http is for loopback only")
    return await _call(_Post(parts, "application/json;charset=utf-8", body, answer_bytes, True), context, seconds)


class _Post(NamedTuple):
    """What is posted where."""

    parts: SplitResult
    kind: str
    body: bytes
    answer_bytes: int
    private: bool
    """a name may lead to a private address"""


async def _call(post: _Post, context: ssl.SSLContext, seconds: float) -> Reply:
    parts = post.parts
    try:
        with trio.fail_after(seconds):
            stream = await _connect(parts, context, private=post.private)
            try:
                return await _talk(stream, post)
            finally:
                await trio.aclose_forcefully(stream)
    except trio.TooSlowError:
        raise NoAnswerError(f"no whole answer within {seconds:g} s") from None
    except (OSError, trio.BrokenResourceError) as error:
        raise CallError(_why(error, parts.hostname or "")) from None
    except h11.RemoteProtocolError:
        raise CallError("the answer is not HTTP") from None
    except (h11.LocalProtocolError, UnicodeError):  # a blank in its path, a label of its name that none may be
        raise CallError("cannot be asked: its address is none that HTTP can carry; correct it") from None


def _why(error: BaseException, host: str) -> str:
    """What the innermost cause of a failed connection is, in a few words."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    error = first_of(error)
    if isinstance(error, ssl.SSLError):
        if isinstance(error, ssl.SSLCertVerificationError) and error.reason is None:  # a list's word (`listening`)
            return f"TLS: {error.strerror}"
        reason = (error.reason or "failed").lower().replace("_", " ")
        return f"TLS: {reason}; is the certificate for {host}, of a known authority?"
    if isinstance(error, socket.gaierror):
        return f"cannot be reached: no address is known for {host}"
    number = getattr(error, "errno", None)
    return f"cannot be reached: {os.strerror(number) if number else type(error).__name__}"


async def _connect(parts: SplitResult, context: ssl.SSLContext, *, private: bool) -> trio.abc.Stream:
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not private and not _is_address(host) and host != "localhost":
        hidden = next((address for address in addresses if not _is_public(address)), None)
        if hidden is not None:
            raise CallError(f"{host}: leads to {hidden}, which is private; list the address itself if that is meant")
    plain = await _first_of(addresses, port)
    if parts.scheme != "https":
        return plain
    return trio.SSLStream(plain, context, server_hostname=host, https_compatible=True)


async def _first_of(addresses: list[str], port: int) -> trio.SocketStream:
    """A connection to the first that takes one: to what was looked up and checked, and to nothing looked up again."""
    *others, last = dict.fromkeys(addresses)
    for address in others:
        with suppress(OSError), trio.move_on_after(NEXT_S):
            return await trio.open_tcp_stream(address, port)
    return await trio.open_tcp_stream(last, port)


async def _talk(stream: trio.abc.Stream, post: _Post) -> Reply:
    parts, body = post.parts, post.body
    connection = h11.Connection(h11.CLIENT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = h11.Request(
        method="POST",
        target=target,
        headers=[
            ("Host", parts.netloc),
            ("User-Agent", "cmi-switch"),
            ("Accept", "*/*"),
            ("Content-Type", post.kind),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ],
    )
    await stream.send_all(
        b"".join(connection.send(part) or b"" for part in (request, h11.Data(data=body), h11.EndOfMessage()))
    )
    status, text = 0, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
        elif isinstance(event, h11.Response):
            status = event.status_code
            if 300 <= status < 400:
                raise CallError(f"answered {status}: redirects are not followed; give the address that answers")
        elif isinstance(event, h11.Data):
            text += event.data
            if len(text) > post.answer_bytes:
                raise CallError(f"the answer is longer than {post.answer_bytes} bytes")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return Reply(status=status, text=text.decode("utf-8", "replace"))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_public(address: str) -> bool:
    """Is it reached by everybody? An IPv6 address that stands for IPv4 ones (mapped, 6to4, Teredo, NAT64) is as they are."""
    found = ipaddress.ip_address(address.partition("%")[0])
    meant: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [*_within(found)] or [found]
    return all(one.is_global and not one.is_multicast for one in meant)


def _within(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that it is a form of."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    teredo = address.teredo
    server, client = teredo if teredo is not None else (None, None)
    found: list[ipaddress.IPv4Address | None] = [address.ipv4_mapped, address.sixtofour, server, client]
    if any(address in network for network in _IN_ITS_END):
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
