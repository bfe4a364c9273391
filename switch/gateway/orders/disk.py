"""The store, asked in a thread: what waits is done in one go, and flushed to the disk once.

In: methods of a store. Out: what they return or raise, once all that they wrote is durable. The one rule: nobody hears of what a
flush that failed would have kept. What only reads some rows by an index (`QUICK`) is asked at once, of a connection of its own,
which sees what is durable: a thread would cost several times as much. What may read many rows (`SLOW`) has a thread and a
connection of its own, so that a search holds up no payment.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, Final

import trio

from switch.gateway.orders.store import QUICK, SLOW, Store

_AT_ONCE: Final = 256


class _Call:
    """One method asked for, and what came of it."""

    __slots__ = ("done", "error", "method", "result")

    def __init__(self, method: Callable[[], Any]) -> None:
        self.method = method
        self.done = trio.Event()
        self.result: Any = None
        self.error: Exception | None = None


class Disk:
    """One store's thread. `run` serves it, and closes at its end what was opened here; what is asked before waits."""

    def __init__(self, store: Store) -> None:
        """Raises StoreError."""
        self._store = store
        with ExitStack() as opened:
            self._reader = opened.enter_context(closing(store.beside()))
            self._searcher = store.beside()
            opened.pop_all()
        self._searching = trio.CapacityLimiter(1)
        self._waiting: list[_Call] = []
        self._more = trio.Event()

    async def ask(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What `method` returns or raises. Cancelled, it may happen all the same."""
        if method.__name__ in QUICK:
            return getattr(self._reader, method.__name__)(*arguments, **named)
        if method.__name__ in SLOW:
            searching = partial(getattr(self._searcher, method.__name__), *arguments, **named)
            return await trio.to_thread.run_sync(searching, limiter=self._searching)
        call = _Call(lambda: method(*arguments, **named))
        self._waiting.append(call)
        self._more.set()
        await call.done.wait()
        if call.error is not None:
            raise call.error
        return call.result

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await self._serve()
        finally:
            self._reader.close()
            with trio.CancelScope(shield=True):
                async with self._searching:  # a search that goes on has its connection until it ends
                    self._searcher.close()

    async def _serve(self) -> None:
        while True:
            await self._more.wait()
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            if not self._waiting:
                self._more = trio.Event()
            await trio.to_thread.run_sync(self._do, batch)
            for call in batch:
                call.done.set()

    def _do(self, batch: list[_Call]) -> None:
        try:
            with self._store.together():
                for call in batch:
                    try:
                        call.result = call.method()
                    except Exception as error:  # its caller's, whatever it is
                        call.error = error
        except Exception as error:
            for call in batch:
                call.error = error
