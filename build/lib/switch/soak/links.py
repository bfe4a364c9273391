"""Links that can be cut: a small TCP proxy between two parties, one a link.

In: an address to reach. Out: an address to connect to instead. It carries bytes as they come; on request it resets its
connections in the middle of a write, holds what it is given for a while, or swallows it.
"""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

import trio

from switch.core.network import Address

_BITE: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time: closing sends a reset"""
_WAIT_FOR_TRAFFIC_S: Final = 0.3


class _Pair:
    """A connection through the link."""

    def __init__(self, near: trio.SocketStream, far: trio.SocketStream) -> None:
        self.near, self.far = near, far
        self.scope = trio.CancelScope()

    def reset(self) -> None:
        """Both ends hear of it at once."""
        for stream in (self.near, self.far):
            _reset_at_close(stream)
        self.scope.cancel()


class Link:
    """A proxy between two ends of a connection. `open` it first; then it can be broken."""

    def __init__(self, name: str, target: Address, rng: Random) -> None:
        self.name = name
        self.target = target
        self.address = Address("127.0.0.1", 0)
        """to connect to; known once it is open"""
        self._rng = rng
        self._pairs: set[_Pair] = set()
        self._passable = trio.Event()
        self._passable.set()
        self._swallows = False
        self._closed = False
        self._guillotine = False
        """the next write is cut in two, and the connection with it"""

    async def open(self, nursery: trio.Nursery) -> None:
        """Listen, and carry connections until the nursery is cancelled."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        host, port = listeners[0].socket.getsockname()[:2]
        self.address = Address(host, port)
        nursery.start_soon(trio.serve_listeners, self._carry, listeners)

    async def _carry(self, near: trio.SocketStream) -> None:
        async with near:
            if self._closed:
                _reset_at_close(near)
                return
            try:
                far = await trio.open_tcp_stream(self.target.host, self.target.port)
            except OSError:
                _reset_at_close(near)
                return
            async with far:
                pair = _Pair(near, far)
                self._pairs.add(pair)
                try:
                    with pair.scope:
                        async with trio.open_nursery() as nursery:
                            nursery.start_soon(self._pump, pair, near, far)
                            nursery.start_soon(self._pump, pair, far, near)
                finally:
                    self._pairs.discard(pair)

    async def _pump(self, pair: _Pair, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        """One direction, until its end or a reset, which is the other direction's too: hosts do not half-close."""
        try:
            while data := await source.receive_some(_BITE):
                await self._passable.wait()
                if self._swallows:
                    continue
                if self._guillotine:
                    self._guillotine = False
                    await sink.send_all(data[: self._rng.randrange(len(data))])
                    pair.reset()
                    return
                await sink.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pair.reset()
        pair.scope.cancel()

    async def cut(self, seconds: float) -> None:
        """Reset every connection, one of them in the middle of what passes next; let none through for so long."""
        self._closed = self._guillotine = True
        with trio.move_on_after(_WAIT_FOR_TRAFFIC_S):
            while self._guillotine:  # noqa: ASYNC110 - bounded, and bytes have no event
                await trio.sleep(0.005)
        self._guillotine = False
        self._reset_all()
        await self._mended(seconds, self._open_again)

    async def stall(self, seconds: float) -> None:
        """Hold what is sent for so long; then it arrives."""
        self._passable = trio.Event()
        await self._mended(seconds, self._passable.set)

    async def swallow(self, seconds: float) -> None:
        """Lose what is sent for so long, connections seeming alive; then reset them."""
        self._swallows = True

        def end() -> None:
            self._swallows = False
            self._reset_all()

        await self._mended(seconds, end)

    def _open_again(self) -> None:
        self._closed = False

    def _reset_all(self) -> None:
        for pair in list(self._pairs):
            pair.reset()

    async def _mended(self, seconds: float, mend: Callable[[], None]) -> None:
        try:
            await trio.sleep(seconds)
        finally:
            mend()


def _reset_at_close(stream: trio.SocketStream) -> None:
    with suppress(OSError, trio.ClosedResourceError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
