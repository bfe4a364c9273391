"""A card network reconciles both of its sides at a cutover: what it has answered (0522), and what it has brought (0520)."""

from random import Random

import msgspec

from switch.core.records.day_records import Reconciled
from switch.simulators.build import make_issuer, make_network
from switch.simulators.faults import Faults, Latency
from switch.simulators.network import CardNetwork
from tests.simulators.world import World, connect_hosts, make_switch, morocco


def day(*, doubled: bool = False) -> tuple[World, CardNetwork]:
    """Some seconds of traffic from abroad, then the day is closed. `doubled`: the network has counted one payment twice."""
    network, world = morocco(), World(3)
    switch = world.add(make_switch(network))
    banks = [world.add(make_issuer(network, name, Random(1))) for name in ("atlas", "rif", "souss")]
    visa = world.add(make_network(network, "visa", Random(2), Latency(10, 0.2), 5.0, Faults()))
    connect_hosts(world, switch, [*banks, visa])
    world.run(20)
    if doubled:
        period = next(iter(visa.totals.days))
        visa.totals.days[period].numbers[2] += 1
        visa.totals.days[period].amounts[2] += 10_00
    switch.operator.ask("day.close", {"again": True}, "amina", world.now)
    world.run(world.now / 1e9 + 20)
    return world, visa


def brought(world: World) -> list[Reconciled]:
    return [e for e in world.records if isinstance(e, Reconciled) and e.mti == "0520"]


def test_what_a_network_has_brought_agrees_with_what_the_switch_has_counted() -> None:
    world, visa = day()
    assert visa.comparing_abroad.compared
    assert {one.result for one in visa.comparing_abroad.compared} == {"1"}
    assert {(one.role, one.party, one.result) for one in brought(world)} == {("acquirer", "visa", "1")}
    assert all(not one.disagreements for one in visa.comparing_abroad.compared)


def test_a_payment_that_it_counts_twice_is_said_with_its_element_and_both_values() -> None:
    world, visa = day(doubled=True)
    wrong = [one for one in visa.comparing_abroad.compared if one.disagreements]
    assert len(wrong) == 1
    assert {d.element for d in wrong[0].disagreements} >= {"76", "88"}
    assert "2" in {one.result for one in brought(world)}
    assert msgspec.to_builtins(wrong[0])["result"] == "2"
