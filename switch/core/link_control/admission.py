"""Who may connect: from which addresses, as whom, and on how many connections.

Theory of operation. A listener's `allow` is asked when a connection is made, before a byte of it is read; that of a member, or
of a host that connects in, when it signs on and says who it is. A connection stays whose it is for as long as it lasts. A host
has no more connections signed on than its `connections`: one more would get its share of the traffic, PIN blocks included.

Addresses are no proof of who somebody is: they keep out who cannot send from them. A certificate is (`certificates`): where the
network file says which ones are a member's or host's, it signs on with one of them or not at all.
"""

from collections.abc import Container
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

from switch.core.kernel import Kernel
from switch.core.link_control.certificates import mismatch, pin_of
from switch.core.links.session import Session
from switch.core.links.states import SessionState
from switch.core.network import HostLink, Listener, Network
from switch.core.party import Certificate, Close, LinkId
from switch.wire.vocabulary import Answer

HAVING_A_PLACE: Final = frozenset(
    {SessionState.UP, SessionState.DRAINING, SessionState.MAINTENANCE, SessionState.SIGNING_ON}
)
"""Of a host's connections: what carries its traffic, or will once an operator resumes it"""


class Barred(msgspec.Struct, frozen=True, kw_only=True):
    """Why a sign-on is refused."""

    de39: str
    reason: str
    hint: str
    others: tuple[Session, ...] = ()
    """connections that have its place: one of them may be gone without having said so"""


def is_allowed(allow: tuple[str, ...], peer: str) -> bool:
    """True if `peer`, an address, is in one of these networks; empty: any is. One that is no address is in none.

    >>> is_allowed(("10.0.0.0/8",), "10.1.2.3"), is_allowed(("10.0.0.0/8",), "::ffff:10.1.2.3"), is_allowed(("::1/128",), "")
    (True, True, False)
    """
    if not allow:
        return True
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(network) for network in allow)


def turned_away(kernel: Kernel, link: LinkId, listener: Listener, peer: str) -> bool:
    """True if this address may not connect here: it is to be closed, unread, as it has no place here and is no session."""
    if is_allowed(listener.allow, peer):
        return False
    where = f"[[listener]] {listener.name}"
    times = kernel.limit_times("allow", where)
    if times:
        hint = f"`allow` of {where} of the network file has no such address; add it if it is a member's"
        kernel.log("warning", "link.not_allowed", link=link, peer=peer or "unknown", times=times, hint=hint)
    kernel.effects.append(Close(link, f"{peer or 'an unknown address'} is not in `allow` of {where}", at_once=True))
    return True


def is_another(kernel: Kernel, link: LinkId, host: HostLink, certificate: Certificate | None) -> bool:
    """True if what answers where this host should be shows a certificate that is not the host's: nothing is said to it."""
    wrong, hint = mismatch(host.pin, certificate, f"[[host]] {host.name}")
    if wrong:
        kernel.log("error", "link.refused", link=link, host=host.name, reason=wrong, hint=hint)
        kernel.effects.append(Close(link, wrong, at_once=True))
    return bool(wrong)


def allowed_of(network: Network, source: str, *, host: bool) -> tuple[str, ...]:
    """`allow` of a member, or of a host that connects in; empty where it has none, or is not there."""
    sections = network.hosts if host else network.members
    return next((section.allow for section in sections if section.name == source), ())


def bar(kernel: Kernel, session: Session, name: str, retiring: Container[LinkId]) -> Barred | None:
    """What keeps this connection from signing on as `name`, a member or (role `host`) a host; None: nothing.

    `retiring`: connections that give way to others, and have no place any more.
    """
    if session.source not in ("", name):
        return Barred(
            de39=Answer.NOT_PERMITTED_TERMINAL,
            reason=f"this connection is {session.source}'s, and stays so",
            hint=f"{name} signs on with a connection of its own",
        )
    is_host = session.role == "host"
    host = kernel.hosts[name] if is_host else None
    welcome = next((one.members for one in kernel.network.listeners if one.name == session.name), ())
    stays = host is not None and host.config.leaving_since_us  # its listener cannot name it any more
    if welcome and name not in welcome and not stays:
        home = next((member.shard for member in kernel.network.members if member.name == name), "")
        if home not in ("", kernel.network.shard):
            return Barred(
                de39=Answer.NOT_PERMITTED_TERMINAL,
                reason=f"{name} is in shard {home}, and this is shard {kernel.network.shard}",
                hint=f"it connects to a [[listener]] of shard {home}, where its payments are known",
            )
        return Barred(
            de39=Answer.NOT_PERMITTED_TERMINAL,
            reason=f"{name} is not in `members` of [[listener]] {session.name}",
            hint="add it in the network file, if it may sign on there",
        )
    section = f"{'[[host]]' if is_host else '[[member]]'} {name}"
    if not is_allowed(allowed_of(kernel.network, name, host=is_host), session.peer):
        return Barred(
            de39=Answer.NOT_PERMITTED_TERMINAL,
            reason=f"{session.peer or 'an unknown address'} is not in `allow` of {section}",
            hint="add it in the network file, if it is theirs",
        )
    wrong, hint = mismatch(pin_of(kernel.network, name, host=is_host), session.certificate, section)
    if wrong:
        return Barred(de39=Answer.NOT_PERMITTED_TERMINAL, reason=wrong, hint=hint)
    if host is None:
        return None
    others = tuple(
        other
        for other in kernel.with_hosts.values()
        if other.host is host and other is not session and other.state in HAVING_A_PLACE and other.link not in retiring
    )
    if len(others) < host.config.connections:
        return None
    return Barred(
        de39=Answer.ISSUER_INOPERATIVE,
        reason=f"{name} has as many connections as `connections` of its [[host]] says: {host.config.connections}",
        hint="what does not answer an echo test now makes room; if it has more on purpose, raise `connections`",
        others=others,
    )
