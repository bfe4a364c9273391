"""Simulated days on which every key of every link changes again and again, from both ends, with faults and crashes in between."""

import os
from zlib import crc32

import msgspec
import pytest

from switch.core.network import LinkKeys, Network
from switch.security.key_blocks import Header, KeyBlock
from switch.security.key_commands import ShowKeys
from switch.security.key_sets import decode_sets
from switch.security.module import ClearKeys
from switch.security.simulated import SimulatedModule, counted
from switch.sim.cast import Cast
from switch.sim.clock import SECOND_NS
from switch.sim.world import World
from switch.simulators.key_desk import KeyManner
from tests.simulators.world import morocco

DAY = 250
SEEDS = range(100, 100 + int(os.environ.get("CMI_KEY_SEEDS", "2")))
MANNERS = (
    KeyManner(begins_every_s=7.0),
    KeyManner(begins_every_s=5.0, late_s=12.0),
    KeyManner(begins_every_s=6.0, lingers_s=5.0),
    KeyManner(begins_every_s=9.0, wrong_value=True),
    KeyManner(silent=True),
    KeyManner(),
)
USES = {"zak": ("M3", "C"), "zpk": ("P0", "B"), "zmk": ("K0", "B"), "pvk": ("V2", "C")}


def key(name: str) -> KeyBlock:
    usage, mode = USES[name.rpartition("-")[2]]
    made = counted(crc32(name.encode()))(16)
    return KeyBlock(Header(version="D", usage=usage, algorithm="T", mode=mode), made)


def keys_of(party: str) -> LinkKeys:
    return LinkKeys(mac_key=f"{party}-zak", pin_key=f"{party}-zpk", zone_key=f"{party}-zmk", key_keep_s=10)


def changing() -> tuple[Network, list[str]]:
    """Morocco, where every bank's links change their keys by message; PINs are translated."""
    network, replace = morocco(), msgspec.structs.replace
    issuers = [h.name for h in network.hosts if h.role == "issuer"]
    banks = [f"{m.name}-bank" for m in network.members if m.name in issuers]
    hosts = tuple(
        replace(h, keys=keys_of(h.name), pass_pin=False, pvv_key=f"{h.name}-pvk")
        if h.name in issuers
        else replace(h, pass_pin=False)
        for h in network.hosts
    )
    members = tuple(replace(m, keys=keys_of(f"{m.name}-bank")) if m.name in issuers else m for m in network.members)
    return replace(network, hosts=hosts, members=members), issuers + banks


def module(parties: list[str], seed: int) -> SimulatedModule:
    names = [f"{party}-{use}" for party in parties for use in USES]
    return SimulatedModule.of(ClearKeys({name: key(name) for name in names}), seed)


def in_use(of: SimulatedModule, name: str) -> tuple[str, str]:
    (found,) = decode_sets(of.ask([ShowKeys((name,))])[0].value)
    assert found.in_use is not None
    return found.in_use.set_id, found.in_use.check_value


class Rotations:
    """A day on which banks begin in their manners, and an operator of the switch at odd times."""

    def __init__(self, seed: int) -> None:
        network, self.parties = changing()
        self.ours = module(self.parties, seed)
        self.others = {party: module([party], seed + n + 1) for n, party in enumerate(self.parties)}
        hosts = self.parties[: len(self.parties) // 2]
        names = [*hosts, *(f"{party.removesuffix('-bank')}-acquirers" for party in self.parties[len(hosts) :])]
        manners = {name: MANNERS[(seed + n) % len(MANNERS)] for n, name in enumerate(names)}
        cast = Cast(network, module=self.ours, others=self.others, key_manners=manners)
        self.world = World(cast, seed, DAY)
        for n in range(24):
            name = hosts[n % len(hosts)]
            self.world.clock.after((1 + 3 * n) * SECOND_NS, self._exchange, (name, n % 2 == 1))

    def _exchange(self, what: tuple[str, bool]) -> None:
        name, acquirer = what
        self.world.trouble.operator("keys.exchange", name=name, acquirer=acquirer)

    def sets(self, party: str, use: str) -> tuple[tuple[str, str], tuple[str, str]]:
        """The set in use at the switch and at the other end: number and check value."""
        name = f"{party}-{use}"
        return in_use(self.ours, name), in_use(self.others[party], name)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_of_changing_keys_holds_what_every_day_holds(seed: int) -> None:
    rotations = Rotations(seed)
    day = rotations.world.run()
    assert day.failures == ()
    assert day.events.get("keys.in_use", 0) > 5
    if not day.faults:
        assert not day.events.keys() & {"mac.wrong", "pin.not_translated", "keys.differ"}, day.events
    for party in rotations.parties:
        for use in ("zak", "zpk"):
            here, there = rotations.sets(party, use)
            assert here == there or abs(int(here[0]) - int(there[0])) == 1, (party, use, here, there)
    said = {code: n for t in rotations.world.terminals for code, n in t.book().declined.items()}
    assert "55" not in said, "an issuer that reads a PIN under a wrong key calls it a wrong PIN"
