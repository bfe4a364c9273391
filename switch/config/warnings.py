"""What is no mistake in a network file, and yet worth a second look before it serves strangers."""

from ipaddress import ip_address

from switch.core.network import Network


def warnings(network: Network) -> list[str]:
    """One sentence each, with what to do; empty where there is nothing."""
    return [
        f'[[listener]] "{listener.name}" listens on {listener.address}, and has no `allow`: whoever reaches it '
        "may sign on as any member. Name the addresses it is for"
        for listener in network.listeners
        if not listener.allow and not _is_loopback(listener.address.host)
    ]


def _is_loopback(host: str) -> bool:
    """True if only this machine reaches it; a name other than `localhost` may mean any address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
