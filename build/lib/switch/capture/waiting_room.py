"""A port where peers are listened to: the first bytes of each connection, and nothing said back."""

from collections.abc import Callable
from typing import Final

import trio

from switch.core.network import Address

QUIET_S: Final = 1.0
"""after so long without more, what came is judged: the peer waits for an answer"""
SILENT_S: Final = 15.0
"""after so long without a byte, that is said"""
TAKEN: Final = 8_192
"""bytes taken of a connection"""


async def receive(
    address: Address,
    came: Callable[[str, bytes], None],
    silent: Callable[[str, str], None],
    ready: Callable[[str], None],
) -> None:
    """Listen until cancelled. `came(peer, data)`: what a connection began with; `silent(peer, why)`: it said nothing.

    Raises OSError: the address cannot be listened on.
    """

    async def hear(stream: trio.SocketStream) -> None:
        try:
            host, port, *_ = stream.socket.getpeername()
        except OSError:
            return  # it is gone already
        peer = f"{host}:{port}"
        data, why = await _first_bytes(stream)
        if data:
            came(peer, data)
        else:
            silent(peer, why)
        await trio.aclose_forcefully(stream)

    listeners = await trio.open_tcp_listeners(address.port, host=address.host)
    at = listeners[0].socket.getsockname()
    ready(f"{at[0]}:{at[1]}")
    await trio.serve_listeners(hear, listeners)


async def _first_bytes(stream: trio.SocketStream) -> tuple[bytes, str]:
    """What a peer says before it pauses, and why nothing came where nothing did."""
    data = b""
    while len(data) < TAKEN:
        with trio.move_on_after(QUIET_S if data else SILENT_S) as patience:
            try:
                chunk = await stream.receive_some(TAKEN)
            except trio.BrokenResourceError:
                return data, "it reset the connection without a byte: a health check?"
            if not chunk:
                return data, "it hung up without a byte: a port scan or a health check?"
            data += chunk
        if patience.cancelled_caught:
            return data, f"it has said nothing for {SILENT_S:.0f} s: does it wait for the other side to speak first?"
    return data, ""
