"""What is no mistake in a network file, and yet worth a second look before it serves strangers."""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

from switch.config.certificates import own_certificates
from switch.core.network import Network
from switch.wire.dates import DAY_US

EXPIRY_DAYS: Final = 30
"""so long ahead the end of a certificate is warned of"""


def ending(network: Network, now_us: int) -> list[tuple[str, bool]]:
    """This side's certificates that have expired or will within `EXPIRY_DAYS`: a sentence, and whether it has. Wall clock."""
    found = []
    for where, tls in own_certificates(network):
        said = ending_of(f"{tls.subject} of {where} ({tls.certificate})", tls.expires_us, now_us)
        if said:
            found.append((said, tls.expires_us <= now_us))
    return found


def out_of_date(network: Network, now_us: int) -> list[str]:
    """Lists of revoked certificates that should have been followed by newer ones: a sentence each. Wall clock."""
    return [
        f"the list of revoked certificates {tls.crl} of {where} is out of date: another was due on {_day(tls.crl_ends_us)}; "
        "what was taken back since is accepted"
        for where, tls in own_certificates(network)
        if 0 < tls.crl_ends_us <= now_us
    ]


def ending_of(name: str, expires_us: int, now_us: int) -> str:
    """A sentence, if the certificate has expired or will within `EXPIRY_DAYS`; "" where it will not, or nobody knows."""
    if not expires_us or expires_us - now_us >= EXPIRY_DAYS * DAY_US:
        return ""
    return f"the certificate {name} {'expired' if expires_us <= now_us else 'expires'} on {_day(expires_us)}"


def _day(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).date().isoformat()


def warnings(network: Network) -> list[str]:
    """One sentence each, with what to do; empty where there is nothing."""
    return [*_open_to_all(network), *_not_instructed(network)]


def _open_to_all(network: Network) -> list[str]:
    """What strangers could reach."""
    listeners = [
        f'[[listener]] "{listener.name}" listens on {listener.address}, and has no `allow`: whoever reaches it '
        "may sign on as any member. Name the addresses it is for"
        for listener in network.listeners
        if not listener.allow and listener.tls is None and not _is_loopback(listener.address.host)
    ]
    shards = [
        f'[[shard]] "{shard.name}" listens on {shard.address}, and has no `allow`: whoever reaches it may pass on payments of '
        "any acquirer. Name the addresses of the other shards, and give it a `mac_key`"
        for shard in network.shards
        if not shard.allow and shard.address is not None and not _is_loopback(shard.address.host)
    ]
    return listeners + shards


def _not_instructed(network: Network) -> list[str]:
    """Who may have a net that no settlement system could be told of, where the switch itself has a BIC."""
    if not network.bic:
        return []
    named = [(f'[[member]] "{member.name}"', "`bic`") for member in network.members if not member.bic]
    named += [
        (f"{name} of [payees]", f'{name} = {{ title = "…", bic = "…" }}')
        for name, bic in network.payees.items()
        if not bic
    ]
    return [
        f"{who} has no BIC: a window in which its net is not zero is not instructed (`settle --as`). Give it {what}"
        for who, what in named
    ]


def _is_loopback(host: str) -> bool:
    """True if only this machine reaches it; a name other than `localhost` may mean any address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
