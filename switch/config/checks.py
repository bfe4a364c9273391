"""Checks across a network file: names that must resolve, ranges that must not collide, times that must fit.

Each check is one function over the draft; it skips what a getter has already found wrong (blank values).
"""

from collections.abc import Iterable
from typing import Final

from switch.config.certificates import check_certificates
from switch.config.draft import Draft
from switch.config.mistakes import did_you_mean
from switch.config.reader import Section, Source
from switch.core.links.session import significant
from switch.core.network import DOMESTIC_SCHEME, Network
from switch.money.currency import CURRENCIES

EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


def check(source: Source, draft: Draft, network: Network, acquirers_wait_ms: int) -> None:
    """Note every contradiction in `source`."""
    _sections_present(source, draft)
    _unique(source, draft, network)
    _ports(draft)
    _hosts(source, draft)
    _timeouts(draft, acquirers_wait_ms)
    check_certificates(draft)
    _ranges(draft)
    _routes(draft)
    _money(draft, network)
    _stand_in(draft)
    _bounds(source, draft, network)


def _where(s: Section) -> str:
    """`line 12`."""
    return f"line {s.line}"


def _sections_present(source: Source, draft: Draft) -> None:
    for name, found in (
        ("member", draft.members),
        ("listener", draft.listeners),
        ("host", draft.hosts),
        ("bin", draft.bins),
    ):
        if not found:
            source.missing(f"there is no [[{name}]]", "see specs/networks/morocco.toml for a whole network")


def _note_repeats(pairs: Iterable[tuple[Section, str]], key: str, taken: str) -> None:
    """Note each section whose `key` another has already taken; `taken` says so, with the value for `{}`."""
    seen: dict[str, Section] = {}
    for s, value in pairs:
        if not value:
            continue
        if value in seen:
            s.wrong(key, f"{taken.format(value)}: {seen[value].title} on {_where(seen[value])}")
        else:
            seen[value] = s


def _unique(source: Source, draft: Draft, network: Network) -> None:
    """Names of members; names of links, listeners and hosts together; institutions; one link a member or scheme."""
    _note_repeats(((s, m.name) for s, m in draft.members), "name", 'the member name "{}" is taken')
    links = [(s, v.name) for s, v in draft.listeners] + [(s, h.name) for s, h in draft.hosts]
    _note_repeats(links, "name", 'the link name "{}" is taken')
    institutions = [(source.root, network.institution), *((s, m.institution) for s, m in draft.members)]
    institutions += [(s, h.institution) for s, h in draft.hosts if h.role == "network"]
    for s, value in institutions:
        if value and not significant(value):
            s.wrong(
                "institution", f"institution {value} is nothing but zeros, which in DE32 are nobody", "another number"
            )
    _note_repeats(((s, significant(value)) for s, value in institutions), "institution", "institution {} is taken")
    bics = [(source.root, network.bic), *((s, m.bic) for s, m in draft.members)]
    payees = source.root.table("payees")
    bics += [(payees.table(name), bic) for name, bic in network.payees.items() if bic]
    # XXX is the institution itself, as no branch is.
    _note_repeats(((s, bic[:8] if bic[8:] == "XXX" else bic) for s, bic in bics), "bic", "BIC {} is taken")
    _spoken_for(draft)
    _welcome(draft)
    _note_repeats(((s, h.member) for s, h in draft.hosts), "member", 'member "{}" has a host link already')
    _note_repeats(((s, h.scheme) for s, h in draft.hosts), "scheme", 'scheme "{}" has a network already')
    _note_repeats(((s, t.network) for s, t in draft.tariffs), "network", 'network "{}" has a tariff already')


def _spoken_for(draft: Draft) -> None:
    """Nobody speaks for another member, and no two members for one institution: its payments would be either's."""
    whose = {significant(m.institution): m.name for _, m in draft.members if m.institution}
    for s, m in draft.members:
        for institution in m.institutions:
            other = whose.setdefault(significant(institution), m.name)
            if other != m.name or significant(institution) == significant(m.institution):
                s.wrong_item("institutions", institution, f'institution {institution} is member "{other}"\'s already')


def _welcome(draft: Draft) -> None:
    """Members that may sign on at a listener are members."""
    known = [m.name for _, m in draft.members]
    for s, v in draft.listeners:
        for name in v.members:
            if name not in known:
                s.wrong_item("members", name, f'"{name}" is no member', did_you_mean(name, known))


def _ports(draft: Draft) -> None:
    """No two sockets at one address, none that both listens and is connected to."""
    taken: dict[int, dict[str, Section]] = {}
    """by port and host"""
    sockets = [(s, "address", v.address) for s, v in draft.listeners]
    sockets += [(s, "address", shard.address) for s, shard in draft.shards if shard.address is not None]
    sockets += [(s, "connect", h.connect) for s, h in draft.hosts if h.connect is not None]
    for s, key, address in sockets:
        if not address.host:
            continue
        if key == "connect" and not address.port:
            s.wrong(key, "port 0 is nowhere to connect to", "only a listener may take any free port")
            continue
        same_port = taken.setdefault(address.port, {})
        other = _taker(same_port, address.host) if address.port else None
        if other is not None:
            s.wrong(key, f"{address} is taken: {other.title} on {_where(other)}")
        else:
            same_port.setdefault(address.host, s)


def _taker(same_port: dict[str, Section], host: str) -> Section | None:
    """Who has the port on `host` already: at the same address, or one of the two at every address."""
    if host in same_port:
        return same_port[host]
    if host in EVERY_ADDRESS:
        return next((s for s in same_port.values() if "address" in s.data), None)
    wide = (same_port[every] for every in EVERY_ADDRESS if every in same_port)
    return next((s for s in wide if "address" in s.data), None)


def _hosts(source: Source, draft: Draft) -> None:
    """A host without `connect` needs a listener it can connect to; a network needs a tariff."""
    host_listeners = [v for _, v in draft.listeners if v.role == "host"]
    priced = {t.network for _, t in draft.tariffs}
    for s, h in draft.hosts:
        if h.connect is None and not host_listeners:
            source.note(
                source.index.key(s.path),
                f'{s.title} has no `connect`, and no [[listener]] has role "host" for it to connect to',
                'add connect = "HOST:PORT", or such a listener',
            )
        if h.role == "network" and h.name and h.name not in priced:
            source.note(source.index.key(s.path), f"{s.title} has no [[tariff]]", f'add one with network = "{h.name}"')


def _timeouts(draft: Draft, acquirers_wait_ms: int) -> None:
    """Times that contradict one another."""
    for s, h in draft.hosts:
        if h.timeout_ms >= acquirers_wait_ms:
            s.wrong(
                "timeout_ms",
                f"a host's timeout of {h.timeout_ms} ms leaves no answer for acquirers, who wait {acquirers_wait_ms} ms",
                "lower it, or raise `acquirers_wait_ms`",
            )
        if h.retry_ms < h.timeout_ms:
            s.wrong(
                "retry_ms" if s.has("retry_ms") else "timeout_ms",
                f"a reversal would be repeated after {h.retry_ms} ms, before its answer is overdue ({h.timeout_ms} ms)",
                "`retry_ms` is at least `timeout_ms`",
            )
        if h.backoff_min_ms > h.backoff_max_ms:
            key = "backoff_min_ms" if s.has("backoff_min_ms") else "backoff_max_ms"
            s.wrong(key, f"the first back-off, {h.backoff_min_ms} ms, is longer than the last, {h.backoff_max_ms} ms")
    echo = max((h.echo_s for _, h in draft.hosts if h.connect is None), default=0)
    for s, v in draft.listeners:
        if v.role == "host" and 0 < v.idle_s <= echo:
            s.wrong(
                "idle_s", f"hosts would be disconnected after {v.idle_s} s idle, before their echo test at {echo} s"
            )


def _ranges(draft: Draft) -> None:
    """Ranges of equal length must not overlap: nothing says which is meant. Nested ones of other lengths may."""
    by_length: dict[int, list[int]] = {}
    for n, (_, b) in enumerate(draft.bins):
        if b.low:
            by_length.setdefault(len(b.low), []).append(n)
    for group in by_length.values():
        group.sort(key=lambda n: (draft.bins[n][1].low, n))
        widest = group[0]
        for n in group[1:]:
            if draft.bins[n][1].low <= draft.bins[widest][1].high:
                first, second = sorted((widest, n))
                _overlap(draft, second, first)
            if draft.bins[n][1].high > draft.bins[widest][1].high:
                widest = n


def _overlap(draft: Draft, second: int, first: int) -> None:
    (s, b), (other, a) = draft.bins[second], draft.bins[first]
    what = "is said twice" if (a.low, a.high) == (b.low, b.high) else "overlaps"
    owners = [x.issuer or f"{x.scheme} abroad" for x in (a, b)]
    whose = f"both of {owners[0]}" if owners[0] == owners[1] else f"of {owners[1]}, there of {owners[0]}"
    s.wrong(
        "range",
        f"BIN range {s.data['range']} {what}: {other.data['range']} on {_where(other)} has as many digits ({whose})",
        "a longer range wins over a shorter one; between equals nothing decides",
    )


def _routes(draft: Draft) -> None:
    """Each range leads somewhere: a member's to its host link, a foreign one to its scheme's network."""
    if any(not (h.member or h.scheme) for _, h in draft.hosts):
        return
    issuers = {h.member for _, h in draft.hosts if h.role == "issuer"}
    schemes = {h.scheme for _, h in draft.hosts if h.role == "network"}
    for s, b in draft.bins:
        if b.issuer and b.issuer not in issuers:
            s.wrong(
                "issuer",
                f'cards of "{b.issuer}" lead nowhere: no [[host]] has role "issuer" and member "{b.issuer}"',
                "add one, or leave the range out",
            )
        elif b.scheme != DOMESTIC_SCHEME and not s.has("issuer") and b.scheme not in schemes:
            s.wrong(
                "scheme",
                f'foreign {b.scheme} cards lead nowhere: no [[host]] has scheme "{b.scheme}"',
                "add one, or name a member as `issuer`",
            )


def _money(draft: Draft, network: Network) -> None:
    """A rate for the currency of every range."""
    for s, b in draft.bins:
        worth = network.rates.keys() | {rate.currency for rate in network.dated_rates}
        if b.currency and network.currency and b.currency not in worth:
            alpha, home = CURRENCIES[b.currency].alpha, CURRENCIES[network.currency].alpha
            s.wrong(
                "currency", f"[rates] has no rate for {alpha}", f"add `{alpha} = …`: the {home} that one {alpha} buys"
            )


def _stand_in(draft: Draft) -> None:
    """Stand-in is for issuers, for products they have, a rule each; no single payment may be above what all may be."""
    products_of: dict[str, set[str]] = {}
    for _, b in draft.bins:
        products_of.setdefault(b.issuer, set()).add(b.product)
    for host, h in draft.hosts:
        rules = list(zip(host.tables("standin"), h.standin, strict=True))
        if rules and h.role == "network":
            rules[0][0].wrong(
                "product", f"{host.title} is a network: it stands in for its issuers itself", "leave it out"
            )
            continue
        products = products_of.get(h.member, set())
        _note_repeats(
            ((s, r.product) for s, r in rules), "product", f'{host.title} has stand-in for product "{{}}" already'
        )
        for s, r in rules:
            if r.product and r.product not in products:
                s.wrong(
                    "product",
                    f'no BIN range of {h.member} has product "{r.product}"',
                    did_you_mean(r.product, products),
                )
            for key, floor in (("floor", r.floor), ("cash_floor", r.cash_floor)):
                if 0 < r.per_card_amount < floor:
                    s.wrong(key, f"`{key}` is above `per_card_amount`: it could never be reached")
                elif 0 < h.standin_total < floor:
                    s.wrong(key, f"`{key}` is above `standin_total` of {host.title}: it could never be reached")


def _bounds(source: Source, draft: Draft, network: Network) -> None:
    """What one link may take must fit in what the whole may."""
    limits = network.limits
    table = source.root.table("limits")
    if limits.send_buffer_bytes < limits.frame_bytes:
        table.wrong("send_buffer_bytes", f"a peer's buffer of {limits.send_buffer_bytes} bytes does not hold one frame")
    checked: list[tuple[Section, str, int, str, int]] = [
        (s, "max_connections", v.max_connections, "connections", limits.connections) for s, v in draft.listeners
    ]
    checked += [(s, "max_pending", h.max_pending, "pending", limits.pending) for s, h in draft.hosts]
    for s, key, value, name, bound in checked:
        if value > bound:
            s.wrong(key, f"`{key}` = {value} is above the limit `{name}` = {bound}", f"raise `{name}` in [limits]")
