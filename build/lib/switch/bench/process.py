"""What a process and its children have used: CPU in µs, memory in bytes, from /proc."""

import os
from pathlib import Path

import msgspec

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Usage(msgspec.Struct, frozen=True):
    """Of a whole tree, at one moment."""

    cpu_ns: int
    """user and system, since each process began"""
    rss_bytes: int
    """resident; pages that processes share count once for each"""
    processes: int


def tree(pid: int) -> list[int]:
    """`pid` and its descendants that live now. ProcessLookupError: there is no such process."""
    if not Path(f"/proc/{pid}").exists():
        raise ProcessLookupError(f"no process {pid}")
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(_stat(int(entry))[1])
            except (OSError, IndexError):
                continue
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def usage(pid: int) -> Usage:
    """CPU and memory of the tree under `pid`. A child that ended takes its share with it. ProcessLookupError: no such process."""
    cpu_ns = rss_bytes = 0
    family = tree(pid)
    for member in family:
        try:
            cpu_ns += _cpu_ns(member)
            rss_bytes += int(Path(f"/proc/{member}/statm").read_text().split()[1]) * _PAGE_BYTES
        except OSError:
            continue
    return Usage(cpu_ns, rss_bytes, len(family))


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on (the name before it may hold anything)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu_ns(pid: int) -> int:
    """From the scheduler, to the ns, of living threads; where the kernel keeps no such figures, from ticks of 10 ms."""
    tasks = Path(f"/proc/{pid}/task")
    try:
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir())
    except (OSError, IndexError):
        fields = _stat(pid)
        return (int(fields[11]) + int(fields[12])) * _TICK_NS
