"""A network that is divided into shards, and the part of it that one of them is.

Theory of operation. A shard is a whole switch: a process with a journal, listeners and connections of its own. A member belongs
to one, so that all that is of a payment (its repeat, its reversal, its completion, its advice) comes to where it is known.
Issuers' hosts are reached from each shard, by connections of its own; a host that takes one connection only, or that brings
requests (a card network), has an *owning* shard. The others *pass on* to that one what is for its host, over an ordinary link:
to them the owner is the host, to the owner they are an acquirer's host that brings anybody's messages. So a reversal, an advice,
a repeat is there what it is everywhere. Both journals have such a payment; it is settled from the one of its acquirer, as the
other's source says that it was passed on (`is_passed_on`).

What a host or a card may have counts in each shard by itself: it is divided by their number (`divided`, `sharers`).

In: a checked network. Out: networks. Pure.
"""

from pathlib import PurePath
from typing import Final
from zlib import crc32

import msgspec

from switch.core.network import Address, HostLink, Listener, Member, Network, Shard

PEER_LISTENER: Final = "shards"
"""the listener of an owning shard, for the others"""
SOURCE: Final = "shard-"
"""so begin the names that the others have there"""
PASSING_MS: Final = 1_000
"""so much later than the owner gives a host up, the others do: by then they have its answer"""
_DIALECT: Final = "cmi87"
_FRAMING: Final = "length2"
_ANY_AMOUNT: Final = 10**12


def is_passed_on(source: str) -> bool:
    """True of what another shard has passed on: its own journal has it too, and counts it."""
    return source.startswith(SOURCE)


def owned(network: Network, shard: str) -> tuple[HostLink, ...]:
    """The hosts that this shard owns, and to which others pass on."""
    return tuple(host for host in network.hosts if host.shard == shard)


def of_shard(network: Network, name: str) -> Network:
    """What the switch of one shard runs on. `network`: the whole."""
    own = next(shard for shard in network.shards if shard.name == name)
    others = [shard for shard in network.shards if shard is not own]
    by_name = {shard.name: shard for shard in network.shards}
    members = tuple(member.name for member in network.members if member.shard == name)
    listeners = [_welcoming(listener, members) for listener in network.listeners if listener.shard == name]
    hosts = owned(network, name)
    guests: list[Member] = []
    if hosts and others and own.address is not None:
        guests = [_guest(network, own, other, host) for other in others for host in hosts]
        listeners.append(_peer_listener(network, own, own.address, tuple(guest.name for guest in guests)))
    return msgspec.structs.replace(
        network,
        shard=name,
        shard_number=own.number,
        members=(*network.members, *guests),
        listeners=tuple(listeners),
        hosts=tuple(
            host
            if host.shard == name
            else _passing(host, own, by_name[host.shard])
            if host.shard
            else divided(host, len(network.shards))
            for host in network.hosts
        ),
        state_dir=state_of(network.state_dir, name),
        capture=network.capture
        and msgspec.structs.replace(network.capture, file=_own_file(network.capture.file, name)),
        journal=msgspec.structs.replace(network.journal, head_copy=_own_file(network.journal.head_copy, name)),
    )


def state_of(state_dir: str, shard: str) -> str:
    """The state directory of a shard, below the network's."""
    return str(PurePath(state_dir, shard))


def divided(host: HostLink, shards: int) -> HostLink:
    """What one of so many shards may have of a host that each of them reaches by itself; 0: it cannot be divided, and no file
    that says so is taken."""
    rules = tuple(
        msgspec.structs.replace(
            rule, per_card_count=rule.per_card_count // shards, per_card_amount=rule.per_card_amount // shards
        )
        for rule in host.standin
    )
    return msgspec.structs.replace(
        host,
        standin=rules,
        standin_total=host.standin_total // shards,
        max_pending=host.max_pending // shards,
        owed_per_second=host.owed_per_second // shards,
    )


def sharers(network: Network, host: HostLink) -> int:
    """How many shards have an equal part each of what this host may have: 1 where one alone has all that goes there.

    `network`: a shard's, or one without any.
    """
    return len(network.shards) if network.shard and not host.shard else 1


def owed_at_once(network: Network, host: HostLink) -> int:
    """How much of what is owed to this host may be in flight: other shards that reach it send what they owe, too."""
    return network.limits.owed_in_flight // sharers(network, host)


def about_parts(network: Network, host: HostLink) -> str:
    """What is said after a bound of this host that is lower than in the file; "": it is as it stands there."""
    among = sharers(network, host)
    return f" (each of {among} shards has an equal part)" if among > 1 else ""


def _own_file(file: str, shard: str) -> str:
    """`today.pcapng` -> `today.a.pcapng`; "" stays."""
    path = PurePath(file)
    return str(path.with_name(f"{path.stem}.{shard}{path.suffix}")) if file else ""


def _welcoming(listener: Listener, members: tuple[str, ...]) -> Listener:
    """The listener, on which members of its shard alone may sign on."""
    return (
        listener if listener.role == "host" or listener.members else msgspec.structs.replace(listener, members=members)
    )


def called(shard: Shard, host: str) -> str:
    """What a shard calls itself (DE32 of its sign-on) where it passes on what is for `host`: eleven digits, of which no bank's
    are.

    One name for each host, as each has DE11 of its own: together they would have some twice.
    """
    return f"9{shard.number}{crc32(host.encode()) % 10**9:09d}"


def _guest_name(other: Shard, host: HostLink) -> str:
    return f"{SOURCE}{other.name}-{host.name}"


def without_guests(network: Network) -> Network:
    """What of a shard's network is from the file: not what others sign on as, and at."""
    return msgspec.structs.replace(
        network,
        members=tuple(member for member in network.members if not member.passes_on),
        listeners=tuple(one for one in network.listeners if one.name != PEER_LISTENER or not network.shard),
    )


def keep_guests(before: Network, after: Network) -> Network:
    """`after`, a reloaded shard's with hosts that are leaving: other shards sign on for each host that it has, as in `before`,
    and for no other.
    """
    if not after.shard:
        return after
    wanted = {_guest_name(other, host) for other in after.shards for host in owned(after, after.shard)}
    members = {member.name: member for member in (*before.members, *after.members) if member.name in wanted}
    peers = {one.name: one for one in (*before.listeners, *after.listeners) if one.name == PEER_LISTENER and members}
    welcome = (msgspec.structs.replace(one, members=tuple(members)) for one in peers.values())
    own = without_guests(after)
    return msgspec.structs.replace(own, members=(*own.members, *members.values()), listeners=(*own.listeners, *welcome))


def _guest(network: Network, own: Shard, other: Shard, host: HostLink) -> Member:
    """As whom another shard signs on at the owner of a host."""
    return Member(
        name=_guest_name(other, host),
        title=f"shard {other.name}, for {host.name}",
        institution=called(other, host.name),
        country=network.country,
        allow=own.allow,
        advice_amount_max=_ANY_AMOUNT,
        refund_amount_max=_ANY_AMOUNT,
        keys=own.keys,
        shard=own.name,
        passes_on=True,
    )


def _peer_listener(network: Network, own: Shard, address: Address, guests: tuple[str, ...]) -> Listener:
    """The listener at which other shards sign on."""
    return Listener(
        name=PEER_LISTENER,
        role="acquirer",
        address=address,
        dialect=_DIALECT,
        framing=_FRAMING,
        max_connections=network.limits.connections,
        idle_s=0,
        members=guests,
        allow=own.allow,
        max_in_flight=network.limits.pending,
        business_day="window",
        shard=own.name,
    )


def _passing(host: HostLink, own: Shard, owner: Shard) -> HostLink:
    """A host as another shard reaches it: the owner stands in for it, knows its codes, its tokens, its certificates."""
    timeout_ms = host.timeout_ms + PASSING_MS
    plain = HostLink(
        name=host.name,
        role=host.role,
        member=host.member,
        scheme=host.scheme,
        institution=host.institution,
        connect=owner.address,
        dialect=_DIALECT,
        framing=_FRAMING,
        timeout_ms=timeout_ms,
        echo_s=host.echo_s,
        retry_ms=max(host.retry_ms, timeout_ms),
        backoff_min_ms=host.backoff_min_ms,
        backoff_max_ms=host.backoff_max_ms,
        max_pending=host.max_pending,
    )
    return msgspec.structs.replace(
        plain,
        owed_per_second=host.owed_per_second,
        owed_tries_max=host.owed_tries_max,
        owed_give_up_s=host.owed_give_up_s,
        completion_tolerance=host.completion_tolerance,
        may_cut_over=True,
        business_day="window",
        pass_pin=not owner.keys.pin_key,
        preauth_s=host.preauth_s,
        keys=owner.keys,
        shard=host.shard,
        passed_by=called(own, host.name),
    )
