"""The network that a switch goes on with after another file was read: that of the file, and hosts that are leaving.

In: the network as it is, and what the file says. Out: a `Network` for the switch that follows. Pure.
"""

from collections.abc import Container, Iterable

import msgspec

from switch.core.network import BinRange, HostLink, Network
from switch.core.shards import keep_guests
from switch.core.switch import Switch


def reasons_to_stay(switch: Switch, after: Network, now: int) -> dict[str, str]:
    """Hosts of `switch` that the file `after` has not got and that something can come back to, and what (`Leaving.reason`)."""
    there = {host.name for host in after.hosts}
    removed = (name for name in switch.hosts if name not in there)
    return {name: why for name in removed if (why := switch.leaving.reason(name, now))}


def keep_leaving(before: Network, after: Network, at_us: int, staying: Container[str] | None = None) -> Network:
    """`after`, and behind its own hosts those of `before` that it has not got, with the ranges that led to them, as leaving since
    `at_us` or since when they were.

    `staying`: the names of those that are kept; None: all are.
    """
    there = {host.name for host in after.hosts}
    kept = [host for host in before.hosts if host.name not in there and (staying is None or host.name in staying)]
    newly = [host for host in kept if not host.leaving_since_us]
    ranges = [range_ for range_ in before.bins if _lead_to(range_, newly)]
    left = (msgspec.structs.replace(host, leaving_since_us=host.leaving_since_us or at_us) for host in kept)
    network = msgspec.structs.replace(after, hosts=(*after.hosts, *left), leaving_bins=(*ranges, *before.leaving_bins))
    return let_go(keep_guests(before, network), ())


def let_go(network: Network, names: Container[str]) -> Network:
    """Without these hosts, all of them leaving, and without the ranges that led to no other that is."""
    hosts = tuple(host for host in network.hosts if host.name not in names)
    leaving = [host for host in hosts if host.leaving_since_us]
    ranges = tuple(dict.fromkeys(range_ for range_ in network.leaving_bins if _lead_to(range_, leaving)))
    return keep_guests(network, msgspec.structs.replace(network, hosts=hosts, leaving_bins=ranges))


def _lead_to(range_: BinRange, hosts: Iterable[HostLink]) -> bool:
    """True if the cards of a range are those of one of these hosts."""
    if range_.issuer:
        return any(host.role == "issuer" and host.member == range_.issuer for host in hosts)
    return any(host.role == "network" and host.scheme == range_.scheme for host in hosts)
