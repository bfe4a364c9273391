"""Replays talks against a live host, one connection a talk: as client it connects, as server it waits to be connected to."""

from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

import msgspec
import trio

from switch.capture.replay import Plan, Replay, Report, report_of
from switch.capture.talks import Talk
from switch.core.network import Address
from switch.wire.framing import FramingError, make_framing

RECEIVE_BYTES = 65_536


def _now() -> int:
    return int(trio.current_time() * 1e9)


async def play(replay: Replay, stream: trio.abc.Stream, framing_name: str) -> None:
    """One talk over one connection, to its end. Never raises for what the other side does: it ends in the replay's cases."""
    incoming, outgoing = make_framing(framing_name), make_framing(framing_name)
    event = trio.Event()
    gone = ""

    async def read() -> None:
        nonlocal event, gone
        try:
            async for data in stream:
                for frame in incoming.feed(bytes(data)):
                    waiting.extend(replay.received(frame, _now()))
                event.set()
            gone = "the host closed the connection"
        except FramingError as error:
            for frame in error.frames:
                waiting.extend(replay.received(frame, _now()))
            gone = f"the host's stream is no {framing_name}: {error}"
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            gone = "the connection broke"
        event.set()

    def framed(messages: list[bytes]) -> bytes:
        data = b""
        for message in messages:
            try:
                data += outgoing.frame(message)
            except FramingError as error:  # longer than its length can say, or with an ETX in it
                replay.unsent(str(error))
        return data

    waiting: list[bytes] = []
    replay.started(_now())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        while not replay.done:
            waiting += replay.advance(_now())
            if waiting:
                data, waiting[:] = framed(waiting), []
                try:
                    await stream.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    gone = gone or "the connection broke"
            if gone:
                replay.lost(gone)
            due = replay.due()
            if due is None:
                break
            with trio.move_on_at(due / 1e9):
                await event.wait()
            event = trio.Event()
        if waiting:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await stream.send_all(framed(waiting))
        nursery.cancel_scope.cancel()


def origin_of(talks: list[Talk]) -> int:
    """When the first of several talks began, so that they keep their distances in time."""
    return min((message.at_ns for talk in talks for message in talk.said if message.at_ns), default=0)


async def replay_to(address: Address, talks: list[Talk], plan: Plan) -> Report:
    """Play the clients of all talks against the host at `address`, at once. OSError: it cannot be reached."""
    replays = [Replay(talk, plan, origin_of(talks)) for talk in talks]
    async with AsyncExitStack() as opened:
        streams = [await opened.enter_async_context(await _connected(address)) for _ in talks]
        async with trio.open_nursery() as nursery:
            for replay, stream in zip(replays, streams, strict=True):
                nursery.start_soon(_play_and_close, replay, stream)
    return report_of(replays)


async def _connected(address: Address) -> trio.SocketStream:
    return await trio.open_tcp_stream(address.host, address.port)


async def _play_and_close(replay: Replay, stream: trio.abc.Stream) -> None:
    async with stream:
        await play(replay, stream, replay.talk.framing)


async def replay_at(
    address: Address, talks: list[Talk], plan: Plan, ready: Callable[[Address], None] = lambda _: None
) -> Report:
    """Listen on `address` and play the servers of the talks: the first connection gets the first talk, and so on.

    `ready` is told where it listens. Waits for as many connections as there are talks. OSError: the address cannot be had.
    """
    plan = msgspec.structs.replace(plan, client=False)
    replays = [Replay(talk, plan, 0) for talk in talks]
    (listener, *_) = await trio.open_tcp_listeners(address.port, host=address.host)
    name = listener.socket.getsockname()
    ready(Address(name[0], name[1]))
    async with listener, trio.open_nursery() as nursery:
        for replay in replays:
            nursery.start_soon(_play_and_close, replay, await listener.accept())
    return report_of(replays)
