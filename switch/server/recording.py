"""The capture that a network asks for, turned on and off while its switch runs.

In: the network, and whatever passes on the links of a driver. Out: a pcapng file, masked (`switch.capture.recorder`).
"""

import time
from collections.abc import Callable
from pathlib import Path

from switch.capture.recorder import Recorder, recording, voices_of
from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.core.party import Log
from switch.server.driver import Driver
from switch.server.serving import dialects_of


class Recording:
    """The capture that a network asks for; on and off while its switch runs."""

    def __init__(self, network: Network, log: Callable[[Log, int], None]) -> None:
        """Opens the file at once where the network says so. Raises Unable: it cannot be written."""
        self._network = network
        self._log: Callable[[Log], None] = lambda event: log(event, time.time_ns())
        self._driver: Driver | None = None
        self._recorder: Recorder | None = None
        if network.capture is not None and network.capture.from_start:
            self._begin()

    def attach(self, driver: Driver) -> None:
        """Look at what passes on the links of `driver`, now and whenever it is turned on."""
        self._driver = driver
        self._log = driver.tell
        driver.show_to(self._recorder)

    def follow(self, network: Network) -> str:
        """Another network file holds: a capture that it says the same of goes on in its file, links that are new among its own;
        another one begins in a new file. Why it cannot; "": it does."""
        if self._recorder is not None and network.capture == self._network.capture:
            self._network = network
            self._recorder.learn(voices_of(network, dialects_of(network)))
            return ""
        recorded, asked_before = self._recorder is not None, self._network.capture is not None
        self.end()
        self._network = network
        asked = network.capture
        if asked is not None and (recorded or (asked.from_start and not asked_before)):
            return self.turn()
        return ""

    def turn(self) -> str:
        """Begin where nothing is recorded, end where something is. What goes wrong is logged, and returned."""
        if self._recorder is not None:
            self.end()
            return ""
        if self._network.capture is None:
            failed = "nothing says where to record"
            hint = "give the network file a [capture] section, and reload it"
            self._log(Log("warning", "capture.failed", {"reason": failed, "hint": hint}))
            return failed
        failed = ""
        try:
            self._begin()
        except Unable as error:
            failed = str(error)
            self._log(Log("error", "capture.failed", {"reason": failed, "hint": error.hint}))
        if self._driver is not None:
            self._driver.show_to(self._recorder)
        return failed

    def end(self) -> None:
        """Write what waits and close the file."""
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            if self._driver is not None:
                self._driver.show_to(None)
            recorder.close(time.time_ns())
            if not recorder.stopped:
                self._log(Log("info", "capture.ended", {"packets": recorder.packets}))

    def _say(self, event: Log) -> None:
        self._log(event)  # to whom changes once there is a driver

    def _begin(self) -> None:
        asked = self._network.capture
        assert asked is not None
        try:
            self._recorder = recording(
                Path(asked.file), self._network, dialects_of(self._network),
                self._say, asked.clear_cards, asked.file_bytes, asked.files,
            )  # fmt: skip
        except OSError as error:
            raise Unable(
                f"the capture {asked.file} cannot be written: {error.strerror}",
                "name another file with --capture, or in [capture] of the network file",
                code=ErrorCode.CAPTURE_FILE,
            ) from None
