"""The hop log: structlog events on their way to a file, a terminal or a pipe.

A driver gives hops and log events as they happen and calls `flush` at the end of a batch or every few ms. Between the
two, an event costs a list append; at `flush` all that waits goes through the chain, is encoded in one call and leaves in
one write. The chain is structlog's: a processor is any `(logger, method_name, event_dict) -> event_dict` and may change, add
to or drop (`structlog.DropEvent`) an event. The shipped chain is empty but for its end, msgspec's JSON encoder;
`docs/hop-log.md` shows how to add to it.

The rule: the switch never waits for its log. What a full disk or a slow reader does not take is kept up to a bound, then
new lines are dropped, counted and said so: on stderr when it begins, in the log itself when it is over.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

import msgspec
import structlog
from structlog.typing import EventDict, Processor

from switch.core.party import Hop, Log
from switch.money.currency import CURRENCIES
from switch.observe.lines import HopLine
from switch.observe.output import FileOutput, Output, StreamOutput
from switch.wire.printable import printable

BATCH_EVENTS: Final = 4_096
"""waiting events that make `hop` and `log` flush by themselves"""

_Waiting: TypeAlias = tuple[Hop | Log, int, int]
"""event, monotonic ns, wall-clock ns"""

_ALPHA: Final = {numeric: currency.alpha for numeric, currency in CURRENCIES.items()}


class _EventLogger(structlog.BoundLoggerBase):
    """structlog's bound logger, over a batch: an event dict is made once and goes through the chain; what comes out is returned.

    Without processors a hop stays the `HopLine` it was made as, which encodes to the same bytes at two thirds of the cost.
    """

    _second = -1
    _prefix = ""
    _stamped_ns = -1
    _stamp = ""

    def stamp(self, wall_ns: int) -> str:
        """ISO 8601, UTC, µs. The events of a batch mostly share one time, those of a second its first twenty characters."""
        if wall_ns != self._stamped_ns:
            second, ns = divmod(wall_ns, 1_000_000_000)
            if second != self._second:
                self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._stamped_ns, self._stamp = wall_ns, f"{self._prefix}{ns // 1000:06d}Z"
        return self._stamp

    def events(self, batch: Sequence[_Waiting], failed: Callable[[Exception], None]) -> list[Any]:
        """What is to be written of `batch`, in order: dicts, `HopLine`s, or what the last processor made of them.

        An event that a processor drops is left out; one that makes a processor raise is left out and `failed` is told.
        """
        out: list[Any] = []
        append, alpha, chain = out.append, _ALPHA.get, self._processors
        stamped_ns, at = -1, ""
        for event, at_ns, wall_ns in batch:
            if wall_ns != stamped_ns:
                stamped_ns, at = wall_ns, self.stamp(wall_ns)
            if type(event) is Hop:
                kind, currency = event.event, event.currency
                line = HopLine(
                    at=at, event=kind, txn=f"{event.txn:x}", link=event.link, direction=kind[4:], mti=event.mti, stan=event.stan,
                    rrn=event.rrn, pan=event.pan, amount=event.amount, currency=alpha(currency, currency), route=event.route,
                    de39=event.de39, elapsed_us=(at_ns - event.first_ns) // 1000, cost=event.cost,
                )  # fmt: skip
                if event.note:
                    line.note = event.note  # apart: from the sixteenth keyword on, msgspec takes four times as long
                if not chain:
                    append(line)
                    continue
                method, fields = "info", msgspec.structs.asdict(line)
            else:
                assert isinstance(event, Log)
                method, fields = event.level, _log_dict(event, at)
            try:
                append(self._through(method, fields))
            except structlog.DropEvent:
                continue
            except Exception as error:  # a processor is the user's code; the switch goes on without the event
                failed(error)
        return out

    def _through(self, method: str, event_dict: EventDict) -> Any:
        event: Any = event_dict
        for processor in self._processors:
            event = processor(self._logger, method, event)
        return event if isinstance(event, dict) else _rendered(event)


def _rendered(event: Any) -> msgspec.Raw | dict[str, Any]:
    """What a chain made that ends in a renderer of its own (JSONRenderer, KeyValueRenderer …): the line as it stands."""
    if isinstance(event, str | bytes | bytearray):
        return msgspec.Raw(event.encode(errors="backslashreplace") if isinstance(event, str) else bytes(event))
    return dict(event)


def _log_dict(event: Log, at: str) -> dict[str, Any]:
    """`at`, `event`, `level`, then the fields; one that has such a name itself gets a `_` behind it."""
    line: dict[str, Any] = {"at": at, "event": event.event, "level": event.level}
    for key, value in event.fields.items():
        line[key + "_" if key in ("at", "event", "level") else key] = value
    return line


class HopLog:
    """A hop log. `hop`, `log` and `flush` are a driver's sinks (`switch.server.driver.Sinks`)."""

    def __init__(
        self,
        target: str | Path | TextIO,
        *,
        pretty: bool = False,
        processors: Sequence[Processor] = (),
        file_bytes_max: int = 67_108_864,
        files_max: int = 8,
        days_max: int = 0,
        waiting_bytes_max: int = 8_388_608,
        compress: bool = False,
        errors: TextIO | None = None,
    ) -> None:
        """Write to `target`: a file (appended to; its directory is made) or an open stream, which stays the caller's.

        `pretty`: text for people instead of JSON, coloured on a terminal. `processors`: structlog's, before the encoder. A
        file that reaches `file_bytes_max` becomes FILE.1, FILE.1 becomes FILE.2 …; at most `files_max` are kept, none turned
        over longer than `days_max` days ago (0: however old). `compress`: FILE.1 … become FILE.1.gz ….
        `waiting_bytes_max`: what may wait for a full disk or a slow reader. `errors`: where trouble with the log is told,
        stderr unless given. Raises OSError: the file cannot be opened.
        """
        errors = errors or sys.stderr
        self._errors = errors
        if isinstance(target, str | Path):
            self._output: Output = FileOutput(
                Path(target), file_bytes_max, files_max, waiting_bytes_max, days_max, compress=compress
            )
        else:
            self._output = StreamOutput(target.fileno(), waiting_bytes_max)
        self._pretty = pretty
        colours = not isinstance(target, str | Path) and target.isatty()
        chain = (*processors, *_pretty_chain(colours)) if pretty else tuple(processors)
        self._logger = _EventLogger(None, chain, {})
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._waiting: list[_Waiting] = []
        self._failed = 0
        self._in_trouble = False

    def retain(self, file_bytes_max: int, files_max: int, days_max: int, *, compress: bool = False) -> None:
        """From now on keep so much, as for `__init__`. A stream keeps nothing."""
        if isinstance(self._output, FileOutput):
            self._output.retain(file_bytes_max, files_max, days_max, compress=compress)

    def reopen(self) -> None:
        """What has been given is in the file that was; go on in the one at the path, for who has renamed it."""
        self.flush()
        if isinstance(self._output, FileOutput):
            self._output.reopen()

    @property
    def dropped(self) -> int:
        """Lines that are in no file: no room, or a processor that raised."""
        return self._output.dropped + self._failed

    def hop(self, hop: Hop, at_ns: int, wall_ns: int) -> None:
        """One hop, at `at_ns` of the monotonic clock that `hop.first_ns` is of, and at `wall_ns` of the wall clock."""
        waiting = self._waiting
        waiting.append((hop, at_ns, wall_ns))
        if len(waiting) >= BATCH_EVENTS:
            self.flush()

    def log(self, event: Log, wall_ns: int) -> None:
        """Any other event, at `wall_ns` of the wall clock."""
        self._waiting.append((event, 0, wall_ns))
        if len(self._waiting) >= BATCH_EVENTS:
            self.flush()

    def flush(self) -> None:
        """Write all that waits, as far as it can be written without waiting. Never raises OSError."""
        batch, self._waiting = self._waiting, []
        if batch:
            events = self._logger.events(batch, self._processor_failed)
            self._output.write(self._lines(events), len(events))
        else:
            self._output.write(b"", 0)
        if self._in_trouble or self._output.trouble:
            self._tell(batch[-1][2] if batch else 0)

    def close(self) -> None:
        """Flush, and close the file. What cannot be written even now is counted in `dropped`."""
        self.flush()
        self._output.close()

    def _lines(self, events: list[Any]) -> bytes:
        if self._pretty:
            return b"".join(bytes(event) + b"\n" for event in events)
        try:
            return self._encoder.encode_lines(events)
        except (TypeError, ValueError, RecursionError):
            return b"".join(self._one_line(event) for event in events)

    def _one_line(self, event: Any) -> bytes:
        """A line for an event of which JSON cannot hold some value: that value as Python shows it."""
        try:
            return self._encoder.encode(event) + b"\n"
        except (TypeError, ValueError, RecursionError):
            fields = event if isinstance(event, dict) else msgspec.structs.asdict(event)
            return self._encoder.encode({_plain(str(k)): _plain(v) for k, v in fields.items()}) + b"\n"

    def _processor_failed(self, error: Exception) -> None:
        self._failed += 1
        if self._failed == 1:
            self._say(
                "hoplog.processor_failed", reason=repr(error), hint="events that make a processor raise are left out"
            )

    def _tell(self, wall_ns: int) -> None:
        """Trouble begins: to stderr, once. It is over: into the log, with what it cost."""
        trouble = self._output.trouble
        if trouble and not self._in_trouble:
            self._in_trouble = True
            self._say(
                "hoplog.blocked", reason=trouble, hint="lines wait in memory, then are dropped; the switch goes on"
            )
        elif not trouble and self._in_trouble:
            self._in_trouble = False
            self.log(Log("warning", "hoplog.resumed", {"dropped_lines": self.dropped}), wall_ns or time.time_ns())

    def _say(self, event: str, **fields: str) -> None:
        line = self._encoder.encode({"event": event, "level": "error", **fields}).decode()
        with contextlib.suppress(OSError, ValueError):  # stderr is gone too: nowhere is left to say it
            print(line, file=self._errors, flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, int):
        return value
    return value.encode("ascii", "backslashreplace").decode() if isinstance(value, str) else ascii(value)


def _pretty_chain(colours: bool) -> tuple[Processor, ...]:
    from structlog.dev import ConsoleRenderer  # noqa: PLC0415 - imports rich: only where someone is looking

    renderer = ConsoleRenderer(colors=colours, timestamp_key="at", sort_keys=False, pad_event_to=14)
    return _without_empty, _without_controls, renderer


def _without_empty(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Leave out what says nothing to a reader: empty keys, costs of 0, and `direction`, which `event` says."""
    return {k: v for k, v in event.items() if k == "elapsed_us" or (v not in ("", 0) and k != "direction")}


def _without_controls(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What strangers said is shown, never obeyed."""
    return {printable(k): printable(v) if isinstance(v, str) else v for k, v in event.items()}
