"""One transaction's lines, out of all files of a hop log.

In: a log's path, a transaction. Out: its hops, and other events that name it, in order. A transaction is called after the
moment it came (µs since 1970), and lines stand in their order: what was written before is not looked at, and the rest is
searched as bytes.
"""

import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from switch.observe.follow import Follower
from switch.observe.lines import HopLine, LineError, read_event, read_hop, second_of
from switch.observe.packed import DamagedLogError, log_files, open_older

EARLIER_S: Final = 5
"""lines are hardly out of order; clocks are set back by no more"""
_AT: Final = b'{"at":"'
_LEAST: Final = 65_536
"""bytes between two places that are not told apart by time"""


def read_transaction(
    path: Path, txn: str, damaged: Callable[[DamagedLogError], None] | None = None
) -> tuple[list[HopLine], list[dict[str, Any]]]:
    """`txn`: hexadecimal, as in the log. `damaged`: is told of each older file that is, and left out. Raises OSError: a file
    cannot be read; where nobody is to be told, also a damaged one."""
    hops: list[HopLine] = []
    events: list[dict[str, Any]] = []
    for line in _lines(path, txn, damaged):
        try:
            hop = read_hop(line)
            if hop is None:
                event = read_event(line)
                if txn in (event.get("txn"), event.get("original")):
                    events.append(event)
            elif hop.txn == txn:
                hops.append(hop)
        except LineError:
            continue
    return hops, events


def read_reference(path: Path, rrn: str) -> dict[str, tuple[list[HopLine], list[dict[str, Any]]]]:
    """The same of all transactions with this DE37: a payment's own, its completion's, its reversal's. Reads the whole log."""
    found: dict[str, tuple[list[HopLine], list[dict[str, Any]]]] = {}
    events: list[dict[str, Any]] = []
    follower = Follower(path, older=True)
    try:
        while lines := follower.poll():
            for line in lines:
                try:
                    hop = read_hop(line)
                    if hop is None:
                        events.append(read_event(line))
                    elif hop.rrn == rrn:
                        found.setdefault(hop.txn, ([], []))[0].append(hop)
                except LineError:
                    continue
    finally:
        follower.close()
    for txn, (_, named) in found.items():
        named += [event for event in events if "txn" in event and txn in (event["txn"], event.get("original"))]
    return found


def _lines(path: Path, txn: str, damaged: Callable[[DamagedLogError], None] | None) -> Iterator[bytes]:
    """Those in which it is called by its name."""
    needle = f'"{txn}"'.encode()
    since = int(txn, 16) // 1_000_000 - EARLIER_S
    for file in log_files(path):
        try:
            if file.stat().st_mtime < since:
                continue
        except FileNotFoundError:
            continue  # turned over meanwhile: it is the next one, or gone
        fd = open_older(file, damaged)
        if fd < 0:
            continue
        try:
            found = os.fstat(fd)
            if found.st_size:
                with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data:
                    yield from _named(data, needle, _first_at(data, since))
        finally:
            os.close(fd)


def _named(data: mmap.mmap, needle: bytes, begin: int) -> Iterator[bytes]:
    at = data.find(needle, begin)
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        if end < 0:
            return  # a line that is still being written
        yield data[start:end]
        at = data.find(needle, end)


def _first_at(data: mmap.mmap, since: int) -> int:
    """Where the first line of second `since` may stand, or one before it."""
    low, high = 0, len(data)
    while high - low > _LEAST:
        middle = (low + high) // 2
        start = data.find(_AT, middle, high)
        if start < 0 or second_of(data[start + 7 : start + 26].decode("ascii", "replace")) >= since:
            high = middle
        else:
            low = start
    return low
