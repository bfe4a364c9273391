"""A TLS edge: the process that has the TLS of links, so that the switch can be restarted without losing one.

Theory of operation. What TLS has agreed lies in a program's memory and cannot be handed to the next one; plain bytes over a Unix
socket can. The edge accepts and dials with TLS, and speaks to the switch over Unix sockets that the network file names (`edge`):
it connects to a listener's, and listens at a host's, where it connects to the host once the switch has connected to it. Each
connection begins, towards the switch, with a header that says whose certificate was shown (`server.edge_link`). Beyond that it
understands nothing, keeps nothing and decides nothing: who is who the switch knows.

Two tasks a connection, each waiting for the other end to take what it has passed on: nothing is kept beyond one read.
"""

import errno
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import trio

from switch.core.defects import describe
from switch.core.link_control.admission import is_allowed
from switch.core.network import Address, Network
from switch.core.party import Certificate, Log
from switch.server.connections import RECEIVE_BYTES, listening_socket, reason_of
from switch.server.edge_link import Told, header
from switch.server.secured import UnsecuredError
from switch.server.tls import TlsEnd, certificate_of, ends_of, explain, sides_of, taken_back

ACCEPT_AGAIN_S: Final = 1.0
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""what ends by itself once some connection has"""
Tell = Callable[[Log], None]


class Edge:
    """Serves the TLS of a file's links: connections from outside to the switch's, until told to stop."""

    def __init__(self, network: Network, tell: Tell) -> None:
        """Raises CertificateError."""
        self._tell = tell
        self._handshake_ms = network.limits.handshake_ms
        self._listeners = {x.name: x for x in network.listeners if x.edge and x.tls is not None}
        self._hosts = {x.name: x for x in network.hosts if x.edge and x.tls is not None and x.connect is not None}
        self._ends: Mapping[str, TlsEnd] = ends_of(sides_of(network, edge=True), {})
        self._joined: dict[trio.CancelScope, tuple[str, bytes | None]] = {}
        """connections there are: of which listener or host, and the certificate that was shown"""
        self._room = trio.CapacityLimiter(network.limits.connections)
        self.addresses: dict[str, Address] = {}
        """where each listener listens"""

    @property
    def links(self) -> list[str]:
        """Names of the listeners and hosts it has."""
        return [*self._listeners, *self._hosts]

    def follow(self, network: Network) -> None:
        """Show renewed certificates to whoever comes from now on, give them as long for a handshake as the file says now, and end
        the connections of those that newer lists have taken back. Raises CertificateError."""
        self._handshake_ms = network.limits.handshake_ms
        sides = sides_of(network, edge=True)
        self._ends = ends_of({name: sides.get(name, end.side) for name, end in self._ends.items()}, self._ends)
        for scope, (name, shown) in self._joined.items():
            reason = taken_back(shown, self._ends[name])
            if reason:
                self._log("info", "link.closed", link=name, reason=reason)
                scope.cancel()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. Raises OSError where an address cannot be had."""
        async with trio.open_nursery() as nursery:
            for name, listener in self._listeners.items():
                sock = listening_socket(listener.address.host, listener.address.port)
                bound = sock.getsockname()
                self.addresses[name] = Address(bound[0], bound[1])
                nursery.start_soon(self._accept, trio.socket.from_stdlib_socket(sock), self._bring_in, name)
            for name, host in self._hosts.items():
                sock = listening_socket(host.edge, 0)
                nursery.start_soon(self._accept, trio.socket.from_stdlib_socket(sock), self._lead_out, name)
            task_status.started()

    async def _accept(self, sock: Any, handle: Callable[[trio.SocketStream, str], Any], name: str) -> None:
        with sock:
            listener = trio.SocketListener(sock)
            async with trio.open_nursery() as nursery:
                while True:
                    try:
                        stream = await listener.accept()
                    except OSError as error:
                        if error.errno not in _NO_ROOM:
                            raise
                        self._log("error", "listener.accept_failed", listener=name, reason=str(error.strerror),
                                  hint="who comes waits; each connection takes two of the open files (ulimit -Hn)")  # fmt: skip
                        await trio.sleep(ACCEPT_AGAIN_S)
                        continue
                    if self._room.available_tokens:
                        nursery.start_soon(self._keep, handle, stream, name)
                    else:
                        self._log("warning", "limit.reached", limit="connections", link=name,
                                  hint="raise connections in [limits] of the network file")  # fmt: skip
                        await trio.aclose_forcefully(stream)

    async def _keep(
        self, handle: Callable[[trio.SocketStream, str], Any], stream: trio.SocketStream, name: str
    ) -> None:
        """One connection, from its first byte to its last."""
        async with self._room:
            try:
                await handle(stream, name)
            except UnsecuredError as error:
                self._log("warning", "link.unsecured", link=name, reason=str(error), hint=error.hint)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
                self._log(
                    "info",
                    "link.closed",
                    link=name,
                    reason=reason_of(error) if isinstance(error, OSError) else "broken",
                )
            except Exception as error:  # one connection's, whatever it is: the others go on
                told = describe(error, "passing a connection on").error
                self._log("error", "switch.defect", doing="passing a connection on", link=name, error=told)
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                    await trio.aclose_forcefully(stream)

    async def _bring_in(self, stream: trio.SocketStream, name: str) -> None:
        """Someone has come to a listener: secure it, and lead it to the switch."""
        listener = self._listeners[name]
        source, own = stream.socket.getpeername(), stream.socket.getsockname()
        if not is_allowed(listener.allow, source[0]):
            raise UnsecuredError(f"{source[0]} is not in `allow` of [[listener]] {name}", "add it if it is a member's")
        async with (
            await self._secured(stream, self._ends[name]) as (outside, told),
            await _reach(listener.edge) as switch,
        ):
            await switch.send_all(header(source, own, told))
            await self._join(outside, switch, name)

    async def _lead_out(self, switch: trio.SocketStream, name: str) -> None:
        """The switch wants a host: connect to it, secure it, and say whose certificate it has shown."""
        address = self._hosts[name].connect
        assert address is not None
        stream = await trio.open_tcp_stream(address.host, address.port)
        source, own = stream.socket.getpeername(), stream.socket.getsockname()
        async with await self._secured(stream, self._ends[name]) as (outside, told):
            await switch.send_all(header(source, own, told))
            await self._join(outside, switch, name)

    async def _join(self, outside: "trio.SSLStream[trio.SocketStream]", switch: trio.SocketStream, name: str) -> None:
        """Pass on both ways until one of them ends, or the other end's certificate is taken back."""
        with trio.CancelScope() as scope:
            self._joined[scope] = name, outside.getpeercert(binary_form=True)
            try:
                await _pass_on(outside, switch)
            finally:
                del self._joined[scope]

    async def _secured(self, stream: trio.SocketStream, end: TlsEnd) -> "_Outside":
        """The handshake, done. Raises UnsecuredError."""
        side = end.side
        outside: trio.SSLStream[trio.SocketStream] = trio.SSLStream(
            stream, end.context, server_hostname=side.asks_for or None, server_side=side.server, https_compatible=True
        )
        try:
            with trio.fail_after(self._handshake_ms / 1000):
                await outside.do_handshake()
        except trio.TooSlowError:
            await trio.aclose_forcefully(stream)
            reason = f"its TLS handshake was not done within {self._handshake_ms} ms"
            raise UnsecuredError(reason, "raise handshake_ms in [limits] if it is only slow") from None
        except trio.BrokenResourceError as error:
            await trio.aclose_forcefully(stream)
            cause = error.__cause__
            said = (
                explain(cause, side) if isinstance(cause, ssl.SSLError) else ("the other end broke the handshake", "")
            )
            raise UnsecuredError(*said) from None
        cipher = outside.cipher()
        certificate: Certificate = certificate_of(outside.getpeercert(binary_form=True), end)
        told = Told(
            peer="", certificate=certificate, version=outside.version() or "", cipher=cipher[0] if cipher else ""
        )
        return _Outside(outside, told)

    def _log(self, level: str, event: str, **fields: Any) -> None:
        self._tell(Log(level, event, fields))


class _Outside:
    """A secured stream and what it is secured by; closed in the end whatever happens."""

    def __init__(self, stream: "trio.SSLStream[trio.SocketStream]", told: Told) -> None:
        self._stream, self._told = stream, told

    async def __aenter__(self) -> "tuple[trio.SSLStream[trio.SocketStream], Told]":
        return self._stream, self._told

    async def __aexit__(self, *_: object) -> None:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
            await self._stream.aclose()


async def _reach(path: str) -> trio.SocketStream:
    """The switch. Raises UnsecuredError."""
    try:
        return await trio.open_unix_socket(path)
    except (OSError, RuntimeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise UnsecuredError(
            f"the switch is not at {Path(path)}: {reason}", "start it; who comes meanwhile is turned away"
        ) from None


async def _pass_on(outside: trio.abc.Stream, switch: trio.abc.Stream) -> None:
    """Both ways, until one of them ends."""
    async with trio.open_nursery() as nursery:

        async def one_way(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while data := await source.receive_some(RECEIVE_BYTES):
                    await sink.send_all(data)
            nursery.cancel_scope.cancel()

        nursery.start_soon(one_way, outside, switch)
        nursery.start_soon(one_way, switch, outside)
