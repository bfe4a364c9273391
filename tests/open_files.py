"""What this process holds open."""

import os
from contextlib import suppress
from pathlib import Path

_OPEN = Path("/proc/self/fd")


def open_below(directory: Path) -> list[str]:
    """Names of files below `directory` that are open here, each as often as it is."""
    found = []
    for descriptor in os.listdir(_OPEN):
        with suppress(OSError):  # that of the listing itself
            path = Path(os.readlink(_OPEN / descriptor))
            if path.is_relative_to(directory):
                found.append(path.name)
    return sorted(found)
