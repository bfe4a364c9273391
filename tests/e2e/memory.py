"""What is in the memory of a process that runs, and whether others could read it."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

POWERLESS = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
"""before a command: as its user, and nothing more, be that root"""


def found_in_memory(pid: int, secrets: Iterable[bytes]) -> set[bytes]:
    """Which of these are in the writable memory of a process. Raises PermissionError: it is not this user's to read."""
    sought, found = set(secrets), set[bytes]()
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span = re.match(r"(\w+)-(\w+) rw", line)
            if span and "[vvar]" not in line:
                begin, end = (int(at, 16) for at in span.groups())
                memory.seek(begin)
                try:
                    data = memory.read(end - begin)
                except OSError:  # gone meanwhile, or a device's
                    continue
                found |= {secret for secret in sought if secret in data}
    return found


def children_of(pid: int) -> dict[int, str]:
    """Their command lines."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in listed}


def dumps_core(pid: int) -> bool:
    """True if a file of its memory may be written when it dies."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return [line.split()[4:6] for line in limits if line.startswith("Max core file size")] != [["0", "0"]]


def others_may_read(pid: int) -> bool:
    """True if another process of its user reads what is its own. Both are started `POWERLESS`: else root's powers decide."""
    command = [*POWERLESS, "head", "-c1", f"/proc/{pid}/environ"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
