"""Simulated days, with all their faults, on which the switch is reloaded and restarted all the time: books agree."""

from random import Random

import msgspec
import pytest

from switch.core.handover.leaving import keep_leaving, reasons_to_stay
from switch.core.handover.memory import Memory
from switch.core.handover.succession import hand_over, take_over
from switch.core.network import Network
from switch.core.switch import Switch
from switch.journal.memory import DictHistory
from switch.sim.cast import Cast
from switch.sim.clock import MS_NS
from switch.sim.disk import recover
from switch.sim.world import World


class Successions:
    """Puts another switch in the place of the running one, at moments of its own."""

    def __init__(self, world: World, seed: int) -> None:
        self.reloads = self.restarts = self.under_way = self.left = 0
        self._world = world
        self._rng = Random(seed)
        self._next()

    def _next(self) -> None:
        self._world.clock.after(self._rng.randrange(20, 1_500) * MS_NS, self._follow, None)

    def _follow(self, _: None) -> None:
        world, node = self._world, self._world.switch
        if world.peace:
            return
        self._next()
        old, disk = node.party, node.disk
        if old is None or old.draining:
            return
        self.under_way += len(old.pending)
        self.left += sum(host.leaving_since_us > 0 for host in old.network.hosts)
        settled = disk.durable == old.position and not node.outbox.waiting and not old.journal_down
        new = self._restarted(old) if settled else self._reloaded(old)
        new.wall_offset_ns = node.wall_offset_ns
        node.party = new
        node.carry_out()

    def _file(self) -> Network:
        """The network file as it is at this moment."""
        return self._world.cast.network

    def _reloaded(self, old: Switch) -> Switch:
        self.reloads += 1
        file, now = self._file(), self._world.clock.now
        network = keep_leaving(old.network, file, old.wall_us(now), reasons_to_stay(old, file, now))
        memory = hand_over(old, whole=False)
        new = self._world.cast.switch(self._world.limits, old.state, old.position, old.history, network)
        new.wall_offset_ns = old.wall_offset_ns
        take_over(new, memory, self._world.clock.now)
        return new

    def _restarted(self, old: Switch) -> Switch:
        """By another process: what is not in the journal passes as bytes."""
        self.restarts += 1
        world, disk = self._world, self._world.switch.disk
        memory = msgspec.msgpack.decode(msgspec.msgpack.encode(hand_over(old, whole=True)), type=Memory)
        state = recover(disk.entries, world.limits)
        network = keep_leaving(memory.network, self._file(), old.wall_us(world.clock.now))
        new = world.cast.switch(world.limits, state, len(disk.entries), DictHistory(disk), network)
        new.wall_offset_ns = old.wall_offset_ns
        take_over(new, memory, world.clock.now)
        assert new.state == old.state, "as if nothing had happened"
        return new


class Removals(Successions):
    """The file has one host less, and its cards, half of the times that it is read. (At a cold start it has all of them.)"""

    def _file(self) -> Network:
        network = super()._file()
        if self._rng.random() < 0.5:
            return network
        name = self._rng.choice([host.name for host in network.hosts if host.role == "issuer"])
        hosts = tuple(host for host in network.hosts if host.name != name)
        bins = tuple(bin_ for bin_ in network.bins if bin_.issuer != name)
        return msgspec.structs.replace(network, hosts=hosts, bins=bins)


@pytest.mark.long
@pytest.mark.parametrize("seed", [510, 511, 512, 513, 533])
def test_days_on_which_hosts_leave_the_file_and_come_back_end_in_agreement(seed: int, cast: Cast) -> None:
    world = World(cast, seed, 250)
    removals = Removals(world, seed)
    day = world.run()
    assert day.failures == ()
    assert removals.left


@pytest.mark.long
@pytest.mark.parametrize("seed", [500, 503, 507])
def test_days_full_of_successions_end_in_agreement(seed: int, cast: Cast) -> None:
    world = World(cast, seed, 250)
    successions = Successions(world, seed)
    day = world.run()
    assert day.failures == ()
    assert successions.reloads + successions.restarts > 3


def test_a_day_without_faults_does_not_notice_them(cast: Cast) -> None:
    world = World(cast, 7, 200, faults=())
    successions = Successions(world, 8)
    day = world.run()
    undisturbed = World(cast, 7, 200, faults=()).run()
    assert (day.failures, day.approved, day.declined, day.reversed) == (
        (), undisturbed.approved, undisturbed.declined, undisturbed.reversed,
    )  # fmt: skip
    assert successions.reloads
    assert successions.restarts > 3
    assert successions.under_way
