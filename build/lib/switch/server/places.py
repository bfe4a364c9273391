"""Where a network's links are, and how they are secured: as a driver is told, from what the network file says."""

from collections.abc import Mapping

from switch.core.network import Address, Network
from switch.server.edge_link import EdgeEnd
from switch.server.ports import Dial
from switch.server.secured import End
from switch.server.tls import ends_of, sides_of


def addresses_of(network: Network) -> dict[str, Address]:
    """Where the network's listeners listen, by name."""
    return {x.name: Address(x.edge, 0) if x.edge else x.address for x in network.listeners}


def dials_of(network: Network) -> list[Dial]:
    """The links that this side connects: as many to each host as the network file says."""
    return [
        Dial(
            host.name,
            Address(host.edge, 0) if host.edge else host.connect,
            host.backoff_min_ms,
            host.backoff_max_ms,
            number,
        )
        for host in network.hosts
        if host.connect is not None
        for number in range(1, host.connections + 1)
    ]


def links_ends(network: Network, before: Mapping[str, End]) -> dict[str, End]:
    """The ends of all links that are secured, by listener and host; those of `before` go on. Raises CertificateError."""
    edged = [x.name for x in network.listeners if x.edge] + [host.name for host in network.hosts if host.edge]
    return {**ends_of(sides_of(network), before), **{name: EdgeEnd() for name in edged}}
