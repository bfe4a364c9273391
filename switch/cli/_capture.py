"""What the commands about captures share."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.capture.recorder import Recorder
    from switch.capture.talks import Talk
    from switch.core.network import Address, Network
    from switch.core.party import Log
    from switch.server.driver import Driver


class Recording:
    """The capture that a network asks for; on and off while its switch runs."""

    def __init__(self, network: "Network", log: "Callable[[Log, int], None]") -> None:
        """Opens the file at once where the network says so. ClickException: it cannot be written."""
        self._network = network
        self._log: Callable[[Log], None] = lambda event: log(event, time.time_ns())
        self._driver: Driver | None = None
        self._recorder: Recorder | None = None
        if network.capture is not None and network.capture.from_start:
            self._begin()

    def shows(self, driver: "Driver") -> None:
        """Look at what passes on the links of `driver`, now and whenever it is turned on."""
        self._driver = driver
        self._log = driver.tell
        driver.show_to(self._recorder)

    def follow(self, network: "Network") -> None:
        """Another network file holds: what is being recorded goes on as the new one says, in a new file."""
        recorded, asked_before = self._recorder is not None, self._network.capture is not None
        self.end()
        self._network = network
        asked = network.capture
        if asked is not None and (recorded or (asked.from_start and not asked_before)):
            self.turn()

    def turn(self) -> None:
        """Begin where nothing is recorded, end where something is. What goes wrong is logged."""
        from switch.core.party import Log

        if self._recorder is not None:
            self.end()
            return
        if self._network.capture is None:
            self._log(Log("warning", "capture.failed", {
                "reason": "nothing says where to record", "hint": "give the network file a [capture] section, and reload it",
            }))  # fmt: skip
            return
        try:
            self._begin()
        except click.ClickException as error:
            self._log(Log("error", "capture.failed", {"reason": error.message}))
        if self._driver is not None:
            self._driver.show_to(self._recorder)

    def end(self) -> None:
        """Write what waits and close the file."""
        from switch.core.party import Log

        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            if self._driver is not None:
                self._driver.show_to(None)
            recorder.close(time.time_ns())
            if not recorder.stopped:
                self._log(Log("info", "capture.ended", {"packets": recorder.packets}))

    def _say(self, event: "Log") -> None:
        self._log(event)  # to whom changes once there is a driver

    def _begin(self) -> None:
        from switch.capture.recorder import recording
        from switch.server.serving import dialects_of

        asked = self._network.capture
        assert asked is not None
        try:
            self._recorder = recording(
                Path(asked.file), self._network, dialects_of(self._network),
                self._say, asked.clear_cards, asked.file_bytes, asked.files,
            )  # fmt: skip
        except OSError as error:
            raise click.ClickException(f"the capture {asked.file} cannot be written: {error.strerror}") from None


def clear_prefixes(given: tuple[str, ...]) -> tuple[str, ...]:
    """Prefixes of test cards as options give them. UsageError: one names more than test cards."""
    from switch.capture.masking import CLEAR_PREFIX_MIN

    prefixes = tuple(prefix.replace(" ", "") for prefix in given)
    for prefix in prefixes:
        if not (prefix.isascii() and prefix.isdecimal() and len(prefix) >= CLEAR_PREFIX_MIN):
            raise click.UsageError(
                f"{prefix!r} names no test cards: at least the first {CLEAR_PREFIX_MIN} digits of a PAN"
            )
    return prefixes


def talks_of(file: Path, dialect: str | None, framing: str | None, port: int | None) -> "list[Talk]":
    """The talks in a capture file, as options say how they speak. ClickException with what to do."""
    from switch.capture.pcapng import CaptureError
    from switch.capture.talks import Known, load
    from switch.wire import Dialect, DialectError
    from switch.wire.framing import FRAMINGS

    if framing is not None and framing not in FRAMINGS:
        raise click.UsageError(f"no framing is called {framing!r}; there are {', '.join(FRAMINGS)}")
    try:
        known = Known(Dialect.load(dialect) if dialect else None, framing or "", port or 0)
        return load(file, known)
    except DialectError as error:
        raise click.UsageError(str(error)) from None
    except CaptureError as error:
        raise click.ClickException(str(error)) from None


def address_of(text: str) -> "Address":
    """`127.0.0.1:8583`, or `:8583` for this machine. UsageError: it is none."""
    from switch.core.network import Address

    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise click.UsageError(f"{text!r} is no address: expected HOST:PORT, such as 127.0.0.1:8583")
    return Address(host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port))
