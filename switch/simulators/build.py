"""The other parties of a network file, ready to be driven. RandomSource come in; addresses are the caller's business."""

from decimal import Decimal
from string import ascii_uppercase, digits

import msgspec

from switch.core.links.sealing import Sealings
from switch.core.network import DOMESTIC_SCHEME, HostLink, HostRole, LinkKeys, Listener, Member, Network
from switch.security.module import NO_MODULE, SecurityModule
from switch.simulators.accounts import Ledger
from switch.simulators.card_desk import CardDesk
from switch.simulators.cards import TestCard, demo_cards, population_of
from switch.simulators.endpoint import Speech
from switch.simulators.faults import NO_FAULTS, FaultPlan, Faults, Latency, RandomSource, card_faults
from switch.simulators.issuer import Issuer
from switch.simulators.key_desk import LingeringSets
from switch.simulators.messages import Place
from switch.simulators.mix import Deck, Mix
from switch.simulators.network import Abroad, CardNetwork, Exchange
from switch.simulators.personalized import personalized
from switch.simulators.pins import Fleet, PinDesk, PinPad
from switch.simulators.proofs import ProofDesk
from switch.simulators.terminal import Load, Terminal
from switch.simulators.under_way import Timeouts
from switch.wire import Dialect

TERMINALS_MAX = 9_999
"""of a member on a listener: DE41 has four digits for their number"""
PAY_LETTER = "T"
"""in DE41 of the terminal that `cmi-switch pay` is"""
LATE_MARGIN_MS = 2_000
"""a late answer comes so long after the switch's deadline"""
_CITIES = ("CASABLANCA", "RABAT", "FES", "TANGER", "AGADIR", "OUJDA", "MEKNES", "SAFI")


class UnknownNameError(ValueError):
    """A name that the network file does not have. The message lists those it has."""


def find_host(network: Network, name: str, role: HostRole) -> HostLink:
    """The host link `name` (or of the scheme or member `name`) with a role. Raises UnknownNameError."""
    hosts = [h for h in network.hosts if h.role == role]
    for host in hosts:
        if name in (host.name, host.scheme or host.member):
            return host
    known = ", ".join(h.name for h in hosts) or "none"
    raise UnknownNameError(f"{name!r} is no {role} host of {network.source}; there are: {known}")


def find_member(network: Network, name: str) -> Member:
    """The member `name`. Raises UnknownNameError."""
    for member in network.members:
        if member.name == name:
            return member
    raise UnknownNameError(
        f"{name!r} is no member of {network.source}; there are: {', '.join(m.name for m in network.members)}"
    )


def find_listener(network: Network, name: str) -> Listener:
    """The listener `name`. Raises UnknownNameError."""
    for listener in network.listeners:
        if listener.name == name:
            return listener
    known = ", ".join(x.name for x in network.listeners)
    raise UnknownNameError(f"{name!r} is no listener of {network.source}; there are: {known}")


def speech_of(
    network: Network, keys: LinkKeys, dialect: Dialect, framing: str, own: str, module: SecurityModule | None
) -> Speech:
    """How the end `own` of a link with these keys speaks to the switch. `module`: has its keys, where it has any."""
    sealings = Sealings(network, module, LingeringSets(module or NO_MODULE))
    return Speech(
        dialect,
        framing,
        own,
        network.institution,
        sealings.of(keys, dialect),
        sealings.sets_of(keys, dialect),
        network.limits.frame_bytes,
    )


def host_speech(network: Network, host: HostLink, module: SecurityModule | None = None) -> Speech:
    """How a host speaks to the switch. `module`: has its keys, where its messages have MACs."""
    return speech_of(network, host.keys, Dialect.load(host.dialect), host.framing, host.institution, module)


def acquirer_speech(
    network: Network, member: Member, listener: Listener, module: SecurityModule | None = None
) -> Speech:
    """How a member's acquiring host, or its terminals, speak to the switch. `module`: has its keys."""
    keys, dialect = acquiring_keys(member, listener), Dialect.load(listener.dialect)
    return speech_of(network, keys, dialect, listener.framing, member.institution, module)


def acquiring_keys(member: Member, listener: Listener) -> LinkKeys:
    """The keys of whoever pays there: a terminal's are its port's, those of a bank's host its member's."""
    return listener.keys if listener.role == "terminal" else member.keys


def _plan(cards: tuple[TestCard, ...], host: HostLink, latency: Latency, faults: Faults) -> FaultPlan:
    late_ms = host.timeout_ms + LATE_MARGIN_MS
    if faults != NO_FAULTS:
        faults = msgspec.structs.replace(faults, late_ms=late_ms)
    return FaultPlan(host=faults, cards=card_faults(cards, late_ms), latency=latency)


def make_issuer(
    network: Network, name: str, rng: RandomSource, latency: Latency | None = None, faults: Faults = NO_FAULTS, *,
    stop_list: bool = False, module: SecurityModule | None = None, population: int = 0,
) -> Issuer:  # fmt: skip
    """The issuer behind host link `name`, with the test cards of its member. Raises UnknownNameError.

    `population`: so many plain cards more, in the member's first domestic range; ValueError: it has no room for them.
    `stop_list`: it sends the switch its stop list after each sign-on. `module`: has the keys of its link.
    """
    host = find_host(network, name, "issuer")
    cards = tuple(c for c in demo_cards(network) if c.issuer == host.member)
    plan = _plan(cards, host, latency or Latency(), faults)
    more = population_of(network, host.member, population) if population else None
    ledger = Ledger(host.name, cards, hold_s=host.preauth_s, tolerance=host.completion_tolerance, population=more)
    speech = host_speech(network, host, module)
    ledger.pins = PinDesk(module or NO_MODULE, host.keys, host.pvv_key, speech.sets, host.pin_rules)
    ledger.cards = CardDesk(module or NO_MODULE, host.card_keys)
    ledger.proofs = ProofDesk(module, host.card_keys)
    return Issuer(
        host.name,
        speech,
        ledger,
        rng,
        plan,
        signs_on=host.connect is None,
        sends_stop_list=stop_list,
    )


def make_network(
    network: Network,
    scheme: str,
    rng: RandomSource,
    latency: Latency | None = None,
    abroad_rate: float = 0.0,
    faults: Faults = NO_FAULTS,
    timeouts: Timeouts | None = None,
    module: SecurityModule | None = None,
) -> CardNetwork:
    """The card network `scheme`, with the foreign cards of its ranges and the home cards it brings from abroad.

    Raises UnknownNameError, PersonalizationError.
    """
    host = find_host(network, scheme, "network")
    cards = personalized(demo_cards(network), network, module)
    foreign = tuple(c for c in cards if c.scheme == host.scheme and c.issuer == host.scheme)
    plain = [c for c in cards if c.plain and c.country == network.country]
    tariff = next((t for t in network.tariffs if t.network == host.name), None)
    ledger = Ledger(host.name, foreign, hold_s=host.preauth_s, tolerance=host.completion_tolerance)
    ledger.cards = CardDesk(module or NO_MODULE, host.card_keys)
    ledger.proofs = ProofDesk(module, host.card_keys)
    return CardNetwork(
        host.scheme,
        host_speech(network, host, module),
        ledger,
        rng,
        _plan(foreign, host, latency or Latency(), faults),
        Exchange(rates=network.rates, margin=tariff.conversion if tariff else Decimal(0)),
        Abroad(
            rate=abroad_rate,
            cards=tuple(c for c in plain if c.scheme == host.scheme),
            domestic=tuple(c for c in plain if c.scheme == DOMESTIC_SCHEME),
        ),
        timeouts,
    )


def home_place(network: Network, member: Member, listener: Listener, number: int) -> Place:
    """Terminal `number` (0 to `TERMINALS_MAX` - 1) of a member on a listener; no two listeners have one of a member in common."""
    letter = _letter(network, listener)
    city = _CITIES[number % len(_CITIES)]
    return Place(
        institution=member.institution, terminal=f"{member.institution[-3:]}{letter}{number + 1:04d}",
        merchant=f"{member.institution[-6:]}{number + 1:06d}", title=f"{member.name.upper()} SHOP {number + 1}", city=city,
        country=network.country, country_alpha=network.country_alpha, currency=network.currency,
    )  # fmt: skip


def _letter(network: Network, listener: Listener) -> str:
    """What DE41 of terminals on this listener has: its first letter, or where a listener before it has that, one that is free.
    `PAY_LETTER` is nobody's."""
    taken = {PAY_LETTER}
    for one in network.listeners:
        first = one.name[:1].upper()
        letter = next((x for x in first + ascii_uppercase + digits if x not in taken), first)
        if one.name == listener.name:
            return letter
        taken.add(letter)
    return listener.name[:1].upper()


def make_terminal(  # noqa: PLR0913 - what a load is made of, by name
    network: Network,
    bank: str,
    port: str,
    load: Load,
    rng: RandomSource,
    *,
    mix: Mix | None = None,
    terminals: int = 10,
    links: int = 0,
    timeouts: Timeouts | None = None,
    module: SecurityModule | None = None,
    pins: bool = False,
) -> Terminal:
    """A load of `terminals` of member `bank` on listener `port`, over `links` connections.

    `links` 0: one a terminal on a POS port, else one. `pins`: cardholders type theirs. The party's links are named `BANK-1`,
    `BANK-2` … Raises UnknownNameError, PersonalizationError, NoCardsError.
    """
    member, listener = find_member(network, bank), find_listener(network, port)
    links = min(links or (terminals if listener.role == "terminal" else 1), terminals)
    keys = acquiring_keys(member, listener)
    fleet = Fleet(keys, rng.randrange(0, 1 << 31) if keys.ksn else 0)
    speech = acquirer_speech(network, member, listener, module)
    sealing = fleet.sealing(speech.dialect, module)
    speech = speech._replace(sealing=sealing) if sealing is not None else speech
    terminal = Terminal(
        f"{bank}-{port}",
        speech,
        tuple(home_place(network, member, listener, i) for i in range(terminals)),
        tuple(f"{bank}-{i + 1}" for i in range(links)),
        Deck(personalized(demo_cards(network), network, module), network.country),
        mix or Mix(),
        load,
        rng,
        timeouts,
    )
    if pins:
        terminal.pin_pad = PinPad(module or NO_MODULE, keys, speech.sets, fleet)
    return terminal
