"""Free ports of this machine, below those that the system gives to connections by itself: none is gone before it is listened on,
nor while whoever it belongs to is dead."""

import os
import re
import socket
from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path
from random import SystemRandom
from typing import Final

_FIRST: Final = 10_000
_LEFT_LEAST: Final = 2_048
"""ports between the first of ours and the first of the system's; with fewer, parts of them would be too small to find any in"""
_USUALLY_GIVEN_FROM: Final = 32_768
"""Linux's own setting (ip-sysctl.rst)"""
_PORT: Final = re.compile(r'(?<="127\.0\.0\.1:)\d+(?=")')
PORTS: Final = "CMI_SWITCH_PORTS"
"""an environment variable: `FIRST-LAST`, of which ports are taken, so that two who look for some at once do not find the same"""
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


def given_by_the_system() -> int:
    """The first port of those that the system gives to connections by itself.

    Where that leaves too few below, as on a machine tuned to give nearly all of them, or where it is not told: Linux's usual
    one. A port that was found there may be given away before it is listened on, which is rare.
    """
    with suppress(OSError, ValueError, IndexError):
        first = int(_RANGE.read_text(encoding="ascii").split()[0])
        if first >= _FIRST + _LEFT_LEAST:
            return first
    return _USUALLY_GIVEN_FROM


def part_of_ports(number: int, of: int) -> str:
    """The value of `PORTS` for one of so many who look for some at once, counted from 0."""
    size = (given_by_the_system() - _FIRST) // of
    return f"{_FIRST + number * size}-{_FIRST + (number + 1) * size - 1}"


def free_ports(count: int, taken: Collection[int] = ()) -> list[int]:
    """Ports that were free a moment ago, all different, none of `taken`."""
    first, last = map(int, os.environ.get(PORTS, f"{_FIRST}-{given_by_the_system() - 1}").split("-"))
    rng = SystemRandom()
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port, one = rng.randint(first, last), stack.enter_context(socket.socket())
            if port not in taken:
                with suppress(OSError):  # somebody has it
                    one.bind(("127.0.0.1", port))
                    found.append(port)
    return found


def on_free_ports(text: str) -> str:
    """A network file's text with each 127.0.0.1 port replaced by a free one."""
    used = ports_in(text)
    fresh = dict(zip(used, free_ports(len(used)), strict=True))
    return _PORT.sub(lambda found: str(fresh[int(found[0])]), text)


def ports_in(text: str) -> list[int]:
    """Those of a network file's text."""
    return sorted(set(map(int, _PORT.findall(text))))
