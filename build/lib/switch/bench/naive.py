"""The baseline: the switch one writes first. `python -m switch.bench.naive --listen 127.0.0.1:9200 --issuer 127.0.0.1:9101`.

Plain pyiso8583 decode and encode, one Trio task a message, a memory channel a connection for what it has to send. It forwards
acquirers' requests to one issuer with a STAN of its own and answers come back to where they belong; no journal, no hop log, no
checks, no reversals. What a switch costs beyond that, or saves, is measured beside it.
"""

import math
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import click
import iso8583
import trio

from switch.bench.echo_issuer import address_of, ready_option, say_ready
from switch.wire import Dialect, Document

TIMEOUT_S: Final = 15
QUEUE_MESSAGES: Final = 10_000


class Naive:
    """One issuer, any number of acquirers, all of them cmi87 over 2-byte lengths."""

    def __init__(self, nursery: trio.Nursery, issuer: trio.SocketStream) -> None:
        self._nursery = nursery
        self._spec = Dialect.load("cmi87").spec
        self._issuer = issuer
        self._to_issuer, self._issuer_queue = trio.open_memory_channel[bytes](QUEUE_MESSAGES)
        self._waiting: dict[str, trio.MemorySendChannel[Document]] = {}
        self._stan = 0

    async def run_issuer(self) -> None:
        """Sign on, then hand answers to the tasks that wait for them."""
        self._nursery.start_soon(self._write, self._issuer, self._issuer_queue)
        sign_on = {"t": "0800", "7": "0101000000", "11": "000001", "32": "504000", "70": "001"}
        await self._to_issuer.send(self._encode(sign_on))
        async for message in _messages(self._issuer):
            answer, _ = iso8583.decode(message, self._spec)
            waiting = self._waiting.pop(answer["11"], None)
            if waiting is not None:
                await waiting.send(answer)

    async def serve_acquirer(self, stream: trio.SocketStream) -> None:
        """One acquirer's connection."""
        to_acquirer, queue = trio.open_memory_channel[bytes](QUEUE_MESSAGES)
        with suppress(trio.BrokenResourceError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, stream, queue)
                async for message in _messages(stream):
                    nursery.start_soon(self._handle, message, to_acquirer)
                nursery.cancel_scope.cancel()

    async def _handle(self, message: bytes, to_acquirer: trio.MemorySendChannel[bytes]) -> None:
        request, _ = iso8583.decode(message, self._spec)
        if request["t"] == "0800":
            await to_acquirer.send(self._encode(request | {"t": "0810", "39": "00"}))
            return
        self._stan = self._stan % 999_999 + 1
        stan = f"{self._stan:06d}"
        answers, answered = trio.open_memory_channel[Document](1)
        self._waiting[stan] = answers
        await self._to_issuer.send(self._encode(request | {"11": stan}))
        answer = None
        with trio.move_on_after(TIMEOUT_S):
            answer = await answered.receive()
        if answer is None:
            self._waiting.pop(stan, None)
            answer = {de: v for de, v in request.items() if de not in ("35", "52", "55")} | {"t": "0210", "39": "91"}
        await to_acquirer.send(self._encode(answer | {"11": request["11"]}))

    def _encode(self, document: Document) -> bytes:
        message, _ = iso8583.encode(document, self._spec)
        return len(message).to_bytes(2, "big") + bytes(message)

    async def _write(self, stream: trio.SocketStream, queue: trio.MemoryReceiveChannel[bytes]) -> None:
        async for data in queue:
            await stream.send_all(data)


async def _messages(stream: trio.SocketStream) -> AsyncIterator[bytes]:
    buffer = bytearray()
    async for data in stream:
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= 2 + (size := int.from_bytes(buffer[:2], "big")):
            yield bytes(buffer[2 : 2 + size])
            del buffer[: 2 + size]


async def serve(listen: tuple[str, int], issuer: tuple[str, int], ready_path: Path | None) -> None:
    """Run until cancelled. OSError: nothing listens at `issuer`, or `listen` is taken."""
    async with trio.open_nursery() as nursery:
        naive = Naive(nursery, await trio.open_tcp_stream(*issuer))
        nursery.start_soon(naive.run_issuer)
        listeners = await nursery.start(partial(trio.serve_tcp, naive.serve_acquirer, listen[1], host=listen[0]))
        host, port = listeners[0].socket.getsockname()[:2]
        say_ready(ready_path, (host, port))
        await trio.sleep(math.inf)


@click.command()
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, help="Where acquirers connect; port 0: any free one."
)
@click.option("--issuer", required=True, help="Address of the issuer's host.")
@ready_option
def main(listen: str, issuer: str, ready_path: Path | None) -> None:
    """A switch that forwards, and nothing else."""
    with suppress(KeyboardInterrupt):
        trio.run(serve, address_of(listen), address_of(issuer), ready_path)


if __name__ == "__main__":
    main()
