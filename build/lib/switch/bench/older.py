"""Starts a version of the switch that may know no `--ready`: `python -m switch.bench.older HOST:PORT COMMAND … --ready FILE`.

It is ready once something listens at HOST:PORT, and its links to hosts have had a moment to sign on.
"""

import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final

from switch.children import start
from switch.readiness import Ready, ReadyFile

SIGN_ON_S: Final = 1.0
LOOK_S: Final = 0.05


def main(arguments: list[str]) -> int:
    """Run the command to its end; its exit code."""
    address, *command, option, file = arguments
    assert option == "--ready", "the last option is who waits for this one"
    host, _, port = address.rpartition(":")
    process = start(command)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(LOOK_S)
        else:
            break
    if process.poll() is None:
        time.sleep(SIGN_ON_S)
        ReadyFile(Path(file)).write(Ready(sentence=f"Ready: {address}", listeners={"acquirers": address}))
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
