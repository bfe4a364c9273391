"""A bank's host ends a window of the business day by message, by the number that it knows, and keeps to what it is told."""

from random import Random

import msgspec

from switch.core.network import Network
from switch.core.records.day_records import Cutover
from switch.core.switch import Switch
from switch.simulators.build import make_issuer
from switch.simulators.issuer import Issuer
from tests.simulators.world import World, connect_hosts, make_switch, morocco

APART_S = 301
"""a host ends a window once in five minutes"""


def closing() -> Network:
    network = morocco()
    hosts = tuple(msgspec.structs.replace(host, may_cut_over=True) for host in network.hosts)
    return msgspec.structs.replace(network, hosts=hosts)


def parties(*names: str) -> tuple[World, Switch, list[Issuer]]:
    """The world and its switch, and these banks' hosts, signed on."""
    network, world = closing(), World(1)
    switch = world.add(make_switch(network))
    issuers = [world.add(make_issuer(network, name, Random(1))) for name in names]
    connect_hosts(world, switch, issuers)
    world.run(1)
    return world, switch, issuers


def closed(world: World) -> list[tuple[str, int, str, int, str]]:
    return [(e.closed, e.ended, e.day, e.window, e.by) for e in world.records if isinstance(e, Cutover)]


def test_a_host_ends_one_window_after_the_other_in_either_edition() -> None:
    day = "2025-11-25"
    for name in ("atlas", "souss"):
        world, _, (issuer,) = parties(name)
        for _ in range(2):
            issuer.close_window(world.now)
            world.run(world.now / 1e9 + APART_S)
        assert closed(world) == [(day, 1, day, 2, name), (day, 2, day, 3, name)]
        assert not issuer.days_closed


def test_a_host_that_names_a_window_that_has_begun_is_answered_and_changes_nothing() -> None:
    world, _, (one, other) = parties("atlas", "rif")
    one.close_window(world.now)
    world.run(world.now / 1e9 + 2)
    other.close_window(world.now)
    world.run(world.now / 1e9 + 2)
    assert [by for *_, by in closed(world)] == ["atlas"]
    world.run(world.now / 1e9 + APART_S)
    other.close_window(world.now)
    world.run(world.now / 1e9 + 2)
    assert [(by, ended) for _, ended, _, _, by in closed(world)] == [("atlas", 1), ("rif", 2)], (
        "it was told that 2 has begun"
    )
