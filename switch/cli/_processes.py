"""Child processes of a command that runs several: each a `cmi-switch` command with its output in a file of its own."""

import signal
import subprocess
import sys
from pathlib import Path

from switch.children import start
from switch.readiness import NotReadyError, Ready, wait_ready

_ANNOUNCING = (
    "edge",
    "security",
    "serve",
    "issuer",
    "network",
    "terminal",
    "tap",
    "replay",
    "doctor",
    "gateway",
    "console",
    "metrics",
    "shop",
    "threeds",
)
"""commands with `--ready`"""


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
        self._ready_file = output.with_name(f"{output.name}.ready.json")
        with output.open("wb") as file:
            self._process = start(
                self._command(arguments),
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _command(self, arguments: list[str]) -> list[str]:
        ready = ["--ready", str(self._ready_file)] if arguments[0] in _ANNOUNCING else []
        return [sys.executable, "-m", "switch.cli.main", *arguments, *ready]

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

    def ready(self, seconds: float = 30.0) -> Ready:
        """Wait until others can connect to it; what it says then. Raises ChildError."""
        try:
            return wait_ready(self._ready_file, self._process, seconds)
        except NotReadyError as error:
            raise self.failed(str(error)) from None

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
