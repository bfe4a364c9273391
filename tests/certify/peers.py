"""Parties to certify in virtual time: the switch, an issuer, one that misbehaves in one thing, and an acquirer made of a plan."""

import random
from collections.abc import Callable
from typing import Any

from switch.certify.examiner import Examiner
from switch.certify.findings import FAILED, Outcome
from switch.certify.plan import INTERNAL, Plan
from switch.certify.plan_file import load_plan, parse_plan
from switch.certify.wire import Manner
from switch.certify.words import Words
from switch.core.links.sealing import Sealing
from switch.core.party import Effect, Send
from switch.doctor.explain import Explainer
from switch.simulators.build import make_issuer
from switch.simulators.faults import Faults, Latency
from switch.wire import Dialect, Document
from switch.wire.dialect import names
from tests.simulators.world import World, connect_hosts, make_switch, morocco

CMI87 = Dialect.load("cmi87")
EXPLAINER = Explainer(lambda: [Dialect.load(name) for name in names()])


def examiner(
    plan: Plan, dialect: str = "", *, goes_on: bool = False, first_stan: int = 500, sealing: Sealing | None = None
) -> Examiner:
    spoken = Dialect.load(dialect or plan.dialect)
    internal = plan.format == INTERNAL
    manner = Manner(spoken, plan.framing or spoken.framing, Words(plan.values).fill(plan.own), internal, sealing)
    return Examiner(plan, manner, CMI87 if internal else spoken, EXPLAINER, first_stan=first_stan, goes_on=goes_on)


def at_a_switch(plan: Plan, listener: str) -> Examiner:
    """A plan played at the switch, behind which is an issuer."""
    world = World()
    one = examiner(plan)
    world.add(one)
    switch = world.add(make_switch(morocco()))
    connect_hosts(world, switch, [world.add(make_issuer(morocco(), "atlas", random.Random(1)))])
    world.keep_connected(listener, one, switch)
    world.run(300)
    return one


def at_an_issuer(plan: Plan, name: str = "atlas", dialect: str = "") -> Examiner:
    """A plan played at an issuer's host."""
    return run_against(plan, make_issuer(morocco(), name, random.Random(1)), dialect)


def at_a_slow_issuer(plan: Plan, ms: float) -> Examiner:
    return run_against(plan, make_issuer(morocco(), "atlas", random.Random(1), Latency(ms)))


def at_a_silent_issuer(plan: Plan) -> Examiner:
    return run_against(plan, make_issuer(morocco(), "atlas", random.Random(1), faults=Faults(silent=1.0)))


def at_a_wrong_issuer(plan: Plan, change: Callable[[Document], Document | bytes]) -> Examiner:
    """A plan played at an issuer whose answers to payments are changed: as documents, or to bytes as they leave."""
    return run_against(plan, Twisted(change))


def run_against(plan: Plan, party: Any, dialect: str = "") -> Examiner:
    """A plan played at a party, to its end."""
    world = World()
    one, other = examiner(plan, dialect), world.add(party)
    world.add(one)
    world.keep_connected("atlas", one, other)
    world.run(600)
    assert one.over
    return one


class Twisted:
    """An issuer whose answers to payments are not as they were."""

    def __init__(self, change: Callable[[Document], Document | bytes]) -> None:
        self._issuer = make_issuer(morocco(), "atlas", random.Random(1))
        self._change = change

    @property
    def wall_offset_ns(self) -> int:
        return self._issuer.wall_offset_ns

    @wall_offset_ns.setter
    def wall_offset_ns(self, ns: int) -> None:
        self._issuer.wall_offset_ns = ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._issuer, name)

    @property
    def effects(self) -> list[Effect]:
        return [self._twisted(effect) for effect in self._issuer.effects]

    @effects.setter
    def effects(self, effects: list[Effect]) -> None:
        self._issuer.effects = effects

    def _twisted(self, effect: Effect) -> Effect:
        if not isinstance(effect, Send):
            return effect
        document = CMI87.decode(effect.data[2:])
        if document["t"] not in ("0110", "0210"):
            return effect
        made = self._change({de: value for de, value in document.items() if de not in ("p", "1")})
        if isinstance(made, bytes):
            return Send(effect.link, made)
        data = CMI87.encode(made)
        return Send(effect.link, len(data).to_bytes(2, "big") + data)


PAYER = """
name = "payer"
title = "Who pays"
plays = "acquirer"
certifies = "nobody"
within_ms = 45_000
[values]
institution = "504102"
[parts.payment]
t = "0200"
2 = "9504010000090010"
3 = "000000"
7 = "{de7}"
11 = "{stan}"
12 = "{time}"
13 = "{date}"
14 = "3112"
18 = "5411"
19 = "504"
22 = "012"
25 = "00"
32 = "{institution}"
37 = "{rrn}"
41 = "PAYER001"
42 = "MERCHANT0000001"
43 = "EPICERIE DU PORT         CASABLANCA   MA"
49 = "504"
[parts.own]
7 = "{de7}"
11 = "{stan}"
[[test]]
id = "sign-on"
title = "Sign-on"
[[test.step]]
send = { t = "0800", 7 = "{de7}", 11 = "{stan}", 32 = "{institution}", 70 = "001" }
"""


def payer(*tests: str) -> Plan:
    """An acquirer's plan: each of `tests` is its steps, in TOML."""
    heads = (f'[[test]]\nid = "T{number}"\ntitle = "pays"\n' for number in range(len(tests)))
    return parse_plan(PAYER + "".join(head + steps for head, steps in zip(heads, tests, strict=True)), "payer.toml")


def pays(amount: str, more: str = "") -> str:
    return f'[[test.step]]\nname = "sale"\nlike = "payment"\nsend = {{ 4 = "0000000{amount}" }}\n{more}'


def of(one: Examiner, ident: str) -> Outcome:
    (found,) = [outcome for outcome in one.outcomes if outcome.ident == ident]
    return found


def wrong_points(one: Examiner) -> dict[str, list[str]]:
    """The points that are not good, by test."""
    return {outcome.ident: [f.point for f in outcome.failed] for outcome in one.outcomes if outcome.verdict == FAILED}


def plan(name: str, *only: str) -> Plan:
    """A shipped plan, or those of its tests."""
    import msgspec

    whole = load_plan(name)
    return msgspec.structs.replace(whole, tests=tuple(t for t in whole.tests if not only or t.ident in only))
