"""A link for async tests, against a peer that this test plays."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from switch.testing.linked import Link
from switch.wire import DecodeError, Dialect
from switch.wire.framing import make_framing
from tests.wire.letters import Writer, latin, utf8_in_characters

CMI87 = Dialect.load("cmi87")
Peer = Callable[[str, str], Awaitable[None]]


@asynccontextmanager
async def linked(timeout_s: float = 5.0) -> AsyncIterator[tuple[Link, Peer, trio.SocketStream]]:
    """A link, a function that sends it a message (MTI, DE11) of the other end, and the other end."""
    own, far = trio.socket.socketpair()
    stream, peer = trio.SocketStream(own), trio.SocketStream(far)
    frame = make_framing("length2", 8_000).frame

    async def says(mti: str, stan: str) -> None:
        await peer.send_all(frame(CMI87.encode({"t": mti, "11": stan, "39": "00"})))

    async with stream, peer:
        yield Link(stream, CMI87, timeout_s=timeout_s), says, peer


async def test_tasks_that_ask_at_once_get_each_its_own_answer_in_whatever_order_they_come() -> None:
    answers = {}
    async with linked() as (link, says, _):

        async def asks(stan: str) -> None:
            answers[stan] = await link.asks({"t": "0200", "11": stan})

        async with trio.open_nursery() as nursery:
            for stan in ("000001", "000002", "000003"):
                nursery.start_soon(asks, stan)
            await trio.testing.wait_all_tasks_blocked()
            for stan in ("000003", "000001", "000002"):
                await says("0210", stan)
    assert {stan: answer["11"] for stan, answer in answers.items()} == {s: s for s in ("000001", "000002", "000003")}


async def test_what_is_nobodys_yet_stays_for_who_wants_it() -> None:
    async with linked() as (link, says, _):
        await says("0800", "000009")
        await says("0210", "000001")
        assert (await link.asks({"t": "0200", "11": "000001"}))["t"] == "0210"
        assert (await link.expects({"t": "0800"}))["11"] == "000009"


async def test_a_cancelled_wait_leaves_the_reading_to_the_others() -> None:
    async with linked() as (link, says, _), trio.open_nursery() as nursery:
        first = trio.CancelScope()

        async def gives_up() -> None:
            with first:
                await link.asks({"t": "0200", "11": "000001"})

        nursery.start_soon(gives_up)
        await trio.testing.wait_all_tasks_blocked()

        async def answered() -> None:
            assert (await link.asks({"t": "0200", "11": "000002"}))["39"] == "00"

        nursery.start_soon(answered)
        await trio.testing.wait_all_tasks_blocked()
        first.cancel()
        await trio.testing.wait_all_tasks_blocked()
        await says("0210", "000002")


async def test_a_peer_that_hangs_up_or_stays_silent_is_said(autojump_clock: trio.testing.MockClock) -> None:
    async with linked() as (link, _, peer):
        with pytest.raises(trio.TooSlowError):
            await link.gets()
        await peer.aclose()
        with pytest.raises(EOFError):
            await link.gets()


async def test_what_is_not_as_expected_is_shown() -> None:
    async with linked() as (link, says, _):
        await says("0210", "000001")
        with pytest.raises(AssertionError, match=r"in a 0210 found .'39': '00'"):
            await link.expects({"39": "91"})


async def test_what_comes_in_another_framing_or_dialect_is_told_in_a_note() -> None:
    visa = Dialect.load("visa")
    message = CMI87.encode({"t": "0810", "7": "1125120000", "11": "000001", "32": "504102", "39": "00", "70": "001"})
    for dialect, framing, sent in (
        (CMI87, "length2", make_framing("ascii4", 8_000).frame(message)),
        (visa, "base1", make_framing("length2", 8_000).frame(message)),
    ):
        own, far = trio.socket.socketpair()
        async with trio.SocketStream(own) as stream, trio.SocketStream(far) as peer:
            await peer.send_all(sent)
            await peer.send_eof()
            with pytest.raises((ValueError, EOFError)) as caught:
                await Link(stream, dialect, framing).gets()
        (note,) = caught.value.__notes__
        assert 'framing = "ascii4"' in note or 'dialect = "cmi87"' in note, note


@pytest.mark.parametrize("write", [latin, utf8_in_characters])
async def test_letters_on_a_link_of_ascii_are_named_with_what_takes_them(write: Writer) -> None:
    async with linked() as (link, _, peer):
        await peer.send_all(
            make_framing("length2", 8_000).frame(write(CMI87, {"t": "0210", "11": "000001", "39": "00", "44": "été"}))
        )
        with pytest.raises(DecodeError) as caught:
            await link.gets()
    (note,) = caught.value.__notes__
    assert "writes letters outside ASCII in DE44" in note
    assert note.endswith('(of this link: dialect="cmi87+latin-1")')
    Dialect.load("cmi87+latin-1")


async def test_a_link_of_another_dialect_than_its_listeners_is_told_where_nothing_comes() -> None:
    async with linked() as (link, _, peer):
        link.there = "cmi87b in tpdu"
        await peer.aclose()
        with pytest.raises(EOFError) as caught:
            await link.gets()
    assert caught.value.__notes__ == [
        "The link speaks cmi87 in length2; the listener speaks cmi87b in tpdu. Change: leave dialect and framing out."
    ]
