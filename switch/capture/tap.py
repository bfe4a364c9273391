"""A transparent proxy between any two hosts that shows what passes. Bytes go through as they came; looking never holds them up.

What cannot be decoded, or cut into messages at all, passes all the same, and is said.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
import trio

from switch.capture.lines import Pairs
from switch.capture.recorder import Recorder
from switch.capture.talks import Said, said
from switch.core.network import Address
from switch.wire import Dialect
from switch.wire.framing import Framing, FramingError, make_framing

RECEIVE_BYTES: Final = 65_536
FLUSH_S: Final = 0.2


class Tap(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with what passes."""

    upstream: Address
    dialect: Dialect
    framing: str
    show: Callable[[str, Said, int], None]
    """called with the link's name, a message, and ns since its request (-1: none)"""
    say: Callable[[str, str], None]
    """called with the link's name and a sentence: it opened, it closed, it cannot be read any more"""
    recorder: Recorder | None = None


class _Passage:
    """One connection through the tap."""

    def __init__(self, tap: Tap, name: str) -> None:
        self.name = name
        self._tap = tap
        self._pairs = Pairs()
        self._framings: dict[bool, Framing | None] = {side: make_framing(tap.framing) for side in (True, False)}

    async def carry(self, source: trio.SocketStream, target: trio.SocketStream, from_client: bool) -> None:
        """One direction, to its end; the end is passed on too."""
        try:
            while data := await source.receive_some(RECEIVE_BYTES):
                await target.send_all(data)
                self._look(bytes(data), from_client)
            await target.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await source.aclose()
            await target.aclose()

    def _look(self, data: bytes, from_client: bool) -> None:
        tap, now = self._tap, time.time_ns()
        if tap.recorder is not None:
            if from_client:
                tap.recorder.received(self.name, data, now)
            else:
                tap.recorder.sent(self.name, data, None, now)
        framing = self._framings[from_client]
        if framing is None:
            return
        try:
            frames = framing.feed(data)
        except FramingError as error:
            frames = error.frames
            self._framings[from_client] = None
            side = "client" if from_client else "server"
            tap.say(self.name, f"the {side}'s stream is no {tap.framing}; it passes unread from here: {error}")
        for frame in frames:
            message = said(tap.dialect, frame, now, from_client)
            tap.show(self.name, message, self._pairs.response_time(message))


async def run(tap: Tap, listen: Address, ready: Callable[[Address], None]) -> None:
    """Accept on `listen` and connect each connection through, until cancelled. OSError: the address cannot be had."""
    listeners = await trio.open_tcp_listeners(listen.port, host=listen.host)
    name = listeners[0].socket.getsockname()
    count = 0

    async def through(client: trio.SocketStream) -> None:
        nonlocal count
        count += 1
        await _connect_through(tap, f"tap#{count}", client)

    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.serve_listeners, through, listeners))
        ready(Address(name[0], name[1]))
        if tap.recorder is not None:
            nursery.start_soon(_flush, tap.recorder)


async def _connect_through(tap: Tap, name: str, client: trio.SocketStream) -> None:
    async with client:
        try:
            peer = client.socket.getpeername()
        except OSError:
            return  # gone again already
        try:
            upstream = await trio.open_tcp_stream(tap.upstream.host, tap.upstream.port)
        except OSError as error:
            tap.say(
                name, f"{peer[0]}:{peer[1]} turned away: {tap.upstream} cannot be reached: {error.strerror or error}"
            )
            return
        async with upstream:
            tap.say(name, f"{peer[0]}:{peer[1]} connected through to {tap.upstream}")
            if tap.recorder is not None:
                tap.recorder.opened(name, tap.upstream, Address(peer[0], peer[1]), False, time.time_ns())
            passage = _Passage(tap, name)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(passage.carry, client, upstream, True)
                nursery.start_soon(passage.carry, upstream, client, False)
            tap.say(name, "closed")
            if tap.recorder is not None:
                tap.recorder.closed(name, time.time_ns())


async def _flush(recorder: Recorder) -> None:
    while True:
        await trio.sleep(FLUSH_S)
        recorder.flush()
