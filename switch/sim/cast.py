"""Who takes part in a simulated day: the switch of a network file, and issuers, networks and terminals to go with it.

Made once for many days: dialects, cards and decks are values and shared; parties are made anew for each. To try rules or hosts of
your own, hand in another maker of switches (`Cast(network, make_switch=…)`) or subclass and override `issuer` or `terminals`.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from random import Random
from typing import Final, TypeVar

import msgspec

from switch.core.limits import Limits
from switch.core.network import HostLink, Listener, Member, Network, StandInRule
from switch.core.records.outcomes import History
from switch.core.records.records import ENCODER
from switch.core.records.state import State
from switch.core.switch import Switch
from switch.security.module import SecurityModule
from switch.security.vault import ClearVault
from switch.sim.habits import habitual, less_taken, lettering, parting, renumbering
from switch.sim.watched_terminal import WatchedTerminal
from switch.simulators.accounts import Ledger
from switch.simulators.build import LATE_MARGIN_MS, acquiring_keys, home_place, speech_of
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.endpoint import Speech
from switch.simulators.faults import FaultPlan, Faults, Latency, card_faults
from switch.simulators.host import Host
from switch.simulators.issuer import Issuer
from switch.simulators.journal_records import DECODER, HostEntry
from switch.simulators.key_desk import KeyManner
from switch.simulators.minds import (
    MANNERS,
    MINDS_87,
    MINDS_93,
    PLAIN_MANNER,
    PLAIN_MIND,
    RESTAMPS,
    Manner,
    Mind,
)
from switch.simulators.mix import Deck, Mix
from switch.simulators.network import Abroad, CardNetwork, Exchange
from switch.simulators.own_totals import COUNTS
from switch.simulators.pins import PinDesk, PinPad
from switch.simulators.terminal import Load, Terminal
from switch.wire import Dialect
from switch.wire.vocabulary import DE

SwitchMaker = Callable[..., Switch]
"""takes what `Switch` takes"""

_Host = TypeVar("_Host", bound=Issuer)
_Party = TypeVar("_Party", bound=Host)
NOBODYS: Final[Mapping[str, SecurityModule]] = {}
PLAIN_MANNERS: Final[Mapping[str, KeyManner]] = {}

Post = tuple[Member, Listener, int]
"""Who pays, on which port, over how many connections."""

PLAIN_SHARE: Final = 0.25
"""of hosts that think as ours do, on a day with minds"""
POSING_SHARE: Final = 0.1
"""of acquirers that sign on as another, too, on a day with minds"""
FLOOD_FROM: Final = 5_000
"""terminals of a flood are numbered from here, so that they share no DE41 with others"""


class Climate(msgspec.Struct, frozen=True):
    """What a seed makes of a day before anything goes wrong."""

    rate: float
    """payments a second, over all terminals"""
    latency_ms: float
    """median time an issuer takes"""
    transit_us: int
    """one way over a link"""
    split: float
    """share of writes that arrive in pieces"""
    roaming: bool
    """hosts send their answers on whatever connection they have, not only on the one the request came on"""
    narrow: bool
    """bounds so small that they are reached"""
    mix: Mix
    faults: int
    stop_lists: bool = False
    """issuers send theirs after each sign-on"""

    @classmethod
    def draw(cls, rng: Random, transactions: int) -> "Climate":
        """One climate; `transactions` payments are to be made."""
        climate = cls(
            rate=rng.choice((20.0, 100.0, 400.0, 1_500.0)),
            latency_ms=rng.choice((0.5, 3.0, 30.0, 300.0)),
            transit_us=rng.choice((50, 500, 5_000, 40_000)),
            split=rng.choice((0.0, 0.1, 0.5)),
            roaming=rng.random() < 0.5,
            narrow=rng.random() < 0.4,
            mix=Mix(silent=rng.choice((0, 0, 1, 5)), void=rng.choice((5, 20)), preauth=rng.choice((6, 20)), undone=30),
            faults=rng.choice((0, 5, 15, 40)) * max(1, transactions // 500) if rng.random() < 0.95 else 0,
            stop_lists=rng.random() < 0.15,
        )
        mix = msgspec.structs.replace(climate.mix, increments=rng.choice((0, 0, 40)))
        return msgspec.structs.replace(climate, mix=mix)


def _standing_in(network: Network, hosts: tuple[HostLink, ...]) -> tuple[HostLink, ...]:
    """The hosts, with rules for every product of every issuer but the first."""
    made, issuers = [], 0
    for host in hosts:
        issuers += host.role == "issuer"
        if host.role == "issuer" and issuers > 1:
            products = sorted({b.product for b in network.bins if b.issuer == host.member})
            rules = tuple(
                StandInRule(product=product, floor=200_00, cash_floor=500_00, per_card_count=3, per_card_amount=900_00,
                            ecommerce=True, unverified_pin=False)
                for product in products
            )  # fmt: skip
            made.append(msgspec.structs.replace(host, standin=rules, standin_total=10_000_00))
        else:
            made.append(host)
    return tuple(made)


class Cast:
    """Makes the parties of a network file."""

    def __init__(
        self,
        network: Network,
        *,
        make_switch: SwitchMaker = Switch,
        retry_ms: int = 4_000,
        owed_tries_max: int = 2,
        stand_in: bool = True,
        minds: bool = False,
        module: SecurityModule | None = None,
        others: Mapping[str, SecurityModule] = NOBODYS,
        key_manners: Mapping[str, KeyManner] = PLAIN_MANNERS,
    ) -> None:
        """Virtual days are short. `retry_ms`: an unacknowledged reversal is repeated after so long, `owed_tries_max`: and a dead
        letter after so many tries, where the network file has more.

        `stand_in`: where the file has none, all issuers but the first are stood in for, so that days have some. `minds`: hosts
        think otherwise than ours do, each day others (`simulators.minds`); the last issuer's may stamp DE7 anew.
        `module`: has the keys, where the file names some: of the switch and of everybody else, but for hosts and members with one
        of their own (`others`, as they must have where keys change). `key_manners`: how those go about it, by parties' names.
        """
        hosts = tuple(
            msgspec.structs.replace(
                h, retry_ms=min(h.retry_ms, retry_ms), owed_tries_max=min(h.owed_tries_max, owed_tries_max)
            )
            for h in network.hosts
        )
        if stand_in and not any(h.standin for h in hosts):
            hosts = _standing_in(network, hosts)
        self.minds = minds
        self.habits = minds
        """hosts write their answers in ways of their own, too; days without are as they were before there were habits"""
        if minds:
            last = [h.name for h in hosts if h.role == "issuer"][-1]
            hosts = tuple(msgspec.structs.replace(h, match=("37", "41")) if h.name == last else h for h in hosts)
        listeners = tuple(
            msgspec.structs.replace(x, business_day="window") if x.role == "acquirer" else x for x in network.listeners
        )
        self.network = msgspec.structs.replace(network, hosts=hosts, listeners=listeners)
        self._make_switch = make_switch if module is None else partial(make_switch, module=module)
        self._module, self._others, self._key_manners = module, others, key_manners
        self._acquirers: dict[tuple[str, str], Speech] = {}
        names = {listener.dialect for listener in network.listeners} | {host.dialect for host in network.hosts}
        self.dialects = {name: Dialect.load(name) for name in sorted(names)}
        self.cards = demo_cards(network)
        self._deck = Deck(self.cards, network.country)

    def switch(
        self, limits: Limits, state: State, position: int, history: History, network: Network | None = None
    ) -> Switch:
        """A switch process, as it starts from what its journal holds. `network`: another than the cast's."""
        network = msgspec.structs.replace(network or self.network, limits=limits)
        return self._make_switch(network, self.dialects, state, position, ClearVault(), history)

    def speech(self, host: HostLink) -> Speech:
        """How a host speaks."""
        module = self._others.get(host.name, self._module)
        return speech_of(self.network, host.keys, self.dialects[host.dialect], host.framing, host.institution, module)

    def plan(self, host: HostLink, climate: Climate, faults: Faults | None = None) -> FaultPlan:
        """How a host behaves: as its cards want it, or as `faults` say."""
        late_ms = host.timeout_ms + LATE_MARGIN_MS
        mine = self._cards_of(host)
        if faults is not None:
            faults = msgspec.structs.replace(faults, late_ms=late_ms)
            return FaultPlan(host=faults, latency=Latency(climate.latency_ms, 0.8), advices=True)
        return FaultPlan(cards=card_faults(mine, late_ms), latency=Latency(climate.latency_ms, 0.8))

    def mind(self, host: HostLink, rng: Random) -> Mind:
        """What this host thinks today."""
        if not self.minds or rng.random() < PLAIN_SHARE:
            return PLAIN_MIND
        minds = MINDS_93 if self.dialects[host.dialect].family == "iso93" else MINDS_87
        may_restamp = DE.TRANSMISSION_TIME not in host.match
        mind = rng.choice([mind for mind in minds if may_restamp or mind.de7 != RESTAMPS])
        return msgspec.structs.replace(mind, late_ms=host.timeout_ms + rng.choice((1_000, 3_000, 20_000)))

    def minds_today(self, rng: Random, seed: int) -> dict[str, Mind]:
        """What each host thinks today, how it counts and how it writes."""
        counting = Random(f"{seed} counts")  # noqa: S311 - its own: else other days change
        found = {host.name: self.counting(self.mind(host, rng), counting) for host in self.network.hosts}
        if not self.habits:
            return found
        return {name: parting(habitual(mind, name, seed), name, seed) for name, mind in found.items()}

    def renumbering(self, manner: Manner, acquirer: str, seed: int) -> Manner:
        """The same, that may repeat a reversal under a new DE11 today."""
        return renumbering(manner, acquirer, seed) if self.habits else manner

    def set_ways(self, terminal: Terminal, seed: int) -> None:
        """Its ways of today: what it writes letters in, how many of its payments may be approved in part."""
        terminal.letters = self.letters(terminal.name, seed)
        terminal.takes_less = less_taken(terminal.name, seed) if self.habits else 0.0

    def letters(self, party: str, seed: int) -> str:
        """What this party writes letters in today (`habits.lettering`)."""
        return lettering(party, seed) if self.habits else ""

    def counting(self, mind: Mind, rng: Random) -> Mind:
        """The same, that counts its totals in a way of its own today."""
        return msgspec.structs.replace(mind, counts=rng.choice(COUNTS)) if self.minds else mind

    def manner(self, rng: Random) -> Manner:
        """How an acquirer's host names things today."""
        return rng.choice(MANNERS) if self.minds and rng.random() >= PLAIN_SHARE else PLAIN_MANNER

    def impostor(self, rng: Random, member: str) -> str:
        """The institution that this member's connections say they are, too, today; "" on most days, on which they do not."""
        others = [other.institution for other in self.network.issuing if other.name != member]
        return rng.choice(others) if self.minds and rng.random() < POSING_SHARE and others else ""

    def _cards_of(self, host: HostLink) -> tuple[TestCard, ...]:
        owner = host.member if host.role == "issuer" else host.scheme
        return tuple(card for card in self.cards if card.issuer == owner)

    def ledger(self, host: HostLink) -> Ledger:
        """The accounts behind a host, as they are opened."""
        cards, tolerance = self._cards_of(host), host.completion_tolerance
        return Ledger(host.name, cards, hold_s=host.preauth_s, tolerance=tolerance)

    def issuer(
        self, host: HostLink, rng: Random, climate: Climate, records: Sequence[HostEntry] = (), mind: Mind = PLAIN_MIND
    ) -> Issuer:
        """The host of a member, made again from its records when it has crashed."""
        plan, ledger, speech = self.plan(host, climate), self.ledger(host), self.speech(host)
        module = self._others.get(host.name, self._module)
        if module is not None:
            ledger.pins = PinDesk(module, host.keys, host.pvv_key, speech.sets)
        signs_on = host.connect is None
        issuer = Issuer(
            host.name,
            speech,
            ledger,
            rng,
            plan,
            signs_on=signs_on,
            mind=mind,
            sends_stop_list=climate.stop_lists,
        )
        return self._of_its_manner(_recovered(issuer, records))

    def card_network(
        self, host: HostLink, rng: Random, climate: Climate, payments: int, records: Sequence[HostEntry] = (),
        mind: Mind = PLAIN_MIND,
    ) -> CardNetwork:  # fmt: skip
        """A scheme's network: issuer of its foreign cards, acquirer of `payments` from abroad; made again when it has crashed."""
        plain = [c for c in self.cards if c.plain and c.country == self.network.country]
        cards = tuple(c for c in plain if c.scheme == host.scheme)
        payments = payments if cards else 0
        tariff = next((t for t in self.network.tariffs if t.network == host.name), None)
        abroad = Abroad(
            rate=climate.rate / 10 if payments else 0.0,
            payments=payments,
            cards=cards,
            domestic=tuple(c for c in plain if c.scheme not in ("visa", "mastercard")),
        )
        exchange = Exchange(rates=self.network.rates, margin=tariff.conversion if tariff else Decimal(0))
        network = CardNetwork(
            host.scheme,
            self.speech(host),
            self.ledger(host),
            rng,
            self.plan(host, climate),
            exchange,
            abroad,
            mind=mind,
        )
        return _recovered(network, records)

    def posts(self) -> list[Post]:
        """Who pays on which port, over how many connections: each port is used, and one bank has two lines to it."""
        listeners = [x for x in self.network.listeners if x.role in ("acquirer", "terminal")]
        posts = []
        for n, member in enumerate(self.network.issuing):
            listener = listeners[n % len(listeners)]
            posts.append((member, listener, 3 if listener.role == "terminal" else 1 + n % 2))
        while len(posts) < len(listeners):
            posts.append((self.network.members[0], listeners[len(posts)], 2))
        return posts

    def _acquirer_speech(self, member: Member, listener: Listener) -> Speech:
        """Shared by all terminals of a bank on a port: what one hears of keys holds for all."""
        known = self._acquirers.get((member.name, listener.name))
        if known is None:
            keys, dialect = acquiring_keys(member, listener), self.dialects[listener.dialect]
            module = self._others.get(f"{member.name}-bank", self._module)
            known = speech_of(self.network, keys, dialect, listener.framing, member.institution, module)
            self._acquirers[member.name, listener.name] = known
        return known

    def _of_its_manner(self, party: _Party) -> _Party:
        """The party, that goes about changes of keys in its own manner."""
        if party.keys is not None and party.name in self._key_manners:
            party.keys.behave(self._key_manners[party.name])
        return party

    def terminal(
        self,
        post: Post,
        load: Load,
        rng: Random,
        climate: Climate,
        *,
        flood: bool = False,
    ) -> WatchedTerminal:
        """Terminals of one bank on one port."""
        member, listener, links = post
        first = FLOOD_FROM if flood else 0
        name = f"{member.name}-{listener.name}" + ("-flood" if flood else "")
        places = tuple(home_place(self.network, member, listener, first + n) for n in range(2 * links))
        speech, keys = self._acquirer_speech(member, listener), acquiring_keys(member, listener)
        party = WatchedTerminal(
            name,
            speech,
            places,
            tuple(f"{name}/{n + 1}" for n in range(links)),
            self._deck,
            climate.mix,
            load,
            rng,
        )
        module = self._others.get(f"{member.name}-bank", self._module)
        if module is not None and keys.pin_key:
            party.pin_pad = PinPad(module, keys, speech.sets)
        return self._of_its_manner(party)


def _recovered(host: _Host, records: Sequence[HostEntry]) -> _Host:
    """The host, as its records make it."""
    for entry in records:
        host.fold(DECODER.decode(ENCODER.encode(entry)))
    host.keep_journal(len(records))
    return host
