"""Child processes of a command that runs several: each a `cmi-switch` command with its output in a file of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from switch.children import start


class ChildError(Exception):
    """A child that did not come up or went too early; the message has its last words."""


class Child:
    """One `cmi-switch` command in a process of its own."""

    def __init__(self, name: str, arguments: list[str], output: Path) -> None:
        """Start it; stdout and stderr go to `output`.

        It is in a session of its own, so that Ctrl-C reaches only the parent, and is killed when the parent ends.
        """
        self.name = name
        self.output = output
        with output.open("wb") as file:
            self._process = start(
                [sys.executable, "-m", "switch.cli.main", *arguments],
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def running(self) -> bool:
        """True while it has not ended."""
        return self._process.poll() is None

    def text(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    def ready(self, seconds: float = 30.0) -> str:
        """Wait for its Ready: line and return it. Raises ChildError."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for line in self.text().splitlines():
                if line.startswith("Ready:"):
                    return line
            if not self.running():
                raise self.failed("ended before it was ready")
            time.sleep(0.02)
        raise self.failed(f"was not ready within {seconds:g} s")

    def failed(self, what: str) -> ChildError:
        """The error to raise, with the end of its output."""
        last = "\n  ".join(self.text().strip().splitlines()[-8:]) or "(nothing)"
        return ChildError(f"{self.name} {what}; it printed:\n  {last}\n  (all of it: {self.output})")

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM, and wait; killed after `seconds`. Returns its exit code."""
        if self.running():
            self._process.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """Wait for its end; killed after `seconds`. Returns its exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL. Returns its exit code."""
        self._process.kill()
        return self._process.wait()
