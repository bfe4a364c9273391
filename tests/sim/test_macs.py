"""Simulated days with a MAC on every link but the terminals', faults on all of them: what holds of any day holds of these."""

from zlib import crc32

import msgspec
import pytest

from switch.core.network import LinkKeys, Network
from switch.core.party import Send
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys
from switch.security.simulated import SimulatedModule, counted
from switch.sim.cast import Cast
from switch.sim.world import World
from tests.simulators.world import morocco

DAY = 250


def key(name: str) -> KeyBlock:
    made = counted(crc32(name.encode()))(16)
    return KeyBlock(Header(version="D", usage="M3", algorithm="T", mode="C"), made)


def proved() -> tuple[Network, ClearKeys]:
    """Morocco with a key for every member's acquiring host and every host; PINs, which have none, go nowhere."""
    network, replace = morocco(), msgspec.structs.replace
    hosts = tuple(replace(h, keys=LinkKeys(mac_key=f"{h.name}-host")) for h in network.hosts)
    members = tuple(replace(m, keys=LinkKeys(mac_key=f"{m.name}-bank")) for m in network.members)
    names = [h.keys.mac_key for h in hosts] + [m.keys.mac_key for m in members]
    return replace(network, hosts=hosts, members=members), ClearKeys({name: key(name) for name in names})


class Sends:
    """A trace that tells what leaves with a MAC, and on which links something leaves without."""

    def __init__(self) -> None:
        self.sealed = 0
        self.bare: set[str] = set()

    def effect(self, now: int, name: str, effect: object) -> None:
        if isinstance(effect, Send) and effect.seal is None:
            self.bare.add(f"{name} {effect.link.partition('#')[0]}")
        elif isinstance(effect, Send):
            self.sealed += 1


@pytest.mark.parametrize("seed", [2, 9])
def test_a_day_with_macs_holds_what_every_day_holds(seed: int) -> None:
    network, keys = proved()
    sends = Sends()
    world = World(Cast(network, module=SimulatedModule.of(keys, seed)), seed, DAY, trace=sends)
    assert world.run().failures == ()
    assert sends.sealed > 4 * DAY
    assert all("pos" in where for where in sends.bare), "terminals have no MACs; nobody else goes without"
