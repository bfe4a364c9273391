"""Where a switch's control socket is, and how its address is said. No trio here: the command line imports it, too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOCKET: Final = "control.sock"
"""its name in the state directory"""
ADDRESS_BYTES_MAX: Final = 107
"""the kernel's bound of a Unix socket's address (108 with its final zero)"""
LINE_BYTES_MAX: Final = 65_536
"""of one command, with its newline"""


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address for `bind` or `connect` that reaches `path`, also where its own text is too long for one.

    Raises OSError where the directory is not there.
    """
    text = str(path)
    if len(os.fsencode(text)) <= ADDRESS_BYTES_MAX:
        yield text
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
