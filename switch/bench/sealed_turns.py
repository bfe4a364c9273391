"""What a whole switch serves with MACs on both links and PINs, beside the same without: `tools/bench security --switch`.

The world is that of `bench.turns`: the switch and its driver by the processor's own time, its peers' doing not counted. A module
that is a process of its own is counted: the ratio is of what one processor serves that does all of it.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import trio

from switch.bench.process import usage
from switch.bench.turns import Plain, World
from switch.children import start
from switch.core.links.sealing import Sealing
from switch.core.network import LinkKeys, Network
from switch.readiness import wait_ready
from switch.security.commands import EncryptPin
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.security.module import SecurityModule, SoftwareModule
from switch.security.remote import RemoteModule
from switch.server.gc_tuning import quiet_collector
from switch.server.ports import MonotonicClock
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, Document

KINDS: Final = {"retail": ("zak", "tdes2"), "aes-cmac": ("zak-cmac", "aes128")}
"""algorithm -> kind of its key, and what that is of"""
PIN: Final = "4321"
LINKS: Final = 8


@contextmanager
def modules(directory: Path) -> Iterator[dict[str, tuple[SecurityModule, int]]]:
    """Both ways to ask, with the process id of the one that has another process."""
    ring = KeyRing(directory / "keys.json", make_lmk(directory / "lmk.key", os.urandom(32)), os.urandom)
    with ring.audit.turn():
        for end in ("a", "b"):
            for name, (kind, algorithm) in {**KINDS, "zpk": ("zpk", "tdes2")}.items():
                ring.generate(f"{name}-{end}", kind, algorithm, exportable=False, at="1970-01-01T00:00:00Z", by="bench")
    path, ready = directory / "socket", directory / "ready.json"
    asked = ["security", "--keys", str(ring.path), "--lmk", str(directory / "lmk.key"), "--socket", str(path)]
    process = start([sys.executable, "-m", "switch.cli.main", *asked, "--ready", str(ready)])
    remote = RemoteModule(path)
    try:
        wait_ready(ready, process, 30)
        yield {"in process": (SoftwareModule(ring, os.urandom), 0), "behind a socket": (remote, process.pid)}
    finally:
        remote.close()
        process.terminate()
        process.wait()


class Sealed(Plain):
    """Links whose messages have MACs, and whose requests have PINs: key `a` at the acquirer's end, `b` at the issuer's."""

    def __init__(self, module: SecurityModule, others: SecurityModule, algorithm: str) -> None:
        """`module`: the switch's; `others`: that of its peers."""
        self.module = module
        self._others, self._dialect = others, Dialect.load("cmi87")
        self._keys = {end: LinkKeys(mac_key=f"{algorithm}-{end}", pin_key=f"zpk-{end}") for end in ("a", "b")}
        self._sealings = {end: Sealing(others, keys, self._dialect) for end, keys in self._keys.items()}
        self._framing = make_framing("length2")
        self._pins: dict[str, str] = {}
        """PAN -> PIN block"""

    def network(self, network: Network) -> Network:
        """See Plain."""
        replace = msgspec.structs.replace
        members = tuple(replace(member, keys=self._keys["a"]) for member in network.members)
        hosts = tuple(replace(host, keys=self._keys["b"], pass_pin=False) for host in network.hosts)
        return replace(network, members=members, hosts=hosts)

    def asked(self, framed: bytes) -> bytes:
        """See Plain."""
        document = self._read(framed)
        pan = document.get(DE.PAN)
        if pan is not None:
            document[DE.PIN] = self._pins.get(pan) or self._pin(pan)
        return self._sealed("a", document)

    def answered(self, framed: bytes) -> bytes:
        """See Plain."""
        return self._sealed("b", self._read(framed))

    def _read(self, framed: bytes) -> Document:
        return self._dialect.decode(framed[self._framing.head :])

    def _pin(self, pan: str) -> str:
        (reply,) = self._others.ask([EncryptPin("zpk-a", PIN, pan)])
        self._pins[pan] = reply.value.hex().upper()
        return self._pins[pan]

    def _sealed(self, end: str, document: Document) -> bytes:
        seal = self._sealings[end].seal(self._dialect, document, self._framing.frame)
        (reply,) = self._others.ask([seal.command])
        return seal.finish(reply.value)


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What the switch served over links of one kind, and what each message cost."""

    algorithm: str
    """"": neither MACs nor PINs"""
    where: str
    cpu_us: float
    """of the switch and its module, a payment"""
    ratio: float
    """of the payments that are served without, by the same processor"""


def _serve(directory: Path, speech: Plain, pid: int, in_flight: int, seconds: float) -> float:
    """CPU µs a payment. AssertionError: some were declined."""
    world = World(directory, LINKS, speech)
    try:
        world.close_loop(in_flight, seconds / 4)
        theirs = usage(pid).cpu_ns if pid else 0
        found = world.close_loop(0, seconds)
        theirs = usage(pid).cpu_ns - theirs if pid else 0
        assert found.goodput, "no payment was approved"
        assert not found.declined, f"{found.declined:g} payments a second were declined"
        return found.cpu_us + theirs / 1000 / (found.goodput * seconds)
    finally:
        world.close()


def measure_switch(in_flight: int, seconds: float, rounds: int) -> list[Served]:
    """All kinds in turn, `seconds` of the processor each; medians of the rounds, and of their own ratios."""
    with tempfile.TemporaryDirectory() as directory, modules(Path(directory)) as ways:
        (others, _) = ways["in process"]
        kinds: dict[tuple[str, str], tuple[Plain, int]] = {("", ""): (Plain(), 0)}
        for algorithm in KINDS:
            for where, (module, pid) in ways.items():
                kinds[algorithm, where] = Sealed(module, others, algorithm), pid

        async def run() -> list[dict[tuple[str, str], float]]:
            found = []
            with quiet_collector():
                for n in range(rounds):
                    places = {kind: Path(directory, "worlds", f"{n}-{'-'.join(kind)}") for kind in kinds}
                    found.append({kind: _serve(places[kind], *kinds[kind], in_flight, seconds) for kind in kinds})
            return found

        taken = trio.run(run, clock=MonotonicClock())
    return [
        Served(
            algorithm=kind[0],
            where=kind[1],
            cpu_us=round(statistics.median(each[kind] for each in taken), 1),
            ratio=round(statistics.median(each["", ""] / each[kind] for each in taken), 2),
        )
        for kind in kinds
    ]


def as_text(found: list[Served]) -> str:
    """A line a kind."""
    return "\n".join(
        f"{one.algorithm or 'without':10} {one.where:16} {one.cpu_us:6.1f} µs a payment, {one.ratio:.2f} of the payments"
        for one in found
    )
