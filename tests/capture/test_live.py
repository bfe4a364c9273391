"""Replays over sockets, and the tap between them; the host is a server replaying the other side of the same capture."""

from functools import partial
from pathlib import Path

import msgspec
import trio

from switch.capture.live import replay_at, replay_to
from switch.capture.pcapng import Writer
from switch.capture.recorder import Recorder, Voice
from switch.capture.replay import Report
from switch.capture.talks import Known, Said, load
from switch.capture.tap import Tap, run
from switch.core.network import Address
from tests.capture.test_replay import CMI87, DAY, PLAN, answer, talk

ANYWHERE = Address("127.0.0.1", 0)


async def hosting(nursery: trio.Nursery, of: object, plan: object = PLAN) -> tuple[Address, dict[str, Report]]:
    """A server that plays a talk; where it listens, and its report once it is over."""
    there: list[Address] = []
    reports: dict[str, Report] = {}

    async def host() -> None:
        reports["host"] = await replay_at(ANYWHERE, [of], plan, there.append)  # type: ignore[list-item, arg-type]

    nursery.start_soon(host)
    while not there:
        await trio.lowlevel.checkpoint()
    return there[0], reports


async def test_both_sides_of_a_capture_find_each_other_as_captured() -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            address, reports = await hosting(nursery, DAY)
            report = await replay_to(address, [DAY], PLAN)
    assert str(report) == "4 of 4 as captured"
    assert str(reports["host"]) == "4 of 4 as captured"


async def test_a_host_that_hangs_up_is_said_in_every_case_that_was_to_come() -> None:
    async def hangs_up(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.aclose()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, hangs_up, 0, host="127.0.0.1"))
            address = Address("127.0.0.1", listener.socket.getsockname()[1])
            report = await replay_to(address, [DAY], PLAN)
            nursery.cancel_scope.cancel()
    assert len(report.different) == 4
    assert "found the host closed the connection" in str(report) or "found the connection broke" in str(report)
    assert "not asked: " in str(report)


async def test_a_host_of_another_framing_ends_the_replay_with_the_reason() -> None:
    async def web(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    of = msgspec.structs.replace(DAY, framing="ascii4")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, web, 0, host="127.0.0.1"))
            report = await replay_to(Address("127.0.0.1", listener.socket.getsockname()[1]), [of], PLAN)
            nursery.cancel_scope.cancel()
    assert "is the peer speaking HTTP?" in str(report)


async def test_a_message_that_does_not_fit_the_framing_is_said_and_the_others_are_sent() -> None:
    first, *others = DAY.said
    of = msgspec.structs.replace(DAY, framing="stxetx", said=[first._replace(data=b"0800\x03", wrong="odd"), *others])
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            address, _ = await hosting(nursery, msgspec.structs.replace(DAY, framing="stxetx"))
            report = await replay_to(address, [of], PLAN)
            nursery.cancel_scope.cancel()
    assert "not sent: a message of a byte 03 at 4 does not fit stxetx framing: it is for dialects of text" in str(
        report
    )


async def tapped(
    upstream: Address, nursery: trio.Nursery, recorder: Recorder | None = None, framing: str = "length2"
) -> tuple[Address, list[tuple[str, Said, int]], list[str]]:
    shown: list[tuple[str, Said, int]] = []
    spoken: list[str] = []
    there: list[Address] = []
    tap = Tap(
        upstream=upstream, dialect=CMI87, framing=framing, recorder=recorder,
        show=lambda link, message, took: shown.append((link, message, took)), say=lambda _, text: spoken.append(text),
    )  # fmt: skip
    nursery.start_soon(run, tap, ANYWHERE, there.append)
    while not there:
        await trio.lowlevel.checkpoint()
    return there[0], shown, spoken


async def test_a_tap_changes_nothing_shows_all_pairs_answers_and_records_masked(tmp_path: Path) -> None:
    logs: list[object] = []
    path = tmp_path / "tap.pcapng"
    recorder = Recorder(
        Writer(path),
        {"tap": Voice(dialect=CMI87, framing="length2", about="dialect=cmi87 framing=length2")},
        logs.append,
    )
    with trio.fail_after(20):
        async with trio.open_nursery() as outer:
            address, _ = await hosting(outer, DAY)
            async with trio.open_nursery() as nursery:
                at, shown, spoken = await tapped(address, nursery, recorder)
                report = await replay_to(at, [DAY], PLAN)
                while "closed" not in spoken:  # noqa: ASYNC110
                    await trio.sleep(0.001)
                nursery.cancel_scope.cancel()
    recorder.close(0)
    assert str(report) == "4 of 4 as captured"
    assert [m.mti for _, m, _ in shown] == ["0800", "0810", "0200", "0210", "0200", "0210", "0420", "0430"]
    assert [took >= 0 for _, _, took in shown] == [False, True] * 4
    (recorded,) = load(path, Known())
    assert [m.mti for m in recorded.said] == [m.mti for _, m, _ in shown]
    assert [m.from_client for m in recorded.said] == [True, False] * 4


async def test_a_tap_passes_on_what_it_cannot_read_and_the_end_of_a_stream() -> None:
    async def echo(stream: trio.SocketStream) -> None:
        async for data in stream:
            await stream.send_all(bytes(data).upper())

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, echo, 0, host="127.0.0.1"))
            upstream = Address("127.0.0.1", listener.socket.getsockname()[1])
            at, shown, spoken = await tapped(upstream, nursery, framing="ascii4")
            async with await trio.open_tcp_stream(at.host, at.port) as stream:
                await stream.send_all(b"get / http")
                await stream.send_eof()
                heard = b"".join([bytes(data) async for data in stream])
            nursery.cancel_scope.cancel()
    assert heard == b"GET / HTTP"
    assert shown == []
    assert any("it passes unread from here" in text for text in spoken)


async def test_a_tap_whose_upstream_is_not_there_turns_clients_away_and_says_so() -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            at, _, spoken = await tapped(Address("127.0.0.1", 1), nursery)
            async with await trio.open_tcp_stream(at.host, at.port) as stream:
                assert await stream.receive_some() == b""
            nursery.cancel_scope.cancel()
    assert "turned away: 127.0.0.1:1 cannot be reached" in spoken[0]


def test_a_talk_has_an_answer_for_every_request() -> None:
    assert answer({"t": "0200", "11": "000001"})["t"] == "0210"
    assert talk((True, {"t": "0800", "11": "000001"})).said[0].mti == "0800"
