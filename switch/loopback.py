"""Ports that the system gives to nobody while whoever they belong to is dead."""

import re
import socket
from pathlib import Path
from random import SystemRandom


def quiet_address(taken: set[str]) -> str:
    """A free loopback address below the ports that the system deals out, none of `taken`, to which it is added."""
    first, _, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().partition("\t")
    rng = SystemRandom()
    while True:
        port = rng.randrange(10_000, int(first))
        address = f"127.0.0.1:{port}"
        if address not in taken and _free(port):
            taken.add(address)
            return address


def on_quiet_ports(text: str) -> str:
    """The text with each loopback address replaced by a quiet one."""
    taken: set[str] = set()
    used = sorted(set(re.findall(r'(?<=")127\.0\.0\.1:\d+(?=")', text)))
    fresh = {address: quiet_address(taken) for address in used}
    return re.sub(r'(?<=")127\.0\.0\.1:\d+(?=")', lambda found: fresh[found[0]], text)


def _free(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
