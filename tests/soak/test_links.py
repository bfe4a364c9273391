"""Links that are broken on request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import NamedTuple

import pytest
import trio

from switch.core.network import Address
from switch.soak.links import Link


class Laid(NamedTuple):
    """A connection through a link to someone who says everything back."""

    link: Link
    near: trio.SocketStream


async def echo(stream: trio.SocketStream) -> None:
    try:
        async for data in stream:
            await stream.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass


@asynccontextmanager
async def laid() -> AsyncIterator[Laid]:
    async with trio.open_nursery() as nursery:
        far = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, echo, far)
        link = Link("pos", Address("127.0.0.1", far[0].socket.getsockname()[1]), Random(1))
        await link.open(nursery)
        async with await connected(link) as near:
            yield Laid(link, near)
        nursery.cancel_scope.cancel()


async def connected(link: Link) -> trio.SocketStream:
    return await trio.open_tcp_stream(link.address.host, link.address.port)


async def heard(near: trio.SocketStream, count: int) -> bytes:
    """So many bytes, or what came before the end or a reset."""
    data = b""
    with trio.fail_after(10):
        try:
            while len(data) < count and (more := await near.receive_some(count - len(data))):
                data += more
        except trio.BrokenResourceError:
            pass
    return data


async def is_lost(near: trio.SocketStream) -> bool:
    try:
        await near.send_all(b"still there?")
        return await heard(near, 12) == b""
    except trio.BrokenResourceError:
        return True


async def test_it_carries_what_it_is_given_both_ways() -> None:
    async with laid() as (_, near):
        await near.send_all(b"0200")
        assert await heard(near, 4) == b"0200"


async def test_cut_it_resets_its_connections_in_the_middle_of_a_write() -> None:
    async with laid() as (link, near), trio.open_nursery() as nursery:
        nursery.start_soon(link.cut, 0.0)
        await trio.sleep(0.01)
        await near.send_all(b"x" * 1_000)
        got = await heard(near, 1_000)
        assert len(got) < 1_000
        assert await is_lost(near)


async def test_cut_it_lets_nobody_through_for_a_while_and_then_does() -> None:
    async with laid() as (link, _), trio.open_nursery() as nursery:
        nursery.start_soon(link.cut, 30.0)
        await trio.sleep(0.01)
        async with await connected(link) as other:
            assert await is_lost(other)
        nursery.cancel_scope.cancel()
    async with laid() as (link, _):
        await link.cut(0.0)
        async with await connected(link) as other:
            await other.send_all(b"0200")
            assert await heard(other, 4) == b"0200"


async def test_stalled_it_holds_what_it_is_given_until_it_goes_on() -> None:
    async with laid() as (link, near), trio.open_nursery() as nursery:
        nursery.start_soon(link.stall, 0.3)
        await trio.sleep(0.01)
        await near.send_all(b"0200")
        with trio.move_on_after(0.1):
            pytest.fail(f"{await near.receive_some(4)!r} came through")
        assert await heard(near, 4) == b"0200"


async def test_swallowing_it_loses_what_it_is_given_and_then_the_connection() -> None:
    async with laid() as (link, near), trio.open_nursery() as nursery:
        nursery.start_soon(link.swallow, 0.2)
        await trio.sleep(0.01)
        await near.send_all(b"0200")
        assert await heard(near, 4) == b""
        assert await is_lost(near)


async def test_whoever_nobody_listens_for_is_turned_away() -> None:
    async with trio.open_nursery() as nursery:
        link = Link("pos", Address("127.0.0.1", 1), Random(1))
        await link.open(nursery)
        async with await connected(link) as near:
            assert await is_lost(near)
        nursery.cancel_scope.cancel()


async def test_breaking_it_can_be_broken_off() -> None:
    async with laid() as (link, near):
        with trio.move_on_after(0.05):
            await partial(link.stall, 60.0)()
        await near.send_all(b"0200")
        assert await heard(near, 4) == b"0200"
